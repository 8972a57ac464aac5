//! Which service a path leads to.

use crate::control::strike::Service;
use crate::identity::entra::Version;

/// The services behind the one port.
pub(super) enum Target<'a> {
    /// The Web API; the path below its root.
    WebApi(&'a str),
    /// The token endpoint; the tenant.
    Token(Version, &'a str),
    /// OpenID discovery; the tenant.
    Discovery(&'a str),
    /// Graph; the path below `/v1.0/`.
    Graph(&'a str),
    /// None of them.
    Unknown,
}

/// What is below the Web API's root in a path; the minor versions 9.0 to 9.2 are one and the same.
pub(super) fn below_web_api(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/api/data/v9.")?;
    let rest = rest.strip_prefix(['0', '1', '2'])?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

impl Target<'_> {
    /// Where a path leads.
    pub(super) fn of(path: &str) -> Target<'_> {
        if let Some(below) = below_web_api(path) {
            return Target::WebApi(below);
        }
        if let Some(below) = path.strip_prefix("/v1.0/") {
            return Target::Graph(below);
        }
        let Some((tenant, rest)) = path.strip_prefix('/').and_then(|it| it.split_once('/')) else {
            return Target::Unknown;
        };
        match rest {
            "oauth2/v2.0/token" => Target::Token(Version::Two, tenant),
            "oauth2/token" => Target::Token(Version::One, tenant),
            "v2.0/.well-known/openid-configuration" => Target::Discovery(tenant),
            _ => Target::Unknown,
        }
    }

    /// The path as faults may name it, too: below the API's root, or without the tenant.
    pub(super) fn short_path(&self) -> String {
        match self {
            Target::WebApi(below) | Target::Graph(below) => format!("/{below}"),
            Target::Token(Version::Two, _) => "/oauth2/v2.0/token".to_owned(),
            Target::Token(Version::One, _) => "/oauth2/token".to_owned(),
            Target::Discovery(_) => "/v2.0/.well-known/openid-configuration".to_owned(),
            Target::Unknown => String::new(),
        }
    }

    /// The service's name in the list of requests.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Target::WebApi(_) => "dataverse",
            Target::Token(..) | Target::Discovery(_) => "entra",
            Target::Graph(_) => "graph",
            Target::Unknown => "unknown",
        }
    }

    /// Whose way of refusing a fault takes.
    pub(super) fn service(&self) -> Service {
        match self {
            Target::Token(..) | Target::Discovery(_) => Service::Entra,
            Target::WebApi(_) | Target::Graph(_) | Target::Unknown => Service::WebApi,
        }
    }
}
