//! Queries in FetchXML.

use reqwest::Method;
use serde_json::{Value, json};

use crate::batch::{batch, get, statuses};
use crate::harness::{Answer, Emulated, encode};

const NORTHWIND: &str = "852dede1-e4e7-5617-bc33-b74f2626b52a";
const MAREN: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const ALL: &[(&str, &str)] = &[("prefer", "odata.include-annotations=\"*\"")];

async fn fetch(emulated: &Emulated, set: &str, xml: &str) -> Answer {
    emulated.get(&format!("{set}?fetchXml={}", encode(xml))).await
}

async fn annotated(emulated: &Emulated, set: &str, xml: &str) -> Answer {
    emulated.get_with(&format!("{set}?fetchXml={}", encode(xml)), ALL).await
}

#[track_caller]
fn rows(answer: &Answer) -> &Vec<Value> {
    answer.expect(200)["value"].as_array().unwrap()
}

/// The values of a column in the order of the answer.
#[track_caller]
fn column<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    rows(answer).iter().map(|row| row[name].as_str().unwrap_or("-")).collect()
}

/// Texts as Dataverse compares them: without case and accents.
fn dataverse_order(texts: Vec<&str>) -> Vec<String> {
    let plain = |text: &str| text.replace('ő', "o").replace('á', "a").to_lowercase();
    texts.into_iter().map(plain).collect()
}

/// Rows of accounts, sorted by name.
async fn accounts(emulated: &Emulated, inside: &str) -> Answer {
    let xml = format!(
        "<fetch><entity name='account'><attribute name='name'/><order attribute='name'/>{inside}\
         </entity></fetch>"
    );
    fetch(emulated, "accounts", &xml).await
}

async fn accounts_where(emulated: &Emulated, conditions: &str) -> Answer {
    accounts(emulated, &format!("<filter>{conditions}</filter>")).await
}

#[tokio::test]
async fn rows_have_the_columns_asked_for_and_no_nulls() {
    let emulated = Emulated::start().await;
    let xml = "<fetch><entity name='contact'><attribute name='fullname'/>\
               <attribute name='parentcustomerid'/><attribute name='middlename'/>\
               <filter><condition attribute='lastname' operator='eq' value='quist'/></filter>\
               </entity></fetch>";
    let answer = fetch(&emulated, "contacts", xml).await;
    let [row] = rows(&answer).as_slice() else { panic!("{answer:?}") };
    let etag = row["@odata.etag"].as_str().unwrap();
    assert_eq!(
        row,
        &json!({
            "@odata.etag": etag, "fullname": "Maren Quist",
            "_parentcustomerid_value": NORTHWIND, "contactid": MAREN,
        })
    );
    let context = answer.body["@odata.context"].as_str().unwrap();
    assert!(
        context.ends_with(
            "#contacts(fullname,parentcustomerid,middlename,contactid,parentcustomerid())"
        ),
        "{context}"
    );
    // Asked for with OData, an empty column is null.
    let odata = emulated.get(&format!("contacts({MAREN})?$select=middlename")).await;
    assert_eq!(odata.expect(200)["middlename"], Value::Null);

    let answer = annotated(&emulated, "contacts", xml).await;
    let row = &rows(&answer)[0];
    let formatted = "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue";
    assert_eq!(row[formatted], "Northwind Traders");
    assert_eq!(row["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "account");
    assert!(row.get("fullname@OData.Community.Display.V1.AttributeName").is_none());
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcount"], -1);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.morerecords"], false);
}

#[tokio::test]
async fn without_attributes_all_columns_with_a_value_are_shown() {
    let emulated = Emulated::start().await;
    for inside in ["", "<all-attributes/>"] {
        let xml = format!("<fetch top='1'><entity name='account'>{inside}</entity></fetch>");
        let answer = fetch(&emulated, "accounts", &xml).await;
        let row = rows(&answer)[0].as_object().unwrap();
        assert!(row.contains_key("name") && row.contains_key("_ownerid_value"));
        assert!(row.values().all(|value| !value.is_null()));
    }
}

