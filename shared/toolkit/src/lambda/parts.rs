//! The parts of a function, configured by the environment.

use std::sync::Arc;

use auth::{Connections, Environment, SecretNames, Secrets};
use dataverse::{HttpClients, HttpClientsError, Idle};
use state::State;

use super::Error;
use crate::{
    Edge, Function, Handler, Home, Journal, KeyStore, RouteError, Routes, Verification, logging,
};

/// The parts of a function.
///
/// They are configured by these environment variables:
///
/// - `STATE_TABLE`: the table of the activity log and of the connections' state
/// - `SECRETS_PREFIX`: the prefix of the secrets' names, see [`SecretNames`]
/// - `SECRETS_KEY_ARN`: the KMS key for new secrets, if it is not the account's own
/// - `DATAVERSE_LOCAL_URL`: the address of a local emulator that connections may use
/// - `CHECK_API_KEYS`: `true` makes the function check API keys itself, where there is no
///   authorizer, as with `cargo lambda watch`
pub struct Parts {
    /// The connections.
    pub connections: Connections,
    /// The state table, if there is one.
    pub state: Option<State>,
    keys: Option<Arc<KeyStore>>,
    secrets: Secrets,
    /// The AWS configuration, for more clients.
    pub config: aws_config::SdkConfig,
}

impl Parts {
    /// Makes the parts from the environment, and starts logging.
    pub async fn from_environment() -> Result<Parts, Error> {
        logging::initialize();
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
        let secrets = Secrets::with_config(&config)
            .with_names(SecretNames::from_environment())
            .with_key(variable("SECRETS_KEY_ARN"));
        let environment = Environment::from_variables();
        let connections = Connections::new(http_client()?, secrets.clone(), environment);
        let state = variable("STATE_TABLE").map(|table| State::new(&config, table));
        let checks_keys = variable("CHECK_API_KEYS").is_some_and(|value| value == "true");
        let keys = checks_keys.then(|| Arc::new(KeyStore::new(secrets.clone(), state.clone())));
        Ok(Parts { connections, state, keys, secrets, config })
    }

    /// The state table, for a function that cannot work without it.
    pub fn required_state(&self) -> Result<State, Error> {
        self.state.clone().ok_or_else(|| Error::from("the environment has no STATE_TABLE"))
    }

    /// The journal of the activity log, if there is a table.
    pub(crate) fn journal(&self) -> Option<Arc<Journal>> {
        let seals = self.verification().seals;
        self.state.clone().map(|state| Journal::new(state, Some(seals)))
    }

    /// What finds out by mail who a visitor is.
    pub(crate) fn verification(&self) -> Verification {
        let secrets = self.secrets.clone();
        Verification::from_environment(secrets, &self.config, self.connections.http())
    }

    /// Makes a function from its data and its operations.
    ///
    /// # Errors
    ///
    /// Two operations have the same route.
    pub fn function<H: Home>(
        &self,
        home: H,
        routes: Routes<H>,
    ) -> Result<Edge<Function<H>>, RouteError> {
        self.function_with(home, routes, self.journal())
    }

    /// The same, with this journal.
    pub(crate) fn function_with<H: Home>(
        &self,
        home: H,
        routes: Routes<H>,
        journal: Option<Arc<Journal>>,
    ) -> Result<Edge<Function<H>>, RouteError> {
        Ok(self.edge(Function::new(home, routes)?, journal))
    }

    fn edge<H: Handler>(&self, handler: H, journal: Option<Arc<Journal>>) -> Edge<H> {
        let mut edge = Edge::of(handler);
        if let Some(keys) = &self.keys {
            edge = edge.with_keys(keys.clone());
        }
        match journal {
            Some(journal) => edge.with_journal(journal),
            None => edge,
        }
    }
}

/// The HTTP clients of a Lambda function, which answers one call at a time.
pub fn http_client() -> Result<HttpClients, HttpClientsError> {
    HttpClients::new(Idle::ONE_CALLER)
}
