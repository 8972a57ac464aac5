//! Finds the service for a path.

use crate::control::strike::Service;
use crate::identity::entra::Version;

/// The services that share one port.
pub(super) enum Target<'a> {
    /// The Web API, with the path below its root.
    WebApi(&'a str),
    /// The token endpoint, with the tenant.
    Token(Version, &'a str),
    /// OpenID discovery, with the tenant.
    Discovery(&'a str),
    /// Graph, with the path below `/v1.0/`.
    Graph(&'a str),
    /// None of these services.
    Unknown,
}

/// The part of a path below the root of the Web API. The versions 9.0 to 9.2 are treated the same.
pub(super) fn below_web_api(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/api/data/v9.")?;
    let rest = rest.strip_prefix(['0', '1', '2'])?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

impl Target<'_> {
    /// The service for a path.
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

    /// The short form of the path, which faults may also use: below the root of the API, or without
    /// the tenant.
    pub(super) fn short_path(&self) -> String {
        match self {
            Target::WebApi(below) | Target::Graph(below) => format!("/{below}"),
            Target::Token(Version::Two, _) => "/oauth2/v2.0/token".to_owned(),
            Target::Token(Version::One, _) => "/oauth2/token".to_owned(),
            Target::Discovery(_) => "/v2.0/.well-known/openid-configuration".to_owned(),
            Target::Unknown => String::new(),
        }
    }

    /// The name of the service in the list of requests.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Target::WebApi(_) => "dataverse",
            Target::Token(..) | Target::Discovery(_) => "entra",
            Target::Graph(_) => "graph",
            Target::Unknown => "unknown",
        }
    }

    /// The service whose form of refusal a fault uses.
    pub(super) fn service(&self) -> Service {
        match self {
            Target::Token(..) | Target::Discovery(_) => Service::Entra,
            Target::WebApi(_) | Target::Graph(_) | Target::Unknown => Service::WebApi,
        }
    }
}
