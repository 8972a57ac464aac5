//! Who may call the Web API.

use dataverse_emulator::TENANT_ID;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Emulated, send, with};

#[tokio::test]
async fn who_am_i_names_the_application_user() {
    let emulated = Emulated::start().await;
    let answer = emulated.get("WhoAmI").await;
    let body = answer.expect(200);
    let context = format!("{}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", emulated.api());
    assert_eq!(body["@odata.context"], context);
    assert_eq!(body["UserId"], dataverse_emulator::APPLICATION_USER_ID.to_string());
    assert_eq!(body.as_object().unwrap().len(), 4);
    for header in ["odata-version", "req_id", "x-ms-service-request-id"] {
        answer.header(header);
    }
}

#[tokio::test]
async fn without_a_good_token_the_answer_says_where_to_get_one() {
    let emulated = Emulated::start().await;
    let where_to = format!(
        "Bearer authorization_uri={url}/{TENANT_ID}/oauth2/authorize, resource_id={url}/",
        url = emulated.url()
    );
    let path = "/api/data/v9.2/WhoAmI";
    let graph = emulated.graph_token().await;
    for authorization in [None, Some("Bearer nonsense"), Some("Basic eDp5"), Some("")] {
        let mut request = emulated.bare(Method::GET, path);
        if let Some(value) = authorization {
            request = with(request, &[("authorization", value)]);
        }
        let answer = send(request).await.unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (401, ""), "{authorization:?}");
        assert_eq!(answer.header("www-authenticate"), where_to);
    }
    // A token for another service.
    let request = emulated.bare(Method::GET, path).bearer_auth(graph);
    assert_eq!(send(request).await.unwrap().status, 401);
}

#[tokio::test]
async fn a_token_expires() {
    let emulated = Emulated::start().await;
    emulated.get("WhoAmI").await.expect(200);
    emulated.control(Method::POST, "clock", json!({"advance_seconds": 3_600})).await;
    let answer = emulated.get("WhoAmI").await;
    assert_eq!((answer.status, answer.text.as_str()), (401, ""));
    assert!(answer.header("www-authenticate").contains("error=invalid_token"));
    let token = emulated.new_token().await;
    let request = emulated.bare(Method::GET, "/api/data/v9.2/WhoAmI").bearer_auth(token);
    send(request).await.unwrap().expect(200);
}

#[tokio::test]
async fn the_application_user_must_be_there_and_enabled() {
    let emulated = Emulated::start().await;
    let set = async |state: &str| {
        emulated.control(Method::PUT, "application-user", json!({ "state": state })).await;
        emulated.get("WhoAmI").await
    };
    set("missing").await.refused(
        403,
        "0x80072560",
        "The user is not a member of the organization.",
    );
    set("disabled").await.refused(
        403,
        "0x80040225",
        "The specified user(Id = {0}) is disabled. Consider enabling this user. Additional \
         Details: {1}",
    );
    set("enabled").await.expect(200);
}

#[tokio::test]
async fn a_missing_privilege_is_named_in_a_message_that_can_be_read_by_a_program() {
    let emulated = Emulated::start().await;
    emulated.control(Method::PUT, "application-user", json!({"roles": []})).await;
    let answer = emulated.get("contacts?$top=1").await;
    answer.refused_with(403, "0x80040220", "is missing prvReadContact privilege (Id=");
    answer.refused_with(
        403,
        "0x80040220",
        "on OTC=2 for entity 'contact' (LocalizedName='Contact')",
    );
    let service = json!({"roles": ["Customer Service Representative"]});
    emulated.control(Method::PUT, "application-user", service).await;
    emulated.get("contacts?$top=1").await.expect(200);
    let answer = emulated.get("opportunities?$top=1").await;
    answer.refused_with(403, "0x80040220", "is missing prvReadOpportunity privilege (Id=");
}

#[tokio::test]
async fn acting_on_behalf_of_another_user_needs_a_privilege_that_no_role_here_has() {
    let emulated = Emulated::start().await;
    let other = [("mscrmcallerid", "2de92443-cdf9-511f-a2ad-4db3cb4f861d")];
    let answer = emulated.get_with("WhoAmI", &other).await;
    answer.refused_with(403, "0x8004a110", "act on behalf");
}

#[tokio::test]
async fn all_minor_versions_of_the_api_answer_and_no_others() {
    let emulated = Emulated::start().await;
    let token = emulated.new_token().await;
    for (version, status) in [("v9.0", 200), ("v9.1", 200), ("v9.2", 200), ("v8.2", 404)] {
        let path = format!("/api/data/{version}/WhoAmI");
        let request = emulated.bare(Method::GET, &path).bearer_auth(&token);
        assert_eq!(send(request).await.unwrap().status, status, "{version}");
    }
}
