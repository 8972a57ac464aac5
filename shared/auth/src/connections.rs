//! Connections, opened by their id and kept.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use dataverse::{Client, HttpClients, InstanceUrl, TokenSource};
use lru::LruCache;
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use crate::stored::{Stored, stored};
use crate::tokens::Tokens;
use crate::{
    ConnectionError, ConnectionId, Credentials, CredentialsForm, Entra, Environment, Graph,
    SecretError, SecretNames, Secrets,
};

/// How many connections are kept, about 40 kB each. The one that was used longest ago goes first.
const KNOWN: NonZeroUsize = NonZeroUsize::new(500).unwrap();

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

    /// The client of the environment.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where the client's tokens come from.
    pub fn tokens(&self) -> &dyn TokenSource {
        self.tokens.as_ref()
    }

    /// Entra ID, for what it knows of tenants.
    pub(crate) fn tenants(&self) -> &Entra {
        self.tokens.entra()
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

/// The secrets below the name of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WithSecrets {
    /// The connections that have one.
    pub connections: BTreeSet<ConnectionId>,
    /// The names of secrets whose end is no connection's id.
    pub others: Vec<String>,
}

/// What is kept of a connection.
struct Known {
    credentials: Stored,
    /// The connection, once it has been opened.
    connection: Mutex<Option<Connection>>,
}

/// Opens connections, and keeps them with their tokens. Cheap to clone. A process has one.
///
/// However many callers open a connection, its secret is read once, and no caller waits for the
/// secret of another connection. While Secrets Manager does not answer, the last value stays in use
/// for a day.
#[derive(Clone)]
pub struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    http: HttpClients,
    secrets: Secrets,
    environment: Environment,
    known: Mutex<LruCache<ConnectionId, Arc<Known>>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// Reads secrets with `secrets`, and talks to Entra ID and Dataverse over `http`.
    pub fn new(
        http: impl Into<HttpClients>,
        secrets: Secrets,
        environment: Environment,
    ) -> Connections {
        let known = Mutex::new(LruCache::new(KNOWN));
        Connections { inner: Arc::new(Inner { http: http.into(), secrets, environment, known }) }
    }

    /// The same connections, to look at many of them one after the other. Nothing is kept from
    /// before, and a socket is closed soon after its last use.
    #[must_use]
    pub fn short_lived(&self) -> Connections {
        let Inner { http, secrets, environment, .. } = &*self.inner;
        Connections::new(http.short_lived(), secrets.clone(), environment.clone())
    }

    /// Stores what was entered as the connection's secret. It is read when the connection is next
    /// opened.
    pub async fn store(
        &self,
        id: &ConnectionId,
        form: &CredentialsForm,
    ) -> Result<(), SecretError> {
        let (name, text) = (self.inner.secret_name(id), form.to_secret());
        self.inner.secrets.store(&name, text.expose_secret()).await?;
        self.forget(id);
        Ok(())
    }

    /// The connections that have a secret, whether anybody knows of them or not.
    pub async fn with_secrets(&self) -> Result<WithSecrets, SecretError> {
        let beginning = self.inner.secrets.names().connections();
        let names = self.inner.secrets.list(&beginning).await?;
        let mut found = WithSecrets::default();
        for name in names {
            match name.strip_prefix(&beginning).and_then(|id| id.parse().ok()) {
                Some(id) => drop(found.connections.insert(id)),
                None => found.others.push(name),
            }
        }
        Ok(found)
    }

    /// What the connection's secret holds, to be changed, with its version. `None` for the form: there
    /// is no secret, or none that can be read as credentials. `None` for the version: there is none.
    pub async fn stored(
        &self,
        id: &ConnectionId,
    ) -> Result<(Option<CredentialsForm>, Option<String>), SecretError> {
        match self.inner.secrets.current(&self.inner.secret_name(id)).await {
            Ok((text, version)) => Ok((CredentialsForm::read(text.expose_secret()).ok(), version)),
            Err(SecretError::NotFound { .. } | SecretError::NotText { .. }) => Ok((None, None)),
            Err(error) => Err(error),
        }
    }

    /// Removes the connection's secret. For seven days, AWS's restore-secret or
    /// [`Connections::store`] can restore it. It is no error if there is no secret.
    pub async fn remove(&self, id: &ConnectionId) -> Result<(), SecretError> {
        self.inner.secrets.delete(&self.inner.secret_name(id)).await?;
        self.forget(id);
        Ok(())
    }

    /// Asks Secrets Manager whether the connection has a secret; `None` if it did not answer. A
    /// connection that is kept may go on working for a while after its secret was removed.
    pub async fn has_secret(&self, id: &ConnectionId) -> Option<bool> {
        match self.inner.secrets.text(&self.inner.secret_name(id)).await {
            Ok(_) | Err(SecretError::NotText { .. } | SecretError::Denied { .. }) => Some(true),
            Err(SecretError::NotFound { .. }) => {
                self.forget(id);
                Some(false)
            }
            Err(_) => None,
        }
    }

    /// A connection with these credentials, to see whether they work. They are not stored, and they
    /// are tried even if they were refused before.
    pub fn trial(&self, id: &ConnectionId, credentials: Credentials) -> Connection {
        self.inner.connect(id, Arc::new(credentials), None)
    }

    /// Forgets what is kept of the connection, refusals included. When it is next opened, its
    /// secret is read again and its credentials are tried again.
    pub fn forget(&self, id: &ConnectionId) {
        self.inner.known.lock().pop(id);
    }

    /// The names of the connections' secrets.
    pub fn secret_names(&self) -> &SecretNames {
        self.inner.secrets.names()
    }

    /// The HTTP clients.
    pub fn http(&self) -> HttpClients {
        self.inner.http.clone()
    }

    /// Microsoft Graph, for what it knows of a connection's application.
    pub fn graph(&self) -> Graph {
        Graph::new(self.inner.http.clone())
    }

    /// The addresses that the bundle may talk to.
    pub fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// Opens the connection with this id.
    pub async fn open(&self, id: &ConnectionId) -> Result<Connection, ConnectionError> {
        let known = self.inner.known(id);
        let credentials = known.credentials.get().await?;
        Ok(self.inner.connection(id, &known, credentials))
    }
}

