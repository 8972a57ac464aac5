//! A client secret, which proves the application's identity.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::graph::Application;
use crate::{Cause, CredentialsError, pasted};

/// How many characters of a client secret Microsoft Graph shows. We show no more.
const HINT: usize = 3;

/// The value of a client secret.
#[derive(Clone)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Takes what people paste. An empty text and a GUID are refused.
    pub(crate) fn parse(text: &SecretString) -> Result<ClientSecret, CredentialsError> {
        let value = pasted::value(text.expose_secret());
        if value.is_empty() {
            return Err(CredentialsError::Proof {
                problem: "the field client_secret is empty",
                cause: Cause::SecretMissing,
            });
        }
        if Uuid::parse_str(value).is_ok() {
            return Err(CredentialsError::Proof {
                problem: "the field client_secret holds a GUID: that is the secret's id, not its \
                          value",
                cause: Cause::SecretIdGiven,
            });
        }
        Ok(ClientSecret(SecretString::from(value)))
    }

    /// The form fields that the secret adds to a request for a token.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &str)> {
        vec![("client_secret", self.0.expose_secret())]
    }

    /// The first three characters of the secret.
    pub(crate) fn hint(&self) -> String {
        self.0.expose_secret().chars().take(HINT).collect()
    }

    pub(crate) fn is(&self, other: &ClientSecret) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    /// The last day of the secret, as Microsoft Graph knows it.
    ///
    /// Graph only shows how a secret begins. If several of the application's secrets begin like
    /// this one, the first one to end counts, so that nobody is warned too late. Secrets that have
    /// ended count only if all of them have; then the last one to end counts.
    pub(crate) fn end(&self, application: &Application, now: Timestamp) -> Option<Date> {
        let hint = self.hint();
        let secrets = application.password_credentials.iter();
        let ends: Vec<Timestamp> = secrets
            .filter(|secret| secret.hint.as_deref() == Some(hint.as_str()))
            .filter_map(|secret| secret.end_date_time)
            .collect();
        let to_come = ends.iter().filter(|end| **end >= now).min();
        let end = to_come.or_else(|| ends.iter().max())?;
        Some(TimeZone::UTC.to_datetime(*end).date())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_several_secrets_ours_is_the_one_that_begins_like_it() {
        let application = serde_json::from_value(json!({"passwordCredentials": [
            {"hint": "ETx", "endDateTime": "2027-09-09T19:50:29.3086381Z"},
            {"hint": "abc", "endDateTime": "2026-01-01T00:00:00Z"},
            {"hint": "ETx", "endDateTime": "2027-03-01T00:00:00Z"},
            {"hint": "ETx", "endDateTime": "2026-02-01T00:00:00Z"},
            {"hint": null, "endDateTime": null},
        ]}))
        .unwrap();
        let end = |secret: &str, now: &str| {
            let secret = ClientSecret::parse(&secret.into()).unwrap();
            secret.end(&application, now.parse().unwrap())
        };
        let expected = Some("2027-03-01".parse().unwrap());
        assert_eq!(end("ETx8Q~value", "2026-11-24T00:00:00Z"), expected);
        assert_eq!(end("zzz", "2026-11-24T00:00:00Z"), None);
        // If all have ended, the last one to end counts.
        let last = Some("2027-09-09".parse().unwrap());
        assert_eq!(end("ETx8Q~value", "2030-01-01T00:00:00Z"), last);
    }
}