#[tokio::test]
async fn an_alias_renames_a_column_and_says_so() {
    let emulated = Emulated::start().await;
    let xml = "<fetch><entity name='account'><attribute name='createdon' alias='whencreated'/>\
               <attribute name='primarycontactid' alias='who'/><attribute name='revenue'/>\
               <filter><condition attribute='name' operator='eq' value='Northwind Traders'/></filter>\
               </entity></fetch>";
    let answer = annotated(&emulated, "accounts", xml).await;
    let row = &rows(&answer)[0];
    assert_eq!(row["who"], MAREN);
    assert_eq!(row["who@OData.Community.Display.V1.AttributeName"], "primarycontactid");
    assert_eq!(row["who@OData.Community.Display.V1.FormattedValue"], "Maren Quist");
    assert_eq!(row["who@Microsoft.Dynamics.CRM.lookuplogicalname"], "contact");
    assert_eq!(row["whencreated@OData.Community.Display.V1.AttributeName"], "createdon");
    assert!(row["whencreated"].is_string());
    // An amount brings its currency.
    assert!(row["_transactioncurrencyid_value"].is_string());
    assert_eq!(row["revenue@OData.Community.Display.V1.FormattedValue"], "$4,200,000.00");
    let bare = fetch(&emulated, "accounts", xml).await;
    assert!(rows(&bare)[0].get("who@OData.Community.Display.V1.AttributeName").is_none());
}

#[tokio::test]
async fn joins_multiply_keep_or_only_ask() {
    let emulated = Emulated::start().await;
    let of = |kind: &str, inside: &str| {
        format!(
            "<link-entity name='contact' from='parentcustomerid' to='accountid' link-type='{kind}' \
             alias='c'>{inside}</link-entity>"
        )
    };
    let shown = "<attribute name='fullname'/><attribute name='ownerid'/>\
                 <attribute name='lastname' alias='family'/><order attribute='lastname'/>";
    let answer = accounts(&emulated, &of("inner", shown)).await;
    assert_eq!(rows(&answer).iter().filter(|row| row["name"] == "Litware, Inc.").count(), 2);
    let row = rows(&answer).iter().find(|row| row["accountid"] == NORTHWIND).unwrap();
    assert_eq!((&row["c.fullname"], &row["family"]), (&json!("Maren Quist"), &json!("Quist")));
    assert!(row["c.ownerid"].is_string() && row.get("c.lastname").is_none(), "{row}");

    let one = "<filter><condition attribute='lastname' operator='eq' value='Quist'/></filter>";
    let inner = accounts(&emulated, &of("inner", one)).await;
    assert_eq!(column(&inner, "name"), ["Northwind Traders"]);
    let outer = accounts(&emulated, &of("outer", &format!("{shown}{one}"))).await;
    assert_eq!(rows(&outer).len(), emulated.count("accounts").await);
    let with: Vec<_> = rows(&outer).iter().filter(|row| row.get("family").is_some()).collect();
    assert_eq!(with.len(), 1);

    let exists = accounts(&emulated, &of("exists", "")).await;
    assert_eq!(rows(&exists).iter().filter(|row| row["name"] == "Litware, Inc.").count(), 1);
    assert_eq!(column(&accounts(&emulated, &of("in", one)).await, "name"), ["Northwind Traders"]);
    let first = of("matchfirstrowusingcrossapply", "<attribute name='lastname'/>");
    let first = accounts(&emulated, &first).await;
    assert_eq!(rows(&first).len(), rows(&exists).len());
    assert_eq!(column(&first, "LastName").iter().filter(|name| **name == "Brandt").count(), 1);

    // Without an alias there is one with a number.
    let unnamed = "<link-entity name='contact' from='contactid' to='primarycontactid'>\
                   <attribute name='fullname'/></link-entity>";
    let answer = accounts(&emulated, unnamed).await;
    assert!(rows(&answer).iter().all(|row| row["contact1.fullname"].is_string()), "{answer:?}");
}

