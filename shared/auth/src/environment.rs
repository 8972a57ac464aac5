//! The addresses that the bundle may talk to.

use std::sync::Arc;

use dataverse::{Cloud, Hosts, InstanceUrl, InstanceUrlError};
use url::Url;

/// The addresses that the bundle may talk to.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The addresses of local emulators, which are allowed besides Microsoft's own. An emulator is
    /// an instance, and also Entra ID and Microsoft Graph for it. Empty in production.
    pub local: Arc<[Url]>,
}

/// A service of the cloud that an instance is in. `origin` is its address, such as
/// `https://login.microsoftonline.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) origin: String,
    /// Whether a local emulator stands in for it.
    pub(crate) is_emulated: bool,
}

impl Environment {
    /// Microsoft's addresses and one local emulator.
    pub fn local(url: Url) -> Environment {
        Environment { local: [url].into() }
    }

    /// Reads `DATAVERSE_LOCAL_URL`: one address, or several separated by commas. A text that is not
    /// an address is logged and ignored.
    pub fn from_variables() -> Environment {
        let text = std::env::var("DATAVERSE_LOCAL_URL").unwrap_or_default();
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        let parsed = addresses.map(Url::parse).filter_map(|address| {
            address
                .inspect_err(|error| tracing::error!(%error, "DATAVERSE_LOCAL_URL is no address"))
                .ok()
        });
        Environment { local: parsed.collect() }
    }

    /// Reads the address of an instance: one of Microsoft's, or a local emulator.
    pub(crate) fn instance(&self, text: &str) -> Result<InstanceUrl, InstanceUrlError> {
        let text = text.trim();
        let address = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("https://{text}")),
        };
        let local = || self.local.iter();
        let emulator = address.ok().and_then(|address| {
            let origin = address.origin();
            local()
                .find(|local| local.origin() == origin)
                .or_else(|| local().find(|local| reaches(&address, local)))
        });
        match emulator {
            Some(local) => InstanceUrl::parse_or_local(local.as_str(), local),
            None => InstanceUrl::parse(text),
        }
    }
}

impl Service {
    /// Entra ID, which issues tokens for the instance.
    pub(crate) fn entra(instance: &InstanceUrl) -> Service {
        Service::of(instance, |hosts| hosts.entra)
    }

    /// Microsoft Graph, which knows the applications of the instance's tenant.
    pub(crate) fn graph(instance: &InstanceUrl) -> Service {
        Service::of(instance, |hosts| hosts.graph)
    }

    /// The service with this host in the instance's cloud. An emulator is its own Entra ID and
    /// Graph.
    fn of(instance: &InstanceUrl, host: impl Fn(&Hosts) -> &'static str) -> Service {
        match instance.cloud().map(Cloud::hosts) {
            Some(hosts) => {
                Service { origin: format!("https://{}", host(&hosts)), is_emulated: false }
            }
            None => Service { origin: instance.as_str().to_owned(), is_emulated: true },
        }
    }
}

/// Whether the address leads to this emulator by another host name. A function in a container
/// reaches the emulator by another name than programs on the machine itself do. So a loopback
/// address with the emulator's port means the emulator.
fn reaches(address: &Url, local: &Url) -> bool {
    let is_loopback = matches!(address.host_str(), Some("127.0.0.1" | "localhost"));
    is_loopback && address.scheme() == local.scheme() && address.port() == local.port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulator_has_another_name_in_a_container() {
        let local = Url::parse("http://host.docker.internal:3001").unwrap();
        let environment = Environment::local(local);
        let instance = |url: &str| environment.instance(url).map(|it| it.to_string());
        assert_eq!(instance("http://127.0.0.1:3001").unwrap(), "http://host.docker.internal:3001");
        assert!(instance("http://127.0.0.1:3002").is_err());
        assert!(instance("http://192.168.0.1:3001").is_err());
    }

    #[test]
    fn services_are_those_of_the_instances_cloud() {
        let local = Environment::local(Url::parse("http://127.0.0.1:3001").unwrap());
        for (text, entra, graph) in [
            (
                "contoso.crm9.dynamics.com",
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com",
            ),
            (
                "contoso.crm.appsplatform.us",
                "https://login.microsoftonline.us",
                "https://dod-graph.microsoft.us",
            ),
            ("http://127.0.0.1:3001", "http://127.0.0.1:3001", "http://127.0.0.1:3001"),
        ] {
            let instance = local.instance(text).unwrap();
            let services = (Service::entra(&instance), Service::graph(&instance));
            assert_eq!(services.0.origin, entra);
            assert_eq!(services.1.origin, graph);
            assert_eq!(services.0.is_emulated, text.starts_with("http://"));
        }
    }
}
