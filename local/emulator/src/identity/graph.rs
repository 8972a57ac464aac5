//! The few calls of Microsoft Graph that check and rotate the application's client secret.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::application::{Application, OWNED_BY, Password};
use super::authentication::{self, TokenProblem};
use super::entra::{GRAPH_RESOURCE, Tokens};
use crate::data::well_known::{APPLICATION_REGISTRATION_ID, CLIENT_ID};
use crate::organization::Clock;

const READ_ALL: &str = "Application.Read.All";
const READ_WRITE_ALL: &str = "Application.ReadWrite.All";
/// All properties of an application that this emulator has.
const PROPERTIES: [&str; 4] = ["id", "appId", "displayName", "passwordCredentials"];
const DISPLAY_NAME: &str = "Emulated CRM integration";

/// The data that a Graph request needs.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The issued tokens.
    pub tokens: &'a Tokens,
    /// The only application.
    pub application: &'a Application,
    /// The emulated time.
    pub clock: &'a Clock,
}

impl Graph<'_> {
    /// Answers a request. `path` is the path below `/v1.0/`.
    pub fn answer(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        self.try_answer(method, path, query, headers, body)
            .unwrap_or_else(|refusal| refusal.into_response(self.clock.now()))
    }

    fn try_answer(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, GraphRefusal> {
        let claims =
            authentication::token(headers, self.tokens, self.clock)
                .and_then(|it| {
                    if it.aud == GRAPH_RESOURCE { Ok(it) } else { Err(TokenProblem::Audience) }
                })
                .map_err(GraphRefusal::token)?;
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        let Some(below) = path.strip_prefix("applications") else {
            return Err(GraphRefusal::unknown_segment(
                path.split(['/', '(']).next().unwrap_or_default(),
            ));
        };
        // The key is a separate segment, or it is in parentheses in the first one.
        let below = below.strip_prefix('/').unwrap_or(below);
        let (application, action) = below.split_once('/').unwrap_or((below, ""));
        let granted = |wanted: &[&str]| {
            if claims.roles.iter().any(|role| wanted.contains(&role.as_str())) {
                Ok(())
            } else {
                Err(GraphRefusal::privileges())
            }
        };
        let own = is_own(application);
        match (method, action) {
            (&Method::GET, "") => {
                granted(&[READ_ALL, OWNED_BY, READ_WRITE_ALL])?;
                own?;
                self.read(query)
            }
            (&Method::POST, "addPassword") => {
                granted(&[OWNED_BY, READ_WRITE_ALL])?;
                own?;
                self.add_password(body)
            }
            (&Method::POST, "removePassword") => {
                granted(&[OWNED_BY, READ_WRITE_ALL])?;
                own?;
                self.remove_password(body)
            }
            (_, "" | "addPassword" | "removePassword") => Err(GraphRefusal::method()),
            (_, other) => Err(GraphRefusal::unknown_segment(other)),
        }
    }

    fn read(&self, query: Option<&str>) -> Result<Response, GraphRefusal> {
        let mut selected: Option<Vec<String>> = None;
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name != "$select" {
                return Err(GraphRefusal::bad_request(format!(
                    "The query specified in the URI is not valid. Query option '{name}' is not \
                     known to this emulator."
                )));
            }
            let names: Vec<_> = value.split(',').map(|it| it.trim().to_owned()).collect();
            if let Some(unknown) = names.iter().find(|it| !PROPERTIES.contains(&it.as_str())) {
                return Err(GraphRefusal::bad_request(format!(
                    "Could not find a property named '{unknown}' on type \
                     'microsoft.graph.application'."
                )));
            }
            selected = Some(names);
        }
        let passwords: Vec<_> =
            self.application.passwords().iter().map(|it| shown(it, None)).collect();
        let all = json!({
            "id": APPLICATION_REGISTRATION_ID,
            "appId": CLIENT_ID,
            "displayName": DISPLAY_NAME,
            "passwordCredentials": passwords,
        });
        let suffix = selected.as_ref().map(|it| format!("({})", it.join(","))).unwrap_or_default();
        let mut body = Map::new();
        let context = format!("{GRAPH_RESOURCE}/v1.0/$metadata#applications{suffix}/$entity");
        body.insert("@odata.context".into(), context.into());
        for name in PROPERTIES {
            if selected.as_ref().is_none_or(|it| it.iter().any(|wanted| wanted == name)) {
                body.insert(name.into(), all[name].clone());
            }
        }
        Ok(Json(Value::Object(body)).into_response())
    }

    fn add_password(&self, body: &Bytes) -> Result<Response, GraphRefusal> {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Credential {
            display_name: Option<String>,
            start_date_time: Option<Timestamp>,
            end_date_time: Option<Timestamp>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct AddPassword {
            #[serde(default)]
            password_credential: Credential,
        }
        let AddPassword { password_credential: wanted } = parse(body)?;
        let start = wanted.start_date_time.unwrap_or_else(|| self.clock.now());
        if wanted.end_date_time.is_some_and(|end| end <= start) {
            return Err(GraphRefusal::bad_request(
                "The credential's end date is before its start.".into(),
            ));
        }
        let password =
            self.application.add_password(wanted.display_name, start, wanted.end_date_time);
        let mut body = shown(&password, Some(&password.secret));
        body["@odata.context"] =
            format!("{GRAPH_RESOURCE}/v1.0/$metadata#microsoft.graph.passwordCredential").into();
        Ok(Json(body).into_response())
    }

    fn remove_password(&self, body: &Bytes) -> Result<Response, GraphRefusal> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct RemovePassword {
            key_id: Uuid,
        }
        let RemovePassword { key_id } = parse(body)?;
        if self.application.remove_password(key_id) {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(GraphRefusal::bad_request(format!(
                "No password credential found with keyId '{key_id}'."
            )))
        }
    }
}

