//! The cookie in `$skiptoken` and the links that carry it.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use uuid::Uuid;

use crate::message::{ApiError, ApiRequest};

/// The end of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// The number of the next page.
    pub(crate) page: usize,
    /// The last row before the next page.
    pub(crate) last: Uuid,
}

impl Cookie {
    /// Reads the decoded value of `$skiptoken`.
    pub(crate) fn parse(token: &str) -> Result<Self, ApiError> {
        let malformed = || ApiError::odata("Malformed XML in the Paging Cookie.");
        let page = attribute(token, "pagenumber").and_then(|number| number.parse().ok());
        let inner = attribute(token, "pagingcookie").ok_or_else(malformed)?;
        let inner = percent_decode_str(inner).decode_utf8().map_err(|_| malformed())?;
        let last = attribute(&inner, "last").map(|id| id.trim_matches(['{', '}']));
        let last = last.and_then(|id| Uuid::try_parse(id).ok());
        match (page, last) {
            (Some(page), Some(last)) if page > 1 => Ok(Self { page, last }),
            _ => Err(malformed()),
        }
    }

    /// The cookie as it is in the link, encoded. It looks like Dataverse's: XML within XML.
    pub(crate) fn encoded(self, key: &str, first: Uuid) -> String {
        let inner = format!(
            "<cookie page=\"{}\"><{key} last=\"{{{}}}\" first=\"{{{first}}}\" /></cookie>",
            self.page - 1,
            self.last
        );
        let inner = utf8_percent_encode(&inner, NON_ALPHANUMERIC);
        let token = format!(
            "<cookie pagenumber=\"{}\" pagingcookie=\"{inner}\" istracking=\"False\" />",
            self.page
        );
        utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string()
    }
}

/// The link to the next page, with the options of the request and the cookie.
pub(crate) fn next_link(request: &ApiRequest, token: &str) -> String {
    let query = request.query.as_deref().unwrap_or_default();
    let mut parts: Vec<&str> = query
        .split('&')
        .filter(|part| {
            let name = part.split('=').next().unwrap_or_default();
            let name = percent_decode_str(name).decode_utf8_lossy();
            !part.is_empty() && name != "$skiptoken"
        })
        .collect();
    let token = format!("$skiptoken={token}");
    parts.push(&token);
    format!("{}{}?{}", request.base, request.path.trim_start_matches('/'), parts.join("&"))
}

fn attribute<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!(" {name}=\""))? + name.len() + 3;
    xml[start..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::Cookie;
    use percent_encoding::percent_decode_str;
    use uuid::Uuid;

    #[test]
    fn a_cookie_comes_back_as_it_went() {
        let cookie = Cookie { page: 3, last: Uuid::from_u128(42) };
        let encoded = cookie.encoded("contactid", Uuid::from_u128(7));
        assert!(encoded.starts_with("%3Ccookie%20pagenumber"), "{encoded}");
        let decoded = percent_decode_str(&encoded).decode_utf8().unwrap();
        assert_eq!(Cookie::parse(&decoded).unwrap(), cookie);
        assert!(Cookie::parse("3").is_err());
        assert!(Cookie::parse("<cookie pagenumber=\"2\" pagingcookie=\"x\" />").is_err());
    }
}
