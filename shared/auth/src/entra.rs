//! The token endpoint of Entra ID.
//!
//! Source: Microsoft's pages on the client credentials flow and on AADSTS error codes.

use std::fmt;
use std::time::Duration;

use dataverse::{AccessToken, Obstacle};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::{Credentials, Environment};

/// Asks Entra ID for tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Entra {
    http: reqwest::Client,
    environment: Environment,
}

/// A token, and until when it is good.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) token: AccessToken,
    pub(crate) expires_in: Duration,
}

/// What Entra ID found wrong; each has one cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// AADSTS7000215: the client secret is wrong, or its id was given instead of its value.
    WrongSecret,
    /// AADSTS7000222: the client secret has expired.
    ExpiredSecret,
    /// AADSTS700016: the tenant has no such application.
    UnknownApplication,
    /// AADSTS90002, 900023, 50059: there is no such tenant.
    UnknownTenant,
    /// AADSTS500011, 70011: the tenant has no such environment.
    UnknownInstance,
    /// AADSTS7000112: the application is disabled.
    DisabledApplication,
    /// AADSTS53003 and its like: a conditional access policy forbids it.
    ConditionalAccess,
    /// Something on the way answers in Entra ID's place, or refuses.
    Obstacle(Obstacle),
    /// Entra ID is busy, or could not be reached.
    Unavailable,
    /// Anything else.
    Other,
}

/// Why Entra ID gave no token. It holds nothing of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraError {
    /// What was wrong.
    pub fault: Fault,
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
            Some(code) => write!(formatter, "Entra ID answered AADSTS{code} ({:?})", self.fault),
            None => write!(formatter, "Entra ID gave no token ({:?})", self.fault),
        }
    }
}

impl EntraError {
    fn unavailable() -> EntraError {
        EntraError { fault: Fault::Unavailable, code: None, trace_id: None, retry_after: None }
    }

    fn unreached(error: &reqwest::Error) -> EntraError {
        let obstacle = Obstacle::of_transport(error);
        let fault = obstacle.map_or(Fault::Unavailable, Fault::Obstacle);
        EntraError { fault, ..EntraError::unavailable() }
    }

    /// Whether other credentials may be accepted: then the secret is worth reading again.
    pub(crate) fn blames_credentials(&self) -> bool {
        !matches!(
            self.fault,
            Fault::Unavailable | Fault::Obstacle(_) | Fault::Other | Fault::ConditionalAccess
        )
    }
}

impl Fault {
    fn of(code: u32) -> Fault {
        match code {
            7_000_215 => Fault::WrongSecret,
            7_000_222 => Fault::ExpiredSecret,
            700_016 => Fault::UnknownApplication,
            90_002 | 900_021 | 900_023 | 50_059 => Fault::UnknownTenant,
            500_011 | 70_011 | 1_002_012 => Fault::UnknownInstance,
            7_000_112 => Fault::DisabledApplication,
            53_000..=53_011 | 50_005 | 50_158 => Fault::ConditionalAccess,
            90_033 | 90_055 | 50_196 | 90_006 | 90_024 => Fault::Unavailable,
            _ => Fault::Other,
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: u64,
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
    /// The number, also where only the description has it.
    fn code(&self) -> Option<u32> {
        self.error_codes.first().copied().or_else(|| {
            let digits = self.error_description.strip_prefix("AADSTS")?.split(':').next()?;
            digits.parse().ok()
        })
    }
}

impl Entra {
    /// Asks through this HTTP client.
    pub fn new(http: reqwest::Client, environment: Environment) -> Entra {
        Entra { http, environment }
    }

    /// The authority that issues tokens for this environment: clouds have one each.
    fn authority(&self, credentials: &Credentials) -> String {
        if let Some(emulator) = self.environment.emulator(&credentials.instance_url) {
            return emulator;
        }
        let instance = credentials.instance_url.as_str();
        let host = if instance.ends_with(".microsoftdynamics.us")
            || instance.ends_with(".appsplatform.us")
        {
            "login.microsoftonline.us"
        } else if instance.ends_with(".dynamics.cn") {
            "login.partner.microsoftonline.cn"
        } else {
            "login.microsoftonline.com"
        };
        format!("https://{host}")
    }

    /// Asks for a token of the instance, once. It gives up at the deadline.
    pub(crate) async fn grant(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Grant, EntraError> {
        self.grant_for(credentials, &credentials.instance_url.token_scope(), deadline).await
    }

    /// Asks for a token of another resource, once. It gives up at the deadline.
    pub(crate) async fn grant_for(
        &self,
        credentials: &Credentials,
        scope: &str,
        deadline: Instant,
    ) -> Result<Grant, EntraError> {
        let url =
            format!("{}/{}/oauth2/v2.0/token", self.authority(credentials), credentials.tenant_id);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &credentials.client_id.to_string()),
            ("client_secret", credentials.client_secret.expose_secret()),
            ("scope", scope),
        ];
        let started = Instant::now();
        let exchange = async {
            let response = self.http.post(url).form(&form).send().await?;
            let status = response.status();
            let wait = response
                .headers()
                .get(reqwest::header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs);
            Ok::<_, reqwest::Error>((status, wait, response.bytes().await?))
        };
        // The errors of the HTTP client name the URL, which holds the tenant: they stay here.
        let (status, retry_after, body) = match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(EntraError::unreached(&error)),
            Err(_) => return Err(EntraError::unavailable()),
        };
        tracing::debug!(
            status = status.as_u16(),
            milliseconds = started.elapsed().as_millis(),
            "Entra ID answered"
        );
        if status.is_success() {
            let granted: Granted =
                serde_json::from_slice(&body).map_err(|_| EntraError::unavailable())?;
            return Ok(Grant {
                token: AccessToken::new(granted.access_token),
                expires_in: Duration::from_secs(granted.expires_in),
            });
        }
        let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
        let code = refused.code();
        let fault = match code.map_or(Fault::Other, Fault::of) {
            Fault::Other if status.as_u16() == 407 => Fault::Obstacle(Obstacle::Proxy),
            Fault::Other
                if status.is_server_error()
                    || status.as_u16() == 429
                    || refused.error == "temporarily_unavailable" =>
            {
                Fault::Unavailable
            }
            fault => fault,
        };
        Err(EntraError { fault, code, trace_id: refused.trace_id, retry_after })
    }
}