fn shown(password: &Password, secret: Option<&str>) -> Value {
    json!({
        "customKeyIdentifier": null,
        "displayName": password.display_name,
        "endDateTime": password.end,
        "hint": password.hint(),
        "keyId": password.key_id,
        // Only the answer to addPassword shows the secret.
        "secretText": secret,
        "startDateTime": password.start,
    })
}

fn parse<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, GraphRefusal> {
    serde_json::from_slice(body).map_err(|error| {
        GraphRefusal::bad_request(format!("Unable to read JSON request payload. {error}"))
    })
}

/// Whether a key (an object id or `(appId='…')`) means the only application.
fn is_own(key: &str) -> Result<(), GraphRefusal> {
    let by_application_id = key
        .strip_prefix("(appId='")
        .and_then(|rest| rest.strip_suffix("')"))
        .is_some_and(|id| id.eq_ignore_ascii_case(CLIENT_ID));
    if by_application_id || key.eq_ignore_ascii_case(APPLICATION_REGISTRATION_ID) {
        return Ok(());
    }
    let named = key.trim_start_matches("(appId='").trim_end_matches("')");
    Err(GraphRefusal {
        status: StatusCode::NOT_FOUND,
        code: "Request_ResourceNotFound",
        message: format!(
            "Resource '{named}' does not exist or one of its queried reference-property objects \
             are not present."
        ),
    })
}

#[derive(Debug)]
struct GraphRefusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl GraphRefusal {
    fn token(problem: TokenProblem) -> Self {
        let message = match problem {
            TokenProblem::Missing => "Access token is empty.",
            TokenProblem::Expired => "Lifetime validation failed, the token is expired.",
            TokenProblem::Audience => "Access token validation failure. Invalid audience.",
        };
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "InvalidAuthenticationToken",
            message: message.into(),
        }
    }

    fn privileges() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "Authorization_RequestDenied",
            message: "Insufficient privileges to complete the operation.".into(),
        }
    }

    fn bad_request(message: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "Request_BadRequest", message }
    }

    fn unknown_segment(segment: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "BadRequest",
            message: format!("Resource not found for the segment '{segment}'."),
        }
    }

    fn method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "Request_BadRequest",
            message: "Specified HTTP method is not allowed for the request target.".into(),
        }
    }

    fn into_response(self, now: Timestamp) -> Response {
        let request = Uuid::new_v4();
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": request,
                "client-request-id": request,
            },
        }});
        (self.status, Json(body)).into_response()
    }
}
