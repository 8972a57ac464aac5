use std::borrow::Cow;

use auth::health::{Occasion, Standing};
use auth::{DatedSecret, Inspection, inspect};
use http::{Method, StatusCode};
use jiff::Timestamp;
use state::{EntryKind, Registration, StateError};
use toolkit::operation::{Empty, InPath, NoParameters, Section};
use toolkit::{
    Done, Effect, Endpoint, ErrorCode, Example, Operation, PATIENCE, Request, Scope, ToolError,
};

use crate::Administration;
use crate::known;
use crate::table::soon;
use crate::view::View;

/// What to do if nobody knows when the secret ends.
const HOW_TO_KNOW_THE_EXPIRY: &str = "Nobody knows when the client secret ends. Give the application the Microsoft Graph permission \
     Application.Read.All, or set the connection up with secret_expires_on.";

/// What it means if the table did not store the result.
const NOT_NOTED: &str = "The table of the bundle did not take this down: until it answers and the \
    connection is looked at again, the list and the scheduled checks know what they knew before.";

/// What an administrator should know besides the state of the connection.
pub(crate) fn hints(
    inspection: &Inspection,
    registration: Option<&Registration>,
    noted: bool,
) -> impl Iterator<Item = &'static str> + use<> {
    let secret = registration.and_then(|registration| registration.secret.as_ref());
    let how = match secret {
        Some(secret) if secret.is_outdated() => DatedSecret::OUTDATED,
        _ => HOW_TO_KNOW_THE_EXPIRY,
    };
    let expiry = inspection.secret.expires_on().is_none().then_some(how);
    expiry.into_iter().chain((!noted).then_some(NOT_NOTED))
}

/// Shows a connection as it is now.
pub(crate) struct GetConnection;

impl Operation for GetConnection {
    const ID: &'static str = "get_connection";
    const TITLE: &'static str = "Look at a connection";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "How it is now.")];
    const EXAMPLE: Example = Example::OF_DEFAULT;

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = View;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}".into()
    }
}

impl Endpoint for GetConnection {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, GetConnection>,
    ) -> Result<Done<View>, ToolError> {
        look(home, request, Occasion::Look).await
    }
}

/// Tests a connection, and stores the result.
pub(crate) struct TestConnection;

impl Operation for TestConnection {
    const ID: &'static str = "test_connection";
    const TITLE: &'static str = "Test a connection";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::POST;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const KIND: Option<EntryKind> = Some(EntryKind::Check);
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "How it is now.")];
    const EXAMPLE: Example = Example::OF_DEFAULT;

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = View;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/test".into()
    }
}

impl Endpoint for TestConnection {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, TestConnection>,
    ) -> Result<Done<View>, ToolError> {
        look(home, request, Occasion::Test).await
    }
}

async fn look<O: Operation<About = InPath>>(
    home: &Administration,
    request: Request<'_, O>,
    occasion: Occasion,
) -> Result<Done<View>, ToolError> {
    let (id, connections) = (&request.about, &home.connections);
    let now = Timestamp::now();
    // The secret is read again, because it may have been changed by other means, and a new token is
    // asked for: with one that is at hand, a connection works for a while after its secret has ended.
    // The scheduled check does the same. So both find the same.
    connections.forget(id);
    let (credentials, found) = match connections.open(id).await {
        Ok(connection) => {
            let session = connection.client().session(request.incoming.deadline);
            let session = session.with_patience(PATIENCE);
            request.call.session = Some(session.clone());
            let found = inspect(&connection, &connections.graph(), &session).await;
            (Some(connection.credentials()), found)
        }
        Err(error) => (None, Err(error.into())),
    };
    let mut found = found.map_err(ToolError::from);
    request.call.found = found.as_ref().err().cloned();
    let registered = match (&credentials, &mut found) {
        (Some(credentials), Ok(inspection)) => {
            known::register(home, id, credentials, inspection, occasion, false, now)
                .await
                .map(|(_, registration)| Some(registration))
        }
        _ => soon(home.state.connection(id)).await,
    };
    // A connection of the list whose secret was deleted by hand is broken. Of any other, nobody knows.
    if let Err(error) = &found
        && error.code() == ErrorCode::ConnectionNotFound
        && !matches!(registered, Ok(Some(_)))
    {
        return Err(error.clone());
    }
    let finding = match &found {
        Ok(inspection) => inspection.finding(home.needs.missing(&inspection.privileges)),
        Err(error) => error.finding(),
    };
    let remembered = match &registered {
        Err(StateError::Gone) => return Err(known::gone()),
        Err(error) => Err(error.clone()),
        Ok(Some(registration)) => {
            known::remember(home, registration, &finding, occasion, now).await
        }
        Ok(None) => Ok(None),
    };
    let registration = registered.as_ref().ok().and_then(Option::as_ref);
    let noted = remembered.is_ok();
    let health = remembered.ok().flatten();
    let state = Standing::after(health.as_ref(), &finding);
    let view = View::of(id, credentials.as_deref(), state, now);
    Ok(Done::new(match &found {
        Ok(inspection) => {
            let hints = hints(inspection, registration, noted);
            view.with_inspection(inspection, &home.tools).with_hints(hints)
        }
        Err(error) => view
            .with_known_expiry(credentials.as_deref(), registration, health.as_ref())
            .with_problem(error, &request.incoming.request_id)
            .with_hints((!noted).then_some(NOT_NOTED)),
    }))
}
