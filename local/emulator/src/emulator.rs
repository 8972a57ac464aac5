//! Starts and stops the emulator.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::control::Shared;
use crate::http::hosts::Hosts;
use crate::http::server::{self, Listened};
use crate::identity::Instance;
use crate::identity::certificate::{self, CertificateError};

/// Settings for the start of the emulator.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name or address to listen on.
    pub host: String,
    /// The port for HTTP; 0 takes a free one.
    pub port: u16,
    /// The port for TLS. 0 takes a free one. `None` means no TLS.
    pub tls_port: Option<u16>,
    /// The file for the certificate that clients of the TLS port must trust.
    pub certificate_authority_file: Option<PathBuf>,
    /// The delay of every answer.
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
    /// The emulator cannot listen, for example because the port is in use.
    #[error("cannot listen on {host}:{port}: {source}")]
    Listen {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
    /// There is no certificate for TLS.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate of the authority could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The emulator.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Starts the emulator on the current Tokio runtime. Returns as soon as it listens.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let (listener, port) = bind(&options.host, options.port).await?;
        let tls = match options.tls_port {
            None => None,
            Some(port) => Some(bind(&options.host, port).await?),
        };
        let tls_port = tls.as_ref().map(|(_, port)| *port);
        let instance = Instance::listening(&options.host, port, tls_port);
        // Reading the sample needs the processor for a moment.
        let latency = options.latency;
        let made = tokio::task::spawn_blocking(move || Shared::new(instance, latency));
        let shared = match made.await {
            Ok(shared) => Arc::new(shared),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let listened = Arc::new(Listened { shared, hosts: Hosts::listening(&options.host) });

        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        if let Some((listener, _)) = tls {
            let (acceptor, authority) = certificate::acceptor(&options.host)?;
            if let Some(path) = &options.certificate_authority_file {
                write(path, &authority)?;
            }
            let serving =
                server::listen(listener, Some(acceptor), Arc::clone(&listened), stopped.clone());
            tasks.push(tokio::spawn(serving));
        }
        tasks.push(tokio::spawn(server::listen(listener, None, listened, stopped)));
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

/// A running emulator. It stops when this value is dropped.
#[derive(Debug)]
pub struct Running {
    host: String,
    port: u16,
    tls_port: Option<u16>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// The base URL without a trailing slash. It is the instance URL, and the address of Entra ID
    /// and Graph.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.reachable_host(), self.port)
    }

    /// The base URL for TLS. Its name is `localhost`, because the certificate is made for it.
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
            // The task ends by itself, or it has panicked. A panic writes its own log line.
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
