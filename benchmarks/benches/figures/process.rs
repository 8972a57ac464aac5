//! Runs the binary of a function as Lambda does, with a stand-in for the Runtime API.
//!
//! Source: AWS's pages "Using the Lambda runtime API" and "Using the Lambda Extensions API".

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as InPath, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::bench::Bench;

/// What the process did.
#[derive(Debug)]
enum Did {
    /// The runtime waits for an invocation.
    RuntimeReady(Instant),
    /// The extension waits for an invocation, which also means that it is done with the last one.
    ExtensionReady(Instant),
    /// The function answered.
    Answered(Instant, Bytes),
    /// The function could not start, or could not answer.
    Failed(Bytes),
}

struct Api {
    did: UnboundedSender<Did>,
    invocations: Mutex<UnboundedReceiver<(String, String)>>,
    notices: Mutex<UnboundedReceiver<String>>,
}

/// A function's process.
pub(crate) struct Process {
    child: Child,
    did: UnboundedReceiver<Did>,
    invoke: UnboundedSender<(String, String)>,
    notify: UnboundedSender<String>,
    serving: JoinHandle<()>,
    calls: u32,
    /// The time from its start until it waited for the first invocation.
    pub(crate) start: Duration,
    started: Instant,
}

/// What an invocation took.
pub(crate) struct Invocation {
    /// When the answer was there.
    pub(crate) answered: Instant,
    /// The time from the event to the answer.
    pub(crate) took: Duration,
    /// The time from the event until the runtime and the extension wait for the next one, which
    /// Lambda bills.
    pub(crate) billed: Duration,
}

/// How long to wait. Nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary of a function, in the profile of this program: as shipped, or, for counts, as the tests
/// have it. It is built if it does not exist.
pub(crate) fn binary(name: &str) -> PathBuf {
    // This program is target/release/deps/figures-….
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(2).unwrap();
    let package = format!("{name}-function");
    let arguments: &[&str] = if folder.ends_with("release") {
        &["--release", "--package", &package]
    } else {
        // All at once, as .ci/run builds: alone, a package would get other features of its libraries.
        &["--workspace", "--bins", "--tests"]
    };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut build = std::process::Command::new(cargo);
    let build = build.args(["build", "--locked"]).args(arguments).status().unwrap();
    assert!(build.success(), "{name} was not built");
    folder.join(name)
}

impl Process {
    /// Starts the binary against the stack, and waits until it is ready.
    pub(crate) async fn start(bench: &Bench, binary: &Path) -> Process {
        Process::start_with(bench, binary, &[]).await
    }

    /// The same with other environment variables.
    pub(crate) async fn start_with(
        bench: &Bench,
        binary: &Path,
        variables: &[(&str, &str)],
    ) -> Process {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (did_sender, mut did) = unbounded_channel();
        let (invoke, invocations) = unbounded_channel();
        let (notify, notices) = unbounded_channel();
        let api = Arc::new(Api {
            did: did_sender,
            invocations: Mutex::new(invocations),
            notices: Mutex::new(notices),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .route("/2020-01-01/extension/register", post(register))
            .route("/2020-01-01/extension/event/next", get(notice))
            .with_state(api);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let aws = bench.stack.aws_url();
        let started = Instant::now();
        let child = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "benchmark")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &aws)
            .env("AWS_ENDPOINT_URL_DYNAMODB", &aws)
            .env("DATAVERSE_LOCAL_URL", bench.stack.emulator().url())
            .env("STATE_TABLE", stack::STATE_TABLE)
            .env("RUST_LOG", "INFO")
            .env("MIMALLOC_PURGE_DELAY", "-1")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut runtime, mut extension) = (None, None);
        while runtime.is_none() || extension.is_none() {
            match timeout(PATIENCE, did.recv()).await.unwrap().unwrap() {
                Did::RuntimeReady(at) => runtime = Some(at),
                Did::ExtensionReady(at) => extension = Some(at),
                Did::Answered(..) => panic!("an answer to nothing"),
                Did::Failed(body) => panic!("{}", String::from_utf8_lossy(&body)),
            }
        }
        let start = runtime.unwrap().max(extension.unwrap()) - started;
        Process { child, did, invoke, notify, serving, calls: 0, start, started }
    }

    /// Makes a call, and waits until runtime and extension are done.
    pub(crate) async fn call(&mut self, event: &str) -> Invocation {
        self.calls += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012}", self.calls);
        let begun = Instant::now();
        self.notify.send(id.clone()).unwrap();
        self.invoke.send((id, event.to_owned())).unwrap();
        let (mut answer, mut runtime, mut extension) = (None, None, None);
        while answer.is_none() || runtime.is_none() || extension.is_none() {
            match timeout(PATIENCE, self.did.recv()).await.unwrap().unwrap() {
                Did::Answered(at, body) => {
                    let body: Value = serde_json::from_slice(&body).unwrap();
                    assert_eq!(body["statusCode"], 200, "{body:#}");
                    answer = Some(at);
                }
                Did::RuntimeReady(at) => runtime = Some(at),
                Did::ExtensionReady(at) => extension = Some(at),
                Did::Failed(body) => panic!("{}", String::from_utf8_lossy(&body)),
            }
        }
        let (answered, ended) = (answer.unwrap(), runtime.unwrap().max(extension.unwrap()));
        Invocation { answered, took: answered - begun, billed: ended - begun }
    }

    /// The time from the start of the process until then.
    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at - self.started
    }

    /// The most memory that the process has had, in MB.
    pub(crate) fn peak_memory(&self) -> f64 {
        let status = self.read("status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        // The file says kB and means 1,024 bytes.
        kilobytes * 1024.0 / 1e6
    }

    /// The processor time that the process has had.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = self.read("stat");
        // The name, in parentheses, may hold anything; utime and stime are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|field| fields[*field].parse::<u64>().unwrap()).sum();
        let a_second = rustix::param::clock_ticks_per_second();
        Duration::from_secs_f64(ticks as f64 / a_second as f64)
    }

    fn read(&self, file: &str) -> String {
        let id = self.child.id().unwrap();
        std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
        self.serving.abort();
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let _ = api.did.send(Did::RuntimeReady(Instant::now()));
    let Some((id, event)) = api.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:benchmark".to_owned(),
        ),
        ("lambda-runtime-trace-id", "Root=1-6924a3c0-000000000000000000000001".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn answered(
    State(api): State<Arc<Api>>,
    InPath(_): InPath<String>,
    body: Bytes,
) -> StatusCode {
    let _ = api.did.send(Did::Answered(Instant::now(), body));
    StatusCode::ACCEPTED
}

async fn failed(State(api): State<Arc<Api>>, body: Bytes) -> StatusCode {
    let _ = api.did.send(Did::Failed(body));
    StatusCode::ACCEPTED
}

async fn register() -> Response {
    let names =
        json!({"functionName": "benchmark", "functionVersion": "1", "handler": "bootstrap"});
    let id = [("lambda-extension-identifier", "a5a1f0d2-0000-4000-8000-000000000001")];
    (id, axum::Json(names)).into_response()
}

async fn notice(State(api): State<Arc<Api>>) -> Response {
    let _ = api.did.send(Did::ExtensionReady(Instant::now()));
    let Some(id) = api.notices.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    axum::Json(json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline(),
        "requestId": id,
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:benchmark",
        "tracing": {
            "type": "X-Amzn-Trace-Id", "value": "Root=1-6924a3c0-000000000000000000000001",
        },
    }))
    .into_response()
}

/// A deadline in 28 seconds, as in the template.
fn deadline() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now + Duration::from_secs(28)).as_millis()
}