#[tokio::test]
async fn a_filter_can_ask_about_other_rows() {
    let emulated = Emulated::start().await;
    let of = |kind: &str, inside: &str| {
        format!(
            "<filter><link-entity name='contact' from='parentcustomerid' to='accountid' \
             link-type='{kind}'>{inside}</link-entity></filter>"
        )
    };
    let brandt = "<filter><condition attribute='lastname' operator='eq' value='Brandt'/></filter>";
    let any = accounts(&emulated, &of("any", brandt)).await;
    assert_eq!(column(&any, "name"), ["Litware, Inc."]);
    assert_eq!(
        column(&accounts(&emulated, &of("not all", brandt)).await, "name"),
        ["Litware, Inc."]
    );
    let everything = emulated.count("accounts").await;
    assert_eq!(rows(&accounts(&emulated, &of("not any", brandt)).await).len(), everything - 1);
    // `all` means: there are some, and none of them matches.
    let with_contacts = rows(&accounts(&emulated, &of("any", "")).await).len();
    assert_eq!(rows(&accounts(&emulated, &of("all", brandt)).await).len(), with_contacts - 1);
    // Nested, and one of two.
    let nested = "<filter type='or'><condition attribute='name' operator='begins-with' value='coho'/>\
                  <link-entity name='contact' from='parentcustomerid' to='accountid' link-type='any'>\
                  <link-entity name='incident' from='primarycontactid' to='contactid'>\
                  <filter><condition attribute='title' operator='like' value='%Safari'/></filter>\
                  </link-entity></link-entity></filter>";
    assert_eq!(
        column(&accounts(&emulated, nested).await, "name"),
        ["Coho Winery", "Litware, Inc."]
    );
}

#[tokio::test]
async fn the_absent_partner_of_an_outer_join_can_be_asked_for() {
    let emulated = Emulated::start().await;
    let inside = "<link-entity name='contact' from='contactid' to='primarycontactid' \
                  link-type='outer' alias='c'/><filter>\
                  <condition entityname='c' attribute='contactid' operator='null'/></filter>";
    let answer = accounts(&emulated, inside).await;
    assert_eq!(column(&answer, "name"), ["Fabrikam Residences"]);
    let across = "<link-entity name='contact' from='contactid' to='primarycontactid' alias='c'/>\
                  <filter><condition attribute='ownerid' operator='ne' valueof='c.ownerid'/></filter>";
    assert!(rows(&accounts(&emulated, across).await).is_empty());
    let unknown = "<filter><condition entityname='x' attribute='name' operator='null'/></filter>";
    accounts(&emulated, unknown).await.refused(
        400,
        "0x8004110a",
        "The specified alias for the given entity in the condition does not exist.",
    );
}

