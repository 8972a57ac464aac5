//! The listeners: HTTP, and TLS with a self-made certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode, uri::Scheme};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming as IncomingBody;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::hosts::Hosts;
use super::incoming::{Dropped, Incoming};
use super::serve;
use crate::control::Shared;

/// The largest body. It fits the largest attachment that an organization can allow, in Base64.
const MAX_BODY: usize = 192 * 1024 * 1024;

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// The data that a listener needs.
#[derive(Debug)]
pub struct Listened {
    /// The state that requests share.
    pub shared: Arc<Shared>,
    /// The host names under which the listener answers.
    pub hosts: Hosts,
}

/// Accepts connections until told to stop.
pub async fn listen(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    listened: Arc<Listened>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // For example, there are no file handles left: wait until connections close.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // Otherwise small answers would wait until the headers before them are acknowledged.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let (listened, tls, mut stop) = (Arc::clone(&listened), tls.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection(stream, peer, tls, listened) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    listened: Arc<Listened>,
) {
    match tls {
        None => serve(stream, Scheme::HTTP, listened).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(stream, Scheme::HTTPS, listened).await,
            Err(error) => tracing::debug!(%peer, %error, "no TLS session"),
        },
    }
}

async fn serve<S>(stream: S, scheme: Scheme, listened: Arc<Listened>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let service =
        service_fn(move |request| answer(Arc::clone(&listened), request, scheme.clone(), number));
    // A fault that drops the connection arrives here as an error. It makes hyper close the
    // connection without an answer, as intended.
    if let Err(error) = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(number, error, "connection closed");
    }
}

async fn answer(
    listened: Arc<Listened>,
    request: Request<IncomingBody>,
    scheme: Scheme,
    connection: u64,
) -> Result<Response, Dropped> {
    let (head, body) = request.into_parts();
    let host = match listened.hosts.admit(&head.uri, &head.headers) {
        Ok(host) => host,
        Err(error) => return Ok((error.status(), error.to_string()).into_response()),
    };
    let base = format!("{scheme}://{host}");
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        }
        Err(_) => return Ok(StatusCode::BAD_REQUEST.into_response()),
    };
    let request = Incoming { head, body, base, connection };
    serve::answer(Arc::clone(&listened.shared), request).await
}
