//! The token endpoint of Entra ID: client credentials in the versions v1 and v2, and the refusals.

use std::collections::HashMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::application::{Application, SecretCheck};
use super::instance::Instance;
use crate::data::well_known::{APPLICATION_OBJECT_ID, CLIENT_ID, TENANT_DOMAIN, TENANT_ID};
use crate::message::ApiResponse;
use crate::organization::Clock;

/// The lifetime of a token. Entra chooses 60 to 90 minutes. The sample in the documentation has
/// 3599.
const LIFETIME_SECONDS: i64 = 3_599;

/// The audience of tokens for Graph.
pub const GRAPH_RESOURCE: &str = "https://graph.microsoft.com";
const GRAPH_APPLICATION: &str = "00000003-0000-0000-c000-000000000000";

/// The content of a token.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// The instance URL or Graph.
    pub aud: String,
    /// The issuer.
    pub iss: String,
    /// The time of issue.
    pub iat: i64,
    /// The time from which the token is valid.
    pub nbf: i64,
    /// The time at which the token expires.
    pub exp: i64,
    /// The application's client id.
    pub appid: String,
    /// The object id of the application's service principal.
    pub oid: String,
    /// The tenant.
    pub tid: String,
    /// The application permissions on Graph.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The version of the token format.
    pub ver: &'static str,
}

/// The issued tokens. Only these are accepted.
#[derive(Debug, Default)]
pub struct Tokens {
    issued: Mutex<HashMap<String, Claims>>,
}

impl Tokens {
    fn issue(&self, claims: Claims) -> String {
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        // Two random ids take the place of a signature: only this process checks it.
        let signature = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let token = format!(
            "{}.{}.{}",
            encode(json!({"typ": "JWT", "alg": "RS256", "kid": "emulator"}).to_string()),
            encode(json!(claims).to_string()),
            URL_SAFE_NO_PAD.encode(signature),
        );
        let mut issued = self.issued.lock();
        // Expired tokens are kept for a day, so that their holders are told that they have expired.
        issued.retain(|_, old| old.exp + 86_400 > claims.iat);
        issued.insert(token.clone(), claims);
        token
    }

    /// The content of a token, whether it is still valid or not.
    pub fn claims(&self, token: &str) -> Option<Claims> {
        self.issued.lock().get(token).cloned()
    }
}

/// The version of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `/oauth2/token`, with `resource`.
    One,
    /// `/oauth2/v2.0/token`, with `scope`.
    Two,
}

/// The data that a token request needs.
#[derive(Debug)]
pub struct Entra<'a> {
    /// The issued tokens.
    pub tokens: &'a Tokens,
    /// The only application.
    pub application: &'a Application,
    /// The emulated time.
    pub clock: &'a Clock,
    /// The organization's own addresses.
    pub instance: &'a Instance,
}