#[tokio::test]
async fn operators_compare_as_their_names_say() {
    let emulated = Emulated::start().await;
    let all = emulated.count("accounts").await;
    for (condition, expected) in [
        ("attribute='name' operator='eq' value='LITWARE, INC.'", 1),
        ("attribute='name' operator='ne' value='Litware, Inc.'", all - 1),
        ("attribute='name' operator='neq' value='Litware, Inc.'", all - 1),
        ("attribute='name' operator='like' value='%fabrikam%'", 2),
        ("attribute='name' operator='like' value='fabrikam'", 0),
        ("attribute='name' operator='not-like' value='%fabrikam%'", all - 2),
        ("attribute='name' operator='begins-with' value='fabrikam'", 2),
        ("attribute='name' operator='not-begin-with' value='fabrikam'", all - 2),
        ("attribute='name' operator='ends-with' value='inc.'", 2),
        ("attribute='name' operator='not-end-with' value='inc.'", all - 2),
        ("attribute='numberofemployees' operator='gt' value='100'", 3),
        ("attribute='numberofemployees' operator='le' value='35'", 2),
        ("attribute='industrycode' operator='eq' value='16'", 1),
        ("attribute='primarycontactid' operator='null'", 1),
        ("attribute='primarycontactid' operator='not-null'", all - 1),
        (
            "attribute='primarycontactid' operator='eq' value='{D61ABDE7-181E-5F77-B59E-84C544C5040B}'",
            1,
        ),
        ("attribute='donotemail' operator='eq' value='1'", 0),
        ("attribute='ownerid' operator='eq-userid'", 0),
        ("attribute='ownerid' operator='ne-userid'", all),
        ("attribute='ownerid' operator='eq-userteams'", 0),
        ("attribute='ownerid' operator='eq-useroruserteams'", 0),
        ("attribute='owningbusinessunit' operator='eq-businessid'", all),
        ("attribute='createdon' operator='last-x-days' value='1'", 0),
        ("attribute='createdon' operator='olderthan-x-days' value='1'", all),
        ("attribute='createdon' operator='today'", 0),
        ("attribute='createdon' operator='on-or-after' value='2020-01-01'", all),
        ("attribute='createdon' operator='lt' value='2020-01-01T00:00:00'", 0),
    ] {
        let answer = accounts_where(&emulated, &format!("<condition {condition}/>")).await;
        assert_eq!(rows(&answer).len(), expected, "{condition}");
    }
    let values = "<value>16</value><value>33</value>";
    for (operator, expected) in
        [("in", 2), ("not-in", all - 2), ("between", 4), ("not-between", all - 4)]
    {
        let condition = format!(
            "<condition attribute='industrycode' operator='{operator}'>{values}</condition>"
        );
        let answer = accounts_where(&emulated, &condition).await;
        assert_eq!(rows(&answer).len(), expected, "{operator}");
    }
}

#[tokio::test]
async fn activities_are_found_by_the_number_of_their_type_and_by_a_participant() {
    let emulated = Emulated::start().await;
    let of = |value: &str| {
        format!(
            "<fetch><entity name='activitypointer'><attribute name='activitytypecode'/><filter>\
             <condition attribute='activitytypecode' operator='in'><value>{value}</value></condition>\
             </filter></entity></fetch>"
        )
    };
    for value in ["4210", "phonecall"] {
        let answer = fetch(&emulated, "activitypointers", &of(value)).await;
        assert_eq!(rows(&answer).len(), emulated.count("phonecalls").await, "{value}");
        assert!(column(&answer, "activitytypecode").iter().all(|kind| *kind == "phonecall"));
    }
    let party = format!(
        "<fetch distinct='true'><entity name='activitypointer'><attribute name='activityid'/>\
         <attribute name='subject'/><order attribute='createdon' descending='true'/>\
         <link-entity name='activityparty' from='activityid' to='activityid' alias='ap'><filter>\
         <condition attribute='partyid' operator='eq' value='{MAREN}'/></filter></link-entity>\
         </entity></fetch>"
    );
    let by_id = fetch(&emulated, "activitypointers", &party).await;
    assert!(!rows(&by_id).is_empty());
    let by_email = "<fetch distinct='true'><entity name='activitypointer'>\
        <attribute name='activityid'/><attribute name='subject'/>\
        <order attribute='createdon' descending='true'/>\
        <link-entity name='activityparty' from='activityid' to='activityid'>\
        <link-entity name='contact' from='contactid' to='partyid'><filter><condition \
        attribute='emailaddress1' operator='eq' value='maren.quist@northwind.example'/></filter>\
        </link-entity></link-entity></entity></fetch>";
    let by_email = fetch(&emulated, "activitypointers", by_email).await;
    assert_eq!(rows(&by_email), rows(&by_id));
}

