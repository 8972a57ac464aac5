//! Reads the credentials from a connection's secret, and keeps them.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::kept::{Failure, Kept};
use crate::{ConnectionId, Credentials, CredentialsError, Environment, SecretError, Secrets};

/// How long until a connection's secret is read again. So a change that was made by other means is
/// picked up without a deployment.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// A connection's credentials, as its secret holds them.
pub(crate) type Stored = Kept<Arc<Credentials>, ConnectionError>;

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

impl Failure for ConnectionError {
    fn may_pass(&self) -> bool {
        match self {
            ConnectionError::Secret(error) => error.may_pass(),
            ConnectionError::Credentials(_) => false,
        }
    }

    fn stopped() -> ConnectionError {
        ConnectionError::Secret(SecretError::stopped())
    }
}

/// The credentials of this connection. They are read from its secret when somebody asks for them.
pub(crate) fn stored(id: &ConnectionId, secrets: Secrets, environment: Environment) -> Stored {
    let name = secrets.names().connection(id);
    let read = move || read(secrets.clone(), environment.clone(), name.clone());
    Kept::new(READ_AGAIN_AFTER, read)
}

async fn read(
    secrets: Secrets,
    environment: Environment,
    name: String,
) -> Result<Arc<Credentials>, ConnectionError> {
    let text = secrets.text(&name).await?;
    Ok(Arc::new(Credentials::parse(text.expose_secret(), &environment)?))
}