impl Entra<'_> {
    /// Answers a token request.
    pub fn token(
        &self,
        version: Version,
        tenant: &str,
        headers: &HeaderMap,
        body: &Bytes,
        base: &str,
    ) -> Response {
        match self.issue(version, tenant, headers, body, base) {
            Ok(response) => uncached(response),
            Err(refusal) => uncached(refusal.into_response(self.clock.now())),
        }
    }

    fn issue(
        &self,
        version: Version,
        tenant: &str,
        headers: &HeaderMap,
        body: &Bytes,
        base: &str,
    ) -> Result<Response, EntraRefusal> {
        check_tenant(tenant, "invalid_request")?;
        let form = form(headers, body)?;
        let field = |name: &str| form.get(name).map(String::as_str).filter(|it| !it.is_empty());
        let required = |name: &'static str| field(name).ok_or_else(|| EntraRefusal::missing(name));

        match required("grant_type")? {
            "client_credentials" => {}
            other => return Err(EntraRefusal::grant_type(other)),
        }
        let basic = basic_credentials(headers);
        let (client, secret) = match &basic {
            Some((client, secret)) => (client.as_str(), Some(secret.as_str())),
            None => (required("client_id")?, field("client_secret")),
        };
        if !client.eq_ignore_ascii_case(CLIENT_ID) {
            return Err(EntraRefusal::unknown_application(client));
        }
        let resource = match version {
            Version::Two => resource_of_scope(required("scope")?)?,
            Version::One => required("resource")?.trim_end_matches('/').to_owned(),
        };
        let secret = secret.ok_or_else(|| {
            if field("client_assertion").is_some() {
                EntraRefusal::assertion()
            } else {
                EntraRefusal::no_credential()
            }
        })?;
        match self.application.check(secret, self.clock.now()) {
            SecretCheck::Good => {}
            SecretCheck::Wrong => return Err(EntraRefusal::wrong_secret()),
            SecretCheck::Expired => return Err(EntraRefusal::expired_secret()),
        }
        let is_graph = resource == GRAPH_RESOURCE || resource == GRAPH_APPLICATION;
        if !is_graph && !self.instance.is_own(&resource) {
            return Err(EntraRefusal::unknown_resource(&resource));
        }

        let now = self.clock.now();
        let claims = Claims {
            aud: if is_graph { GRAPH_RESOURCE.to_owned() } else { resource.clone() },
            iss: match version {
                Version::One => format!("{base}/{TENANT_ID}/"),
                Version::Two => format!("{base}/{TENANT_ID}/v2.0"),
            },
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + LIFETIME_SECONDS,
            appid: CLIENT_ID.to_owned(),
            oid: APPLICATION_OBJECT_ID.to_owned(),
            tid: TENANT_ID.to_owned(),
            roles: if is_graph { self.application.graph_permissions() } else { Vec::new() },
            ver: "1.0",
        };
        let (not_before, expires_on) = (claims.nbf, claims.exp);
        let token = self.tokens.issue(claims);
        Ok(Json(match version {
            Version::Two => json!({
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS,
                "ext_expires_in": LIFETIME_SECONDS,
                "access_token": token,
            }),
            // The older endpoint writes all numbers as strings.
            Version::One => json!({
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS.to_string(),
                "ext_expires_in": LIFETIME_SECONDS.to_string(),
                "expires_on": expires_on.to_string(),
                "not_before": not_before.to_string(),
                "resource": resource,
                "access_token": token,
            }),
        })
        .into_response())
    }

    /// Answers `/{tenant}/v2.0/.well-known/openid-configuration`.
    pub fn discovery(&self, tenant: &str, base: &str) -> Response {
        if let Err(refusal) = check_tenant(tenant, "invalid_tenant") {
            return refusal.into_response(self.clock.now());
        }
        let tenant_base = format!("{base}/{TENANT_ID}");
        Json(json!({
            "token_endpoint": format!("{tenant_base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{tenant_base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{tenant_base}/v2.0"),
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{tenant_base}/oauth2/v2.0/authorize"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        }))
        .into_response()
    }

    /// The answer of the endpoint while it is overloaded or down.
    pub fn unavailable(&self, status: StatusCode) -> ApiResponse {
        let message = "A transient error has occurred. Please try again.";
        let (error, code) = ("temporarily_unavailable", 90_033);
        let refusal = EntraRefusal { status, error, code, message: message.into() };
        let mut answer = ApiResponse::json(status, &refusal.body(self.clock.now()));
        let json = HeaderValue::from_static("application/json");
        answer.headers.insert(header::CONTENT_TYPE, json);
        answer
    }
}

fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn check_tenant(tenant: &str, unknown: &'static str) -> Result<(), EntraRefusal> {
    let tenant = tenant.to_ascii_lowercase();
    if tenant == TENANT_ID || tenant == TENANT_DOMAIN {
        Ok(())
    } else if matches!(tenant.as_str(), "common" | "organizations" | "consumers") {
        Err(EntraRefusal::bad_request(
            "invalid_request",
            50_059,
            "No tenant-identifying information found in either the request or implied by any \
             provided credentials.",
        ))
    } else if Uuid::try_parse(&tenant).is_ok() || looks_like_domain(&tenant) {
        Err(EntraRefusal::bad_request(
            unknown,
            90_002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID \
                 and are signing into the correct cloud. Check with your subscription \
                 administrator, this may happen if there are no active subscriptions for the \
                 tenant."
            ),
        ))
    } else {
        Err(EntraRefusal::bad_request(
            "invalid_request",
            900_023,
            format!(
                "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid \
                 external domain."
            ),
        ))
    }
}

fn looks_like_domain(name: &str) -> bool {
    name.contains('.')
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn form(headers: &HeaderMap, body: &Bytes) -> Result<HashMap<String, String>, EntraRefusal> {
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        // Only a form is read. So the first required parameter is missing.
        return Err(EntraRefusal::missing("grant_type"));
    }
    Ok(url::form_urlencoded::parse(body).into_owned().collect())
}

/// The client id and secret from HTTP Basic: form-encoded, then Base64.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (client, secret) = decoded.split_once(':')?;
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    Some((decode(client), decode(secret)))
}