#[tokio::test]
async fn order_is_by_names_labels_and_joined_columns() {
    let emulated = Emulated::start().await;
    let cases = |raw: &str| {
        format!(
            "<fetch {raw}><entity name='incident'><attribute name='prioritycode'/>\
             <order attribute='prioritycode'/></entity></fetch>"
        )
    };
    let low = json!({
        "title": "x", "prioritycode": 3, "customerid_contact@odata.bind": format!("/contacts({MAREN})"),
    });
    emulated.post("incidents", low).await.created();
    let labels = annotated(&emulated, "incidents", &cases("")).await;
    let shown = column(&labels, "prioritycode@OData.Community.Display.V1.FormattedValue");
    assert!(shown.is_sorted() && shown.contains(&"Low") && shown.contains(&"Normal"), "{shown:?}");
    let numbers = fetch(&emulated, "incidents", &cases("useraworderby='true'")).await;
    let codes: Vec<_> = rows(&numbers).iter().map(|row| row["prioritycode"].as_i64()).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    let of = |inside: &str| {
        format!("<fetch><entity name='account'><attribute name='name'/>{inside}</entity></fetch>")
    };
    let joined = "<link-entity name='contact' from='contactid' to='primarycontactid' alias='c'>\
                  <attribute name='lastname'/><order attribute='lastname' descending='1'/></link-entity>";
    let answer = fetch(&emulated, "accounts", &of(joined)).await;
    let ordered = dataverse_order(column(&answer, "c.lastname"));
    assert!(ordered.is_sorted_by(|a, b| a >= b), "{ordered:?}");
    let first = format!(
        "<order entityname='c' attribute='lastname'/><order attribute='name'/>{}",
        "<link-entity name='contact' from='contactid' to='primarycontactid' alias='c'/>"
    );
    fetch(&emulated, "accounts", &of(&first)).await.expect(200);
    let unknown = of("<order entityname='nobody' attribute='name'/>");
    fetch(&emulated, "accounts", &unknown).await.refused_with(400, "0x80041126", "Link Node");
}

#[tokio::test]
async fn pages_follow_each_other_by_cookie_or_by_number() {
    let emulated = Emulated::start().await;
    let all = accounts(&emulated, "").await;
    let all = column(&all, "name");
    let of = |page: usize, cookie: &str| {
        format!(
            "<fetch count='3' page='{page}' paging-cookie='{cookie}'><entity name='account'>\
             <attribute name='name'/><order attribute='name'/></entity></fetch>"
        )
    };
    let mut cookie = String::new();
    let mut found = Vec::new();
    for page in 1.. {
        let answer = annotated(&emulated, "accounts", &of(page, &cookie)).await;
        found.extend(column(&answer, "name").into_iter().map(str::to_owned));
        assert!(answer.body.get("@odata.nextLink").is_none());
        let more = answer.body["@Microsoft.Dynamics.CRM.morerecords"].as_bool().unwrap();
        let annotation =
            answer.body["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"].as_str().unwrap();
        let number = if more { page + 1 } else { page };
        assert!(annotation.starts_with(&format!("<cookie pagenumber=\"{number}\" ")));
        assert!(
            annotation.contains("pagingcookie=\"%253ccookie%2520page%253d%2522"),
            "{annotation}"
        );
        if !more {
            break;
        }
        let encoded = annotation.split('"').nth(3).unwrap();
        let once = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        let twice = percent_encoding::percent_decode_str(&once).decode_utf8().unwrap();
        assert!(twice.starts_with(&format!("<cookie page=\"{page}\"><name last=\"")), "{twice}");
        cookie = twice.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
    }
    assert_eq!(found, all);
    let second = fetch(&emulated, "accounts", &of(2, "")).await;
    assert_eq!(column(&second, "name"), all[3..6]);
    let other = of(2, &cookie.replace("name last", "revenue last"));
    fetch(&emulated, "accounts", &other).await.refused(
        400,
        "0x80041129",
        "Order by columns do not match those in paging cookie.",
    );
    for nonsense in ["nonsense", "&lt;cookie/&gt;", "&lt;cookie page=\"0\"/&gt;"] {
        let answer = fetch(&emulated, "accounts", &of(2, nonsense)).await;
        answer.refused(400, "0x8004112a", "Invalid page number in paging cookie.");
    }
    let far = of(20_000, "");
    fetch(&emulated, "accounts", &far).await.refused_with(400, "0x8004430a", "paging cookie");
    // Rows that a join multiplies are not found again by a key.
    let joined = "<fetch count='2'><entity name='account'><link-entity name='contact' \
                  from='parentcustomerid' to='accountid'/></entity></fetch>";
    let answer = annotated(&emulated, "accounts", joined).await;
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.morerecords"], true);
    assert!(answer.body.get("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie").is_none());
}

