//! Whether tokens of Entra ID may come from any directory.
//!
//! Source: Microsoft's pages "OpenID Connect on the Microsoft identity platform" (the tenants
//! `common`, `organizations` and `consumers`), "National clouds" (hosts), and "Migrate away from
//! using email claims for user identification or authorization" (why the email of such a token says
//! nothing).

use url::{Host, Url};
use uuid::{Uuid, uuid};

/// The hosts of Entra ID in all clouds, the older ones too.
const HOSTS: [&str; 9] = [
    "login.chinacloudapi.cn",
    "login.microsoft.com",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login-us.microsoftonline.com",
    "login.windows.net",
    "sts.chinacloudapi.cn",
    "sts.windows.net",
];

/// The directory that personal accounts of all people are in: the tenant `consumers` by its id.
const CONSUMERS: Uuid = uuid!("9188040d-6c67-4c5b-b112-36a304b66dad");

/// Whether the address is one of Entra ID that stands for more than one organization's directory:
/// its tenant is not the id or a domain of one, but `common`, `organizations`, `consumers`, or a
/// placeholder such as `{tenantid}`.
///
/// Anybody can be the administrator of some directory, and write any email address into it.
pub(crate) fn is_of_many_tenants(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let Some(Host::Domain(host)) = url.host() else { return false };
    let host = host.trim_end_matches('.');
    let is_entra = HOSTS.iter().any(|entra| {
        host.strip_suffix(entra).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    let tenant = url.path().split('/').find(|segment| !segment.is_empty()).unwrap_or_default();
    is_entra && !is_of_one_organization(tenant)
}

fn is_of_one_organization(tenant: &str) -> bool {
    let is_domain = tenant.contains('.')
        && tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    Uuid::parse_str(tenant).map_or(is_domain, |id| id != CONSUMERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_tenants() {
        for address in [
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/common/discovery/v2.0/keys",
            "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
            "https://login.microsoftonline.com/consumers/v2.0",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            "https://LOGIN.microsoftonline.com/Common/v2.0",
            "https://login.microsoftonline.com./common/v2.0",
            "https://login.microsoftonline.com//common/v2.0",
            "https://login.microsoftonline.com/%63ommon/v2.0",
            "https://login.microsoftonline.com/x/../common/v2.0",
            "https://login.microsoftonline.com:443/common/v2.0",
            "https://weu.login.microsoft.com/common/v2.0",
            "https://login.microsoftonline.com",
            "https://login.microsoft.com/common/discovery/keys",
            "https://sts.windows.net/{tenantid}/",
            "https://sts.windows.net/common/",
            "https://login.windows.net/common/discovery/keys",
            "https://login.microsoftonline.us/organizations/v2.0",
            "https://login.partner.microsoftonline.cn/common/v2.0",
        ] {
            assert!(is_of_many_tenants(address), "{address}");
        }
    }

    #[test]
    fn of_one_or_of_somebody_else() {
        for address in [
            "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0",
            "https://login.microsoftonline.com/contoso.onmicrosoft.com/discovery/v2.0/keys",
            "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
            "https://evillogin.microsoftonline.com/common/v2.0",
            "https://contoso.ciamlogin.com/11111111-1111-1111-1111-111111111111/v2.0",
            "https://chat.example/common",
            "chat",
            "",
        ] {
            assert!(!is_of_many_tenants(address), "{address}");
        }
    }
}
