//! What keeps a request away from Dataverse: the environment is closed, or something else answers
//! in its place. Waiting does not help.

use std::error::Error as StdError;
use std::io;

use http::StatusCode;

use crate::Code;

/// What is in the way. Somebody has to remove it; the same request fails until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The environment's IP firewall does not let our address in.
    AddressBlocked,
    /// The environment is disabled, or in administration mode.
    EnvironmentDisabled,
    /// There is no Dataverse at that address: the answer is a 404, but not an error of the Web API.
    NothingThere,
    /// The address leads to another one, such as a login or parking page. The Web API never does.
    Redirect,
    /// A proxy on the way refuses.
    Proxy,
    /// The other side shows a certificate that is not trusted.
    Certificate,
}

/// The words of the IP firewall, in lower case. Source: Microsoft's page "IP firewall in Power
/// Platform environments".
const BLOCKED: &str = "access to your ip is blocked";

impl Obstacle {
    /// The obstacle that a status tells of, whichever service answered.
    pub fn of_status(status: StatusCode) -> Option<Obstacle> {
        match status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(Obstacle::Proxy),
            // 304 answers a condition, and leads nowhere.
            StatusCode::NOT_MODIFIED => None,
            status if status.is_redirection() => Some(Obstacle::Redirect),
            _ => None,
        }
    }

    /// The obstacle that an error answer tells of. `error` is its code and message, if it has them.
    pub(crate) fn of_answer(
        status: StatusCode,
        error: Option<(&str, &str)>,
        body: &[u8],
    ) -> Option<Obstacle> {
        if let Some(obstacle) = Obstacle::of_status(status) {
            return Some(obstacle);
        }
        let (code, message) = error.unwrap_or_default();
        match code.parse() {
            Ok(Code::AddressBlocked) => return Some(Obstacle::AddressBlocked),
            Ok(Code::OrganizationDisabled) => return Some(Obstacle::EnvironmentDisabled),
            _ => {}
        }
        match status {
            StatusCode::FORBIDDEN => {
                // What stands in front of the Web API may answer in another form.
                let start = &body[..body.len().min(4096)];
                let page = error.is_none().then(|| String::from_utf8_lossy(start));
                let said = page.as_deref().unwrap_or(message).to_ascii_lowercase();
                said.contains(BLOCKED).then_some(Obstacle::AddressBlocked)
            }
            StatusCode::NOT_FOUND if error.is_none() => Some(Obstacle::NothingThere),
            _ => None,
        }
    }

    /// The obstacle that kept an answer from coming, whichever service was asked.
    pub fn of_transport(error: &reqwest::Error) -> Option<Obstacle> {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
                return Some(Obstacle::Certificate);
            }
            // The type of hyper-util's error is not public.
            let said = error.to_string();
            if said.starts_with("tunnel error") && REFUSALS.iter().any(|why| said.ends_with(why)) {
                return Some(Obstacle::Proxy);
            }
            // The source of an `io::Error` skips the error that it holds.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(held) => Some(held),
                None => error.source(),
            };
        }
        None
    }
}

/// The words of hyper-util where a proxy answered a CONNECT with 407, or with another refusal.
const REFUSALS: [&str; 2] = ["proxy authorization required", "unsuccessful"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_is_in_the_way() {
        use Obstacle::*;
        let firewall = "The request you are trying to make is rejected as access to your IP is \
                        blocked. Contact your administrator for more information.";
        let page = format!("<html>{firewall}</html>");
        for (status, error, body, expected) in [
            (302, None, "", Some(Redirect)),
            (308, None, "", Some(Redirect)),
            (304, None, "", None),
            (407, None, "", Some(Proxy)),
            (404, None, "<html></html>", Some(NothingThere)),
            (404, None, "", Some(NothingThere)),
            (404, Some(("0x80060888", "Resource not found for the segment 'x'.")), "{}", None),
            (403, Some(("0x80095ffe", firewall)), "{}", Some(AddressBlocked)),
            (403, Some(("0x80095FFE", "")), "{}", Some(AddressBlocked)),
            (403, Some(("", firewall)), "{}", Some(AddressBlocked)),
            (403, None, page.as_str(), Some(AddressBlocked)),
            (403, Some(("0x80040220", "is missing prvReadLead")), "{}", None),
            (403, None, "<html></html>", None),
            // What a customer wrote is no obstacle.
            (400, Some(("0x80040265", firewall)), "{}", None),
            (403, Some(("0x8004a104", "disabled")), "{}", Some(EnvironmentDisabled)),
            (503, Some(("0x8004A104", "disabled")), "{}", Some(EnvironmentDisabled)),
            (503, None, "<html></html>", None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let told = Obstacle::of_answer(status, error, body.as_bytes());
            assert_eq!(told, expected, "{status} {error:?} {body}");
        }
    }
}
