//! The token endpoint of Entra ID.
//!
//! Source: Microsoft's pages on the client credentials flow and on AADSTS error codes ("Microsoft
//! Entra authentication and authorization error codes"); 7000229, 500014, 501051 and 5000225 from
//! Microsoft's troubleshooting pages.

use std::fmt;
use std::time::Duration;

use dataverse::{
    AccessToken, HttpClients, InstanceUrl, Obstacle, ReadError, read_up_to, retry_after,
};
use jiff::Timestamp;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::environment::Service;
use crate::{Cause, Credentials};

/// The most bytes of an answer of Entra ID or Microsoft Graph, after decompression.
pub(crate) const LONGEST_ANSWER: usize = 1024 * 1024;

/// How long a token is kept at most, whatever the answer says. Entra ID's tokens live for an hour
/// and a half at most, or for a day with continuous access evaluation.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a token is kept if the answer gives no lifetime that makes sense.
const UNKNOWN_LIFE: Duration = Duration::from_secs(60);

/// Asks Entra ID for tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Entra {
    http: HttpClients,
}

/// A token, and how long it is good.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) token: AccessToken,
    pub(crate) expires_in: Duration,
}

/// What kept Entra ID from giving a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntraProblem {
    /// It refused the credentials.
    Refused(Cause),
    /// Something on the way answers in its place, or refuses.
    Obstacle(Obstacle),
    /// It is busy.
    Busy,
    /// It could not be reached, or gave no answer.
    Unreachable,
    /// Its answer cannot be read.
    Unreadable,
    /// This process has no descriptor left for a connection to it.
    NoDescriptor,
}

/// Why Entra ID gave no token. It contains nothing of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraError {
    /// What was wrong.
    pub problem: EntraProblem,
    /// The number after `AADSTS`.
    pub code: Option<u32>,
    /// The id under which Microsoft's support finds the request.
    pub trace_id: Option<String>,
    /// How long Entra ID asked to wait.
    pub retry_after: Option<Duration>,
}

impl std::error::Error for EntraError {}

impl fmt::Display for EntraError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => {
                write!(formatter, "Entra ID answered AADSTS{code} ({:?})", self.problem)
            }
            None => write!(formatter, "Entra ID gave no token ({:?})", self.problem),
        }
    }
}

impl EntraError {
    fn without_answer(problem: EntraProblem) -> EntraError {
        EntraError { problem, code: None, trace_id: None, retry_after: None }
    }

    fn unreached(error: &reqwest::Error) -> EntraError {
        let obstacle = Obstacle::of_transport(error);
        EntraError::without_answer(
            obstacle.map_or(EntraProblem::Unreachable, EntraProblem::Obstacle),
        )
    }

    /// Whether Entra ID refused the credentials. The same ones will be refused again, but others
    /// may be accepted.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.problem, EntraProblem::Refused(_))
    }
}

/// What a code of Entra ID means; `None` if the code is not known here.
fn problem(code: u32) -> Option<EntraProblem> {
    let cause = match code {
        7_000_215 | 70_002 => Cause::SecretWrong,
        7_000_222 => Cause::SecretExpired,
        700_016 | 700_011 => Cause::ApplicationUnknown,
        7_000_229 => Cause::ServicePrincipalMissing,
        65_001 | 65_004 | 65_005 | 650_056 | 650_057 | 90_008 | 90_094 | 90_095 | 90_099 => {
            Cause::ConsentMissing
        }
        501_051 | 50_105 => Cause::AssignmentMissing,
        90_002 | 900_021 | 900_023 | 90_019 | 50_059 | 50_128 | 50_029 | 50_194 | 9_001_023 => {
            Cause::TenantUnknown
        }
        5_000_225 => Cause::TenantBlocked,
        900_382 | 900_432 | 90_038 | 90_043 | 90_051 | 1_000_104 => Cause::CloudMismatch,
        500_011 | 50_001 | 650_052 | 650_054 | 70_011 | 1_002_012 => Cause::InstanceUnknown,
        500_014 => Cause::DataverseDisabled,
        7_000_112 | 70_001 => Cause::ApplicationDisabled,
        // The longer numbers are subdivisions of the shorter ones.
        53_000..=53_011 | 530_000..=530_119 | 50_005 | 50_097 | 50_131 | 50_158 => {
            Cause::ConditionalAccess
        }
        90_006 | 90_012 | 90_024 | 90_033 | 90_055 | 90_090 | 90_091 | 50_033 | 50_196 => {
            return Some(EntraProblem::Busy);
        }
        _ => return None,
    };
    Some(EntraProblem::Refused(cause))
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    /// In seconds. The first version of the endpoint writes this number as text.
    #[serde(default)]
    expires_in: Value,
}

