//! `$filter` and `$orderby`.

use serde_json::Value;

use crate::harness::{Answer, Emulated, encode};

async fn filtered(emulated: &Emulated, set: &str, filter: &str) -> Answer {
    emulated.get(&format!("{set}?$filter={}", encode(filter))).await
}

async fn names(emulated: &Emulated, filter: &str) -> Vec<String> {
    let answer = filtered(emulated, "contacts", filter).await;
    let rows = answer.expect(200)["value"].as_array().unwrap();
    let mut names: Vec<String> =
        rows.iter().map(|row| row["fullname"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn text_is_compared_without_case_and_accents() {
    let emulated = Emulated::start().await;
    for filter in [
        "fullname eq 'siobhan o''rell'",
        "fullname eq 'SIOBHAN O''RELL'",
        "startswith(fullname,'SIOBHÁN')",
        "endswith(lastname,'''RELL')",
        "contains(fullname,'o''r')",
    ] {
        assert_eq!(names(&emulated, filter).await, ["Siobhan O'Rell"], "{filter}");
    }
    // The two Lucias differ only in accents, which do not count.
    assert_eq!(names(&emulated, "fullname eq 'lucia ferran'").await.len(), 2);
}

#[tokio::test]
async fn sql_wildcards_act_inside_values_unless_bracketed() {
    let emulated = Emulated::start().await;
    assert_eq!(names(&emulated, "contains(fullname,'ma%qu_st')").await, ["Maren Quist"]);
    assert_eq!(names(&emulated, "startswith(fullname,'[M]aren Q')").await, ["Maren Quist"]);
    assert!(names(&emulated, "contains(fullname,'[%]')").await.is_empty());
    assert!(!names(&emulated, "contains(fullname,'%')").await.is_empty());
    // Equality has no wildcards.
    assert!(names(&emulated, "fullname eq 'Maren%'").await.is_empty());
}

#[tokio::test]
async fn injection_finds_nothing_or_is_refused() {
    let emulated = Emulated::start().await;
    assert!(names(&emulated, "emailaddress1 eq ''' or 1 eq 1'").await.is_empty());
    for filter in ["emailaddress1 eq '' or 1 eq 1", "1 eq 1", "true", "isprivate", "fullname"] {
        let answer = filtered(&emulated, "contacts", filter).await;
        answer.refused_with(400, "0x80060888", "");
    }
    filtered(&emulated, "contacts", "lastname eq 'O'Bryan'").await.refused(
        400,
        "0x80060888",
        "There is an unterminated literal at position 21 in 'lastname eq 'O'Bryan''.",
    );
}

#[tokio::test]
async fn literals_must_have_the_type_of_their_column() {
    let emulated = Emulated::start().await;
    let id = "d61abde7-181e-5f77-b59e-84c544c5040b";
    for filter in [
        "statecode eq '0'".to_owned(),
        "fullname eq 5".to_owned(),
        format!("contactid eq '{id}'"),
        format!("_parentcustomerid_value eq '{id}'"),
        "createdon gt '2025-01-01'".to_owned(),
        "donotemail eq 1".to_owned(),
        "fullname eq statecode".to_owned(),
    ] {
        let answer = filtered(&emulated, "contacts", &filter).await;
        answer.refused_with(
            400,
            "0x80060888",
            "A binary operator with incompatible types was detected.",
        );
    }
    let prefixed = format!("contactid eq guid'{id}'");
    filtered(&emulated, "contacts", &prefixed).await.refused_with(
        400,
        "0x80060888",
        "Unrecognized 'Edm.String' literal 'guid'",
    );
    for filter in ["tolower(fullname) eq 'x'", "length(fullname) gt 3", "contains(statecode,'1')"] {
        filtered(&emulated, "contacts", filter).await.refused_with(400, "0x80060888", "");
    }
    for filter in ["statecode in (0,1)", "revenue add 5 gt 10"] {
        let answer = filtered(&emulated, "accounts", filter).await;
        answer.refused_with(400, "0x80060888", "is not supported");
    }
}

#[tokio::test]
async fn nulls_are_asked_for_and_other_than_includes_them() {
    let emulated = Emulated::start().await;
    let all = emulated.count("contacts").await;
    let without = names(&emulated, "_parentcustomerid_value eq null").await;
    let with = names(&emulated, "_parentcustomerid_value ne null").await;
    assert!(!without.is_empty() && !with.is_empty());
    assert_eq!(without.len() + with.len(), all);
    assert_eq!(names(&emulated, "middlename ne 'x'").await.len(), all);
    assert_eq!(names(&emulated, "not (middlename eq 'x')").await.len(), all);
    assert!(names(&emulated, "middlename gt 'a'").await.is_empty());
}

#[tokio::test]
async fn filters_reach_through_lookups_and_into_collections() {
    let emulated = Emulated::start().await;
    let at_northwind = "parentcustomerid_account/name eq 'northwind traders'";
    assert!(names(&emulated, at_northwind).await.contains(&"Maren Quist".to_owned()));
    let deep = "parentcustomerid_account/primarycontactid/lastname eq 'Quist'";
    assert!(names(&emulated, deep).await.contains(&"Maren Quist".to_owned()));
    for filter in [
        "Contact_Phonecalls/any(c:c/statecode eq 1 and contains(c/subject,'intro'))",
        "contact_activity_parties/any(p:p/participationtypemask eq 2 and p/activityid_phonecall/statecode eq 1)",
    ] {
        assert!(names(&emulated, filter).await.contains(&"Maren Quist".to_owned()), "{filter}");
    }
    let all = emulated.count("contacts").await;
    assert_eq!(
        names(&emulated, "Contact_Phonecalls/all(c:c/statecode eq 99)").await.len()
            + names(&emulated, "Contact_Phonecalls/any()").await.len(),
        all
    );
    for filter in [
        "parentcustomerid_account/contact_customer_accounts/any(c:c/lastname eq 'x')",
        "Contact_Phonecalls/any(c:lastname eq 'x')",
        "Contact_Phonecalls/any(c:c/nothing eq 'x')",
    ] {
        filtered(&emulated, "contacts", filter).await.refused_with(400, "0x80060888", "");
    }
}

#[tokio::test]
async fn parameter_aliases_stand_for_literals() {
    let emulated = Emulated::start().await;
    let query = format!(
        "contacts?$filter=emailaddress1 eq @mail and statecode eq @state&@mail={}&@state=0",
        encode("'maren.quist@northwind.example'")
    );
    let answer = emulated.get(&query).await;
    assert_eq!(answer.expect(200)["value"].as_array().unwrap().len(), 1);
    emulated.get("contacts?$filter=lastname eq @p").await.refused_with(400, "0x80060888", "@p");
}

#[tokio::test]
async fn dataverse_functions() {
    let emulated = Emulated::start().await;
    let all = emulated.count("contacts").await;
    let prefix = "Microsoft.Dynamics.CRM";
    for (filter, expected) in [
        ("In(PropertyName='statecode',PropertyValues=[\"0\",\"1\"])", all),
        ("NotIn(PropertyName='statecode',PropertyValues=[\"0\",\"1\"])", 0),
        ("Between(PropertyName='statecode',PropertyValues=[\"0\",\"5\"])", all),
        ("LastXYears(PropertyName='createdon',PropertyValue=50)", all),
        ("OlderThanXDays(PropertyName='createdon',PropertyValue=1)", all),
        ("NextXDays(PropertyName='createdon',PropertyValue=1)", 0),
        ("Today(PropertyName='createdon')", 0),
        ("On(PropertyName='createdon',PropertyValue='2025-02-01')", 1),
        ("OnOrBefore(PropertyName='createdon',PropertyValue='2025-02-01')", 1),
        ("EqualUserId(PropertyName='ownerid')", 0),
        ("NotEqualUserId(PropertyName='ownerid')", all),
    ] {
        let found = names(&emulated, &format!("{prefix}.{filter}")).await;
        assert_eq!(found.len(), expected, "{filter}: {found:?}");
    }
    let negated = format!("not {prefix}.Today(PropertyName='createdon')");
    filtered(&emulated, "contacts", &negated).await.refused(
        400,
        "0x80060888",
        "Not operator along with the Custom Named Condition operators is not allowed",
    );
    for filter in [
        "Nonsense(PropertyName='createdon')",
        "Today(PropertyName='fullname')",
        "Today()",
        "Today(PropertyName='createdon',PropertyValue=1)",
        "LastXDays(PropertyName='createdon',PropertyValue='x')",
        "In(PropertyName='statecode',PropertyValues=[\"x\"])",
    ] {
        let answer = filtered(&emulated, "contacts", &format!("{prefix}.{filter}")).await;
        answer.refused_with(400, "0x80060888", "");
    }
    // The platform looks these names up itself: a lookup by its logical name.
    for (filter, name) in [
        ("Today(PropertyName='nothing')", "nothing"),
        ("EqualUserId(PropertyName='_ownerid_value')", "_ownerid_value"),
    ] {
        let answer = filtered(&emulated, "contacts", &format!("{prefix}.{filter}")).await;
        let part = format!("'contact' entity doesn't contain attribute with Name = '{name}'");
        answer.refused_with(400, "0x80041103", &part);
    }
    let other = format!("{prefix}.InFiscalYear(PropertyName='createdon',PropertyValue=2025)");
    assert_eq!(filtered(&emulated, "contacts", &other).await.status, 501);
}

#[tokio::test]
async fn rows_are_sorted_by_value_by_option_and_by_the_name_behind_a_lookup() {
    let emulated = Emulated::start().await;
    let column = |answer: &Answer, name: &str| -> Vec<Value> {
        let rows = answer.expect(200)["value"].as_array().unwrap();
        rows.iter().map(|row| row[name].clone()).collect()
    };
    let answer = emulated.get("incidents?$select=prioritycode&$orderby=prioritycode desc").await;
    let priorities: Vec<i64> =
        column(&answer, "prioritycode").iter().filter_map(Value::as_i64).collect();
    assert!(priorities.is_sorted_by(|a, b| a >= b), "{priorities:?}");

    let name = "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue";
    let answer = emulated
        .get_with(
            "contacts?$select=_parentcustomerid_value&$orderby=_parentcustomerid_value",
            &[("prefer", "odata.include-annotations=\"*\"")],
        )
        .await;
    let companies: Vec<String> = column(&answer, name)
        .iter()
        .map(|name| name.as_str().unwrap_or_default().to_lowercase())
        .collect();
    assert!(companies.is_sorted(), "{companies:?}");
    assert_eq!(companies[0], "", "no company comes first");

    let answer = emulated
        .get("contacts?$select=lastname&$orderby=parentcustomerid_account/name,lastname desc")
        .await;
    assert_eq!(answer.status, 200);
}
