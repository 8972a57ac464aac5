//! By what a visitor is known, and what comes of it.

use serde_json::{Value, json};
use stack::VISITOR_KEY;

use crate::harness::{Answer, Bench, MAREN};
use crate::visitors::{SECRET, call, call_as, id_of, mailed, token};

const DARIO: &str = "dario.velasco@northwind.example";
const ZOE: &str = "zoe.brandt@litware.example";

const SETTINGS: &str = "/v1/connections/default/visitors";

/// A stack whose connection has these settings.
async fn with(settings: Value) -> Bench {
    let bench = Bench::start().await;
    let stored = bench.request("PUT", SETTINGS, Some(settings)).await;
    assert_eq!(stored.status, 200, "{:#}", stored.body);
    bench
}

async fn change(bench: &Bench, email: &str, columns: Value) {
    let id = id_of(bench, email).await;
    bench.control("PATCH", &format!("rows/contacts/{id}"), Some(columns)).await;
}

/// Who signs tokens, with these members more.
fn issuer(more: Value) -> Value {
    let mut issuer = json!({
        "issuer": "https://chat.example", "algorithm": "HS256",
        "keys": [{"kid": "one", "secret": SECRET}],
    });
    issuer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"issuers": [issuer]})
}

/// A token with these claims more.
fn signed(more: Value) -> String {
    let exp = jiff::Timestamp::now().as_second() + 600;
    let mut claims = json!({"iss": "https://chat.example", "aud": "default", "exp": exp});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    token(&claims)
}

async fn call_with_token(bench: &Bench, token: &str, tool: &str, arguments: Value) -> Answer {
    call(bench, tool, arguments, &[("x-visitor-token", token)]).await
}

#[tokio::test]
async fn an_address_of_more_than_three_is_nobodys() {
    let bench = Bench::start().await;
    let shared = json!({"emailaddress1": MAREN});
    let (id, dario) = (id_of(&bench, MAREN).await, id_of(&bench, DARIO).await);
    change(&bench, DARIO, shared.clone()).await;
    // With two, a write asks which of them is meant, and reads are about both.
    call_as(&bench, MAREN, "get_contact_cases", json!({})).await.result();
    let title = json!({"job_title": "Head of it all"});
    let asked = call_as(&bench, MAREN, "update_contact", title.clone()).await;
    let candidates = asked.problem("ambiguous")["candidates"].as_array().unwrap().clone();
    let mut named: Vec<_> = candidates.iter().map(|one| one["id"].as_str().unwrap()).collect();
    let mut both = [id.as_str(), dario.as_str()];
    named.sort_unstable();
    both.sort_unstable();
    assert_eq!(named, both);
    let mut chosen = title.clone();
    chosen["contact"] = dario.as_str().into();
    call_as(&bench, MAREN, "update_contact", chosen).await.result();
    for email in ["jonas.brandt@litware.example", "kenji.aramoto@fabrikam.example"] {
        change(&bench, email, shared.clone()).await;
    }
    call_as(&bench, MAREN, "get_contact", json!({})).await.problem("visitor_unverified");
    let own = call(&bench, "get_contact", json!({}), &[("x-visitor-id", &id)]).await;
    assert_eq!(own.result()["contact"]["id"], id.as_str());
}

#[tokio::test]
async fn other_columns_count_where_the_connection_says_so() {
    const SECOND: &str = "maren@private.example";
    let bench = Bench::start().await;
    let more =
        json!({"emailaddress2": SECOND, "externaluseridentifier": "u-17", "mobilephone": "+1 2"});
    change(&bench, MAREN, more).await;
    let by_id = [("x-visitor-id", "u-17")];
    call_as(&bench, SECOND, "get_contact", json!({})).await.problem("visitor_unverified");
    call(&bench, "get_contact", json!({}), &by_id).await.problem("invalid_arguments");

    let tokens = issuer(json!({"subject": {"claim": "sub", "column": "externaluseridentifier"}}));
    let settings = json!({
        "email_columns": ["emailaddress1", "emailaddress2"], "tokens": tokens,
        "id_column": "externaluseridentifier",
    });
    let bench = with(settings).await;
    let more =
        json!({"emailaddress2": SECOND, "externaluseridentifier": "u-17", "mobilephone": "+1 2"});
    change(&bench, MAREN, more).await;
    let by_token = signed(json!({"sub": "u-17"}));
    for own in [
        call_as(&bench, SECOND, "get_contact", json!({})).await,
        call(&bench, "get_contact", json!({}), &by_id).await,
        call_with_token(&bench, &by_token, "get_contact", json!({})).await,
    ] {
        assert_eq!(own.result()["contact"]["email"], MAREN);
    }
    // Another case of the letters is somebody else.
    let other = signed(json!({"sub": "U-17"}));
    call_with_token(&bench, &other, "get_contact", json!({})).await.problem("visitor_unverified");
}

