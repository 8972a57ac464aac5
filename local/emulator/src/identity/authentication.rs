//! Finds out who calls the Web API: checks the bearer token, then the application user.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::application::{Application, UserState};
use super::entra::{Claims, Tokens};
use super::instance::Instance;
use crate::data::well_known::{APPLICATION_USER_ID, TENANT_ID};
use crate::message::{ApiError, ApiResponse};
use crate::organization::{Caller, Clock};

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProblem {
    /// There is no token, or it was never issued.
    Missing,
    /// The token has expired.
    Expired,
    /// The token is for another service.
    Audience,
}

/// The token of a request, if it is valid now.
pub fn token(headers: &HeaderMap, tokens: &Tokens, clock: &Clock) -> Result<Claims, TokenProblem> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|it| it.split_once(' ')).ok_or(TokenProblem::Missing)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(TokenProblem::Missing);
    }
    let claims = tokens.claims(token.trim()).ok_or(TokenProblem::Missing)?;
    if clock.now().as_second() >= claims.exp {
        return Err(TokenProblem::Expired);
    }
    Ok(claims)
}

/// The user of a request to the Web API, or the refusal.
pub fn caller(
    headers: &HeaderMap,
    tokens: &Tokens,
    clock: &Clock,
    instance: &Instance,
    application: &Application,
    base: &str,
) -> Result<Caller, ApiResponse> {
    let claims = token(headers, tokens, clock)
        .and_then(|it| if instance.is_own(&it.aud) { Ok(it) } else { Err(TokenProblem::Audience) });
    if let Err(problem) = claims {
        return Err(unauthorized(problem, base));
    }
    for impersonation in ["mscrmcallerid", "callerobjectid"] {
        if headers.contains_key(impersonation) {
            return Err(cannot_impersonate().into_response(headers));
        }
    }
    let user = application.user();
    match user.state {
        UserState::Enabled => Ok(Caller { user: APPLICATION_USER_ID, privileges: user.privileges }),
        UserState::Missing => {
            let message = "The user is not a member of the organization.";
            Err(ApiError::new(StatusCode::FORBIDDEN, 0x8007_2560, message).into_response(headers))
        }
        UserState::Disabled => {
            // The real service also answers with these placeholders unfilled.
            let message = "The specified user(Id = {0}) is disabled. Consider enabling this user. \
                           Additional Details: {1}";
            Err(ApiError::new(StatusCode::FORBIDDEN, 0x8004_0225, message).into_response(headers))
        }
    }
}

/// The refusal to act for another user. No role of the emulator has `prvActOnBehalfOfAnotherUser`.
fn cannot_impersonate() -> ApiError {
    let message = "User does not have the privilege to act on behalf another user.";
    ApiError::new(StatusCode::FORBIDDEN, 0x8004_a110, message)
        .named("CannotActOnBehalfOfAnotherUser")
}

/// 401 without a body. A header says where to get a token.
pub fn unauthorized(problem: TokenProblem, base: &str) -> ApiResponse {
    let mut value = format!(
        "Bearer authorization_uri={base}/{TENANT_ID}/oauth2/authorize, resource_id={base}/"
    );
    if problem == TokenProblem::Expired {
        value.push_str(
            ", error=invalid_token, error_description=Error during token validation!, The token \
             is expired",
        );
    }
    let mut response = ApiResponse::empty(StatusCode::UNAUTHORIZED);
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers.insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
