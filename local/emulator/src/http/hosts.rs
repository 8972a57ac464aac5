//! The host names under which the servers on this machine answer.
//!
//! A foreign web page can point its own name at this machine (DNS rebinding). Then the browser
//! takes a server on this machine for the page's own server, and gives the page its answers. But
//! the header `Host` still contains the page's name.

use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri, header};

/// The host names under which a server answers.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// The name or address that the server listens on.
    own: String,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The request names no host.
    #[error("the request names no host")]
    Missing,
    /// The request names a host that is not this machine.
    #[error(
        "the host that the request names is not known here: call localhost, 127.0.0.1 or another \
         address by its numbers, or start this with --host and the name"
    )]
    Foreign,
}

impl HostError {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            HostError::Missing => StatusCode::BAD_REQUEST,
            HostError::Foreign => StatusCode::FORBIDDEN,
        }
    }
}

impl Hosts {
    /// The host names of a server that listens on this name or address.
    pub fn listening(host: &str) -> Hosts {
        Hosts { own: plain(host) }
    }

    /// The host and port that a request names, if they may mean this machine.
    ///
    /// An address in numbers is always accepted, because a page at such an address has no name that
    /// could be pointed elsewhere. `localhost`, names below it, and `host.docker.internal` are
    /// accepted too, because nobody can own them.
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, HostError> {
        let named = uri
            .authority()
            .map(Authority::as_str)
            .or_else(|| headers.get(header::HOST)?.to_str().ok())
            .ok_or(HostError::Missing)?;
        let authority: Authority = named.parse().map_err(|_| HostError::Foreign)?;
        let host = plain(authority.host());
        let ours = is_number(&host)
            || host == "localhost"
            || host.ends_with(".localhost")
            || host == "host.docker.internal"
            || host == self.own;
        if ours { Ok(named.to_owned()) } else { Err(HostError::Foreign) }
    }
}

/// A name in lower case and without a dot at its end. Neither makes a difference.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn is_number(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn admitted(own: &str, host: &str) -> Result<String, HostError> {
        let host = HeaderValue::from_str(host).unwrap();
        let headers = HeaderMap::from_iter([(header::HOST, host)]);
        Hosts::listening(own).admit(&Uri::from_static("/"), &headers)
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "127.0.0.1:3000",
            "localhost",
            "LOCALHOST:3000",
            "localhost.:3000",
            "org-7.localhost:3001",
            "[::1]:3000",
            "172.17.0.1:3002",
            "host.docker.internal:3001",
            "devbox.lan:3000",
        ] {
            assert_eq!(admitted("devbox.lan", host).as_deref(), Ok(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "host.docker.internal.evil.example",
            "devbox.lan",
            "a b",
            "",
        ] {
            assert_eq!(admitted("0.0.0.0", host), Err(HostError::Foreign), "{host}");
        }
        let nothing = Hosts::listening("::").admit(&Uri::from_static("/"), &HeaderMap::new());
        assert_eq!(nothing, Err(HostError::Missing));
    }

    #[test]
    fn the_host_of_a_whole_address_counts() {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        let uri = Uri::from_static("http://evil.example/_emulator/");
        assert_eq!(Hosts::listening("::").admit(&uri, &headers), Err(HostError::Foreign));
    }
}
