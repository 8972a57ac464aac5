//! Who a visitor is, as a platform or a token says.

use auth::{ConnectionId, Visitors};
use crm::visitor::Known;
use dataverse::Name;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use uuid::Uuid;
use visitor::{Address, KeySets, TokenError, verify};

use crate::edge::header;
use crate::{Caller, ErrorCode, ToolError, WriteState};

/// The header in which a platform says the email address of the visitor, whom it has checked.
pub const VISITOR_EMAIL: HeaderName = HeaderName::from_static("x-visitor-email");

/// The header in which a platform says who the visitor is by an id, having checked it.
pub const VISITOR_ID: HeaderName = HeaderName::from_static("x-visitor-id");

/// The header with a token in which a platform has signed who the visitor is.
pub const VISITOR_TOKEN: HeaderName = HeaderName::from_static("x-visitor-token");

/// Who the visitor is by a signed token, and their account, if it says so.
pub(crate) async fn signed(
    token: &HeaderValue,
    connection: &ConnectionId,
    settings: &Visitors,
    keys: &KeySets,
) -> Result<(Option<Known>, Option<Uuid>), ToolError> {
    let invalid = |detail: String| {
        ToolError::new(ErrorCode::VisitorTokenInvalid, detail).write(WriteState::NotHappened)
    };
    let tokens = settings.tokens.as_ref().ok_or_else(|| {
        invalid("this connection takes no visitors' tokens".to_owned()).admin_action(
            "To take them, name who signs them: tokens in PUT /v1/connections/{id}/visitors.",
        )
    })?;
    let text = token.to_str().map_err(|_| invalid(TokenError::NotAToken.to_string()))?;
    let vouched = verify(text.trim(), tokens, connection.as_str(), keys, Timestamp::now()).await;
    let vouched = vouched.map_err(|error| match error {
        TokenError::KeysUnavailable(_) => ToolError::new(
            ErrorCode::ServiceUnavailable,
            "the keys that check the visitor's token cannot be fetched right now",
        )
        .for_log(&error)
        .write(WriteState::NotHappened),
        error => invalid(error.to_string()),
    })?;
    let known = match (vouched.key, vouched.email) {
        (Some(key), _) if key.column == "contactid" => {
            let id = key.value.parse().map_err(ToolError::internal)?;
            Some(Known::Contacts(vec![id]))
        }
        (Some(key), _) => {
            let column = Name::parse(&key.column).map_err(ToolError::internal)?;
            Some(Known::Key { column, value: key.value })
        }
        (None, Some(address)) => Some(of_address(&address, settings)),
        (None, None) => None,
    };
    Ok((known, vouched.account))
}

pub(crate) fn of_address(address: &Address, settings: &Visitors) -> Known {
    let columns = settings.email_columns.iter().map(|column| column.as_str().into());
    Known::Address { address: address.as_str().to_owned(), columns: columns.collect() }
}

/// Who the visitor is by the platform's own word.
pub(crate) fn said(
    caller: &Caller,
    headers: &HeaderMap,
    settings: &Visitors,
) -> Result<Option<Known>, ToolError> {
    let email = header(headers, &VISITOR_EMAIL)?;
    let id = header(headers, &VISITOR_ID)?;
    let is_said = email.is_some() || id.is_some();
    if is_said && !settings.platform {
        let detail = "this connection does not take a platform's word on who a visitor is";
        return Err(ToolError::new(ErrorCode::Forbidden, detail).admin_action(
            "Call with X-Visitor-Token, or let the connection take it: platform in PUT \
             /v1/connections/{id}/visitors.",
        ));
    }
    if is_said && !caller.vouches {
        let detail = "this API key does not vouch for visitors, so the headers X-Visitor-Email and \
                      X-Visitor-Id count for nothing";
        return Err(ToolError::new(ErrorCode::Forbidden, detail).admin_action(
            "Call without these headers. If the platform really checks who its visitors are, let the \
             key vouch: PUT /v1/keys/{id} with vouches.",
        ));
    }
    let wrong =
        |name: &HeaderName, problem: &str| ToolError::invalid(&format!("header {name}"), problem);
    match (id, email) {
        (Some(_), Some(_)) => {
            Err(wrong(&VISITOR_ID, "cannot be given together with X-Visitor-Email"))
        }
        (Some(id), None) => {
            let column = settings.id_column.as_str();
            if column == "contactid" {
                let id: Uuid =
                    id.parse().map_err(|_| wrong(&VISITOR_ID, "must be the id of a contact"))?;
                return Ok(Some(Known::Contacts(vec![id])));
            }
            let column = Name::parse(column).map_err(ToolError::internal)?;
            Ok(Some(Known::Key { column, value: id.to_owned() }))
        }
        (None, Some(email)) => {
            let address = Address::parse(email).map_err(|_| {
                wrong(&VISITOR_EMAIL, "must be one email address in ASCII, a domain in punycode")
            })?;
            Ok(Some(of_address(&address, settings)))
        }
        (None, None) => Ok(None),
    }
}