fn resource_of_scope(scope: &str) -> Result<String, EntraRefusal> {
    let scope = scope.trim();
    let Some(resource) = scope.strip_suffix("/.default").filter(|_| !scope.contains(' ')) else {
        return Err(EntraRefusal::bad_request(
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            ),
        ));
    };
    // If a resource ends with a slash, the scope has two slashes.
    let resource = resource.trim_end_matches('/');
    if Uuid::try_parse(resource).is_err() && Url::parse(resource).is_err() {
        return Err(EntraRefusal::bad_request(
            "invalid_scope",
            70_011,
            format!(
                "The provided value for the input parameter 'scope' is not valid. The scope \
                 {scope} is not valid."
            ),
        ));
    }
    Ok(resource.to_owned())
}

/// A refusal in the form of Entra.
#[derive(Debug)]
struct EntraRefusal {
    status: StatusCode,
    error: &'static str,
    code: u32,
    message: String,
}

impl EntraRefusal {
    fn bad_request(error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, code, message: message.into() }
    }

    fn unauthorized(code: u32, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            code,
            message: message.into(),
        }
    }

    fn missing(parameter: &'static str) -> Self {
        Self::bad_request(
            "invalid_request",
            900_144,
            format!("The request body must contain the following parameter: '{parameter}'."),
        )
    }

    fn grant_type(given: &str) -> Self {
        Self::bad_request(
            "unsupported_grant_type",
            70_003,
            format!("The app requested an unsupported grant type '{given}'."),
        )
    }

    fn unknown_application(client: &str) -> Self {
        Self::bad_request(
            "unauthorized_client",
            700_016,
            format!(
                "Application with identifier '{client}' was not found in the directory \
                 '{TENANT_DOMAIN}'. This can happen if the application has not been installed by \
                 the administrator of the tenant or consented to by any user in the tenant. You \
                 may have sent your authentication request to the wrong tenant."
            ),
        )
    }

    fn no_credential() -> Self {
        Self::unauthorized(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or \
             'client_secret'.",
        )
    }

    fn assertion() -> Self {
        Self::unauthorized(
            700_213,
            "No matching federated identity record found for presented assertion.",
        )
    }

    fn wrong_secret() -> Self {
        Self::unauthorized(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is \
                 the client secret value, not the client secret ID, for a secret added to app \
                 '{CLIENT_ID}'."
            ),
        )
    }

    fn expired_secret() -> Self {
        Self::unauthorized(
            7_000_222,
            format!(
                "The provided client secret keys for app '{CLIENT_ID}' are expired. Visit the \
                 Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or \
                 consider using certificate credentials for added security: \
                 https://aka.ms/certCreds."
            ),
        )
    }

    fn unknown_resource(resource: &str) -> Self {
        Self::bad_request(
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named \
                 {TENANT_DOMAIN}. This can happen if the application has not been installed by \
                 the administrator of the tenant or consented to by any user in the tenant. You \
                 might have sent your authentication request to the wrong tenant."
            ),
        )
    }

    fn into_response(self, now: Timestamp) -> Response {
        (self.status, Json(self.body(now))).into_response()
    }

    fn body(&self, now: Timestamp) -> Value {
        let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
            self.code, self.message
        );
        json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        })
    }
}
