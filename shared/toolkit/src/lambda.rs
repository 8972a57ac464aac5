//! The entry in AWS Lambda.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use auth::{ConnectionId, Connections, Environment, Secrets};
use bytes::Bytes;
use dataverse::{HttpClients, HttpClientsError, Idle};
use http::Response;
use lambda_extension::{Extension, LambdaEvent, NextEvent};
pub use lambda_http::Error;
use lambda_http::request::RequestContext;
use lambda_http::{Body, IntoResponse, Request, RequestExt as _, service_fn};
use state::State;
use tokio::time::{Instant, timeout};

use crate::{
    Caller, Edge, Front, Function, Handler, Home, Incoming, Journal, KeyStore, RouteError, Routes,
    Service, Tools, logging,
};

// A call makes some hundreds of small allocations, which do not live long. With the system's
// allocator they take a sixth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long before Lambda's deadline an answer must be there. Otherwise the caller could get the
/// gateway's error instead.
const MARGIN: Duration = Duration::from_secs(2);

/// How long before the end of an invocation the activity log stops writing.
const LEFT_OVER: Duration = Duration::from_millis(250);

/// API Gateway gives up after 30 seconds, whatever the function's own limit.
const GATEWAY: Duration = Duration::from_secs(30);

/// How long the warm-up may take. Lambda lets the start take ten seconds.
const WARM_UP: Duration = Duration::from_secs(4);

/// Serves tools until Lambda stops the process.
pub async fn run(tools: Routes<Tools>) -> Result<(), Error> {
    serve(self::tools(tools).await?).await
}

/// Makes the service of these tools, as the environment says, ready for the first call.
pub async fn tools(tools: Routes<Tools>) -> Result<Service, Error> {
    let parts = Parts::from_environment().await?;
    let home = Tools::new(parts.connections.clone()).with_state(parts.state.clone());
    let service = parts.function(home, tools)?;
    warm_up(&service).await;
    Ok(service)
}

/// Answers requests until Lambda stops the process.
///
/// An extension inside the process writes the activity log after the answer. Lambda waits for it
/// before it freezes the process, but not before it answers.
/// Source: AWS's page on the Lambda Extensions API, "internal extensions".
pub async fn serve(front: impl Front) -> Result<(), Error> {
    let front = &front;
    let (answered, answers) = tokio::sync::mpsc::unbounded_channel::<String>();
    let handler = service_fn(|request: Request| {
        let answered = answered.clone();
        async move {
            let id = request.lambda_context_ref().map(|context| context.request_id.clone());
            let response = answer(front, request).await;
            // Without an extension, nobody receives this.
            let _ = answered.send(id.unwrap_or_default());
            Ok::<_, Error>(response)
        }
    });
    let Some(journal) = front.journal().cloned() else {
        return lambda_http::run(handler).await;
    };
    let answers = Arc::new(tokio::sync::Mutex::new(answers));
    let writer = journal.clone();
    let processor = lambda_extension::service_fn(move |event: LambdaEvent| {
        let (journal, answers) = (writer.clone(), answers.clone());
        async move {
            if let NextEvent::Invoke(invocation) = event.next {
                let work = async {
                    // The runtime answers an event that is not a request. An answer may also be
                    // that of an earlier invocation, for which it came too late.
                    let mut answers = answers.lock().await;
                    while let Some(id) = answers.recv().await {
                        if id == invocation.request_id {
                            break;
                        }
                    }
                    journal.flush().await;
                };
                let _ = timeout(until(invocation.deadline_ms), work).await;
            }
            Ok::<_, Error>(())
        }
    });
    let extension = Extension::new()
        .with_events(&["INVOKE"])
        .with_extension_name("activity-log")
        .with_events_processor(processor)
        .register()
        .await;
    match extension {
        Ok(extension) => tokio::try_join!(lambda_http::run(handler), extension.run()).map(drop),
        Err(error) => {
            // Outside of Lambda, entries are written as they come.
            tracing::warn!(%error, "no extension: the activity log is written alongside");
            tokio::select! {
                ended = lambda_http::run(handler) => ended,
                () = journal.run() => Ok(()),
            }
        }
    }
}

/// How long it is until shortly before a deadline, which is in milliseconds since 1970.
fn until(deadline_ms: u64) -> Duration {
    let deadline = std::time::UNIX_EPOCH.checked_add(Duration::from_millis(deadline_ms));
    deadline
        .and_then(|deadline| deadline.duration_since(std::time::SystemTime::now()).ok())
        .unwrap_or_default()
        .saturating_sub(LEFT_OVER)
}