#[tokio::test]
async fn the_total_is_told_on_request() {
    let emulated = Emulated::start().await;
    let all = emulated.count("accounts").await;
    let of = |attributes: &str| {
        format!("<fetch count='2' {attributes}><entity name='account'/></fetch>")
    };
    let asked = of("returntotalrecordcount='true'");
    let answer = annotated(&emulated, "accounts", &asked).await;
    assert_eq!(answer.expect(200)["@odata.count"], all);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcount"], all);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"], false);
    let path = format!("accounts?fetchXml={}&$count=true", encode(&of("")));
    assert_eq!(emulated.get(&path).await.expect(200)["@odata.count"], all);
    let seed = json!({"table": "account", "rows": 5_001});
    emulated.control(Method::POST, "seed", seed).await;
    let answer = annotated(&emulated, "accounts", &asked).await;
    assert_eq!(answer.expect(200)["@odata.count"], 5_000);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcount"], 5_000);
    assert_eq!(answer.body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"], true);
    let everything = fetch(&emulated, "accounts", "<fetch><entity name='account'/></fetch>").await;
    assert_eq!(rows(&everything).len(), 5_000);
    let top = "<fetch top='2'><entity name='account'><attribute name='name'/></entity></fetch>";
    assert_eq!(rows(&fetch(&emulated, "accounts", top).await).len(), 2);
}

#[tokio::test]
async fn equal_rows_are_shown_once_without_their_key() {
    let emulated = Emulated::start().await;
    let xml = "<fetch distinct='true'><entity name='contact'><attribute name='parentcustomerid'/>\
               <order attribute='parentcustomerid'/></entity></fetch>";
    let answer = fetch(&emulated, "contacts", xml).await;
    let mut seen = column(&answer, "_parentcustomerid_value");
    let found = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(found, seen.len());
    assert!(rows(&answer).iter().all(|row| row.get("contactid").is_none()));
}

