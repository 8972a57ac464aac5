//! Asks Microsoft Graph when the client secrets of an application end.
//!
//! Source: Microsoft's reference of `GET /applications(appId=…)`. The request needs the application
//! permission Application.Read.All (or the one for the application's owner). Without it, the date
//! is not known.

use std::time::Duration;

use dataverse::{Cloud, HttpClients, ReadError, read_up_to};
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::entra::LONGEST_ANSWER;
use crate::environment::Service;
use crate::{Credentials, Entra, EntraError};

/// How long a request may take. After that it is given up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks Microsoft Graph. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Graph {
    http: HttpClients,
    entra: Entra,
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
    /// Graph did not answer, or its answer is not what it promises.
    #[error("Microsoft Graph did not answer")]
    Unavailable,
}

/// What Graph knows about an application's credentials.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Application {
    #[serde(default)]
    pub(crate) password_credentials: Vec<PasswordCredential>,
}

/// A client secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordCredential {
    pub(crate) end_date_time: Option<Timestamp>,
    /// The first three characters of the secret.
    pub(crate) hint: Option<String>,
}

impl Graph {
    pub(crate) fn new(http: HttpClients) -> Graph {
        let entra = Entra::new(http.clone());
        Graph { http, entra }
    }

    /// The last day of the proof in these credentials; `None` if the application has no secret that
    /// looks like it.
    pub async fn proof_expires_on(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Option<Date>, GraphError> {
        let deadline = deadline.min(Instant::now() + PATIENCE);
        let Service { origin: resource, is_emulated } = Service::graph(&credentials.instance_url);
        // Tokens for the emulator's Graph name Microsoft's Graph as their resource.
        let scope = if is_emulated {
            format!("https://{}/.default", Cloud::Public.hosts().graph)
        } else {
            format!("{resource}/.default")
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
        Ok(credentials.proof.end(&application, Timestamp::now()))
    }
}