/// What a function is made of.
///
/// These environment variables are read:
///
/// - `STATE_TABLE`: the table of the activity log and of the connections' state
/// - `SECRETS_KEY_ARN`: the KMS key for new secrets, if it is not the account's own
/// - `DATAVERSE_LOCAL_URL`: the address of a local emulator that connections may use
/// - `API_KEYS_SECRET`: makes the function check API keys itself, where there is no authorizer, as
///   with `cargo lambda watch`
pub struct Parts {
    /// The connections.
    pub connections: Connections,
    /// The table, if there is one.
    pub state: Option<State>,
    keys: Option<Arc<KeyStore>>,
    /// The AWS configuration, for further clients.
    pub config: aws_config::SdkConfig,
}

impl Parts {
    /// Makes the parts as the environment says, and starts logging.
    pub async fn from_environment() -> Result<Parts, Error> {
        logging::initialize();
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
        let secrets = Secrets::with_config(&config).with_key(variable("SECRETS_KEY_ARN"));
        let environment = Environment::from_variables();
        let connections = Connections::new(http_client()?, secrets.clone(), environment);
        let keys = variable("API_KEYS_SECRET").map(|name| Arc::new(KeyStore::new(secrets, name)));
        let state = variable("STATE_TABLE").map(|table| State::new(&config, table));
        Ok(Parts { connections, state, keys, config })
    }

    /// The table, for a function that cannot do without it.
    pub fn required_state(&self) -> Result<State, Error> {
        self.state.clone().ok_or_else(|| Error::from("the environment has no STATE_TABLE"))
    }

    /// Makes a function of operations and what they work with.
    ///
    /// # Errors
    ///
    /// Two operations have the same route.
    pub fn function<H: Home>(
        &self,
        home: H,
        routes: Routes<H>,
    ) -> Result<Edge<Function<H>>, RouteError> {
        Ok(self.edge(Function::new(home, routes)?))
    }

    fn edge<H: Handler>(&self, handler: H) -> Edge<H> {
        let mut edge = Edge::of(handler);
        if let Some(keys) = &self.keys {
            edge = edge.with_keys(keys.clone());
        }
        match &self.state {
            Some(state) => edge.with_journal(Journal::new(state.clone())),
            None => edge,
        }
    }
}

/// The HTTP clients for a Lambda function, which answers one call at a time.
pub fn http_client() -> Result<HttpClients, HttpClientsError> {
    HttpClients::new(Idle::ONE_CALLER)
}

/// Prepares the first call while Lambda gives a full processor: reads the default connection's
/// secret, then gets its token and opens a connection to Dataverse, and at the same time one to the
/// table. The first call tries again what fails here.
async fn warm_up(service: &Service) {
    let work = async {
        let connection =
            service.handler().home().connections().open(&ConnectionId::fallback()).await.ok()?;
        let token = connection.tokens().token(Instant::now() + WARM_UP);
        let (token, ()) = tokio::join!(token, connection.client().connect());
        token.ok()
    };
    let table = async {
        if let Some(state) = service.handler().home().state() {
            Box::pin(state.warm_up()).await;
        }
    };
    let work = async { tokio::join!(work, table).0 };
    let warm = timeout(WARM_UP, work).await.is_ok_and(|token| token.is_some());
    tracing::debug!(warm, "ready");
}

/// A response that goes to Lambda as it is. With a plain [`Response`], `lambda_http` would collect
/// the body again and decode its character set, for which it links large tables.
#[derive(Debug)]
pub struct Answer(Response<Body>);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

/// Answers a request of Lambda.
pub async fn answer(front: &impl Front, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let context = parts.lambda_context_ref();
    let request_id = context.map(|context| context.request_id.clone()).unwrap_or_default();
    let remaining = context
        .and_then(|context| {
            std::time::UNIX_EPOCH.checked_add(Duration::from_millis(context.deadline))
        })
        .and_then(|deadline| deadline.duration_since(std::time::SystemTime::now()).ok())
        .unwrap_or(GATEWAY)
        .min(GATEWAY);
    let caller = match parts.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context
            .authorizer
            .as_ref()
            .and_then(|authorizer| Caller::from_context(&authorizer.fields)),
        _ => None,
    };
    let incoming = Incoming {
        path: parts.raw_http_path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        caller,
        request_id,
        deadline: Instant::now() + remaining.saturating_sub(MARGIN),
        headers: parts.headers,
        body: match body {
            Body::Text(text) => Bytes::from(text).into(),
            Body::Binary(bytes) => Bytes::from(bytes).into(),
            _ => crate::Body::default(),
        },
    };
    Answer(front.answer(incoming).await.map(|body| match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    }))
}