/// What a visitor is known by is not the visitor's to change.
#[tokio::test]
async fn a_number_that_says_who_somebody_is_stays() {
    let subject = json!({"subject": {"claim": "phone_number", "column": "mobilephone"}});
    for settings in [json!({"id_column": "mobilephone"}), json!({"tokens": issuer(subject)})] {
        let bench = with(settings).await;
        for change in
            [json!({"mobile_phone": "+47 22 00 11 22"}), json!({"clear": ["mobile_phone"]})]
        {
            let refused = call_as(&bench, MAREN, "update_contact", change).await;
            refused.problem("invalid_arguments");
        }
        call_as(&bench, MAREN, "update_contact", json!({"phone": "+47 22 00 11 22"}))
            .await
            .result();
        let address = json!({"clear": ["email"]});
        call_as(&bench, MAREN, "update_contact", address).await.problem("invalid_arguments");
    }
}

#[tokio::test]
async fn a_companys_records_take_its_id_in_a_token() {
    let bench = with(json!({
        "tokens": issuer(json!({"account": "account_id"})), "company": "read",
    }))
    .await;
    let of_another = json!({
        "contact": "jonas.brandt@litware.example", "account": "Litware, Inc.",
        "subject": "Slow", "description": "Since noon.",
    });
    bench.call("create_case", of_another).await.result();
    let accounts = bench.rows("accounts").await;
    let account =
        |name: &str| accounts.iter().find(|row| row["name"] == name).unwrap()["accountid"].clone();
    let litware = account("Litware, Inc.");
    let cases = bench.rows("incidents").await;
    let zoe = id_of(&bench, ZOE).await;
    let of_company: Vec<_> = cases
        .iter()
        .filter(|case| {
            case["_customerid_value"] == litware && case["_primarycontactid_value"] != zoe
        })
        .collect();
    assert!(!of_company.is_empty());
    let person = json!({"email": ZOE, "email_verified": true});
    let mut member = person.clone();
    member["account_id"] = litware.clone();
    let (alone, member) = (signed(person), signed(member));
    for case in &of_company {
        let number = json!({"case": case["ticketnumber"]});
        call_with_token(&bench, &alone, "get_case", number.clone()).await.problem("not_found");
        call_as(&bench, ZOE, "get_case", number.clone()).await.problem("not_found");
        let shown = call_with_token(&bench, &member, "get_case", number.clone()).await;
        assert_eq!(shown.result()["case"]["number"], case["ticketnumber"]);
        // To be seen, and not to be changed.
        let mut close = number;
        close["details"] = "More.".into();
        call_with_token(&bench, &member, "update_case", close).await.problem("not_found");
    }
    // An urgent one is a reason to hand over for whoever may see it.
    let id = of_company[0]["incidentid"].as_str().unwrap();
    let urgent = json!({"prioritycode": 1, "isescalated": true});
    bench.control("PATCH", &format!("rows/incidents/{id}"), Some(urgent)).await;
    for case in cases.iter().filter(|case| case["_primarycontactid_value"] == zoe) {
        let calm = json!({"prioritycode": 2, "isescalated": false});
        let id = case["incidentid"].as_str().unwrap();
        bench.control("PATCH", &format!("rows/incidents/{id}"), Some(calm)).await;
    }
    let view = call_with_token(&bench, &member, "get_contact", json!({})).await;
    let detail = view.body["escalation"]["detail"].as_str().unwrap();
    assert!(detail.contains(of_company[0]["ticketnumber"].as_str().unwrap()), "{detail}");
    let view = call_with_token(&bench, &alone, "get_contact", json!({})).await;
    assert!(view.body.get("escalation").is_none(), "{:#}", view.body);
    // Of another company there is nothing.
    let other = cases.iter().find(|case| case["_customerid_value"] == account("Northwind Traders"));
    let other = json!({"case": other.unwrap()["ticketnumber"]});
    call_with_token(&bench, &member, "get_case", other).await.problem("not_found");
}

