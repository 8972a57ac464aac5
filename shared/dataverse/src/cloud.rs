//! Microsoft's clouds, and their hosts.
//!
//! Source: Microsoft's pages "Dynamics 365 US Government", "Dynamics 365 operated by 21Vianet",
//! "National cloud authentication" and "National cloud deployments" of Microsoft Graph.

/// One of Microsoft's clouds. Each has its own Dataverse, Entra ID and Microsoft Graph, or shares
/// them with the public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// The public cloud.
    Public,
    /// US Government: the environments of region 9, which share all hosts with the public cloud.
    Gcc,
    /// US Government, high.
    GccHigh,
    /// US Department of Defense.
    Dod,
    /// China, operated by 21Vianet.
    China,
}

/// The hosts of a cloud.
#[derive(Clone, Copy, Debug)]
pub struct Hosts {
    /// The domain below which its environments are: `name.crm4.DOMAIN` or `name.api.crm4.DOMAIN`.
    pub dataverse: &'static str,
    /// The region that is this cloud, if the domain has regions of another cloud, too.
    region: Option<&'static str>,
    /// The host of Entra ID.
    pub entra: &'static str,
    /// The host of Microsoft Graph.
    pub graph: &'static str,
}

impl Cloud {
    /// All clouds. One that has a region stands before the one whose domain it shares.
    pub const ALL: [Cloud; 5] =
        [Cloud::Gcc, Cloud::Public, Cloud::GccHigh, Cloud::Dod, Cloud::China];

    /// The hosts of this cloud.
    pub const fn hosts(self) -> Hosts {
        const PUBLIC: Hosts = Hosts {
            dataverse: "dynamics.com",
            region: None,
            entra: "login.microsoftonline.com",
            graph: "graph.microsoft.com",
        };
        match self {
            Cloud::Public => PUBLIC,
            Cloud::Gcc => Hosts { region: Some("crm9"), ..PUBLIC },
            Cloud::GccHigh => Hosts {
                dataverse: "microsoftdynamics.us",
                entra: "login.microsoftonline.us",
                graph: "graph.microsoft.us",
                ..PUBLIC
            },
            Cloud::Dod => Hosts {
                dataverse: "appsplatform.us",
                entra: "login.microsoftonline.us",
                graph: "dod-graph.microsoft.us",
                ..PUBLIC
            },
            Cloud::China => Hosts {
                dataverse: "dynamics.cn",
                entra: "login.partner.microsoftonline.cn",
                graph: "microsoftgraph.chinacloudapi.cn",
                ..PUBLIC
            },
        }
    }

    /// The cloud of the environment with this host; `None` if this is not the host of an
    /// environment. Environments are `name.crm4.dynamics.com` or `name.api.crm4.dynamics.com`, in
    /// each cloud with its own domain.
    pub(crate) fn of_environment(host: &str) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| cloud.has_environment(host))
    }

    fn has_environment(self, host: &str) -> bool {
        let Hosts { dataverse, region, .. } = self.hosts();
        let Some(rest) = host.strip_suffix(dataverse).and_then(|rest| rest.strip_suffix('.'))
        else {
            return false;
        };
        let mut labels = rest.split('.').rev();
        let label = labels.next().unwrap_or_default();
        let is_region = match region {
            Some(region) => label == region,
            None => label
                .strip_prefix("crm")
                .is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit())),
        };
        let names: Vec<_> = labels.collect();
        is_region && matches!(names.as_slice(), [name] | ["api", name] if is_name(name))
    }
}

/// Whether this may be the name of a host: letters, digits, and hyphens inside.
fn is_name(name: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !name.is_empty()
        && name.bytes().all(is_inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_in_the_cloud_of_its_domain_and_region() {
        for (host, cloud) in [
            ("contoso.crm.dynamics.com", Some(Cloud::Public)),
            ("contoso.crm4.dynamics.com", Some(Cloud::Public)),
            ("contoso.crm19.dynamics.com", Some(Cloud::Public)),
            ("contoso.crm9.dynamics.com", Some(Cloud::Gcc)),
            ("contoso.api.crm9.dynamics.com", Some(Cloud::Gcc)),
            ("contoso.crm.microsoftdynamics.us", Some(Cloud::GccHigh)),
            ("contoso.crm.appsplatform.us", Some(Cloud::Dod)),
            ("contoso.crm.dynamics.cn", Some(Cloud::China)),
            ("contoso.crm.dynamics.us", None),
            ("crm9.dynamics.com", None),
        ] {
            assert_eq!(Cloud::of_environment(host), cloud, "{host}");
        }
    }
}
