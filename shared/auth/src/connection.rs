//! Connections, opened by their id and kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dataverse::{Client, InstanceUrl, TokenSource};
use parking_lot::RwLock;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::tokens::Tokens;
use crate::{
    ConnectionId, Credentials, CredentialsError, Entra, Environment, Graph, SecretError, Secrets,
};

/// A connection's secret is read again after this long, so that a change made by other means is
/// picked up without a deployment.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Why a connection could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The secret could not be read. [`SecretError::NotFound`] means that there is no such
    /// connection.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret does not hold credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// One Dynamics 365 environment, ready for use.
#[derive(Clone)]
pub struct Connection {
    id: ConnectionId,
    client: Client,
    tokens: Arc<Tokens>,
}

impl Connection {
    /// The connection's id.
    pub fn id(&self) -> &ConnectionId {
        &self.id
    }

    /// The way to the environment.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where the client's tokens come from.
    pub fn tokens(&self) -> &dyn TokenSource {
        self.tokens.as_ref()
    }

    /// The credentials as last read.
    pub fn credentials(&self) -> Arc<Credentials> {
        self.tokens.credentials()
    }

    /// The environment's address.
    pub fn instance(&self) -> &InstanceUrl {
        self.client.instance()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("id", &self.id)
            .field("instance", self.instance())
            .finish_non_exhaustive()
    }
}

struct Entry {
    connection: Connection,
    read_at: Instant,
}

/// Opens connections, and keeps them with their tokens. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    secrets: Secrets,
    environment: Environment,
    entries: RwLock<HashMap<ConnectionId, Entry>>,
    opening: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// Reads secrets with `secrets`, and talks to Entra ID and Dataverse over `http`.
    pub fn new(http: reqwest::Client, secrets: Secrets, environment: Environment) -> Connections {
        Connections {
            inner: Arc::new(Inner {
                http,
                secrets,
                environment,
                entries: RwLock::default(),
                opening: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Where secrets are read.
    pub fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// A connection with these credentials, which are stored nowhere: to see whether they work.
    pub fn trial(&self, id: &ConnectionId, credentials: Credentials) -> Connection {
        self.inner.connect(id, credentials, None)
    }

    /// Reads the connection's secret again when it is next opened.
    pub fn forget(&self, id: &ConnectionId) {
        self.inner.entries.write().remove(id);
    }

    /// Microsoft Graph, for what it knows of a connection's application.
    pub fn graph(&self) -> Graph {
        Graph::new(self.inner.http.clone(), self.inner.environment.clone())
    }

    /// Where instances and authorities may be.
    pub fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// The connection with this id.
    pub async fn open(&self, id: &ConnectionId) -> Result<Connection, ConnectionError> {
        if let Some(connection) = self.inner.fresh(id) {
            return Ok(connection);
        }
        let _opening = self.inner.opening.lock().await;
        if let Some(connection) = self.inner.fresh(id) {
            return Ok(connection);
        }
        match self.inner.read(id).await {
            Ok(credentials) => Ok(self.inner.keep(id, credentials)),
            // Secrets Manager's bad moment is no reason to stop what works.
            Err(ConnectionError::Secret(error @ SecretError::Unavailable { .. })) => {
                self.inner.known(id).ok_or(ConnectionError::Secret(error))
            }
            Err(error) => {
                self.inner.entries.write().remove(id);
                Err(error)
            }
        }
    }
}

impl Inner {
    fn fresh(&self, id: &ConnectionId) -> Option<Connection> {
        let entries = self.entries.read();
        let entry = entries.get(id)?;
        // Credentials that the tokens read again may point at another environment.
        let moved =
            entry.connection.tokens.credentials().instance_url != *entry.connection.instance();
        let is_fresh = entry.read_at.elapsed() < READ_AGAIN_AFTER && !moved;
        is_fresh.then(|| entry.connection.clone())
    }

    fn known(&self, id: &ConnectionId) -> Option<Connection> {
        self.entries.read().get(id).map(|entry| entry.connection.clone())
    }

    async fn read(&self, id: &ConnectionId) -> Result<Credentials, ConnectionError> {
        let text = self.secrets.text(&id.secret_name()).await?;
        Ok(Credentials::parse(text.expose_secret(), &self.environment)?)
    }

    /// Keeps the connection, with its tokens if its credentials are the same as before.
    fn keep(&self, id: &ConnectionId, credentials: Credentials) -> Connection {
        let mut entries = self.entries.write();
        let connection = match entries.remove(id) {
            Some(entry) if entry.connection.is_of(&credentials) => entry.connection,
            _ => self.connect(id, credentials, Some(self.secrets.clone())),
        };
        entries
            .insert(id.clone(), Entry { connection: connection.clone(), read_at: Instant::now() });
        connection
    }

    /// `secrets` is where the credentials are read again when Entra ID refuses them.
    fn connect(
        &self,
        id: &ConnectionId,
        credentials: Credentials,
        secrets: Option<Secrets>,
    ) -> Connection {
        let instance = credentials.instance_url.clone();
        let entra = Entra::new(self.http.clone(), self.environment.clone());
        let tokens = Arc::new(Tokens::new(
            id.clone(),
            credentials,
            entra,
            secrets,
            self.environment.clone(),
        ));
        let client = Client::new(self.http.clone(), instance, tokens.clone());
        Connection { id: id.clone(), client, tokens }
    }
}

impl Connection {
    fn is_of(&self, credentials: &Credentials) -> bool {
        *self.instance() == credentials.instance_url
            && crate::tokens::same(&self.tokens.credentials(), credentials)
    }
}