#[tokio::test]
async fn what_a_chat_made_is_kept_by_whom_a_header_names_first() {
    let bench = Bench::start().await;
    let chat = ("x-conversation-id", "chat");
    let case = json!({
        "subject": "No light", "description": "Since this morning.",
        "new_contact": {"last_name": "Stranger", "phone": "+47 22 00 11 22"},
    });
    let made = call(&bench, "create_case", case, &[chat]).await;
    let number = made.result()["case"]["number"].clone();
    let case = || json!({"case": number});
    let (maren, zoe) = (("x-visitor-email", MAREN), ("x-visitor-email", ZOE));
    call(&bench, "get_case", case(), &[("x-conversation-id", "other"), maren])
        .await
        .problem("not_found");
    let own = call(&bench, "get_case", case(), &[chat, maren]).await;
    assert_eq!(own.result()["case"]["number"], number);
    let all = call(&bench, "search_cases", json!({"query": "No light"}), &[chat, maren]).await;
    assert_eq!(all.result()["cases"][0]["number"], number);
    let mut news = case();
    news["details"] = "It is the whole floor.".into();
    call(&bench, "update_case", news.clone(), &[chat, maren]).await.result();
    let rows = bench.rows("incidents").await;
    let row = rows.iter().find(|row| row["ticketnumber"] == number).unwrap();
    assert!(row["description"].as_str().unwrap().contains("whole floor"), "{row:#}");
    // Nobody else has it: not who is known there next, nor who is not known again.
    call(&bench, "get_case", case(), &[chat, zoe]).await.problem("not_found");
    call(&bench, "update_case", news, &[chat, zoe]).await.problem("not_found");
    let note = json!({"record_type": "case", "record": number, "text": "Still dark."});
    call(&bench, "create_note", note, &[chat]).await.problem("not_found");
    let path = "/v1/conversations/chat";
    bench.request_with_key(VISITOR_KEY, "DELETE", path, None).await;
    call(&bench, "get_case", case(), &[chat, maren]).await.problem("not_found");
}

