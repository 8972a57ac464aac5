//! When a client secret ends.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Credentials;

/// When a client secret ends, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum SecretExpiry {
    /// Microsoft Graph says so.
    Graph {
        /// The last day.
        expires_on: Date,
    },
    /// Somebody gave it at the set-up.
    Given {
        /// The last day.
        expires_on: Date,
    },
    /// Nobody knows it.
    Unknown,
}

/// Where the date of a secret's end comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpirySource {
    /// Microsoft Graph knows it.
    Graph,
    /// Somebody gave it at the set-up.
    Given,
    /// Nobody knows it.
    Unknown,
}

impl SecretExpiry {
    /// The last day, where it is known.
    pub fn expires_on(self) -> Option<Date> {
        match self {
            SecretExpiry::Graph { expires_on } | SecretExpiry::Given { expires_on } => {
                Some(expires_on)
            }
            SecretExpiry::Unknown => None,
        }
    }

    /// Who says so.
    pub fn source(self) -> ExpirySource {
        match self {
            SecretExpiry::Graph { .. } => ExpirySource::Graph,
            SecretExpiry::Given { .. } => ExpirySource::Given,
            SecretExpiry::Unknown => ExpirySource::Unknown,
        }
    }

    /// What Microsoft Graph says, or, if it does not say, the day that was given.
    #[must_use]
    pub fn or_given(self, given: Option<Date>) -> SecretExpiry {
        match (self, given) {
            (SecretExpiry::Graph { .. }, _) => self,
            (_, Some(expires_on)) => SecretExpiry::Given { expires_on },
            (_, None) => SecretExpiry::Unknown,
        }
    }
}

/// Which client secret a given date belongs to.
///
/// Somebody who puts another client secret into a connection's secret in Secrets Manager easily
/// leaves the date of the old one there. So a date belongs to the version of the secret that it
/// came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedSecret {
    /// The version in Secrets Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// How the client secret begins.
    begins_with: String,
    /// The date that stands beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<Date>,
    /// Whether that is the date of an older client secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_outdated: bool,
}

impl DatedSecret {
    /// The client secret of these credentials, with the date that was entered for it.
    pub fn entered(credentials: &Credentials) -> DatedSecret {
        DatedSecret {
            version: credentials.version.clone(),
            begins_with: credentials.proof.hint(),
            written: credentials.secret_expires_on,
            is_outdated: false,
        }
    }

    /// The client secret of these credentials, as their secret holds them now. `before` is what was
    /// known before.
    pub fn found(credentials: &Credentials, before: Option<&DatedSecret>) -> DatedSecret {
        let found = DatedSecret::entered(credentials);
        let Some(before) = before.filter(|before| before.written == found.written) else {
            return found;
        };
        let is_same_version = before.version.is_some() && before.version == found.version;
        let is_replaced = !is_same_version && before.begins_with != found.begins_with;
        DatedSecret { is_outdated: before.is_outdated || is_replaced, ..found }
    }

    /// What people should know of a date that is outdated.
    pub const OUTDATED: &str = "The connection's secret was changed, and its secret_expires_on was \
        not: that is the date of an older client secret, and does not count. Give the new one.";

    /// Whether the date that stands beside the client secret is that of an older one.
    pub fn is_outdated(&self) -> bool {
        self.is_outdated
    }

    /// The last day of the client secret, if it was given for this one.
    pub fn expires_on(&self) -> Option<Date> {
        self.written.filter(|_| !self.is_outdated)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::Environment;

    /// The credentials in this version of a secret.
    fn version(version: &str, secret: &str, expires_on: Option<&str>) -> Credentials {
        let text = json!({
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": "22222222-2222-2222-2222-222222222222",
            "client_secret": secret,
            "instance_url": "https://contoso.crm4.dynamics.com",
            "secret_expires_on": expires_on,
        });
        let credentials = Credentials::parse(&text.to_string(), &Environment::default()).unwrap();
        Credentials { version: Some(version.to_owned()), ..credentials }
    }

    #[test]
    fn a_date_belongs_to_the_client_secret_that_it_was_given_for() {
        let (old, new) = (Some("2027-03-31"), Some("2028-03-31"));
        let first = DatedSecret::entered(&version("1", "ETx8Q~one", old));
        assert_eq!(first.expires_on(), Some(date(2027, 3, 31)));
        let then = |secret: &str, expires_on| {
            DatedSecret::found(&version("2", secret, expires_on), Some(&first))
        };
        // Only the client secret was replaced.
        let outdated = then("abc8Q~two", old);
        assert_eq!(outdated.expires_on(), None);
        assert_eq!(then("abc8Q~two", new).expires_on(), Some(date(2028, 3, 31)));
        assert_eq!(then("abc8Q~two", None).expires_on(), None);
        assert_eq!(then("ETx8Q~one", old).expires_on(), Some(date(2027, 3, 31)));

        // The old date stays outdated, whatever else is changed, until another one is given.
        let again = |secret: &str, expires_on| {
            DatedSecret::found(&version("3", secret, expires_on), Some(&outdated)).expires_on()
        };
        assert_eq!(again("abc8Q~two", old), None);
        assert_eq!(again("xyz8Q~tri", old), None);
        assert_eq!(again("abc8Q~two", new), Some(date(2028, 3, 31)));
        // The set-up says that it is the date of the client secret.
        let entered = DatedSecret::entered(&version("4", "abc8Q~two", old));
        assert_eq!(entered.expires_on(), Some(date(2027, 3, 31)));
    }
}
