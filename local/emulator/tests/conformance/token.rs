//! The token endpoint.

use dataverse_emulator::{
    CLIENT_ID, CLIENT_SECRET, ROTATED_CLIENT_SECRET, TENANT_DOMAIN, TENANT_ID,
};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Emulated, send};

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str, code: u64, part_of_message: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body = &answer.body;
    assert_eq!(body["error"], error);
    assert_eq!(body["error_codes"], json!([code]));
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert!(description.contains(part_of_message), "{description}");
    for part in ["Trace ID: ", "Correlation ID: ", "Timestamp: "] {
        assert!(description.contains(part), "{description}");
    }
    for member in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(body[member].is_string(), "{body}");
    }
}

#[tokio::test]
async fn a_token_is_issued_for_the_well_known_credentials() {
    let emulated = Emulated::start().await;
    for tenant in [TENANT_ID, TENANT_DOMAIN] {
        let answer = emulated.ask_for_token(tenant, &[]).await;
        let body = answer.expect(200);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3599);
        assert_eq!(body["access_token"].as_str().unwrap().split('.').count(), 3);
        assert_eq!(body.as_object().unwrap().len(), 4, "no refresh token: {body}");
    }
    // If a resource ends with a slash, the scope has two slashes.
    let scope = format!("{}//.default", emulated.url());
    emulated.ask_for_token(TENANT_ID, &[("scope", &scope)]).await.expect(200);
}

#[tokio::test]
async fn the_older_endpoint_takes_a_resource_and_answers_in_strings() {
    let emulated = Emulated::start().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("resource", &emulated.url()),
    ];
    let path = format!("/{TENANT_ID}/oauth2/token");
    let answer = send(emulated.bare(Method::POST, &path).form(&form)).await.unwrap();
    let body = answer.expect(200);
    assert_eq!(body["expires_in"], "3599");
    assert_eq!(body["resource"], emulated.url());
}

#[tokio::test]
async fn the_credentials_may_come_by_http_basic() {
    let emulated = Emulated::start().await;
    let scope = format!("{}/.default", emulated.url());
    let form = [("grant_type", "client_credentials"), ("scope", &scope)];
    let request = emulated
        .bare(Method::POST, &format!("/{TENANT_ID}/oauth2/v2.0/token"))
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
        .form(&form);
    send(request).await.unwrap().expect(200);
}

#[tokio::test]
async fn each_wrong_credential_has_its_own_refusal() {
    let emulated = Emulated::start().await;
    let unknown = "99999999-9999-9999-9999-999999999999";
    let ask = async |tenant: &str, changes: &[(&'static str, &str)]| {
        emulated.ask_for_token(tenant, changes).await
    };

    let answer = ask(TENANT_ID, &[("client_secret", "wrong")]).await;
    refused(&answer, 401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    let answer = ask(TENANT_ID, &[("client_id", unknown)]).await;
    refused(&answer, 400, "unauthorized_client", 700_016, unknown);
    let answer = ask(unknown, &[]).await;
    refused(&answer, 400, "invalid_request", 90_002, "not found");
    let answer = ask("contoso.example", &[]).await;
    refused(&answer, 400, "invalid_request", 90_002, "'contoso.example' not found");
    let answer = ask("not-a-tenant", &[]).await;
    refused(&answer, 400, "invalid_request", 900_023, "'not-a-tenant'");
    let answer = ask("common", &[]).await;
    refused(&answer, 400, "invalid_request", 50_059, "No tenant-identifying information");

    let other = "https://contoso.crm4.dynamics.com";
    let answer = ask(TENANT_ID, &[("scope", &format!("{other}/.default"))]).await;
    refused(&answer, 400, "invalid_resource", 500_011, other);
    let answer = ask(TENANT_ID, &[("scope", &emulated.url())]).await;
    refused(&answer, 400, "invalid_scope", 1_002_012, "/.default suffixed");
    let answer = ask(TENANT_ID, &[("scope", "contoso/.default")]).await;
    refused(&answer, 400, "invalid_scope", 70_011, "The scope contoso/.default is not valid");

    for parameter in ["grant_type", "client_id", "scope"] {
        let answer = ask(TENANT_ID, &[(parameter, "")]).await;
        refused(&answer, 400, "invalid_request", 900_144, &format!("'{parameter}'"));
    }
    let answer = ask(TENANT_ID, &[("client_secret", "")]).await;
    refused(&answer, 401, "invalid_client", 7_000_218, "'client_secret'");
    let answer = ask(TENANT_ID, &[("grant_type", "password")]).await;
    refused(&answer, 400, "unsupported_grant_type", 70_003, "'password'");
}

#[tokio::test]
async fn secrets_expire_and_are_rotated() {
    let emulated = Emulated::start().await;
    let set = async |state: &str| {
        emulated.control(Method::PUT, "client-secret", json!({ "state": state })).await;
    };
    set("expired").await;
    let answer = emulated.ask_for_token(TENANT_ID, &[]).await;
    refused(&answer, 401, "invalid_client", 7_000_222, "are expired");
    set("wrong").await;
    let answer = emulated.ask_for_token(TENANT_ID, &[]).await;
    refused(&answer, 401, "invalid_client", 7_000_215, "Invalid client secret");
    set("rotated").await;
    let answer = emulated.ask_for_token(TENANT_ID, &[]).await;
    refused(&answer, 401, "invalid_client", 7_000_215, "Invalid client secret");
    let rotated = [("client_secret", ROTATED_CLIENT_SECRET)];
    emulated.ask_for_token(TENANT_ID, &rotated).await.expect(200);
    set("valid").await;
    emulated.ask_for_token(TENANT_ID, &[]).await.expect(200);

    // A secret with an end expires at that time.
    let now = emulated.control(Method::POST, "clock", json!({"advance_seconds": 0})).await;
    let now: jiff::Timestamp = now.body["now"].as_str().unwrap().parse().unwrap();
    let end = now + jiff::SignedDuration::from_hours(1);
    let change = json!({"state": "valid", "expires_at": end});
    emulated.control(Method::PUT, "client-secret", change).await;
    emulated.ask_for_token(TENANT_ID, &[]).await.expect(200);
    emulated.control(Method::POST, "clock", json!({"advance_seconds": 3_601})).await;
    let answer = emulated.ask_for_token(TENANT_ID, &[]).await;
    refused(&answer, 401, "invalid_client", 7_000_222, "are expired");
}

#[tokio::test]
async fn discovery_names_the_token_endpoint() {
    let emulated = Emulated::start().await;
    let discover = async |tenant: &str| {
        let path = format!("/{tenant}/v2.0/.well-known/openid-configuration");
        send(emulated.bare(Method::GET, &path)).await.unwrap()
    };
    let answer = discover(TENANT_DOMAIN).await;
    let endpoint = format!("{}/{TENANT_ID}/oauth2/v2.0/token", emulated.url());
    assert_eq!(answer.expect(200)["token_endpoint"], endpoint);
    refused(&discover("unknown.example").await, 400, "invalid_tenant", 90_002, "not found");
}

#[tokio::test]
async fn the_endpoint_can_be_down() {
    let emulated = Emulated::start().await;
    let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
    let fault = json!({"path": path, "kind": "unavailable"});
    emulated.control(Method::POST, "faults", fault).await;
    let answer = emulated.ask_for_token(TENANT_ID, &[]).await;
    refused(&answer, 503, "temporarily_unavailable", 90_033, "transient");
    emulated.ask_for_token(TENANT_ID, &[]).await.expect(200);
}
