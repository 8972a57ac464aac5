//! A look at one connection: what its secret says, whether it works, and what is known of it by then.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::health::{Event, Finding, Health};
use auth::{
    ConnectionError, ConnectionId, Connections, Credentials, DatedSecret, FormNames, Inspection,
    SecretExpiry, inspect,
};
use dataverse::Session;
use futures::future::FutureExt as _;
use jiff::Timestamp;
use state::{Registration, StateError};
use tokio::time::{Instant, timeout_at};
use toolkit::{Needs, ToolError};

use crate::outage::region;

/// How much longer than its deadline a look is waited for.
const GRACE: Duration = Duration::from_millis(500);

/// A connection, and how it was when it was last looked at.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) connection: Registration,
    pub(crate) health: Option<Health>,
    /// Whether the list does not have it. Somebody stored its secret by other means than the set-up.
    pub(crate) is_new: bool,
}

/// What a look learns of a connection on the way.
#[derive(Default)]
struct Learned {
    credentials: OnceLock<Arc<Credentials>>,
    /// What is valid of the credentials, if not all of them are.
    names: OnceLock<FormNames>,
    session: OnceLock<Session>,
}

/// What a look at a connection found.
pub(crate) struct Look {
    /// The connection as the list had it; `None` if the list does not have it.
    pub(crate) before: Option<Registration>,
    /// The connection as its secret and the environment say it is now.
    pub(crate) connection: Registration,
    pub(crate) region: String,
    /// The health as it is stored now.
    pub(crate) health: Option<Health>,
    pub(crate) found: Finding,
    /// When the look began and ended.
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    /// The events of this look. Some may also be pending in `health`.
    pub(crate) events: Vec<Event>,
    pub(crate) is_stored: bool,
    pub(crate) problem: Option<StateError>,
    /// For the activity log.
    pub(crate) outcome: &'static str,
    /// The error code of Dataverse or Entra ID, and Dataverse's id of the request.
    pub(crate) code: Option<String>,
    pub(crate) dataverse_request_id: Option<String>,
    pub(crate) trips: u32,
    pub(crate) throttles: u32,
    pub(crate) took: Duration,
}

/// Looks at connections.
#[derive(Clone, Copy)]
pub(crate) struct Looker<'a> {
    pub(crate) connections: &'a Connections,
    pub(crate) needs: &'a Needs,
}

impl Looker<'_> {
    /// Looks at one connection. A panic, or a wait without end, does not reach the other looks.
    pub(crate) async fn look(&self, subject: Subject, deadline: Instant) -> Look {
        let Subject { connection, health, is_new } = subject;
        let id = connection.id.clone();
        let (began, started) = (Timestamp::now(), Instant::now());
        let learned = Learned::default();
        let work = self.inspect(&connection.id, &learned, deadline);
        let work = AssertUnwindSafe(work).catch_unwind();
        let done = timeout_at(deadline + GRACE, work).await;
        let before = (!is_new).then_some(connection);
        let inspection = done.as_ref().ok().and_then(|it| it.as_ref().ok()?.as_ref().ok());
        let connection = now_known(&id, before.as_ref(), &learned, inspection, began);
        let error = done.as_ref().ok().and_then(|it| it.as_ref().ok()?.as_ref().err());
        let code = error.and_then(ToolError::foreign_code);
        let details = error.and_then(ToolError::dataverse_details);
        let dataverse_request_id = details.and_then(|details| details.request_id.clone());
        let health = health.map(|health| {
            // Of another client secret, nobody knows yet when it ends.
            let is_new = before.as_ref().is_some_and(|before| connection.has_new_secret(before));
            let known = if is_new { SecretExpiry::Unknown } else { health.secret };
            Health { secret: connection.expiry(known), ..health }
        });
        let (found, outcome) = match done {
            Ok(Ok(Ok(inspection))) => (self.works(&inspection, &connection), "ok"),
            Ok(Ok(Err(error))) => {
                let found = error.finding();
                if found == Finding::Failed {
                    tracing::error!(connection = %connection.id, %error, "a check failed");
                }
                (found, error.code().as_str())
            }
            // The panic has already written its own line to the log.
            Ok(Err(_)) => (Finding::Failed, "internal"),
            Err(_) => {
                let detail = "the check took too long".to_owned();
                (Finding::Unanswered { detail, fault: None }, "deadline_exceeded")
            }
        };
        Look {
            region: region(&connection.instance_url),
            before,
            connection,
            health,
            found,
            began,
            ended: Timestamp::now(),
            events: Vec::new(),
            is_stored: false,
            problem: None,
            outcome,
            code,
            dataverse_request_id,
            trips: learned.session.get().map_or(0, Session::trips),
            throttles: learned.session.get().map_or(0, Session::throttled),
            took: started.elapsed(),
        }
    }

    /// Inspects a connection. Its secret is read again, and it gets a new token.
    async fn inspect(
        &self,
        id: &ConnectionId,
        learned: &Learned,
        deadline: Instant,
    ) -> Result<Inspection, ToolError> {
        let connections = self.connections;
        connections.forget(id);
        let opened = connections.open(id).await;
        if let Err(ConnectionError::Credentials(_)) = &opened
            && let Ok((Some(form), _)) = connections.stored(id).await
        {
            learned.names.get_or_init(|| form.names(connections.environment()));
        }
        let connection = opened?;
        learned.credentials.get_or_init(|| connection.credentials());
        let session = learned
            .session
            .get_or_init(|| connection.client().session(deadline).with_patience(toolkit::PATIENCE));
        Ok(inspect(&connection, &connections.graph(), session).await?)
    }

    /// The finding of a successful inspection. If Microsoft Graph does not say when the secret ends,
    /// the day in the registration counts.
    fn works(&self, inspection: &Inspection, registration: &Registration) -> Finding {
        Finding::Works {
            missing_privileges: self.needs.missing(&inspection.privileges),
            secret: inspection.secret.or_given(registration.secret_expires_on()),
        }
    }
}

/// A connection as it is known after a look: what its secret says, if it could be read, and what the
/// environment says of itself.
fn now_known(
    id: &ConnectionId,
    before: Option<&Registration>,
    learned: &Learned,
    inspection: Option<&Inspection>,
    now: Timestamp,
) -> Registration {
    let Some(credentials) = learned.credentials.get() else {
        let names = learned.names.get();
        let unread = || Registration::unread(id, names.cloned().unwrap_or_default(), now);
        return match before {
            None => unread(),
            // What was known of it when it was valid says more.
            Some(before)
                if names.is_none() || before.secret.is_some() || before.organization.is_some() =>
            {
                before.clone()
            }
            Some(before) => Registration { registered_at: before.registered_at, ..unread() },
        };
    };
    let known = before.and_then(|before| before.secret.as_ref());
    let secret = DatedSecret::found(credentials, known);
    let organization = inspection
        .map(|inspection| &inspection.organization)
        .or_else(|| before.and_then(|before| before.organization.as_ref()));
    Registration::new(id, credentials, secret, organization, before, now)
}
