//! What Microsoft Graph knows of the application: when its client secrets end.
//!
//! Source: Microsoft's reference of `GET /applications(appId=…)`. It takes the application
//! permission Application.Read.All (or that of its owner); without it, the date is not known.

use std::time::Duration;

use dataverse::{HttpClients, ReadError, read_up_to};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::header::AUTHORIZATION;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::entra::LONGEST_ANSWER;
use crate::{Credentials, Entra, EntraError, Environment};

/// A request that has not been answered by now is given up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks Microsoft Graph. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Graph {
    http: HttpClients,
    entra: Entra,
    environment: Environment,
}

/// Why Graph does not say when a secret ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The application has no permission to read about itself.
    #[error("the application lacks the Graph permission Application.Read.All")]
    Denied,
    /// Entra ID gave no token for Graph.
    #[error(transparent)]
    Entra(#[from] EntraError),
    /// Graph did not answer, or not with what it promises.
    #[error("Microsoft Graph did not answer")]
    Unavailable,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(default)]
    password_credentials: Vec<Password>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    end_date_time: Option<Timestamp>,
    /// The first three characters of the secret.
    hint: Option<String>,
}

impl Graph {
    pub(crate) fn new(http: HttpClients, environment: Environment) -> Graph {
        let entra = Entra::new(http.clone(), environment.clone());
        Graph { http, entra, environment }
    }

    /// The last day of the client secret of these credentials. `None`: the application has no
    /// secret that begins as it does.
    pub async fn secret_expires_on(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Option<Date>, GraphError> {
        let deadline = deadline.min(Instant::now() + PATIENCE);
        let resource = self.resource(credentials);
        // The emulator's Graph has Microsoft's name in its tokens.
        let scope = match self.environment.emulator(&credentials.instance_url) {
            Some(_) => "https://graph.microsoft.com/.default".to_owned(),
            None => format!("{resource}/.default"),
        };
        let grant = self.entra.grant_for(credentials, &scope, deadline).await?;
        let url = format!(
            "{resource}/v1.0/applications(appId='{}')?$select=passwordCredentials",
            credentials.client_id
        );
        let exchange = async {
            let request = self.http.of(&resource).get(url);
            let response = request.header(AUTHORIZATION, grant.token.header()).send().await?;
            let status = response.status();
            Ok::<_, ReadError>((status, read_up_to(response, LONGEST_ANSWER).await?))
        };
        let (status, body) = match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                if let ReadError::Http(error) = &error {
                    self.http.made_room_after(error);
                }
                return Err(GraphError::Unavailable);
            }
            Err(_) => return Err(GraphError::Unavailable),
        };
        match status.as_u16() {
            200 => {}
            401 | 403 => return Err(GraphError::Denied),
            _ => return Err(GraphError::Unavailable),
        }
        let application: Application =
            serde_json::from_slice(&body).map_err(|_| GraphError::Unavailable)?;
        let secret = credentials.client_secret.expose_secret();
        Ok(ours(application, secret, Timestamp::now()))
    }

    /// Where Graph is for this environment: clouds have one each.
    fn resource(&self, credentials: &Credentials) -> String {
        let instance = &credentials.instance_url;
        if let Some(emulator) = self.environment.emulator(instance) {
            return emulator;
        }
        let host = if instance.as_str().ends_with(".microsoftdynamics.us") {
            "graph.microsoft.us"
        } else if instance.as_str().ends_with(".appsplatform.us") {
            "dod-graph.microsoft.us"
        } else if instance.as_str().ends_with(".dynamics.cn") {
            "microsoftgraph.chinacloudapi.cn"
        } else {
            "graph.microsoft.com"
        };
        format!("https://{host}")
    }
}

/// Of several secrets, the one that begins as ours does; of several such, the one that ends first,
/// so that nobody hears too late. One that is over already is ours only where all of them are.
fn ours(application: Application, secret: &str, now: Timestamp) -> Option<Date> {
    let hint: String = secret.chars().take(3).collect();
    let ends: Vec<Timestamp> = application
        .password_credentials
        .into_iter()
        .filter(|password| password.hint.as_deref() == Some(hint.as_str()))
        .filter_map(|password| password.end_date_time)
        .collect();
    let to_come = ends.iter().filter(|end| **end >= now).min();
    let end = to_come.or_else(|| ends.iter().max())?;
    Some(TimeZone::UTC.to_datetime(*end).date())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_several_secrets_ours_is_the_one_that_begins_like_it() {
        let application = || {
            serde_json::from_value(json!({"passwordCredentials": [
                {"hint": "ETx", "endDateTime": "2027-09-09T19:50:29.3086381Z"},
                {"hint": "abc", "endDateTime": "2026-01-01T00:00:00Z"},
                {"hint": "ETx", "endDateTime": "2027-03-01T00:00:00Z"},
                {"hint": "ETx", "endDateTime": "2026-02-01T00:00:00Z"},
                {"hint": null, "endDateTime": null},
            ]}))
            .unwrap()
        };
        let expected = Some("2027-03-01".parse().unwrap());
        let now = "2026-11-24T00:00:00Z".parse().unwrap();
        assert_eq!(ours(application(), "ETx8Q~value", now), expected);
        assert_eq!(ours(application(), "zzz", now), None);
        // Where all are over, the last one to end was ours.
        let late = "2030-01-01T00:00:00Z".parse().unwrap();
        let last = Some("2027-09-09".parse().unwrap());
        assert_eq!(ours(application(), "ETx8Q~value", late), last);
    }
}
