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
/// leaves the date of the old one there. So a date counts only with the client secret that it came
/// with, which is known by its first characters, as Microsoft Graph knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedSecret {
    /// How the client secret begins.
    begins_with: String,
    /// The date that stands beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<Date>,
    /// How the client secret begins that the date came with.
    came_with: String,
}

impl DatedSecret {
    /// The client secret of these credentials, with the date that was entered for it.
    pub fn entered(credentials: &Credentials) -> DatedSecret {
        let begins_with = credentials.proof.hint();
        DatedSecret {
            came_with: begins_with.clone(),
            begins_with,
            written: credentials.secret_expires_on,
        }
    }

    /// The client secret of these credentials, as their secret holds them now. `before` is what was
    /// known before.
    pub fn found(credentials: &Credentials, before: Option<&DatedSecret>) -> DatedSecret {
        let found = DatedSecret::entered(credentials);
        match before.filter(|before| before.written == found.written) {
            Some(before) => DatedSecret { came_with: before.came_with.clone(), ..found },
            None => found,
        }
    }

    /// What people should know of a date that is outdated.
    pub const OUTDATED: &str = "The connection's secret was changed, and its secret_expires_on was \
        not: that is the date of an older client secret, and does not count. Give the new one.";

    /// Whether the date that stands beside the client secret is that of another one.
    pub fn is_outdated(&self) -> bool {
        self.written.is_some() && self.begins_with != self.came_with
    }

    /// Whether it is the client secret of these credentials.
    pub fn is_of(&self, credentials: &Credentials) -> bool {
        self.begins_with == credentials.proof.hint()
    }

    /// Whether both are the same client secret.
    pub fn is_same(&self, other: &DatedSecret) -> bool {
        self.begins_with == other.begins_with
    }

    /// The last day of the client secret, if it was given for this one.
    pub fn expires_on(&self) -> Option<Date> {
        self.written.filter(|_| !self.is_outdated())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::Environment;

    fn credentials(secret: &str, expires_on: Option<&str>) -> Credentials {
        let text = json!({
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": "22222222-2222-2222-2222-222222222222",
            "client_secret": secret,
            "instance_url": "https://contoso.crm4.dynamics.com",
            "secret_expires_on": expires_on,
        });
        Credentials::parse(&text.to_string(), &Environment::default()).unwrap()
    }

    #[test]
    fn a_date_belongs_to_the_client_secret_that_it_was_given_for() {
        let (old, new) = (Some("2027-03-31"), Some("2028-03-31"));
        let first = DatedSecret::entered(&credentials("ETx8Q~one", old));
        assert_eq!(first.expires_on(), Some(date(2027, 3, 31)));
        let then = |secret: &str, expires_on, before: &DatedSecret| {
            DatedSecret::found(&credentials(secret, expires_on), Some(before))
        };
        // Only the client secret was replaced.
        let outdated = then("abc8Q~two", old, &first);
        assert!(outdated.is_outdated() && outdated.expires_on().is_none());
        let of = |secret: &str, expires_on, before| then(secret, expires_on, before).expires_on();
        assert_eq!(of("abc8Q~two", new, &first), Some(date(2028, 3, 31)));
        assert_eq!(of("abc8Q~two", None, &first), None);
        assert_eq!(of("ETx8Q~one", old, &first), Some(date(2027, 3, 31)));

        // The old date stays outdated until another one is given, or its secret is back.
        assert_eq!(of("abc8Q~two", old, &outdated), None);
        assert_eq!(of("xyz8Q~tri", old, &outdated), None);
        assert_eq!(of("abc8Q~two", new, &outdated), Some(date(2028, 3, 31)));
        assert_eq!(of("ETx8Q~one", old, &outdated), Some(date(2027, 3, 31)));
        // The set-up says that it is the date of the client secret.
        let entered = DatedSecret::entered(&credentials("abc8Q~two", old));
        assert_eq!(entered.expires_on(), Some(date(2027, 3, 31)));
    }
}
