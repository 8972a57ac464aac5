//! Where access tokens come from.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::HeaderValue;
use tokio::time::Instant;

const SCHEME: &str = "Bearer ";

/// A bearer token, as it goes into the `Authorization` header. It cannot be printed.
#[derive(Clone, PartialEq)]
pub struct AccessToken(HeaderValue);

/// The text is not an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access token consists of visible ASCII characters, and of at least one")]
pub struct InvalidToken;

impl AccessToken {
    /// Takes a token as Entra ID gave it.
    pub fn new(token: &str) -> Result<AccessToken, InvalidToken> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken);
        }
        let mut value =
            HeaderValue::try_from(format!("{SCHEME}{token}")).map_err(|_| InvalidToken)?;
        value.set_sensitive(true);
        Ok(AccessToken(value))
    }

    /// The value of the `Authorization` header.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The token itself. Put it into a request, and nowhere else.
    pub fn expose(&self) -> &str {
        // It is ASCII: `new` has checked that.
        self.0.to_str().ok().and_then(|text| text.strip_prefix(SCHEME)).unwrap_or_default()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessToken").finish_non_exhaustive()
    }
}

/// A source of access tokens. It may have a cache.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// Gives a token that is valid now, or an error once the deadline has passed.
    fn token(
        &self,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<AccessToken, Arc<dyn StdError + Send + Sync>>>;

    /// Tells that Dataverse accepted this token, whatever it said to the request.
    fn accepted(&self, _: &AccessToken) {}

    /// Tells that Dataverse answered 401 to this token. It is not given again, unless a new one
    /// does not help either.
    fn rejected(&self, token: &AccessToken);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_into_a_header_or_is_none() {
        let token = AccessToken::new("eyJ0.e-_~+/=").unwrap();
        assert_eq!(token.expose(), "eyJ0.e-_~+/=");
        assert_eq!(token.header().to_str().unwrap(), "Bearer eyJ0.e-_~+/=");
        assert_eq!(format!("{token:?} {:?}", token.header()), "AccessToken { .. } Sensitive");
        for text in ["", "a\nb", "a\rb", "a b", "a\tb", "a\u{7f}", "a\0", "ü", "a\u{200b}"] {
            assert_eq!(AccessToken::new(text), Err(InvalidToken), "{text:?}");
        }
    }
}
