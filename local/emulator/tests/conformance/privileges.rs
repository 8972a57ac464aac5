//! Security roles decide which writes are allowed. Functions tell which privileges they give.

use reqwest::Method;
use serde_json::{Value, json};

use crate::create::refused;
use crate::harness::Emulated;

const ZOE: &str = "60ffa158-6493-594f-a4ba-b5efa0f7856d";
const ME: &str = "13e151d3-145a-5574-8ada-338f91277337";

async fn with_roles(emulated: &Emulated, roles: &[&str]) {
    emulated.control(Method::PUT, "application-user", json!({"roles": roles})).await;
}

async fn privileges(emulated: &Emulated) -> Vec<Value> {
    let path = format!("systemusers({ME})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges");
    emulated.get(&path).await.expect(200)["RolePrivileges"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_write_needs_its_privilege() {
    let emulated = Emulated::start().await;
    let case = json!({"title": "x", "customerid_contact@odata.bind": format!("/contacts({ZOE})")});
    with_roles(&emulated, &["Salesperson"]).await;
    let answer = emulated.post("incidents", case.clone()).await;
    refused(&answer, 403, "0x80040220", "is missing prvCreateIncident privilege");
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("for entity 'incident'"));
    let answer = emulated.get("incidents?$top=1").await;
    refused(&answer, 403, "0x80040220", "is missing prvReadIncident privilege");

    with_roles(&emulated, &["Customer Service Representative"]).await;
    emulated.post("incidents", case).await.expect(204);
    let answer = emulated.post("leads", json!({"lastname": "x"})).await;
    refused(&answer, 403, "0x80040220", "is missing prvCreateLead privilege");
    let product = "products(69de9986-a12c-5101-a4af-20510138ee2c)";
    let answer = emulated.patch(product, json!({"name": "x"})).await;
    refused(&answer, 403, "0x80040220", "is missing prvWriteProduct privilege");
    let answer = emulated.delete(product).await;
    refused(&answer, 403, "0x80040220", "is missing prvDeleteProduct privilege");

    with_roles(&emulated, &["System Administrator"]).await;
    emulated.patch(product, json!({"name": "x"})).await.expect(204);
}

#[tokio::test]
async fn linking_needs_privileges_on_both_sides() {
    let emulated = Emulated::start().await;
    with_roles(&emulated, &["Basic User"]).await;
    let incident = "incidents(99cd5b72-d11b-5441-8fb4-9479925d4bcf)";
    let note = json!({"subject": "x", "objectid_incident@odata.bind": format!("/{incident}")});
    let answer = emulated.post("annotations", note).await;
    refused(&answer, 403, "0x80040220", "is missing prvAppendToIncident privilege");
}

#[tokio::test]
async fn the_privileges_held_can_be_asked_for() {
    let emulated = Emulated::start().await;
    let all = privileges(&emulated).await;
    let names: Vec<_> = all.iter().map(|one| one["PrivilegeName"].as_str().unwrap()).collect();
    for name in ["prvCreateIncident", "prvReadContact", "prvCreateNote", "prvAppendToOpportunity"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(!names.contains(&"prvWriteProduct"));
    assert_eq!(all[0]["Depth"], "Global");
    with_roles(&emulated, &["Salesperson"]).await;
    let fewer = privileges(&emulated).await;
    assert!(fewer.iter().all(|one| one["PrivilegeName"] != "prvCreateIncident"));
    let path = format!("systemusers({ME})/systemuserroles_association?$select=name");
    let roles = emulated.get(&path).await;
    assert_eq!(roles.expect(200)["value"][0]["name"], "Salesperson");
    let one = emulated
        .get(&format!("systemusers({ME})/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='prvReadLead')"))
        .await;
    assert_eq!(one.expect(200)["RolePrivileges"].as_array().unwrap().len(), 1);
    let bare = emulated.get(&format!("systemusers({ME})/RetrieveUserPrivileges")).await;
    assert_eq!(bare.status, 400, "{bare:?}");
}

#[tokio::test]
async fn the_organization_says_what_it_is() {
    let emulated = Emulated::start().await;
    let path = "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'";
    let answer = emulated.get(path).await;
    let detail = &answer.expect(200)["Detail"];
    assert_eq!(detail["FriendlyName"], "Contoso Demo");
    assert_eq!(detail["TenantId"], dataverse_emulator::TENANT_ID);
    assert_eq!(detail["State"], "Enabled");
    assert_eq!(detail["Endpoints"]["Values"][0], format!("{}/", emulated.url()));
    let version = emulated.get("RetrieveVersion").await;
    assert!(version.expect(200)["Version"].as_str().unwrap().starts_with("9.2."));
    assert_eq!(emulated.get("RetrieveCurrentOrganization").await.status, 404);
    assert_eq!(emulated.post("WhoAmI", json!({})).await.status, 405);
    let action = emulated.get("WinOpportunity").await;
    action.refused(404, "0x80060888", "Resource not found for the segment 'WinOpportunity'.");
}

#[tokio::test]
async fn without_an_app_its_tables_and_actions_are_not_there() {
    let emulated = Emulated::start().await;
    emulated.control(Method::PUT, "apps", json!({"sales": false, "service": true})).await;
    for (path, segment) in [("quotes", "quotes"), ("WinOpportunity", "WinOpportunity")] {
        let answer = emulated.post(path, json!({})).await;
        answer.refused(
            404,
            "0x80060888",
            &format!("Resource not found for the segment '{segment}'."),
        );
    }
    let quote = "/quotes(17483665-dc0a-5b6a-8d1b-6db1d6acf3d7)";
    let note = json!({"subject": "x", "objectid_quote@odata.bind": quote});
    let answer = emulated.post("annotations", note).await;
    refused(&answer, 400, "0x80048d19", "An undeclared property 'objectid_quote'");
}