impl Granted {
    fn life(&self) -> Duration {
        let seconds: Option<f64> = match &self.expires_in {
            // It is read from its text, because the number may be too large for any integer type.
            Value::Number(number) => number.to_string().parse().ok(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match seconds {
            // NaN is not larger than 0, either.
            Some(seconds) if seconds > 0.0 => {
                Duration::from_secs_f64(seconds.min(LONGEST_LIFE.as_secs_f64()))
            }
            _ => UNKNOWN_LIFE,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
    error_codes: Vec<u32>,
    trace_id: Option<String>,
}

impl Refused {
    /// The number after `AADSTS`, even if only the description has it.
    fn code(&self) -> Option<u32> {
        self.error_codes.first().copied().or_else(|| {
            let digits = self.error_description.strip_prefix("AADSTS")?.split(':').next()?;
            digits.parse().ok()
        })
    }
}

impl Entra {
    /// Makes requests with these HTTP clients.
    pub fn new(http: impl Into<HttpClients>) -> Entra {
        Entra { http: http.into() }
    }

    /// Asks for a token for the instance, once. It gives up at the deadline.
    pub(crate) async fn grant(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Grant, EntraError> {
        self.grant_for(credentials, &credentials.instance_url.token_scope(), deadline).await
    }

    /// Asks for a token for another resource, once. It gives up at the deadline.
    pub(crate) async fn grant_for(
        &self,
        credentials: &Credentials,
        scope: &str,
        deadline: Instant,
    ) -> Result<Grant, EntraError> {
        let authority = Service::entra(&credentials.instance_url).origin;
        let url = format!("{authority}/{}/oauth2/v2.0/token", credentials.tenant_id);
        let client_id = credentials.client_id.to_string();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("scope", scope),
        ];
        form.extend(credentials.proof.parameters());
        let started = Instant::now();
        let exchange = async {
            let response = self.http.of(&authority).post(url).form(&form).send().await?;
            let status = response.status();
            let wait = retry_after(response.headers(), Timestamp::now());
            Ok::<_, ReadError>((status, wait, read_up_to(response, LONGEST_ANSWER).await?))
        };
        // The errors of the HTTP client contain the URL, and so the tenant. They do not leave this
        // function.
        let (status, retry_after, body) = match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(ReadError::TooLong(_))) => {
                return Err(EntraError::without_answer(EntraProblem::Unreadable));
            }
            Ok(Err(ReadError::Http(error))) if self.http.made_room_after(&error) => {
                return Err(EntraError::without_answer(EntraProblem::NoDescriptor));
            }
            Ok(Err(ReadError::Http(error))) => return Err(EntraError::unreached(&error)),
            Err(_) => return Err(EntraError::without_answer(EntraProblem::Unreachable)),
        };
        tracing::debug!(
            status = status.as_u16(),
            milliseconds = started.elapsed().as_millis(),
            "Entra ID answered"
        );
        if status.is_success() {
            let unreadable = || EntraError::without_answer(EntraProblem::Unreadable);
            let granted: Granted = serde_json::from_slice(&body).map_err(|_| unreadable())?;
            let token = AccessToken::new(granted.access_token.expose_secret());
            return Ok(Grant {
                token: token.map_err(|_| unreadable())?,
                expires_in: granted.life(),
            });
        }
        let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
        let code = refused.code();
        let problem = match code.and_then(problem) {
            Some(problem) => problem,
            None if status.as_u16() == 407 => EntraProblem::Obstacle(Obstacle::Proxy),
            None if status.is_server_error()
                || matches!(status.as_u16(), 408 | 429)
                || refused.error == "temporarily_unavailable" =>
            {
                EntraProblem::Busy
            }
            // This is not an answer of Entra ID, but of a proxy or a firewall on the way there.
            None if code.is_none() && refused.error.is_empty() => EntraProblem::Unreadable,
            None => EntraProblem::Refused(Cause::EntraRefused),
        };
        // The trace id is shown to people, so anything but a UUID is dropped.
        let trace_id = refused.trace_id.filter(|id| Uuid::parse_str(id).is_ok());
        Err(EntraError { problem, code, trace_id, retry_after })
    }
}

impl Entra {
    /// Whether there is a tenant with this id; `None` if Entra ID does not say. What it publishes for
    /// each tenant is open to everybody, so that no secret is sent.
    ///
    /// Source: Microsoft's page "OpenID Connect on the Microsoft identity platform".
    pub(crate) async fn has_tenant(
        &self,
        instance: &InstanceUrl,
        tenant: Uuid,
        deadline: Instant,
    ) -> Option<bool> {
        let authority = Service::entra(instance).origin;
        let url = format!("{authority}/{tenant}/v2.0/.well-known/openid-configuration");
        let asked = self.http.of(&authority).get(url).send();
        match timeout_at(deadline, asked).await.ok()?.ok()?.status() {
            StatusCode::OK => Some(true),
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_lives_for_a_day_at_most() {
        let life = |text: &str| {
            let granted: Granted =
                serde_json::from_str(&format!(r#"{{"access_token": "t"{text}}}"#)).unwrap();
            granted.life()
        };
        for (text, seconds) in [
            (r#", "expires_in": 3599"#, 3599),
            (r#", "expires_in": "3599""#, 3599),
            (r#", "expires_in": 3599.0"#, 3599),
            (r#", "expires_in": 18446744073709551615"#, 86_400),
            (r#", "expires_in": "18446744073709551615""#, 86_400),
            (r#", "expires_in": 1e400"#, 86_400),
            (r#", "expires_in": "inf""#, 86_400),
            (r#", "expires_in": "NaN""#, 60),
            (r#", "expires_in": 0"#, 60),
            (r#", "expires_in": -1"#, 60),
            (r#", "expires_in": null"#, 60),
            (r#", "expires_in": {}"#, 60),
            (r#", "expires_in": "soon""#, 60),
            ("", 60),
        ] {
            assert_eq!(life(text), Duration::from_secs(seconds), "{text}");
        }
    }

    #[test]
    fn each_code_has_the_cause_that_it_means() {
        use Cause::*;
        for (code, cause) in [
            (7_000_229, ServicePrincipalMissing),
            (65_001, ConsentMissing),
            (53_003, ConditionalAccess),
            (530_032, ConditionalAccess),
            (530_035, ConditionalAccess),
            (900_382, CloudMismatch),
            (90_038, CloudMismatch),
            (50_059, TenantUnknown),
            (90_002, TenantUnknown),
            (900_023, TenantUnknown),
            (5_000_225, TenantBlocked),
            (500_014, DataverseDisabled),
            (501_051, AssignmentMissing),
            (7_000_112, ApplicationDisabled),
        ] {
            assert_eq!(problem(code), Some(EntraProblem::Refused(cause)), "{code}");
        }
        assert_eq!(problem(90_033), Some(EntraProblem::Busy));
        for unknown in [53_012, 530_120, 7_000_110] {
            assert_eq!(problem(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_refusal_is_read_whatever_else_is_there() {
        for body in [
            json!({"error_codes": [7_000_215]}),
            json!({"error_codes": [], "error_description": "AADSTS7000215: Invalid"}),
        ] {
            let refused: Refused = serde_json::from_value(body).unwrap();
            assert_eq!(refused.code(), Some(7_000_215));
        }
    }
}
