//! The instance URLs of the emulated organization.

use url::Url;

/// The names of this machine. A client may use any of them.
const LOOPBACK_NAMES: [&str; 4] = ["127.0.0.1", "localhost", "[::1]", "host.docker.internal"];

/// The emulator's own instance URLs, without a trailing slash.
#[derive(Clone, Debug)]
pub struct Instance {
    origins: Vec<String>,
}

impl Instance {
    /// The URLs for the loopback names and for `host`, on both ports.
    pub fn listening(host: &str, port: u16, tls_port: Option<u16>) -> Self {
        let mut origins = Vec::new();
        for (scheme, port) in [("http", Some(port)), ("https", tls_port)] {
            let Some(port) = port else { continue };
            for name in LOOPBACK_NAMES.into_iter().chain([host]) {
                if let Ok(url) = Url::parse(&format!("{scheme}://{name}:{port}")) {
                    origins.push(url.origin().ascii_serialization());
                }
            }
        }
        Self { origins }
    }

    /// Whether the resource of a token is this organization.
    pub fn is_own(&self, resource: &str) -> bool {
        Url::parse(resource).is_ok_and(|url| {
            let bare = matches!(url.path(), "" | "/") && url.query().is_none();
            bare && self.origins.contains(&url.origin().ascii_serialization())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_addresses_are_the_organization() {
        let instance = Instance::listening("127.0.0.1", 3001, Some(3443));
        for own in ["http://127.0.0.1:3001", "http://localhost:3001/", "https://LOCALHOST:3443"] {
            assert!(instance.is_own(own), "{own}");
        }
        for other in [
            "https://127.0.0.1:3001",
            "http://127.0.0.1:3002",
            "https://contoso.crm4.dynamics.com",
            "http://127.0.0.1:3001/api",
            "nonsense",
        ] {
            assert!(!instance.is_own(other), "{other}");
        }
    }
}
