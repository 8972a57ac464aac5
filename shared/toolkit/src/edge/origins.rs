//! The web sites whose pages may call the service.
//!
//! A browser sends the header `Origin`, which says whose page makes the call. Without this header,
//! the caller is not a page but a program or another server.

use std::fmt;
use std::str::FromStr;

use http::HeaderMap;
use http::header::ORIGIN;
use url::Url;

/// The environment variable with the sites that may call, separated by commas.
const VARIABLE: &str = "ALLOWED_ORIGINS";

/// The origin of a page, in the form that browsers send: `https://chat.example`,
/// `http://localhost:8080`, or `null` for a page without an origin, such as a file.
///
/// Source: RFC 6454, sections 6.1 and 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// The host. It is empty for `null`.
    host: String,
    port: Option<u16>,
}

/// The text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no origin: write scheme, host and port alone, as in https://chat.example or \
     http://localhost:8080, without a path"
)]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let wrong = || OriginError(text.to_owned());
        if text == "null" {
            return Ok(Origin { scheme: text.to_owned(), host: String::new(), port: None });
        }
        let (_, authority) = text.split_once("://").ok_or_else(wrong)?;
        // These characters belong to other parts of a URL, or the parser would silently correct
        // them.
        let more = |char: char| {
            matches!(char, '/' | '\\' | '?' | '#' | '@' | '%')
                || char.is_whitespace()
                || char.is_control()
        };
        if authority.contains(more) {
            return Err(wrong());
        }
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        Ok(Origin {
            scheme: url.scheme().to_owned(),
            // If the parser does not know the scheme, it does not change the host.
            host: host.to_ascii_lowercase(),
            port: url.port_or_known_default(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.scheme)?;
        if !self.host.is_empty() {
            write!(formatter, "://{}", self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// The sites whose pages may call. By default, there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

impl Origins {
    /// Reads the sites from the environment of the Lambda function.
    pub fn from_environment() -> Result<Origins, OriginError> {
        std::env::var(VARIABLE).unwrap_or_default().parse()
    }

    /// Whether a request comes from a page of one of these sites, or from no page at all.
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        headers.get_all(ORIGIN).iter().all(|origin| {
            let origin = origin.to_str().ok().and_then(|text| text.parse().ok());
            origin.is_some_and(|origin: Origin| self.0.contains(&origin))
        })
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<T: IntoIterator<Item = Origin>>(origins: T) -> Origins {
        Origins(origins.into_iter().collect())
    }
}

impl FromStr for Origins {
    type Err = OriginError;

    /// Reads a list separated by commas. An empty text is an empty list.
    fn from_str(text: &str) -> Result<Origins, OriginError> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn admits(list: &str, origin: &str) -> bool {
        let value = HeaderValue::from_bytes(origin.as_bytes()).unwrap();
        list.parse::<Origins>().unwrap().admit(&HeaderMap::from_iter([(ORIGIN, value)]))
    }

    #[test]
    fn only_who_is_listed_may_call_from_a_page() {
        let list = " https://Chat.example , http://localhost:8080,chrome-extension://abcdef";
        for origin in [
            "https://chat.example",
            "https://CHAT.example",
            "https://chat.example:443",
            "http://localhost:8080",
            "chrome-extension://abcdef",
        ] {
            assert!(admits(list, origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://chat.example",
            "https://chat.example:444",
            "https://chat.example.evil.example",
            "https://evil.example/https://chat.example",
            "https://chat.example/",
            "https://chat.example@evil.example",
            "https://evil.example\thttps://chat.example",
            "https://chat%2eexample",
            "https:\\\\chat.example",
            "https://chat.example https://evil.example",
            "http://localhost",
            "chat.example",
            "*",
            "\u{e9}",
        ] {
            assert!(!admits(list, origin), "{origin}");
            assert!(!admits("", origin), "{origin}");
        }
        assert!(admits("null", "null"));
    }

    #[test]
    fn no_page_is_no_foreign_page_and_each_of_two_counts() {
        let origins: Origins = "https://chat.example".parse().unwrap();
        assert!(Origins::default().admit(&HeaderMap::new()));
        let mut two = HeaderMap::new();
        two.append(ORIGIN, HeaderValue::from_static("https://chat.example"));
        assert!(origins.admit(&two));
        two.append(ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(!origins.admit(&two));
    }

    #[test]
    fn a_list_that_is_wrong_is_refused() {
        assert_eq!("".parse(), Ok(Origins::default()));
        for wrong in ["*", "chat.example", "https://chat.example/app", "https://", "https://a,b"] {
            let error = wrong.parse::<Origins>().unwrap_err();
            assert!(error.to_string().contains("is no origin"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_written(text in "\\PC{0,40}|[a-z]{1,6}://[a-zA-Z0-9.:-]{1,20}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse::<Origin>(), Ok(origin));
            }
        }
    }
}
