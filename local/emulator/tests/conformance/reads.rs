//! Reading rows: their form, annotations, conditions, paging and paths.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Emulated, encode};

const MAREN: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const NORTHWIND: &str = "852dede1-e4e7-5617-bc33-b74f2626b52a";
const ALL_ANNOTATIONS: (&str, &str) = ("prefer", "odata.include-annotations=\"*\"");

fn rows(answer: &Answer) -> &Vec<Value> {
    answer.expect(200)["value"].as_array().unwrap()
}

/// The members of the first row in the order in which they are written.
fn order_of_members(answer: &Answer, start: &str) -> Vec<String> {
    let row = &answer.text[answer.text.find(start).unwrap()..];
    let end = row.find('}').unwrap();
    row[..end]
        .split(",\"")
        .map(|member| member.trim_start_matches(['{', '"']).split("\":").next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_has_the_shape_that_the_documentation_shows() {
    let emulated = Emulated::start().await;
    let query = format!(
        "accounts?$select=name,revenue,_primarycontactid_value&$filter=accountid eq {NORTHWIND}"
    );
    let answer = emulated.get_with(&query, &[ALL_ANNOTATIONS]).await;
    assert_eq!(answer.header("content-type"), "application/json; odata.metadata=minimal");
    assert_eq!(answer.header("preference-applied"), "odata.include-annotations=\"*\"");
    let context = &answer.expect(200)["@odata.context"];
    let expected =
        format!("{}/$metadata#accounts(name,revenue,_primarycontactid_value)", emulated.api());
    assert_eq!(context, &expected);
    let row = &rows(&answer)[0];
    assert_eq!(row["revenue@OData.Community.Display.V1.FormattedValue"], "$4,200,000.00");
    assert!(answer.text.contains("\"revenue\":4200000.0000000000"), "{}", answer.text);
    // The key is always included, and the currency with an amount. Annotations come before the
    // value.
    assert_eq!(row["accountid"], NORTHWIND);
    assert!(row["_transactioncurrencyid_value"].is_string());
    let members = order_of_members(&answer, "{\"@odata.etag");
    assert_eq!(
        &members[..4],
        ["@odata.etag", "name", "revenue@OData.Community.Display.V1.FormattedValue", "revenue"]
    );
}

#[tokio::test]
async fn a_lookup_tells_its_name_its_table_and_its_navigation_property() {
    let emulated = Emulated::start().await;
    let path = format!("contacts({MAREN})?$select=_parentcustomerid_value");
    let answer = emulated.get_with(&path, &[ALL_ANNOTATIONS]).await;
    let row = answer.expect(200);
    assert_eq!(row["_parentcustomerid_value"], NORTHWIND);
    let annotation = |name: &str| &row[format!("_parentcustomerid_value@{name}")];
    assert_eq!(annotation("OData.Community.Display.V1.FormattedValue"), "Northwind Traders");
    assert_eq!(annotation("Microsoft.Dynamics.CRM.lookuplogicalname"), "account");
    assert_eq!(
        annotation("Microsoft.Dynamics.CRM.associatednavigationproperty"),
        "parentcustomerid_account"
    );
    let plain = emulated.get(&path).await;
    assert!(!plain.text.contains("FormattedValue"), "{}", plain.text);
}

#[tokio::test]
async fn a_whole_row_has_the_members_that_the_recording_has() {
    let emulated = Emulated::start().await;
    let answer = emulated.get(&format!("contacts({MAREN})")).await;
    let row = answer.expect(200).as_object().unwrap();
    assert_eq!(row["@odata.context"], format!("{}/$metadata#contacts/$entity", emulated.api()));
    let etag = row["@odata.etag"].as_str().unwrap();
    assert_eq!(etag, format!("W/\"{}\"", row["versionnumber"]));
    assert_eq!(answer.header("etag"), etag);
    assert_eq!(row["createdon"], "2025-02-01T10:30:00Z");
    assert_eq!(row["fullname"], "Maren Quist");
    // Columns without a value are included as null, after those with a value.
    for name in ["middlename", "birthdate", "_masterid_value", "creditlimit", "description"] {
        assert_eq!(row.get(name), Some(&Value::Null), "{name}");
    }
    assert!(row.len() > 150, "{}", row.len());
    let first_null = answer.text.find(":null").unwrap();
    assert!(!answer.text[first_null..].contains("\":\""), "a value after a null");
}

#[tokio::test]
async fn conditional_reads() {
    let emulated = Emulated::start().await;
    let path = format!("contacts({MAREN})?$select=fullname");
    let etag = emulated.get(&path).await.header("etag").to_owned();
    let same = emulated.get_with(&path, &[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    emulated.get_with(&path, &[("if-none-match", "W/\"1\"")]).await.expect(200);
    emulated.get_with(&path, &[("if-none-match", "null")]).await.expect(200);
    // There is no 304 with an expand or with annotations.
    let expand = format!("{path}&$expand=parentcustomerid_account($select=name)");
    emulated.get_with(&expand, &[("if-none-match", &etag)]).await.expect(200);
    emulated.get_with(&path, &[("if-none-match", &etag), ALL_ANNOTATIONS]).await.expect(200);
}

#[tokio::test]
async fn what_is_not_there_is_refused_as_dataverse_refuses_it() {
    let emulated = Emulated::start().await;
    let nobody = "00000000-0000-0000-0000-00000000dead";
    emulated.get(&format!("contacts({nobody})")).await.refused(
        404,
        "0x80040217",
        &format!("Entity 'contact' With Id = {nobody} Does Not Exist"),
    );
    for (path, segment) in [
        ("accountss".to_owned(), "accountss"),
        ("Contacts".to_owned(), "Contacts"),
        (format!("accountss({NORTHWIND})/name"), "accountss"),
        (format!("contacts({MAREN})/nothing"), "nothing"),
        (format!("contacts({MAREN})/fullname/x"), "x"),
        ("contacts/incident_customer_contacts".to_owned(), "incident_customer_contacts"),
    ] {
        let message = format!("Resource not found for the segment '{segment}'.");
        emulated.get(&path).await.refused(404, "0x80060888", &message);
    }
    for key in ["abc", "'d61abde7-181e-5f77-b59e-84c544c5040b'", "1", ""] {
        emulated.get(&format!("contacts({key})")).await.refused_with(400, "0x80060888", "");
    }
    emulated.get("contacts(emailaddress1='x')").await.refused_with(400, "0x80060888", "key");
    emulated.get(&format!("leads({nobody})/QualifyLead")).await.refused(
        400,
        "0x80060888",
        "Request message has unresolved parameters.",
    );
}

#[tokio::test]
async fn unknown_names_and_options_are_refused() {
    let emulated = Emulated::start().await;
    for (query, name) in [
        ("$select=foo", "foo"),
        ("$select=Fullname", "Fullname"),
        ("$select=parentcustomerid", "parentcustomerid"),
        ("$select=parentcustomerid_account", "parentcustomerid_account"),
        ("$select=*", "*"),
        ("$filter=foo eq 1", "foo"),
        ("$orderby=foo", "foo"),
        ("$expand=foo", "foo"),
        ("$expand=parentcustomerid", "parentcustomerid"),
    ] {
        let answer = emulated.get(&format!("contacts?{query}")).await;
        let message = format!(
            "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.contact'."
        );
        answer.refused(400, "0x80060888", &message);
    }
    for option in ["$search=x", "$format=json", "$Top=1", "page=2"] {
        let name = option.split('=').next().unwrap();
        let message = format!("The query parameter {name} is not supported");
        emulated.get(&format!("contacts?{option}")).await.refused(400, "0x80060888", &message);
    }
    let one = format!("contacts({MAREN})?$top=1");
    emulated.get(&one).await.refused_with(400, "0x80060888", "only on collections");
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let emulated = Emulated::start().await;
    let prefer = [("prefer", "odata.maxpagesize=4")];
    for order in ["", "&$orderby=lastname desc", "&$orderby=_parentcustomerid_value,createdon"] {
        let mut seen = Vec::new();
        // If there is a page size, $top is ignored.
        let mut answer = emulated
            .get_with(&format!("contacts?$select=fullname&$count=true&$top=1{order}"), &prefer)
            .await;
        let total = answer.expect(200)["@odata.count"].as_u64().unwrap();
        let mut pages = 1;
        loop {
            assert_eq!(answer.header("preference-applied"), "odata.maxpagesize=4");
            let page = rows(&answer);
            assert!(page.len() <= 4);
            seen.extend(page.iter().map(|row| row["contactid"].as_str().unwrap().to_owned()));
            let Some(link) = answer.body["@odata.nextLink"].as_str() else { break };
            assert!(link.contains("$skiptoken=%3Ccookie%20pagenumber%3D"), "{link}");
            pages += 1;
            answer = emulated.follow(link, &prefer).await;
        }
        assert_eq!(seen.len() as u64, total, "{order}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "{order}");
        assert_eq!(pages, seen.len().div_ceil(4), "{order}");
    }
    let bad = emulated.get("contacts?$skiptoken=2").await;
    bad.refused(400, "0x80060888", "Malformed XML in the Paging Cookie.");
}

#[tokio::test]
async fn an_answer_holds_five_thousand_rows_and_counts_no_further() {
    let emulated = Emulated::start().await;
    let seed = json!({ "table": "lead", "rows": 6_000 });
    emulated.control(reqwest::Method::POST, "seed", seed).await;
    let counts = [(
        "prefer",
        "odata.include-annotations=\"Microsoft.Dynamics.CRM.totalrecordcount,Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\"",
    )];
    let answer = emulated.get_with("leads?$select=leadid&$count=true", &counts).await;
    assert_eq!(rows(&answer).len(), 5_000);
    assert!(answer.body["@odata.nextLink"].is_string());
    assert_eq!(answer.body["@odata.count"], 5_000);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcount"], 5_000);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"], true);
    let uncounted = emulated.get_with("leads?$select=leadid&$top=1", &counts).await;
    assert_eq!(uncounted.body["@Microsoft.Dynamics.CRM.totalrecordcount"], -1);
    let big = [("prefer", "odata.maxpagesize=9999")];
    assert_eq!(rows(&emulated.get_with("leads?$select=leadid", &big).await).len(), 5_000);
    let count = emulated.get("leads/$count").await;
    assert_eq!((count.header("content-type"), count.text.as_str()), ("text/plain", "5000"));
}

#[tokio::test]
async fn paths_lead_through_relationships() {
    let emulated = Emulated::start().await;
    let path = format!("accounts({NORTHWIND})/contact_customer_accounts");
    let answer = emulated.get(&format!("{path}?$select=fullname&$orderby=fullname")).await;
    let context = format!("{}/$metadata#contacts(fullname)", emulated.api());
    assert_eq!(answer.expect(200)["@odata.context"], context);
    assert!(rows(&answer).iter().any(|row| row["contactid"] == MAREN));
    let count = emulated.get(&format!("{path}/$count")).await;
    assert_eq!(count.text, rows(&answer).len().to_string());

    let links = emulated.get(&format!("{path}/$ref")).await;
    let context = format!("{}/$metadata#Collection($ref)", emulated.api());
    assert_eq!(links.expect(200)["@odata.context"], context);
    let id = json!({ "@odata.id": format!("{}/contacts({MAREN})", emulated.api()) });
    assert!(rows(&links).contains(&id), "{links:?}");

    let company = format!("contacts({MAREN})/parentcustomerid_account");
    assert_eq!(emulated.get(&company).await.expect(200)["accountid"], NORTHWIND);
    let link = emulated.get(&format!("{company}/$ref")).await;
    let id = format!("{}/accounts({NORTHWIND})", emulated.api());
    assert_eq!(link.expect(200)["@odata.id"], id);

    let name = emulated.get(&format!("contacts({MAREN})/fullname")).await;
    assert_eq!(name.expect(200)["value"], "Maren Quist");
    let bare = emulated.get(&format!("contacts({MAREN})/fullname/$value")).await;
    assert_eq!((bare.status, bare.text.as_str()), (200, "Maren Quist"));
    let empty = emulated.get(&format!("contacts({MAREN})/middlename")).await;
    assert_eq!((empty.status, empty.text.as_str()), (204, ""));

    let calls = format!("contacts({MAREN})/Contact_ActivityPointers");
    let all = rows(&emulated.get(&calls).await).len();
    let cast = emulated.get(&format!("{calls}/Microsoft.Dynamics.CRM.phonecall")).await;
    assert!(
        rows(&cast).len() < all && rows(&cast).iter().all(|row| row["phonenumber"].is_string())
    );
}

#[tokio::test]
async fn expansions_bring_related_rows_and_keep_their_limits() {
    let emulated = Emulated::start().await;
    let query = format!(
        "contacts({MAREN})?$select=fullname&$expand=parentcustomerid_account($select=name),\
         createdby($select=fullname),parentcustomerid_contact,masterid/$ref,\
         Contact_ActivityPointers($select=subject;$orderby=createdon desc;$top=1)"
    );
    let answer = emulated.get(&query).await;
    let row = answer.expect(200);
    assert_eq!(row["parentcustomerid_account"]["name"], "Northwind Traders");
    assert_eq!(row["parentcustomerid_account"]["accountid"], NORTHWIND);
    assert_eq!(row["parentcustomerid_contact"], Value::Null);
    let creator = &row["createdby"];
    assert_eq!(creator["systemuserid"], creator["ownerid"]);
    assert_eq!(row["Contact_ActivityPointers"].as_array().unwrap().len(), 1);
    // The link exists though nothing is left to read, and it works.
    let link = row["Contact_ActivityPointers@odata.nextLink"].as_str().unwrap();
    assert!(rows(&emulated.follow(link, &[]).await).len() > 1, "{link}");

    let limit = "Only $select and $filter clause can be provided while doing $expand on many-to-one \
                 relationship or nested one-to-many relationship.";
    for expand in [
        "parentcustomerid_account($top=1)",
        "parentcustomerid_account($orderby=name)",
        "parentcustomerid_account($expand=contact_customer_accounts($top=1))",
        "incident_customer_contacts($expand=Incident_Emails($orderby=createdon))",
        "incident_customer_contacts($top=1;$expand=ownerid)",
        // One nested expand is enough to refuse the others.
        "Contact_Tasks($orderby=createdon),incident_customer_contacts($expand=ownerid)",
        "incident_customer_contacts($expand=ownerid),Contact_Tasks($top=1)",
    ] {
        emulated.get(&format!("contacts?$expand={expand}")).await.refused(400, "0x80060888", limit);
    }
    emulated.get("contacts?$expand=incident_customer_contacts/$ref").await.refused(
        400,
        "0x80060888",
        "Expand with $ref is only supported on lookup type navigation property.",
    );
    emulated.get("contacts?$expand=fullname").await.refused_with(
        400,
        "0x80060888",
        "is not a navigation property",
    );
    emulated
        .get("contacts?$expand=incident_customer_contacts($filter=title eq @a)&@a='x'")
        .await
        .refused_with(400, "0x80060888", "alias");
    let nested = "contacts?$select=fullname&$expand=incident_customer_contacts($select=title;\
                  $expand=Incident_Emails($select=subject;$filter=statecode eq 1))";
    emulated.get(nested).await.expect(200);
    // The rows of a collection carry the lookup that leads back; those of a nested one do not.
    let back = format!(
        "accounts({NORTHWIND})?$select=name&$expand=contact_customer_accounts($select=fullname;\
         $expand=Contact_Phonecalls($select=subject))"
    );
    let answer = emulated.get(&back).await;
    let contacts = answer.expect(200)["contact_customer_accounts"].as_array().unwrap();
    assert!(contacts.iter().all(|row| row["_parentcustomerid_value"] == NORTHWIND));
    let calls: Vec<_> =
        contacts.iter().flat_map(|row| row["Contact_Phonecalls"].as_array().unwrap()).collect();
    assert!(!calls.is_empty());
    assert!(calls.iter().all(|row| row.get("_regardingobjectid_value").is_none()));
    let names = [
        "createdby",
        "modifiedby",
        "owninguser",
        "owningbusinessunit",
        "owningteam",
        "ownerid",
        "masterid",
        "transactioncurrencyid",
        "preferredsystemuserid",
        "originatingleadid",
        "defaultpricelevelid",
        "parentcustomerid_account",
        "parentcustomerid_contact",
        "createdonbehalfby",
        "modifiedonbehalfby",
    ];
    emulated.get(&format!("contacts?$expand={}", names.join(","))).await.expect(200);
    let sixteen = format!("contacts?$expand={},Contact_Tasks", names.join(","));
    emulated.get(&sixteen).await.refused_with(400, "0x80060888", "15");
}

#[tokio::test]
async fn how_much_metadata_is_up_to_the_client() {
    let emulated = Emulated::start().await;
    let path = format!("contacts({MAREN})?$select=fullname");
    let none =
        emulated.get_with(&path, &[("accept", "application/json;odata.metadata=none")]).await;
    assert_eq!(none.expect(200), &json!({"fullname": "Maren Quist", "contactid": MAREN}));
    let full =
        emulated.get_with(&path, &[("accept", "application/json;odata.metadata=full")]).await;
    assert_eq!(full.expect(200)["@odata.type"], "#Microsoft.Dynamics.CRM.contact");
    let id = format!("{}/contacts({MAREN})", emulated.api());
    assert_eq!(full.body["@odata.id"], id);
    let html = emulated.get_with(&path, &[("accept", "text/html")]).await;
    assert_eq!(html.status, 415);
}

#[tokio::test]
async fn a_missing_app_takes_its_tables_with_it() {
    let emulated = Emulated::start().await;
    let apps = json!({ "sales": false, "service": true });
    emulated.control(reqwest::Method::PUT, "apps", apps).await;
    let message = "Resource not found for the segment 'opportunities'.";
    emulated.get("opportunities").await.refused(404, "0x80060888", message);
    emulated.get("incidents?$top=1").await.expect(200);
    emulated.get("contacts?$expand=opportunity_parent_contact").await.refused_with(
        400,
        "0x80060888",
        "opportunity_parent_contact",
    );
    let filter = encode("opportunity_parent_contact/any(o:o/name eq 'x')");
    emulated.get(&format!("contacts?$filter={filter}")).await.refused_with(
        400,
        "0x80060888",
        "Could not find a property",
    );
}

#[tokio::test]
async fn every_table_read_needs_its_privilege() {
    let emulated = Emulated::start().await;
    let change = json!({ "state": "enabled", "roles": ["Customer Service Representative"] });
    emulated.control(reqwest::Method::PUT, "application-user", change).await;
    emulated.get("contacts?$top=1").await.expect(200);
    for query in [
        "opportunities?$top=1".to_owned(),
        "contacts?$expand=opportunity_parent_contact($select=name)".to_owned(),
        format!("contacts?$filter={}", encode("opportunity_parent_contact/any(o:o/name eq 'x')")),
        format!("contacts({MAREN})/opportunity_parent_contact"),
    ] {
        emulated.get(&query).await.refused_with(
            403,
            "0x80040220",
            "is missing prvReadOpportunity privilege",
        );
    }
}

#[tokio::test]
async fn over_long_urls_are_refused() {
    let emulated = Emulated::start().await;
    let query = format!("contacts?$filter=fullname eq '{}'", "x".repeat(33_000));
    let answer = emulated.get(&query).await;
    assert_eq!(answer.status, 414, "{}", answer.text);
}

#[tokio::test]
async fn a_user_tells_how_email_reaches_them_and_whether_that_is_approved() {
    let emulated = Emulated::start().await;
    let path = "systemusers?$select=fullname,incomingemaildeliverymethod,\
                outgoingemaildeliverymethod,emailrouteraccessapproval,\
                isemailaddressapprovedbyo365admin,_defaultmailbox_value\
                &$filter=emailrouteraccessapproval%20eq%201%20and%20isdisabled%20eq%20false\
                &$orderby=fullname";
    let answer = emulated.get_with(path, &[ALL_ANNOTATIONS]).await;
    let rows = answer.expect(200)["value"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["fullname"].as_str().unwrap()).collect();
    assert_eq!(names, ["Imani Okoro", "Rowan Sandström"]);
    let formatted =
        |name: &str| &rows[0][format!("{name}@OData.Community.Display.V1.FormattedValue")];
    assert_eq!(
        formatted("incomingemaildeliverymethod"),
        "Server-Side Synchronization or Email Router"
    );
    assert_eq!(formatted("emailrouteraccessapproval"), "Approved");
}

#[tokio::test]
async fn a_path_is_decoded_before_it_is_split() {
    let emulated = Emulated::start().await;
    let contact = format!("contacts%28{MAREN}%29%2Ffullname");
    assert_eq!(emulated.get(&contact).await.expect(200)["value"], "Maren Quist");
    let definition = "EntityDefinitions%28LogicalName=%27contact%27%29?$select=EntitySetName";
    assert_eq!(emulated.get(definition).await.expect(200)["EntitySetName"], "contacts");
}

#[tokio::test]
async fn a_count_beside_a_page_of_one_counts_all_up_to_five_thousand() {
    let emulated = Emulated::start().await;
    let all = emulated.count("contacts").await;
    let one = [("prefer", "odata.maxpagesize=1,odata.include-annotations=\"*\"")];
    let path = "contacts?$select=contactid&$count=true";
    let answer = emulated.get_with(path, &one).await;
    assert_eq!(rows(&answer).len(), 1);
    assert_eq!(answer.body["@odata.count"], all);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcount"], all);
    let exceeded = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";
    assert_eq!(answer.body[exceeded], false);
    assert!(answer.body["@odata.nextLink"].is_string());
    for (rows_added, is_exceeded) in [(5_000 - all, false), (1, true)] {
        let seed = json!({"table": "contact", "rows": rows_added});
        emulated.control(Method::POST, "seed", seed).await;
        let answer = emulated.get_with(path, &one).await;
        assert_eq!(rows(&answer).len(), 1);
        assert_eq!(answer.body["@odata.count"], 5_000);
        assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcount"], 5_000);
        assert_eq!(answer.body[exceeded], is_exceeded);
        let filtered = format!("{path}&$filter=contactid%20ne%20null");
        let answer = emulated.get_with(&filtered, &one).await;
        assert_eq!(
            (&answer.body["@odata.count"], &answer.body[exceeded]),
            (&json!(5_000), &json!(is_exceeded))
        );
    }
    let uncounted = emulated.get_with("contacts?$select=contactid", &one).await;
    assert_eq!(uncounted.body["@Microsoft.Dynamics.CRM.totalrecordcount"], -1);
}

#[tokio::test]
async fn what_the_emulator_lacks_it_says_in_its_own_voice() {
    let emulated = Emulated::start().await;
    for path in [
        "salesorders?$top=1",
        "RetrieveProvisionedLanguages()",
        "contacts?$apply=aggregate($count%20as%20n)",
    ] {
        let answer = emulated.get(path).await;
        assert_eq!(answer.expect(501)["error"]["code"], "not-emulated", "{path}");
        assert_eq!(answer.header("x-dataverse-emulator"), "not-emulated");
    }
    let answer = emulated.post("Merge", json!({})).await;
    assert_eq!(answer.status, 501);
    let prefer = [("prefer", "odata.track-changes")];
    assert_eq!(emulated.get_with("contacts?$top=1", &prefer).await.status, 501);
    // What Dataverse itself does not have, it refuses.
    emulated.get("contacts?$skip=1").await.refused(
        400,
        "0x80060888",
        "Skip Clause is not supported in CRM",
    );
    assert_eq!(emulated.get("nothings").await.status, 404);
}
