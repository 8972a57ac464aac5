//! Graph: the application's client secrets.

use dataverse_emulator::{APPLICATION_REGISTRATION_ID, CLIENT_ID, TENANT_ID};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Emulated, send};

async fn graph(emulated: &Emulated, method: Method, path: &str, body: Value) -> Answer {
    let token = emulated.graph_token().await;
    let request = emulated.bare(method, &format!("/v1.0/{path}")).bearer_auth(token);
    send(request.json(&body)).await.unwrap()
}

#[tokio::test]
async fn an_application_sees_its_secrets_but_not_their_text() {
    let emulated = Emulated::start().await;
    let by_client = format!("applications(appId='{CLIENT_ID}')");
    let by_object = format!("applications/{APPLICATION_REGISTRATION_ID}");
    for path in [by_client, by_object] {
        let path = format!("{path}?$select=id,appId,passwordCredentials");
        let answer = graph(&emulated, Method::GET, &path, Value::Null).await;
        let body = answer.expect(200);
        assert_eq!(body["appId"], CLIENT_ID);
        assert!(body.get("displayName").is_none(), "not selected: {body}");
        let secret = &body["passwordCredentials"][0];
        assert_eq!((&secret["hint"], &secret["secretText"]), (&json!("emu"), &Value::Null));
        let end: jiff::Timestamp = secret["endDateTime"].as_str().unwrap().parse().unwrap();
        assert!(end > jiff::Timestamp::now());
    }
}

#[tokio::test]
async fn a_secret_can_be_added_used_and_removed() {
    let emulated = Emulated::start().await;
    let application = format!("applications(appId='{CLIENT_ID}')");
    let wanted = json!({"passwordCredential": {"displayName": "Rotation"}});
    let path = format!("{application}/addPassword");
    let answer = graph(&emulated, Method::POST, &path, wanted).await;
    let added = answer.expect(200);
    let secret = added["secretText"].as_str().unwrap();
    assert!(secret.starts_with(added["hint"].as_str().unwrap()));
    let changes = [("client_secret", secret)];
    emulated.ask_for_token(TENANT_ID, &changes).await.expect(200);

    let path = format!("{application}/removePassword");
    let key = json!({"keyId": added["keyId"]});
    graph(&emulated, Method::POST, &path, key.clone()).await.expect(204);
    emulated.ask_for_token(TENANT_ID, &changes).await.expect(401);
    graph(&emulated, Method::POST, &path, key).await.expect(400);
}

#[tokio::test]
async fn permissions_are_needed_and_those_of_others_are_not_there() {
    let emulated = Emulated::start().await;
    let application = format!("applications(appId='{CLIENT_ID}')");
    let add = format!("{application}/addPassword");
    let set = async |permissions: Value| {
        let change = json!({ "permissions": permissions });
        emulated.control(Method::PUT, "graph", change).await;
    };
    set(json!([])).await;
    let answer = graph(&emulated, Method::GET, &application, Value::Null).await;
    let error = &answer.expect(403)["error"];
    assert_eq!(error["code"], "Authorization_RequestDenied");
    assert_eq!(error["message"], "Insufficient privileges to complete the operation.");
    assert!(error["innerError"]["request-id"].is_string());

    set(json!(["Application.Read.All"])).await;
    graph(&emulated, Method::GET, &application, Value::Null).await.expect(200);
    graph(&emulated, Method::POST, &add, json!({})).await.expect(403);

    let other = "applications(appId='99999999-9999-9999-9999-999999999999')";
    let answer = graph(&emulated, Method::GET, other, Value::Null).await;
    assert_eq!(answer.expect(404)["error"]["code"], "Request_ResourceNotFound");
}

#[tokio::test]
async fn a_token_for_dataverse_is_none_for_graph() {
    let emulated = Emulated::start().await;
    let token = emulated.new_token().await;
    let path = format!("/v1.0/applications(appId='{CLIENT_ID}')");
    let answer = send(emulated.bare(Method::GET, &path).bearer_auth(token)).await.unwrap();
    assert_eq!(answer.expect(401)["error"]["code"], "InvalidAuthenticationToken");
    let answer = send(emulated.bare(Method::GET, &path)).await.unwrap();
    assert_eq!(answer.expect(401)["error"]["message"], "Access token is empty.");
}