#[tokio::test]
async fn aggregates_are_made_of_groups() {
    let emulated = Emulated::start().await;
    let all = emulated.count("opportunities").await;
    let of = |attributes: &str| {
        format!("<fetch aggregate='true'><entity name='opportunity'>{attributes}</entity></fetch>")
    };
    let by_state = of("<attribute name='opportunityid' alias='n' aggregate='count'/>\
         <attribute name='estimatedvalue' alias='value' aggregate='sum'/>\
         <attribute name='statecode' alias='state' groupby='true'/><order alias='n' descending='true'/>");
    let answer = annotated(&emulated, "opportunities", &by_state).await;
    let numbers: Vec<_> = rows(&answer).iter().map(|row| row["n"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a >= b), "{numbers:?}");
    assert_eq!(numbers.iter().sum::<u64>(), u64::try_from(all).unwrap());
    let open = &rows(&answer)[0];
    assert_eq!(open["state"], 0);
    assert_eq!(open["state@OData.Community.Display.V1.FormattedValue"], "Open");
    assert_eq!(open["value@OData.Community.Display.V1.AttributeName"], "estimatedvalue");
    assert!(
        open["value@OData.Community.Display.V1.FormattedValue"].as_str().unwrap().starts_with('$')
    );
    assert!(open.get("@odata.etag").is_none() && open.get("opportunityid").is_none());

    // The group of rows without a value has no key.
    let by_contact = "<fetch aggregate='true'><entity name='contact'>\
        <attribute name='contactid' alias='n' aggregate='count'/>\
        <attribute name='parentcustomerid' alias='customer' groupby='1'/></entity></fetch>";
    let answer = fetch(&emulated, "contacts", by_contact).await;
    let without: Vec<_> =
        rows(&answer).iter().filter(|row| row.get("customer").is_none()).collect();
    assert_eq!(without.len(), 1, "{answer:?}");

    let none = "<fetch aggregate='true'><entity name='contact'>\
        <attribute name='contactid' alias='n' aggregate='count'/>\
        <attribute name='createdon' alias='last' aggregate='max'/>\
        <filter><condition attribute='lastname' operator='eq' value='Nobody'/></filter></entity></fetch>";
    assert_eq!(rows(&fetch(&emulated, "contacts", none).await), &vec![json!({"n": 0})]);
    let months = of("<attribute name='opportunityid' alias='n' aggregate='count'/>\
         <attribute name='createdon' alias='month' groupby='1' dategrouping='month'/>");
    assert!(
        rows(&fetch(&emulated, "opportunities", &months).await)
            .iter()
            .all(|row| { row["month"].as_i64().is_some_and(|month| (1..=12).contains(&month)) })
    );
    for (attributes, code) in [
        ("<attribute name='name' alias='n' aggregate='sum'/>", "0x8004112f"),
        (
            "<attribute name='name' alias='n' aggregate='count'/><order attribute='name'/>",
            "0x80041131",
        ),
        ("<attribute name='name' alias='n' aggregate='count'/><order/>", "0x80041134"),
        (
            "<attribute name='name' alias='n' aggregate='count'/>\
             <attribute name='name' alias='n' groupby='1'/>",
            "0x80041130",
        ),
    ] {
        let answer = fetch(&emulated, "opportunities", &of(attributes)).await;
        assert_eq!((answer.status, answer.body["error"]["code"].as_str()), (400, Some(code)));
    }
    let limit = "<fetch aggregate='true' aggregatelimit='3'><entity name='contact'>\
        <attribute name='contactid' alias='n' aggregate='count'/></entity></fetch>";
    let answer = fetch(&emulated, "contacts", limit).await;
    answer.refused_with(400, "0x8004e023", "The maximum record limit is exceeded.");
}

#[tokio::test]
async fn unknown_names_and_impossible_values_are_refused() {
    let emulated = Emulated::start().await;
    let of = |inside: &str| format!("<fetch><entity name='account'>{inside}</entity></fetch>");
    let condition = |inside: &str| of(&format!("<filter><condition {inside}/></filter>"));
    for (xml, code, part) in [
        ("no xml".to_owned(), "0x80040201", "Invalid XML."),
        ("<fetch><entity name='nothing'/></fetch>".to_owned(), "0x80041102", "was not found"),
        ("<fetch><entity name='contact'/></fetch>".to_owned(), "0x80041128", "does not match"),
        (
            of("<attribute name='nope'/>"),
            "0x80041103",
            "'account' entity doesn't contain attribute with Name = 'nope'",
        ),
        (of("<attribute name='Name'/>"), "0x80041103", "Name = 'Name'"),
        (of("<attribute name='_ownerid_value'/>"), "0x80041103", "'_ownerid_value'"),
        (
            of("<attribute name='name' alias='a'/><attribute name='fax' alias='a'/>"),
            "0x80041130",
            "unique",
        ),
        (of("<order attribute='nope'/>"), "0x80041103", "'nope'"),
        (of("<order alias='name'/>"), "0x80041132", "Use an attribute"),
        (condition("attribute='nope' operator='null'"), "0x80041103", "'nope'"),
        (condition("attribute='name' operator='resembles' value='x'"), "0x80041120", "operator"),
        (condition("attribute='name' operator='last-x-days' value='1'"), "0x80041120", "operator"),
        (condition("attribute='revenue' operator='like' value='1'"), "0x80041120", "operator"),
        (condition("attribute='name' operator='eq'"), "0x80041106", "Incorrect filter"),
        (condition("attribute='ownerid' operator='eq' value='me'"), "0x80041108", "Invalid value"),
        (
            condition("attribute='createdon' operator='on' value='soon'"),
            "0x80041108",
            "Invalid value",
        ),
        (
            condition("attribute='createdon' operator='last-x-days' value='-1'"),
            "0x80041108",
            "Invalid value",
        ),
        (
            of("<link-entity name='nothing' from='a' to='accountid'/>"),
            "0x80041102",
            "was not found",
        ),
        (
            of("<link-entity name='contact' from='nope' to='accountid'/>"),
            "0x80041103",
            "'contact' entity",
        ),
        (
            of("<link-entity name='contact' from='lastname' to='accountid'/>"),
            "0x80044150",
            "Generic SQL error.",
        ),
    ] {
        fetch(&emulated, "accounts", &xml).await.refused_with(400, code, part);
    }
    let link = "<link-entity name='contact' from='parentcustomerid' to='accountid'/>".repeat(16);
    let answer = fetch(&emulated, "accounts", &of(&link)).await;
    answer.refused(400, "0x8004430d", "Number of link entities in query exceeded maximum limit.");
    // Each of these joins multiplies the rows: no answer in time.
    let multiplied = "<link-entity name='account' from='statecode' to='statecode'/>".repeat(9);
    let answer = fetch(&emulated, "accounts", &of(&multiplied)).await;
    answer.refused_with(400, "0x80044151", "SQL timeout expired.");
    emulated.get("nothings?fetchXml=%3Cfetch/%3E").await.refused_with(
        404,
        "0x80060888",
        "nothings",
    );
}

