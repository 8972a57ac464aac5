//! HTTP clients, and a limit on the sockets that they keep open.
//!
//! The HTTP client's own pool has a limit for each host, but none for all of them together, and a
//! process has only some hundreds of descriptors. So each host has a client of its own, and only
//! the clients that were used last are kept: a client that is dropped closes its idle sockets. All
//! clients share the configuration of TLS with the system's root certificates, which is slow to
//! make.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lru::LruCache;
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// How many sockets are kept open while nobody uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// To how many hosts. Those that were used last are kept.
    pub hosts: NonZeroUsize,
    /// How many to one host.
    pub per_host: usize,
    /// For how long.
    pub time: Duration,
}

impl Idle {
    /// For a process that answers one call at a time, as in Lambda: at most 128 sockets, of the
    /// 1,024 descriptors that a function has.
    pub const ONE_CALLER: Idle = Idle { hosts: HOSTS, per_host: 2, time: Duration::from_secs(60) };

    /// For a process with many callers at once, each of whom finds a socket.
    pub const MANY_CALLERS: Idle = Idle { per_host: usize::MAX, ..Idle::ONE_CALLER };

    /// For one visit to each of many hosts.
    pub const PASSING_BY: Idle = Idle { time: Duration::from_secs(5), ..Idle::ONE_CALLER };
}

const HOSTS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientsError {
    /// TLS could not be configured, because there is no root certificate.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The client could not be made.
    #[error("there is no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// HTTP clients, one for each host. Cheap to clone.
#[derive(Clone)]
pub struct HttpClients {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    /// A client for each host, made when it is needed.
    OfHosts(Arc<OfHosts>),
    /// A client that somebody else made, for all hosts.
    Given(reqwest::Client),
}

struct OfHosts {
    idle: Idle,
    tls: ClientConfig,
    /// Made at the start, to see whether clients can be made. A host shares it if its own client
    /// cannot be made.
    first: reqwest::Client,
    clients: Mutex<LruCache<String, reqwest::Client>>,
}

impl fmt::Debug for HttpClients {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpClients").finish_non_exhaustive()
    }
}

/// One client for all hosts. It keeps its own limits.
impl From<reqwest::Client> for HttpClients {
    fn from(client: reqwest::Client) -> HttpClients {
        HttpClients { inner: Inner::Given(client) }
    }
}

impl HttpClients {
    /// Clients that keep this much open.
    pub fn new(idle: Idle) -> Result<HttpClients, HttpClientsError> {
        let tls = tls()?;
        let first = client(&tls, idle)?;
        Ok(HttpClients::of_hosts(idle, tls, first))
    }

    fn of_hosts(idle: Idle, tls: ClientConfig, first: reqwest::Client) -> HttpClients {
        let clients = Mutex::new(LruCache::new(idle.hosts));
        HttpClients { inner: Inner::OfHosts(Arc::new(OfHosts { idle, tls, first, clients })) }
    }

    /// The same clients with their own sockets, for one visit to each of many hosts
    /// ([`Idle::PASSING_BY`]).
    #[must_use]
    pub fn short_lived(&self) -> HttpClients {
        match &self.inner {
            Inner::OfHosts(of_hosts) => {
                let OfHosts { tls, first, .. } = &**of_hosts;
                HttpClients::of_hosts(Idle::PASSING_BY, tls.clone(), first.clone())
            }
            Inner::Given(_) => self.clone(),
        }
    }

    /// The client for a host, which is named by its origin (`https://org.crm4.dynamics.com`). Use
    /// it at once and do not keep it, because it keeps its sockets open.
    pub fn of(&self, origin: &str) -> reqwest::Client {
        match &self.inner {
            Inner::Given(client) => client.clone(),
            Inner::OfHosts(of_hosts) => {
                let OfHosts { idle, tls, first, clients } = &**of_hosts;
                let mut clients = clients.lock();
                let one = clients.get_or_insert_ref(origin, || {
                    client(tls, *idle).unwrap_or_else(|error| {
                        tracing::error!(%error, "a host shares the first HTTP client");
                        first.clone()
                    })
                });
                one.clone()
            }
        }
    }

    /// Whether a request failed because this process has no descriptor left. If so, this closes all
    /// idle sockets, so that the next try finds a descriptor.
    pub fn made_room_after(&self, error: &reqwest::Error) -> bool {
        let is_so = lacks_descriptors(error);
        if is_so {
            tracing::error!("no descriptor was left: all idle sockets are closed");
            if let Inner::OfHosts(of_hosts) = &self.inner {
                of_hosts.clients.lock().clear();
            }
        }
        is_so
    }
}

/// TLS with the system's root certificates, and HTTP/2 if the other side has it.
///
/// # Errors
///
/// The root certificates of the system cannot be used.
pub fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

fn client(tls: &ClientConfig, idle: Idle) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("dynamics365-tools/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls.clone())
        .connect_timeout(Duration::from_secs(4))
        .pool_idle_timeout(idle.time)
        .pool_max_idle_per_host(idle.per_host)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// Whether an error, or one of its sources, says that this process (or this machine) has no
/// descriptor left. The resolver of names may only say that a name cannot be resolved; then this
/// tries whether a socket can be opened.
pub fn lacks_descriptors(error: &(dyn StdError + 'static)) -> bool {
    let mut is_of_name = false;
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(is_lack) {
            return true;
        }
        let text = error.to_string();
        if text.contains("Too many open files") {
            return true;
        }
        is_of_name |= text.contains("dns error") || text.contains("lookup address");
        next = error.source();
    }
    is_of_name && UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_err_and(|error| is_lack(&error))
}

/// Whether it is EMFILE or ENFILE, which have the same numbers on Linux, macOS and the BSDs, or
/// Windows' own error for that.
fn is_lack(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24 | 10_024))
}

/// Why an answer's body was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The body is longer than it may be.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke, or the compression is wrong.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// Reads the body of an answer, up to `limit` bytes. They are counted after decompression, so that
/// a small answer cannot become a large one.
pub async fn read_up_to(mut response: reqwest::Response, limit: usize) -> Result<Bytes, ReadError> {
    // Most answers come in one piece, which is the body as it is.
    let first = response.chunk().await?.unwrap_or_default();
    let mut body = BytesMut::new();
    let mut length = first.len();
    while let Some(chunk) = response.chunk().await? {
        if body.is_empty() {
            body.reserve(4 * first.len());
            body.extend_from_slice(&first);
        }
        length += chunk.len();
        if length > limit {
            return Err(ReadError::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    if length > limit {
        return Err(ReadError::TooLong(limit));
    }
    Ok(if body.is_empty() { first } else { body.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_is_seen_behind_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("error sending request")]
        struct Outer(#[source] io::Error);
        for number in [23, 24] {
            assert!(lacks_descriptors(&Outer(io::Error::from_raw_os_error(number))));
        }
        let hidden = io::Error::other("dns error: Too many open files");
        assert!(lacks_descriptors(&Outer(hidden)));
        assert!(!lacks_descriptors(&Outer(io::Error::other(
            "failed to lookup address information"
        ))));
        assert!(!lacks_descriptors(&Outer(io::Error::from_raw_os_error(111))));
    }
}