#[tokio::test]
async fn a_token_ends_what_a_code_has_shown() {
    let bench = with(json!({"codes": {"company": "Contoso"}, "tokens": issuer(json!({}))})).await;
    let chat = ("x-conversation-id", "chat");
    call(&bench, "send_visitor_code", json!({"email": MAREN}), &[chat]).await.result();
    let (_, code) = mailed(&bench, 1).await.pop().unwrap();
    call(&bench, "verify_visitor", json!({"code": code}), &[chat]).await.result();
    call(&bench, "get_contact", json!({}), &[chat]).await.result();
    // In another chat it ends nothing.
    let of_zoe = signed(json!({"email": ZOE, "email_verified": true}));
    let by_token = ("x-visitor-token", of_zoe.as_str());
    let elsewhere = [("x-conversation-id", "other"), by_token];
    call(&bench, "get_contact", json!({}), &elsewhere).await.result();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    call(&bench, "get_contact", json!({}), &[chat]).await.result();

    let other = call(&bench, "get_contact", json!({}), &[chat, by_token]).await;
    assert_eq!(other.result()["contact"]["email"], ZOE);
    for _ in 0..200 {
        let answer = call(&bench, "get_contact", json!({}), &[chat]).await;
        if answer.status == 403 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the code still counts");
}

#[tokio::test]
async fn so_many_records_of_strangers_as_the_connection_says() {
    let bench = with(json!({"writes_per_hour": 2, "writes_per_conversation": 1})).await;
    let lead = |name: &str| json!({"last_name": name, "company": "New Ltd", "topic": "Prices"});
    let make = async |chat: &str, name: &str| {
        call(&bench, "create_lead", lead(name), &[("x-conversation-id", chat)]).await
    };
    make("one", "First").await.result();
    make("one", "Second").await.problem("visitor_unverified");
    make("two", "Third").await.result();
    make("three", "Fourth").await.problem("visitor_unverified");
    assert_eq!(bench.count("leads", "companyname", "New Ltd").await, 2);
}

#[tokio::test]
async fn the_same_call_in_another_chat_is_another() {
    let bench = Bench::start().await;
    let case = json!({
        "subject": "No light", "description": "Since this morning.",
        "new_contact": {"last_name": "Stranger", "phone": "+47 22 00 11 22"},
    });
    let make = async |chat: &str| {
        let headers = [("x-conversation-id", chat), ("idempotency-key", "one")];
        call(&bench, "create_case", case.clone(), &headers).await.result()["case"]["number"].clone()
    };
    let first = make("one").await;
    assert_eq!(make("one").await, first);
    assert_ne!(make("two").await, first);
}

#[tokio::test]
async fn the_activity_log_says_for_whom() {
    let bench = Bench::start().await;
    let id = id_of(&bench, MAREN).await;
    call_as(&bench, MAREN, "get_contact_cases", json!({})).await.result();
    call(&bench, "get_products", json!({"query": "chat"}), &[]).await.result();
    bench.call("get_contact", json!({"contact": ZOE})).await.result();
    let entries = async |query: &str| -> Vec<Value> {
        for _ in 0..300 {
            let path = format!("/v1/connections/default/activity{query}");
            let found = bench.request("GET", &path, None).await.body["entries"].clone();
            let found = found.as_array().unwrap().clone();
            if !found.is_empty() {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no entries for {query}");
    };
    let of_visitor = entries(&format!("?visitor={id}")).await;
    let [entry] = &of_visitor[..] else { panic!("{of_visitor:#?}") };
    assert_eq!(entry["verified_by"], "platform");
    assert_eq!(entry["contact"], id.as_str());
    let hash = entry["visitor"].as_str().unwrap();
    assert!(!entry.to_string().contains(MAREN) && hash.len() >= 16, "{entry:#}");
    assert_eq!(entries(&format!("?visitor={hash}")).await, of_visitor);
    let all = entries("?tool=dynamics365_get_products").await;
    assert_eq!(all[0]["verified_by"], "nobody");
    assert!(all[0].get("visitor").is_none() && all[0].get("contact").is_none());
    let of_staff = entries("?tool=dynamics365_get_contact").await;
    assert!(of_staff[0].get("verified_by").is_none(), "{of_staff:#?}");
}

#[tokio::test]
async fn what_is_for_staff_is_neither_listed_nor_taken() {
    let bench = Bench::start().await;
    let listed = bench.request_with_key(VISITOR_KEY, "GET", "/v1/tools", None).await.body;
    let tools = listed["tools"].as_array().unwrap().clone();
    for (name, argument) in [
        ("create_case", "owner"),
        ("create_case", "queue"),
        ("create_case", "account"),
        ("create_lead", "allow_duplicate"),
        ("get_products", "price_list"),
        ("schedule_appointment", "organizer"),
        ("schedule_appointment", "attendees"),
    ] {
        let whole = format!("dynamics365_{name}");
        let Some(tool) = tools.iter().find(|tool| tool["name"] == whole.as_str()) else {
            panic!("{name} is not listed");
        };
        assert!(
            !tool["input_schema"]["properties"].to_string().contains(&format!("\"{argument}\"")),
            "{name}"
        );
        let refused = call_as(&bench, MAREN, name, json!({(argument): "x"})).await;
        assert!([400, 403].contains(&refused.status), "{name}: {:#}", refused.body);
    }
    let urgent = json!({
        "subject": "No light", "description": "d", "priority": "High",
        "new_contact": {"last_name": "Stranger", "phone": "+47 22 00 11 22"},
    });
    let refused = call(&bench, "create_case", urgent, &[]).await;
    assert_eq!(refused.status, 403, "{:#}", refused.body);
    assert_eq!(bench.count("incidents", "title", "No light").await, 0);
}

#[tokio::test]
async fn templates_for_colleagues_are_not_for_visitors() {
    let bench = Bench::start().await;
    let all = bench.request_with_key(VISITOR_KEY, "GET", "/v1/templates", None).await.body;
    assert!(!all.to_string().contains("account-manager"), "{all:#}");
    let one = "/v1/templates/account-manager";
    bench.request_with_key(VISITOR_KEY, "GET", one, None).await.problem("forbidden");
    assert_eq!(bench.request("GET", one, None).await.status, 200);
    let mut key = json!({
        "client": "bot", "connections": ["*"], "scopes": ["read"], "for": "visitors",
        "template": "account-manager",
    });
    bench.request("POST", "/v1/keys", Some(key.clone())).await.problem("invalid_arguments");
    key["for"] = "staff".into();
    let made = bench.request("POST", "/v1/keys", Some(key)).await;
    assert_eq!(made.status, 201, "{:#}", made.body);
    let path = format!("/v1/keys/{}", made.body["id"].as_str().unwrap());
    let change = json!({"for": "visitors"});
    bench.request("PUT", &path, Some(change)).await.problem("invalid_arguments");
}

#[tokio::test]
async fn a_visitor_closes_reopens_and_adds_to_their_own_case() {
    const CASE: &str = "CAS-01001-Q7W2E9";
    let bench = Bench::start().await;
    let row = async || {
        let rows = bench.rows("incidents").await;
        rows.into_iter().find(|row| row["ticketnumber"] == CASE).unwrap()
    };
    let update = async |change: Value| {
        let mut arguments = change;
        arguments["case"] = CASE.into();
        call_as(&bench, MAREN, "update_case", arguments).await
    };
    let before = row().await["description"].as_str().unwrap().to_owned();
    update(json!({"details": "It happens on phones, too."})).await.result();
    let after = row().await["description"].as_str().unwrap().to_owned();
    assert!(after.starts_with(&before) && after.ends_with("It happens on phones, too."), "{after}");
    let close = json!({"status": "Problem Solved", "resolution": "It works again."});
    update(close).await.result();
    assert_eq!(row().await["statecode"], 1);
    update(json!({"status": "In Progress"})).await.result();
    assert_eq!(row().await["statecode"], 0);
    // Whose work it is, and how urgent, is the staff's.
    for change in [json!({"priority": "High"}), json!({"owner": "Rowan Teague"})] {
        let refused = update(change).await;
        assert!([400, 403].contains(&refused.status), "{:#}", refused.body);
    }
}

#[tokio::test]
async fn appointments_are_with_the_connections_organizer_and_two_in_a_chat() {
    const ORGANIZER: &str = "2de92443-cdf9-511f-a2ad-4db3cb4f861d";
    let bench = with(json!({"organizer": ORGANIZER})).await;
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(72);
    let at = |hours: i64| (day + jiff::SignedDuration::from_hours(hours)).to_string();
    let schedule = async |chat: &str, subject: &str, hours: i64| {
        let arguments = json!({"subject": subject, "start": at(hours), "duration_minutes": 30});
        let headers = [("x-visitor-email", MAREN), ("x-conversation-id", chat)];
        call(&bench, "schedule_appointment", arguments, &headers).await
    };
    schedule("one", "Demo – first", 0).await.result();
    let rows = bench.rows("appointments").await;
    let row = rows.iter().find(|row| row["subject"] == "Demo – first").unwrap();
    assert_eq!(row["_ownerid_value"], ORGANIZER, "{row:#}");
    // With another dash it is the same one.
    let again = schedule("two", "Demo - first", 0).await;
    assert_eq!(again.result()["created"], false, "{:#}", again.body);
    let clash = schedule("three", "Another", 0).await;
    let problem = clash.problem("invalid_arguments");
    assert!(problem["detail"].as_str().unwrap().contains("not free"), "{problem:#}");
    assert!(!problem.to_string().contains("Demo"), "{problem:#}");
    schedule("one", "Demo, second", 2).await.result();
    schedule("one", "Demo, third", 4).await.problem("forbidden");
    schedule("four", "Demo, third", 4).await.result();
}
