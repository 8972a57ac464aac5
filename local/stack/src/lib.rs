//! Everything on one machine: all functions on one port, the emulator, and a stand-in for AWS
//! Secrets Manager and DynamoDB.
//!
//! The functions run the same code as in Lambda; only the entry is different. They read their
//! credentials and API keys over HTTP with the AWS SDK, as in AWS.

mod api;
mod aws;
mod doorkeeper;
mod health;
mod rights;
mod tables;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auth::{ConnectionId, Connections, Environment, SecretNames, Secrets};
use catalog::Catalog;
use connection::Administration;
use dataverse::{HttpClients, Idle};
use dataverse_emulator::{Emulator, Hosts};
use jiff::Timestamp;
use mcp::Mcp;
use seal::{Mailer, Sender};
use serde_json::{Value, json};
use state::{KeyHash, MadeKey, Role, State, StateError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use toolkit::{
    Declaration, Definition, Edge, Function, Journal, KeyStore, Origins, RouteError, Routes,
    Service, Tools, Verification, sha256_hex,
};
use url::Url;
use uuid::Uuid;

/// The API key of the local stack. It is valid for all connections and all scopes.
pub const API_KEY: &str = "local-dev-key";

/// The API key of a bot that talks to visitors, and whose word on who they are counts: every
/// connection, the scopes `read` and `write`.
pub const VISITOR_KEY: &str = "local-visitor-key";

/// The API key of an administrator: every connection, the scope `admin`.
pub const ADMIN_KEY: &str = "local-admin-key";

/// The state table of the local stack.
pub const STATE_TABLE: &str = "dynamics365-tools";

/// The label of the connection `default`.
const LABEL: &str = "The local emulator";

/// The addresses and ports to listen on. Port 0 takes a free one.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on.
    pub host: String,
    /// The port of the tools.
    pub port: u16,
    /// The port of the emulator.
    pub emulator_port: u16,
    /// The port of the stand-in for AWS.
    pub aws_port: u16,
    /// The delay of every answer of the emulator.
    pub latency: Duration,
    /// The port of the emulator for clients that require https.
    pub emulator_tls_port: Option<u16>,
    /// The file for the certificate that those clients must trust.
    pub emulator_ca: Option<PathBuf>,
    /// More emulators that connections may use.
    pub other_instances: Vec<String>,
    /// Whether the scheduled check runs once at the start.
    pub check_at_start: bool,
    /// The web sites whose pages may call over the Model Context Protocol.
    pub allowed_origins: Origins,
    /// The names of the secrets.
    pub secret_names: SecretNames,
    /// Whether it begins as a deployment in AWS does: without keys and connections.
    pub is_empty: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            host: "127.0.0.1".to_owned(),
            port: 0,
            emulator_port: 0,
            aws_port: 0,
            latency: Duration::ZERO,
            emulator_tls_port: None,
            emulator_ca: None,
            other_instances: Vec::new(),
            check_at_start: false,
            allowed_origins: Origins::default(),
            secret_names: SecretNames::default(),
            is_empty: false,
        }
    }
}

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The stack cannot listen, for example because a port is in use.
    #[error("cannot listen on {host}:{port}: {source}")]
    Listen {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
    /// The emulator did not start.
    #[error(transparent)]
    Emulator(#[from] dataverse_emulator::StartError),
    /// The HTTP client could not be made.
    #[error("no HTTP client: {0}")]
    Client(String),
    /// Two operations have the same route.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A tool cannot be described in the Model Context Protocol.
    #[error("the tools cannot be listed: {0}")]
    Tools(String),
    /// The state table could not be created.
    #[error("cannot make the table of the state: {0}")]
    Table(#[from] StateError),
    /// The secrets could not be stored.
    #[error("cannot store the secret {name}: {problem}")]
    Secret {
        /// The name of the secret.
        name: String,
        /// The cause.
        problem: String,
    },
}

/// A running stack. It stops when this value is dropped.
#[derive(Debug)]
pub struct Stack {
    api: SocketAddr,
    aws: SocketAddr,
    aws_asked: aws::Asked,
    secret_names: SecretNames,
    emulator: dataverse_emulator::Running,
    stop: watch::Sender<bool>,
    journal: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

/// Every tool of every function.
pub fn tools() -> Vec<Definition> {
    tools::definitions()
}

/// The service that answers the calls of every tool.
///
/// # Errors
///
/// Two tools have the same name.
pub fn service(home: Tools) -> Result<Service, RouteError> {
    let home = home.with_confirmable(tools::confirmable(Routes::default()));
    Ok(Service::of(Function::new(home, tools::operations(Routes::default()))?))
}

/// Every operation of every function, except those of the Model Context Protocol.
pub fn declarations() -> Vec<Declaration> {
    catalog::declarations()
}

/// Starts everything on the current Tokio runtime. Returns as soon as it listens.
pub async fn start(options: Options) -> Result<Stack, StartError> {
    let host = options.host.as_str();
    let emulator = Emulator::start(dataverse_emulator::Options {
        host: host.to_owned(),
        port: options.emulator_port,
        tls_port: options.emulator_tls_port,
        certificate_authority_file: options.emulator_ca,
        latency: options.latency,
    })
    .await?;
    let (api_listener, api) = bind(host, options.port).await?;
    let (aws_listener, aws) = bind(host, options.aws_port).await?;
    let (stop, stopped) = watch::channel(false);
    let hosts = Hosts::listening(host);
    let aws_asked = aws::Asked::default();
    let aws_task =
        tokio::spawn(aws::serve(aws_listener, hosts.clone(), aws_asked.clone(), stopped.clone()));

    let aws_url = format!("http://{aws}");
    let secret_names = options.secret_names;
    let secrets = Secrets::at_endpoint(&aws_url).with_names(secret_names.clone());
    if !options.is_empty {
        store_secrets(&secrets, &emulator.url()).await?;
    }
    let http = HttpClients::new(Idle::MANY_CALLERS)
        .map_err(|error| StartError::Client(error.to_string()))?;
    let instances = std::iter::once(emulator.url()).chain(options.other_instances);
    let environment = Environment {
        local: instances.filter_map(|instance| Url::parse(&instance).ok()).collect(),
    };
    let http_for_mail = http.clone();
    let connections = Connections::new(http, secrets.clone(), environment);
    let state = State::at_endpoint(&aws_url, STATE_TABLE);
    state.create_table().await?;
    if !options.is_empty {
        health::register(&state, &emulator.url()).await?;
        add_sample_key(&state).await?;
    }
    // As in AWS, each function reaches the part of the table that is its own.
    let state_of = |role| State::at_endpoint_as(role, &aws_url, STATE_TABLE);
    let keys = Arc::new(KeyStore::new(secrets.clone(), Some(state_of(Role::Authorizer))));
    // As in AWS, it shares neither secrets nor tokens with the other functions.
    let checker = health::checker(connections.short_lived(), state_of(Role::Health));
    if options.check_at_start {
        let checker = checker.clone();
        // The findings are in the log lines of the check.
        tokio::spawn(async move { health::run(&checker).await.map(drop) });
    }
    let tools_state = state_of(Role::Tools);
    let mailer = mailer(&aws_url, &http_for_mail)?;
    let verification = Verification::new(secrets.clone(), Some(mailer));
    let journal = Journal::new(tools_state.clone(), Some(verification.seals.clone()));
    // The task ends with the process. Then its table is gone, too.
    let journal_task = tokio::spawn(Arc::clone(&journal).run());
    let home = Tools::new(connections.clone())
        .with_state(Some(tools_state))
        .with_verification(verification)
        .with_journal(Some(journal.clone()));
    let tools = service(home)?.with_keys(keys.clone()).with_journal(journal.clone());
    let catalog = Function::new(Catalog::new(), catalog::operations(Routes::default()))?;
    let administration =
        Administration::new(connections, state_of(Role::Connection), tools::definitions());
    let connections = Function::new(administration, connection::operations(Routes::default()))?;
    let functions = api::Functions {
        catalog: Edge::of(catalog).with_keys(keys.clone()),
        connections: Edge::of(connections).with_keys(keys).with_journal(journal),
        mcp: Mcp::new(tools.clone())
            .map_err(|error| StartError::Tools(error.to_string()))?
            .with_allowed_origins(options.allowed_origins),
        tools,
        address: format!("http://{api}"),
    };
    let api_task = tokio::spawn(api::serve(api_listener, functions, checker, hosts, stopped));
    let tasks = vec![aws_task, api_task];
    Ok(Stack { api, aws, aws_asked, secret_names, emulator, stop, journal: journal_task, tasks })
}

/// Sends mails to the stand-in for AWS, which prints them.
fn mailer(aws_url: &str, http: &HttpClients) -> Result<Mailer, StartError> {
    let from = Sender::parse("Local stack <no-reply@local.example>");
    let from = from.map_err(|error| StartError::Client(error.to_string()))?;
    Ok(Mailer::new(&auth::stand_in(aws_url, "local"), http.clone(), from).at_endpoint(aws_url))
}

/// Listens, and returns the address at which this machine itself can reach the listener.
async fn bind(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { host: host.to_owned(), port, source };
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    let mut address = listener.local_addr().map_err(failed)?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok((listener, address))
}

/// A key that was made over the API, for the examples to change and revoke. Nobody knows it.
async fn add_sample_key(state: &State) -> Result<(), StartError> {
    let now = Timestamp::now();
    let key = MadeKey {
        id: connection::SAMPLE_KEY,
        client: "sample client".to_owned(),
        connections: vec!["default".to_owned()],
        scopes: vec!["read".to_owned(), "write".to_owned()],
        serves: Some("visitors".to_owned()),
        tools: None,
        template: Some("customer-service".to_owned()),
        vouches: false,
        conversation: None,
        confirm: None,
        message_is_enough: false,
        made_at: now,
        made_by: "local development".to_owned(),
        changed_at: now,
    };
    let hash = Uuid::new_v4().as_u128().to_be_bytes();
    let mut digits = [0; 32];
    digits[..16].copy_from_slice(&hash);
    state.add_key(&KeyHash::new(&digits), &key).await?;
    Ok(())
}

/// The credentials of the connection `default`, and the API key.
async fn store_secrets(secrets: &Secrets, emulator_url: &str) -> Result<(), StartError> {
    let credentials = json!({
        "tenant_id": dataverse_emulator::TENANT_ID,
        "client_id": dataverse_emulator::CLIENT_ID,
        "client_secret": dataverse_emulator::CLIENT_SECRET,
        "instance_url": emulator_url,
        "label": LABEL,
    });
    let key = |client: &str, key: &str, scopes: &[&str], serves: &str| {
        json!({
            "client": client, "sha256": sha256_hex(key), "connections": ["*"], "scopes": scopes,
            "for": serves, "vouches": serves == "visitors",
        })
    };
    let keys = json!({"keys": [
        key("local development", API_KEY, &["read", "write", "admin"], "staff"),
        key("local bot", VISITOR_KEY, &["read", "write"], "visitors"),
        key("local administrator", ADMIN_KEY, &["admin"], "staff"),
    ]});
    for (name, value) in [
        (secrets.names().connection(&ConnectionId::fallback()), credentials),
        (secrets.names().api_keys(), keys),
        // As in AWS, it is random. Nothing outlives the stack.
        (secrets.names().sealing_key(), json!(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()))),
    ] {
        secrets
            .store(&name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .await
            .map_err(|error| StartError::Secret { name, problem: error.to_string() })?;
    }
    Ok(())
}

impl Stack {
    /// The address of the tools.
    pub fn url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The address of the stand-in for AWS.
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws)
    }

    /// How often each operation of Secrets Manager and DynamoDB was called.
    pub fn aws_requests(&self) -> BTreeMap<String, usize> {
        self.aws_asked.counts()
    }

    /// The emulator.
    pub fn emulator(&self) -> &dataverse_emulator::Running {
        &self.emulator
    }

    /// The secrets, for reading and changing.
    pub fn secrets(&self) -> Secrets {
        Secrets::at_endpoint(&self.aws_url()).with_names(self.secret_names.clone())
    }

    /// The mails that were sent, each as SES gets it.
    pub fn mails(&self) -> Vec<Value> {
        self.aws_asked.mails()
    }

    /// Stops listening.
    pub async fn stop(self) {
        self.journal.abort();
        self.stop.send_replace(true);
        for task in self.tasks {
            // The task ends by itself, or it has panicked. A panic writes its own log line.
            let _ = task.await;
        }
        self.emulator.stop().await;
    }
}