impl Inner {
    fn secret_name(&self, id: &ConnectionId) -> String {
        self.secrets.names().connection(id)
    }

    fn known(&self, id: &ConnectionId) -> Arc<Known> {
        let mut known = self.known.lock();
        let entry = known.get_or_insert_ref(id, || {
            let credentials = stored(id, self.secrets.clone(), self.environment.clone());
            Arc::new(Known { credentials, connection: Mutex::default() })
        });
        Arc::clone(entry)
    }

    /// The connection with these credentials. If one is open and can take them, this is that one,
    /// with its tokens.
    fn connection(
        &self,
        id: &ConnectionId,
        known: &Known,
        credentials: Arc<Credentials>,
    ) -> Connection {
        let mut open = known.connection.lock();
        match &*open {
            Some(connection) if connection.takes(&credentials) => connection.clone(),
            _ => {
                let stored = Some(known.credentials.clone());
                open.insert(self.connect(id, credentials, stored)).clone()
            }
        }
    }

    /// Makes a connection. `stored` is where its credentials are read again when Entra ID refuses
    /// them.
    fn connect(
        &self,
        id: &ConnectionId,
        credentials: Arc<Credentials>,
        stored: Option<Stored>,
    ) -> Connection {
        let instance = credentials.instance_url.clone();
        let entra = Entra::new(self.http.clone());
        let tokens = Arc::new(Tokens::new(id.clone(), credentials, entra, stored));
        let client = Client::new(self.http.clone(), instance, tokens.clone());
        Connection { id: id.clone(), client, tokens }
    }
}

impl Connection {
    /// Takes these credentials, if they lead to the same environment and differ from the current
    /// ones at most in what only people read, such as the label. Returns whether it took them.
    fn takes(&self, credentials: &Arc<Credentials>) -> bool {
        *self.instance() == credentials.instance_url && self.tokens.take(credentials)
    }
}
