//! Dataverse, Entra ID and a little of Microsoft Graph, in memory and strict.
//!
//! One port serves the three: the Web API under `/api/data/v9.2/`, the token endpoint under
//! `/{tenant}/oauth2/v2.0/token`, Graph under `/v1.0/`. The control calls are under `/_emulator/`.
//!
//! ```no_run
//! # async fn example() -> Result<(), emulator::StartError> {
//! let running = emulator::Emulator::start(emulator::Options::default()).await?;
//! let instance_url = running.url();
//! running.stop().await;
//! # Ok(())
//! # }
//! ```

mod actions;
pub mod api;
mod application;
mod apps;
mod authentication;
mod batch;
mod certificate;
mod clock;
mod control;
mod data;
mod dataverse;
mod entity_definitions;
mod entra;
mod faults;
mod graph;
mod habits;
mod hosts;
mod instance;
mod log;
mod metadata_document;
mod odata;
mod organization;
mod preferences;
mod privileges;
mod read;
mod render;
mod sample;
mod seed;
mod server;
mod shell;
mod store;
mod throttle;
mod write;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::{Uuid, uuid};

pub use certificate::CertificateError;
pub use hosts::{HostError, Hosts};

use instance::Instance;
use shell::Shell;

/// The one tenant.
pub const TENANT_ID: &str = "11111111-1111-1111-1111-111111111111";
/// The tenant's domain, which the token endpoint takes for its id.
pub const TENANT_DOMAIN: &str = "contosodemo.onmicrosoft.com";
/// The one app registration's client id.
pub const CLIENT_ID: &str = "22222222-2222-2222-2222-222222222222";
/// Its client secret.
pub const CLIENT_SECRET: &str = "emulator-secret";
/// Its client secret after `PUT /_emulator/client-secret {"state":"rotated"}`.
pub const ROTATED_CLIENT_SECRET: &str = "rotated-emulator-secret";
/// The object id of the app registration in Graph.
pub const APPLICATION_REGISTRATION_ID: &str = "44444444-4444-4444-4444-444444444444";
/// The object id of its service principal: the `oid` of tokens, and the application user's
/// `azureactivedirectoryobjectid`.
pub const APPLICATION_OBJECT_ID: &str = "33333333-3333-3333-3333-333333333333";
/// The `systemuserid` of the application user in the sample data.
pub const APPLICATION_USER_ID: Uuid = uuid!("13e151d3-145a-5574-8ada-338f91277337");

/// How to start the emulator.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name or address to listen on.
    pub host: String,
    /// The port for HTTP; 0 takes a free one.
    pub port: u16,
    /// The port for TLS; 0 takes a free one, without it there is no TLS.
    pub tls_port: Option<u16>,
    /// Where to write the certificate that clients of the TLS port must trust.
    pub certificate_authority_file: Option<PathBuf>,
    /// How long every answer is held back.
    pub latency: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            tls_port: None,
            certificate_authority_file: None,
            latency: Duration::ZERO,
        }
    }
}

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, for one.
    #[error("cannot listen on {host}:{port}: {source}")]
    Listen {
        /// Where.
        host: String,
        /// Where.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// There is no certificate for TLS.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The authority's certificate could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The emulator.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Starts it on the current Tokio runtime and returns once it listens.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let (listener, port) = bind(&options.host, options.port).await?;
        let tls = match options.tls_port {
            None => None,
            Some(port) => Some(bind(&options.host, port).await?),
        };
        let tls_port = tls.as_ref().map(|(_, port)| *port);
        let instance = Instance::listening(&options.host, port, tls_port);
        // Reading the sample data takes a moment of a processor.
        let (latency, hosts) = (options.latency, Hosts::listening(&options.host));
        let made = tokio::task::spawn_blocking(move || Shell::new(instance, hosts, latency));
        let shell = match made.await {
            Ok(shell) => Arc::new(shell),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };

        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        if let Some((listener, _)) = tls {
            let (acceptor, authority) = certificate::acceptor(&options.host)?;
            if let Some(path) = &options.certificate_authority_file {
                write(path, &authority)?;
            }
            let serving = server::listen(listener, Some(acceptor), shell.clone(), stopped.clone());
            tasks.push(tokio::spawn(serving));
        }
        tasks.push(tokio::spawn(server::listen(listener, None, shell, stopped)));
        Ok(Running { host: options.host, port, tls_port, stop, tasks })
    }
}

async fn bind(host: &str, port: u16) -> Result<(TcpListener, u16), StartError> {
    let failed = |source| StartError::Listen { host: host.to_owned(), port, source };
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

fn write(path: &Path, text: &str) -> Result<(), StartError> {
    std::fs::write(path, text).map_err(|source| StartError::Write { path: path.to_owned(), source })
}

/// A running emulator; it stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    host: String,
    port: u16,
    tls_port: Option<u16>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Its base URL without a trailing slash: the instance URL, and where Entra ID and Graph are.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.reachable_host(), self.port)
    }

    /// The same over TLS, by the name `localhost` that its certificate is made for.
    pub fn tls_url(&self) -> Option<String> {
        self.tls_port.map(|port| format!("https://localhost:{port}"))
    }

    /// The port for HTTP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port for TLS.
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// Stops listening and closes all connections.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            // It ends by itself or has panicked, which its own log line has said.
            let _ = task.await;
        }
    }

    fn reachable_host(&self) -> &str {
        match self.host.as_str() {
            "0.0.0.0" | "::" | "[::]" => "127.0.0.1",
            host => host,
        }
    }
}