#[tokio::test]
async fn what_is_not_emulated_says_so_in_its_own_voice() {
    let emulated = Emulated::start().await;
    let plain = encode("<fetch><entity name='account'/></fetch>");
    let under = "<fetch><entity name='account'><filter><condition attribute='parentaccountid' \
                 operator='under' value='852dede1-e4e7-5617-bc33-b74f2626b52a'/></filter></entity></fetch>";
    let helper =
        "<fetch><entity name='account'><attribute name='primarycontactidname'/></entity></fetch>";
    for path in [
        format!("accounts?fetchXml={plain}&$select=name"),
        format!("accounts({NORTHWIND})?fetchXml={plain}"),
        format!("accounts?fetchXml={}", encode(under)),
        format!("accounts?fetchXml={}", encode(helper)),
    ] {
        let answer = emulated.get(&path).await;
        assert_eq!(answer.status, 501, "{path}: {answer:?}");
        assert_eq!(answer.header("x-dataverse-emulator"), "not-emulated");
    }
}

#[tokio::test]
async fn privileges_and_apps_hold_for_every_table_of_a_query() {
    let emulated = Emulated::start().await;
    let joined = "<fetch><entity name='account'><link-entity name='incident' from='customerid' \
                  to='accountid' link-type='exists'/></entity></fetch>";
    assert!(!rows(&fetch(&emulated, "accounts", joined).await).is_empty());
    let roles = json!({"roles": ["Basic User"]});
    emulated.control(Method::PUT, "application-user", roles).await;
    let answer = fetch(&emulated, "accounts", joined).await;
    answer.refused_with(403, "0x80040220", "is missing prvReadIncident privilege");
    emulated.control(Method::PUT, "apps", json!({"sales": true, "service": false})).await;
    fetch(&emulated, "accounts", joined).await.refused_with(400, "0x80041102", "was not found");
}

#[tokio::test]
async fn a_batch_takes_longer_queries() {
    let emulated = Emulated::start().await;
    let values = "<value>Litware, Inc.</value>".repeat(1_000);
    let xml = format!(
        "<fetch><entity name='account'><attribute name='name'/><filter><condition attribute='name' \
         operator='in'>{values}</condition></filter></entity></fetch>"
    );
    let path = format!("accounts?fetchXml={}", encode(&xml));
    assert!((32_768..65_536).contains(&path.len()), "{}", path.len());
    assert_eq!(emulated.get(&path).await.status, 414);
    let answer = batch(&emulated, &[get(&path)], &[]).await;
    assert_eq!(statuses(&answer), ["200 OK"], "{answer:?}");
    assert!(answer.text.contains("Litware, Inc."));
}
