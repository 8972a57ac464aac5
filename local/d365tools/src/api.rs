//! The API of a deployment.

use std::fmt;
use std::time::Duration;

use auth::Step;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::arguments::ServiceArguments;
use crate::error::CliError;
use crate::{ask, kept_keys};

/// The gateway gives up after 30 seconds.
const PATIENCE: Duration = Duration::from_secs(35);

/// A deployment, and the key to it.
pub(crate) struct Api {
    url: Url,
    key: SecretString,
    http: Client,
}

/// Why the service did not do something: a problem of the API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) cause: Option<String>,
    pub(crate) detail: String,
    pub(crate) set_up_step: Option<u8>,
    pub(crate) admin_action: Option<String>,
    pub(crate) next_step: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.cause.as_deref().unwrap_or(&self.code);
        write!(f, "{} ({cause}).", self.detail.trim_end_matches('.'))?;
        let action = self.admin_action.as_ref().or(self.next_step.as_ref());
        let names_step = action.is_some_and(|action| action.starts_with("Set-up step"));
        if let Some(step) = self.set_up_step.and_then(Step::of_number).filter(|_| !names_step) {
            write!(f, "\nAt fault: {step}.")?;
        }
        if let Some(action) = action {
            write!(f, "\nTo do: {action}")?;
        }
        if self.next_step.as_ref().is_some_and(|next| next.starts_with("Nothing was stored.")) {
            write!(f, "\nNothing was stored.")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, "\nRequest: {id}")?;
        }
        Ok(())
    }
}

impl ServiceArguments {
    /// The address of the deployment.
    pub(crate) fn url(&self) -> Result<Url, CliError> {
        match &self.url {
            Some(url) => Ok(url.clone()),
            // Where `cargo run` serves the tools.
            None if self.local => Url::parse("http://127.0.0.1:3000").map_err(|_| CliError::NoUrl),
            None => Err(CliError::NoUrl),
        }
    }

    fn key(&self, url: &Url) -> Result<SecretString, CliError> {
        if let Some(path) = &self.key_file {
            let text = std::fs::read_to_string(path);
            let text = text
                .map_err(|problem| CliError::File { what: path.display().to_string(), problem })?;
            return Ok(SecretString::from(text.trim()));
        }
        if let Some(key) = std::env::var("D365TOOLS_KEY").ok().filter(|key| !key.is_empty()) {
            return Ok(SecretString::from(key));
        }
        if self.local {
            return Ok(SecretString::from("local-dev-key"));
        }
        match kept_keys::find(url) {
            Some(key) => Ok(key),
            None => ask::secret("API key"),
        }
    }
}

impl Api {
    /// The deployment that the arguments name.
    pub(crate) fn open(arguments: &ServiceArguments) -> Result<Api, CliError> {
        let url = arguments.url()?;
        let key = arguments.key(&url)?;
        if key.expose_secret().is_empty() {
            return Err(CliError::NoKey);
        }
        // The same provider as everywhere in the bundle. It can be set once.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Another address must not be handed the key, or a secret.
        let http = Client::builder().timeout(PATIENCE).redirect(Policy::none()).build();
        let http = http.map_err(|error| CliError::Unreachable {
            url: url.to_string(),
            problem: reason(&error),
            hint: "",
        })?;
        Ok(Api { url, key, http })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Value,
    ) -> Result<T, CliError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Value,
    ) -> Result<T, CliError> {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.ask(Method::DELETE, path, None).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, CliError> {
        let base = self.url.as_str().trim_end_matches('/');
        let request = self.http.request(method, format!("{base}{path}"));
        let request = request.bearer_auth(self.key.expose_secret());
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let text = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        let foreign = || CliError::Foreign { url: base.to_owned(), status: status.as_u16() };
        if status.is_success() {
            return serde_json::from_slice(&text).map_err(|_| foreign());
        }
        let problem: Problem = serde_json::from_slice(&text).unwrap_or_default();
        if !problem.code.is_empty() && problem.code != "unauthenticated" {
            return Err(CliError::Refused(Box::new(problem)));
        }
        // The gateway's own refusals are no problems of the API: they only have a message.
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Err(if is_refusal { CliError::KeyRefused } else { foreign() })
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let hint = match self.url.host_str() {
            Some("127.0.0.1" | "localhost") => " Start the local stack with `cargo run`.",
            _ => "",
        };
        CliError::Unreachable { url: self.url.to_string(), problem: reason(error), hint }
    }
}

/// What an error of the HTTP client comes down to.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "there was no answer in time".to_owned();
    }
    let mut source: &dyn std::error::Error = error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    source.to_string().trim_end_matches('.').to_owned()
}
