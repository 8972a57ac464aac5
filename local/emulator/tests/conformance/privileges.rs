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
    assert_eq!(all[0]["RecordFilterId"], "00000000-0000-0000-0000-000000000000");
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

async fn reaching(emulated: &Emulated, how: Value) {
    let mut user = json!({"roles": ["Salesperson", "Customer Service Representative"]});
    user.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
    emulated.control(Method::PUT, "application-user", user).await;
}

#[tokio::test]
async fn a_depth_below_all_is_told() {
    let emulated = Emulated::start().await;
    let depths = json!({"prvReadLead": "Basic", "prvWriteLead": "Local", "prvReadNote": "Deep"});
    reaching(&emulated, json!({"depths": depths})).await;
    let told = privileges(&emulated).await;
    let depth =
        |name: &str| told.iter().find(|one| one["PrivilegeName"] == name).unwrap()["Depth"].clone();
    assert_eq!(depth("prvReadLead"), "Basic");
    assert_eq!(depth("prvWriteLead"), "Local");
    assert_eq!(depth("prvReadNote"), "Deep");
    assert_eq!(depth("prvReadContact"), "Global");
    reaching(&emulated, json!({"depth": "Basic"})).await;
    let told = privileges(&emulated).await;
    let depth =
        |name: &str| told.iter().find(|one| one["PrivilegeName"] == name).unwrap()["Depth"].clone();
    assert_eq!(
        (depth("prvReadContact"), depth("prvReadProduct")),
        (json!("Basic"), json!("Global"))
    );
    for wrong in [
        json!({"depths": {"prvReadNothing": "Basic"}}),
        json!({"depths": {"prvReadProduct": "Basic"}}),
        json!({"depth": "Shallow"}),
    ] {
        let answer = emulated.try_control(Method::PUT, "application-user", wrong).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    // Roles alone reach everything again.
    with_roles(&emulated, &["Salesperson"]).await;
    assert_eq!(privileges(&emulated).await[0]["Depth"], "Global");
}

#[tokio::test]
async fn basic_privileges_reach_own_rows_alone() {
    let emulated = Emulated::start().await;
    let all = emulated.count("contacts").await;
    reaching(&emulated, json!({"depth": "Basic"})).await;
    let own = emulated.post("contacts", json!({"lastname": "Own"})).await.created();
    let found = emulated.get("contacts?$select=lastname&$count=true").await;
    assert_eq!(found.expect(200)["@odata.count"], 1, "of {all}");
    assert_eq!(found.body["value"][0]["contactid"], own);
    assert_eq!(emulated.get("contacts/$count").await.text.trim(), "1");
    let xml = crate::harness::encode("<fetch><entity name='contact'/></fetch>");
    let fetched = emulated.get(&format!("contacts?fetchXml={xml}")).await;
    assert_eq!(fetched.expect(200)["value"].as_array().unwrap().len(), 1);

    let zoe = format!("contacts({ZOE})");
    let denied = "SecLib::AccessCheckEx failed.";
    emulated.get(&zoe).await.refused_with(403, "0x80040220", denied);
    let missing = emulated.get("contacts(0f0e0d0c-0b0a-4908-8706-050403020100)").await;
    missing.refused_with(404, "0x80040217", "Does Not Exist");
    let answer = emulated.patch(&zoe, json!({"jobtitle": "x"})).await;
    answer.refused_with(403, "0x80040220", "AccessRights: WriteAccess");
    let answer = emulated.delete(&zoe).await;
    answer.refused_with(403, "0x80040220", "AccessRights: DeleteAccess");
    let note = json!({"subject": "x", "objectid_contact@odata.bind": format!("/{zoe}")});
    let answer = emulated.post("annotations", note).await;
    answer.refused_with(403, "0x80040220", "AccessRights: AppendToAccess");
    emulated.patch(&format!("contacts({own})"), json!({"jobtitle": "x"})).await.expect(204);
    let note = json!({"subject": "x", "objectid_contact@odata.bind": format!("/contacts({own})")});
    emulated.post("annotations", note).await.created();
    // A row for another owner is not the caller's own.
    let rowan = "/systemusers(2de92443-cdf9-511f-a2ad-4db3cb4f861d)";
    let others = json!({"lastname": "x", "ownerid@odata.bind": rowan});
    let answer = emulated.post("contacts", others).await;
    answer.refused_with(403, "0x80040220", "AccessRights: CreateAccess");
    // Once given away, it is out of reach.
    let given = json!({"ownerid@odata.bind": rowan});
    emulated.patch(&format!("contacts({own})"), given).await.expect(204);
    assert_eq!(emulated.get(&format!("contacts({own})")).await.status, 403);
}

#[tokio::test]
async fn local_privileges_reach_the_business_unit_and_deep_ones_those_below() {
    let emulated = Emulated::start().await;
    let (branch, clerk) =
        ("0f0e0d0c-0b0a-4908-8706-0504030201aa", "0f0e0d0c-0b0a-4908-8706-0504030201bb");
    let root = "/businessunits(f68a9514-0976-5b41-bbac-bd20a4b635d9)";
    let unit = json!([{
        "businessunitid": branch, "name": "branch", "parentbusinessunitid@odata.bind": root,
    }]);
    emulated.control(Method::POST, "rows/businessunits", unit).await;
    let user = json!([{
        "systemuserid": clerk, "fullname": "Branch Clerk",
        "businessunitid@odata.bind": format!("/businessunits({branch})"),
    }]);
    emulated.control(Method::POST, "rows/systemusers", user).await;
    let theirs = json!({
        "lastname": "Of the branch", "ownerid@odata.bind": format!("/systemusers({clerk})"),
    });
    let theirs = format!("contacts({})", emulated.post("contacts", theirs).await.created());
    let all = emulated.count("contacts").await;
    let found =
        |answer: &crate::harness::Answer| answer.expect(200)["value"].as_array().unwrap().len();

    reaching(&emulated, json!({"depth": "Local"})).await;
    assert_eq!(found(&emulated.get("contacts?$select=lastname").await), all - 1);
    assert_eq!(emulated.get(&theirs).await.status, 403);
    emulated.patch(&format!("contacts({ZOE})"), json!({"jobtitle": "x"})).await.expect(204);
    reaching(&emulated, json!({"depth": "Deep"})).await;
    assert_eq!(found(&emulated.get("contacts?$select=lastname").await), all);
    emulated.patch(&theirs, json!({"jobtitle": "x"})).await.expect(204);
    // What may be read may not be writable, as with notes in the roles that come with Dataverse.
    reaching(&emulated, json!({"depths": {"prvWriteContact": "Basic"}})).await;
    emulated.get(&theirs).await.expect(200);
    let answer = emulated.patch(&theirs, json!({"jobtitle": "x"})).await;
    answer.refused_with(403, "0x80040220", "AccessRights: WriteAccess");
}

#[tokio::test]
async fn rows_out_of_reach_are_neither_expanded_nor_filtered_by_but_named() {
    let emulated = Emulated::start().await;
    reaching(&emulated, json!({"depths": {"prvReadAccount": "Basic"}})).await;
    let path = "contacts?$select=_parentcustomerid_value&$expand=parentcustomerid_account($select=name)\
                &$filter=lastname%20eq%20%27Quist%27";
    let annotations = [("prefer", "odata.include-annotations=\"*\"")];
    let answer = emulated.get_with(path, &annotations).await;
    let row = &answer.expect(200)["value"][0];
    assert_eq!(row["parentcustomerid_account"], Value::Null);
    let name = "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue";
    assert_eq!(row[name], "Northwind Traders");
    let filtered =
        "contacts?$filter=parentcustomerid_account/name%20eq%20%27Northwind%20Traders%27";
    assert_eq!(emulated.get(filtered).await.expect(200)["value"], json!([]));
}

#[tokio::test]
async fn what_a_team_owns_is_its_members_own() {
    let emulated = Emulated::start().await;
    with_roles(&emulated, &["System Administrator"]).await;
    let teams = emulated.control(Method::GET, "rows/teams", Value::Null).await;
    let team = teams.body[0]["teamid"].as_str().unwrap();
    let member = json!({"@odata.id": format!("{}/teams({team})", emulated.api())});
    let path = format!("systemusers({ME})/teammembership_association/$ref");
    emulated.post(&path, member).await.expect(204);
    let owner = json!({"ownerid@odata.bind": format!("/teams({team})")});
    emulated.patch(&format!("contacts({ZOE})"), owner).await.expect(204);
    reaching(&emulated, json!({"depth": "Basic"})).await;
    for condition in ["eq-userteams", "eq-useroruserteams"] {
        let xml = format!(
            "<fetch><entity name='contact'><filter><condition attribute='ownerid' \
             operator='{condition}'/></filter></entity></fetch>"
        );
        let path = format!("contacts?fetchXml={}", crate::harness::encode(&xml));
        let answer = emulated.get(&path).await;
        let found = answer.expect(200)["value"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{condition}");
        assert_eq!(found[0]["contactid"], ZOE);
    }
    emulated.patch(&format!("contacts({ZOE})"), json!({"jobtitle": "x"})).await.expect(204);
}
