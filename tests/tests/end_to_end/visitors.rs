//! What is done for a visitor: who they are, and what they may see and change.

use serde_json::{Value, json};
use stack::VISITOR_KEY;

use crate::harness::{Answer, Bench, MAREN};

/// A contact of another company.
const ZOE: &str = "zoe.brandt@litware.example";

/// A call with the key for visitors.
pub(crate) async fn call(
    bench: &Bench,
    tool: &str,
    arguments: Value,
    headers: &[(&str, &str)],
) -> Answer {
    let mut all = vec![("authorization", format!("Bearer {VISITOR_KEY}"))];
    all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    bench.send(tool, arguments.to_string(), &all).await
}

/// A call for this visitor, for whom the platform vouches.
pub(crate) async fn call_as(bench: &Bench, email: &str, tool: &str, arguments: Value) -> Answer {
    call(bench, tool, arguments, &[("x-visitor-email", email)]).await
}

fn texts(list: &Value, name: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items.filter_map(|item| item[name].as_str()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_visitor_sees_what_is_theirs_and_names_nobody() {
    let bench = Bench::start().await;
    let own = call_as(&bench, MAREN, "get_contact", json!({})).await;
    let contact = &own.result()["contact"];
    assert_eq!(contact["email"], MAREN);
    for internal in ["owner", "description", "url"] {
        assert!(contact.get(internal).is_none(), "{internal}: {contact:#}");
    }
    assert!(own.result().get("case_url").is_none());

    let cases = call_as(&bench, MAREN, "get_contact_cases", json!({"status": "all"})).await;
    let staff = bench.call("get_contact_cases", json!({"contact": MAREN, "status": "all"})).await;
    let numbers = texts(&cases.result()["cases"], "number");
    assert!(!numbers.is_empty());
    assert_eq!(numbers, texts(&staff.result()["cases"], "number"));
    let found = call_as(&bench, MAREN, "search_cases", json!({"status": "all"})).await;
    assert_eq!(texts(&found.result()["cases"], "number"), numbers);

    for number in &numbers {
        let case = call_as(&bench, MAREN, "get_case", json!({"case": number})).await;
        assert_eq!(case.result()["case"]["number"], number.as_str());
        assert!(case.result().get("latest_notes").is_none());
    }
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let bench = Bench::start().await;
    let mut others = bench.rows("incidents").await;
    let id = id_of(&bench, MAREN).await;
    others.retain(|case| {
        ["_customerid_value", "_primarycontactid_value"].iter().all(|column| case[column] != id)
    });
    assert!(others.len() > 2);
    let invented =
        call_as(&bench, MAREN, "get_case", json!({"case": "00000000-0000-4000-8000-000000000001"}))
            .await;
    let invented = invented.problem("not_found").clone();
    for case in &others {
        for reference in ["incidentid", "ticketnumber"] {
            let arguments = json!({"case": case[reference]});
            let refused = call_as(&bench, MAREN, "get_case", arguments.clone()).await;
            let problem = refused.problem("not_found");
            if reference == "incidentid" {
                for member in ["detail", "next_step", "title"] {
                    assert_eq!(problem[member], invented[member]);
                }
            }
            let mut update = arguments;
            update["status"] = "Canceled".into();
            call_as(&bench, MAREN, "update_case", update).await.problem("not_found");
            let note = json!({
                "record_type": "case", "record": case[reference], "text": "I was here.",
            });
            call_as(&bench, MAREN, "create_note", note).await.problem("not_found");
        }
    }
    for tool in ["get_contact", "get_contact_cases", "get_contact_opportunities", "get_activities"]
    {
        let zoe = id_of(&bench, ZOE).await;
        for contact in [ZOE, "Zoë Brandt", zoe.as_str()] {
            call_as(&bench, MAREN, tool, json!({"contact": contact})).await.problem("not_found");
        }
    }
    call_as(&bench, MAREN, "get_contact_by_email", json!({"email": ZOE}))
        .await
        .problem("not_found");
    let theft = json!({"contact": ZOE, "phone": "+1 555 0100"});
    call_as(&bench, MAREN, "update_contact", theft).await.problem("not_found");
    let identity = json!({"email": "thief@evil.example"});
    // Without a chat, and without codes, no address can be shown to be theirs.
    let chat = [("x-visitor-email", MAREN), ("x-conversation-id", "chat")];
    call_as(&bench, MAREN, "update_contact", identity.clone()).await.problem("invalid_arguments");
    call(&bench, "update_contact", identity, &chat).await.problem("forbidden");
    assert_eq!(bench.count("contacts", "emailaddress1", MAREN).await, 1);
}

#[tokio::test]
async fn nobody_is_a_candidate_for_a_visitor_who_shares_an_address() {
    let bench = Bench::start().await;
    let dario = id_of(&bench, "dario.velasco@northwind.example").await;
    let jonas = id_of(&bench, "jonas.brandt@litware.example").await;
    for (id, email) in [(dario, MAREN), (jonas, ZOE)] {
        let row = json!({ "emailaddress1": email });
        bench.control("PATCH", &format!("rows/contacts/{id}"), Some(row)).await;
    }
    // Both are the visitor.
    let own = call_as(&bench, MAREN, "get_contact_by_email", json!({"email": MAREN})).await;
    assert_eq!(own.result()["contact"]["email"], MAREN);
    assert!(own.body.get("hints").is_none(), "{:#}", own.body);
    // Others who share one are not there, as others are not.
    for email in [ZOE, "nobody@nowhere.example"] {
        let other = call_as(&bench, MAREN, "get_contact_by_email", json!({"email": email})).await;
        let problem = other.problem("not_found");
        assert!(problem.get("candidates").is_none(), "{problem:#}");
        assert_eq!(problem["next_step"], "Ask for another address.");
    }
}

/// The id of the contact with this address.
pub(crate) async fn id_of(bench: &Bench, email: &str) -> String {
    let rows = bench.rows("contacts").await;
    let row = rows.iter().find(|row| row["emailaddress1"] == email).unwrap();
    row["contactid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_known_sees_nothing() {
    let bench = Bench::start().await;
    for (tool, arguments) in crate::schemas::samples() {
        let definition = stack::tools().into_iter().find(|one| one.name.ends_with(tool)).unwrap();
        if definition.access == crm::visible::Access::Open {
            continue;
        }
        let before = bench.requests().await.len();
        let answer = call(&bench, tool, arguments, &[]).await;
        assert_eq!(answer.status, 403, "{tool}: {:#}", answer.body);
        assert_eq!(bench.requests().await.len(), before, "{tool}");
    }
    let none = call_as(&bench, "nobody@nowhere.example", "get_contact", json!({})).await;
    none.problem("visitor_unverified");
    let refused = bench
        .call_with("get_contact", json!({"contact": MAREN}), &[("x-visitor-email", MAREN)])
        .await;
    refused.problem("forbidden");
}

#[tokio::test]
async fn an_address_is_compared_byte_for_byte() {
    let bench = Bench::start().await;
    let upper = MAREN.to_uppercase();
    let own = call_as(&bench, &upper, "get_contact", json!({})).await;
    assert_eq!(own.result()["contact"]["email"], MAREN);
    // Dataverse takes the one for the other.
    let id = id_of(&bench, "lucia.f@personal.example").await;
    let row = json!({"emailaddress1": "maren.quist@n\u{f6}rthwind.example"});
    bench.control("PATCH", &format!("rows/contacts/{id}"), Some(row)).await;
    let mine = call_as(&bench, MAREN, "get_contact", json!({})).await;
    assert_eq!(mine.result()["contact"]["email"], MAREN);
    let cases = call_as(&bench, MAREN, "search_cases", json!({"status": "all"})).await;
    assert!(!cases.result()["cases"].as_array().unwrap().is_empty());
    let wrong = call(
        &bench,
        "get_contact",
        json!({}),
        &[("x-visitor-email", "maren.quist@n\u{f6}rthwind.example")],
    )
    .await;
    wrong.problem("invalid_arguments");
}

#[tokio::test]
async fn who_is_not_verified_can_ask_for_help_and_learns_nothing() {
    let bench = Bench::start().await;
    let case = |email: &str| {
        json!({
            "subject": "No light", "description": "It is dark.",
            "new_contact": {"first_name": "Maren", "last_name": "Quist", "email": email},
        })
    };
    let mut answers = Vec::new();
    for email in [MAREN, "new.person@nowhere.example"] {
        bench.control("DELETE", "requests", None).await;
        let answer =
            call(&bench, "create_case", case(email), &[("x-conversation-id", email)]).await;
        let result = answer.result().clone();
        let trips = bench.requests().await.len();
        let number = result["case"]["number"].as_str().unwrap().to_owned();
        let row = bench.rows("incidents").await;
        let row = row.iter().find(|row| row["ticketnumber"] == number.as_str()).unwrap().clone();
        let text = row["description"].as_str().unwrap();
        assert!(text.starts_with("Sender not verified"), "{text}");
        assert_eq!(row["_customerid_value"], id_of(&bench, email).await);
        let again = call(&bench, "create_case", case(email), &[("x-conversation-id", email)]).await;
        assert_eq!(again.result()["case"]["number"], number.as_str());
        let mut body = answer.body.to_string().replace(&number, "NUMBER");
        body = body.replace(email, "EMAIL");
        answers.push((body, trips));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, r#"{"result":{"case":{"number":"NUMBER"}}}"#);
    assert_eq!(bench.count("contacts", "emailaddress1", "new.person@nowhere.example").await, 1);

    // The verified person sees that it may be somebody else's.
    let number = call_as(&bench, MAREN, "search_cases", json!({"query": "No light"})).await;
    let number = number.result()["cases"][0]["number"].clone();
    let seen = call_as(&bench, MAREN, "get_case", json!({"case": number})).await;
    assert_eq!(seen.result()["case"]["sender_not_verified"], true);

    let lead = |email: &str| json!({"last_name": "Ekberg", "company": "Tailspin Toys", "email": email, "topic": "Kiosks"});
    let known = bench.rows("leads").await;
    let known =
        known.iter().find(|lead| lead["statecode"] == 0 && lead["emailaddress1"].is_string());
    let known = known.unwrap()["emailaddress1"].as_str().unwrap().to_owned();
    let (leads, notes) = (bench.rows("leads").await.len(), bench.rows("annotations").await.len());
    for (email, conversation) in [(known.as_str(), "one"), ("somebody@new.example", "two")] {
        bench.control("DELETE", "requests", None).await;
        let answer =
            call(&bench, "create_lead", lead(email), &[("x-conversation-id", conversation)]).await;
        assert_eq!(answer.body, json!({"result": {"noted": true}}));
        assert_eq!(bench.requests().await.len(), 2);
    }
    assert_eq!(bench.rows("leads").await.len(), leads + 1);
    assert_eq!(bench.rows("annotations").await.len(), notes + 1);
}

/// The one lead with this topic.
async fn lead_about(bench: &Bench, topic: &str) -> Value {
    let leads = bench.rows("leads").await;
    let mut about = leads.into_iter().filter(|lead| lead["subject"] == topic);
    let lead = about.next().unwrap();
    assert!(about.next().is_none(), "{topic}");
    lead
}

#[tokio::test]
async fn a_visitor_who_is_known_keeps_one_lead_up_to_date() {
    let bench = Bench::start().await;
    let contact = id_of(&bench, MAREN).await;
    let lead = |topic: &str, phone: Value| {
        json!({"last_name": "Quist", "company": "Northwind", "topic": topic, "phone": phone,
               "description": format!("About {topic}.")})
    };
    // The first is a new lead of theirs, though they have named no address.
    let made = call_as(&bench, MAREN, "create_lead", lead("Kiosks", Value::Null)).await;
    assert_eq!(made.body, json!({"result": {"noted": true}}));
    let first = lead_about(&bench, "Kiosks").await;
    assert_eq!(first["emailaddress1"], MAREN);
    assert_eq!(first["_parentcontactid_value"], contact);
    assert_eq!(first["description"], "About Kiosks.");

    // The next ones bring it up to date, whatever way they are known, and twice is once.
    let (leads, notes) = (bench.rows("leads").await.len(), bench.rows("annotations").await.len());
    let wanted = lead("Two more kiosks", json!("+45 30 00 00 01"));
    for _ in 0..2 {
        bench.control("DELETE", "requests", None).await;
        let headers =
            [("x-visitor-email", "MAREN.QUIST@northwind.example"), ("idempotency-key", "one")];
        let again = call(&bench, "create_lead", wanted.clone(), &headers).await;
        assert_eq!(again.body, made.body);
        assert!(bench.requests().await.len() <= 2);
    }
    let mut by_id = lead("Three kiosks", Value::Null);
    by_id["email"] = MAREN.into();
    let headers = [("x-visitor-id", contact.as_str())];
    assert_eq!(call(&bench, "create_lead", by_id, &headers).await.body, made.body);
    let now = lead_about(&bench, "Three kiosks").await;
    assert_eq!(now["leadid"], first["leadid"]);
    assert_eq!(now["telephone1"], "+45 30 00 00 01");
    assert_eq!(now["description"], "About Kiosks.");
    assert_eq!(bench.rows("leads").await.len(), leads);
    let all = bench.rows("annotations").await;
    assert_eq!(all.len(), notes + 2);
    let said = all.iter().find(|note| note["notetext"].to_string().contains("Two more")).unwrap();
    assert_eq!(said["_objectid_value"], first["leadid"]);
    assert!(!said.to_string().contains("Sender not verified"), "{said:#}");

    // What they say of somebody else says so, and goes to that one's lead.
    let mut of_zoe = lead("Lamps", Value::Null);
    of_zoe["email"] = ZOE.into();
    assert_eq!(call_as(&bench, MAREN, "create_lead", of_zoe).await.body, made.body);
    let of_zoe = lead_about(&bench, "Lamps").await;
    assert!(of_zoe["description"].as_str().unwrap().starts_with("Sender not verified"));
    assert!(of_zoe["_parentcontactid_value"].is_null());
    let mut from_maren = lead("Lanterns", json!("+45 30 00 00 02"));
    from_maren["email"] = ZOE.into();
    assert_eq!(call_as(&bench, MAREN, "create_lead", from_maren).await.body, made.body);
    let unchanged = lead_about(&bench, "Lamps").await;
    assert_eq!(unchanged["telephone1"], of_zoe["telephone1"]);
}

#[tokio::test]
async fn deals_appointments_and_mails_as_the_connection_has_it() {
    let bench = Bench::start().await;
    let deals = call_as(&bench, MAREN, "get_contact_opportunities", json!({})).await;
    for deal in deals.result()["opportunities"].as_array().unwrap() {
        for hidden in ["probability", "estimated_value", "stage", "url"] {
            assert!(deal.get(hidden).is_none(), "{deal:#}");
        }
    }
    assert!(deals.result().get("open_value").is_none());
    let mails = call_as(&bench, ZOE, "get_email_history", json!({})).await;
    assert!(!mails.result()["emails"].as_array().unwrap().is_empty());
    for mail in mails.result()["emails"].as_array().unwrap() {
        assert_ne!(mail["status"], "Draft", "{mail:#}");
    }
    let activities = call_as(&bench, ZOE, "get_activities", json!({"limit": 25})).await;
    assert!(activities.result()["activities"].as_array().unwrap().len() > 2);
    for activity in activities.result()["activities"].as_array().unwrap() {
        assert_ne!(activity["type"], "task");
        assert!(activity["type"] != "call" || activity.get("subject").is_none(), "{activity:#}");
    }
    for (tool, arguments) in crate::schemas::samples() {
        let forbidden = [
            "create_opportunity",
            "update_opportunity",
            "create_quote",
            "create_activity",
            "get_entity_notes",
            "schedule_appointment",
        ];
        if forbidden.contains(&tool) {
            let mut arguments = arguments;
            if tool == "schedule_appointment" {
                arguments["start"] =
                    json!(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48));
            }
            let answer = call_as(&bench, MAREN, tool, arguments).await;
            answer.problem("forbidden");
        }
    }
}

#[tokio::test]
async fn a_chat_of_nobody_known_writes_a_little_and_adds_to_that_alone() {
    let bench = Bench::start().await;
    let chat = [("x-conversation-id", "one")];
    let case = |number: usize| {
        json!({
            "subject": format!("Broken {number}"), "description": "It is broken.",
            "new_contact": {"last_name": "Stranger", "email": "stranger@nowhere.example"},
        })
    };
    let made = call(&bench, "create_case", case(1), &chat).await;
    let number = made.result()["case"]["number"].as_str().unwrap().to_owned();
    let note = |record: &str| json!({"record_type": "case", "record": record, "text": "More."});
    let written = call(&bench, "create_note", note(&number), &chat).await;
    assert_eq!(written.body, json!({"result": {"created": true}}));
    let elsewhere =
        call(&bench, "create_note", note(&number), &[("x-conversation-id", "two")]).await;
    let invented = call(&bench, "create_note", note("CAS-99999-X0X0X0"), &chat).await;
    let foreign = call(&bench, "create_note", note("CAS-01001-Q7W2E9"), &chat).await;
    for refused in [&elsewhere, &foreign] {
        assert_eq!(refused.problem("not_found")["detail"], invented.problem("not_found")["detail"]);
    }
    // Several people have this name, and nobody learns who.
    let ambiguous = json!({"record_type": "contact", "record": "Brandt", "text": "More."});
    let refused = call(&bench, "create_note", ambiguous, &chat).await;
    assert!(refused.problem("invalid_arguments").get("candidates").is_none());

    call(&bench, "create_case", case(2), &chat).await.result();
    let refused = call(&bench, "create_case", case(3), &chat).await;
    refused.problem("visitor_unverified");
    // The same call again is answered as before.
    let again = call(&bench, "create_case", case(1), &chat).await;
    assert_eq!(again.result()["case"]["number"], number.as_str());
    let change = json!({"writes_per_conversation": 4});
    let path = "/v1/connections/default/visitors";
    let settings = bench.request("PUT", path, Some(change)).await;
    assert_eq!(settings.body["settings"]["writes_per_conversation"], 4, "{:#}", settings.body);
}

/// A token that a chat platform has signed with a shared secret.
pub(crate) fn token(claims: &Value) -> String {
    let header =
        jsonwebtoken::Header { kid: Some("one".to_owned()), ..jsonwebtoken::Header::default() };
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

pub(crate) const SECRET: &str = "a shared secret of more than 32 bytes";

#[tokio::test]
async fn a_signed_token_says_who_the_visitor_is_and_narrows_any_key() {
    let bench = Bench::start().await;
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": "https://chat.example", "aud": "default", "exp": now + 600, "email": MAREN,
        "email_verified": true,
    });
    let good = token(&claims);
    let refused = call(&bench, "get_contact", json!({}), &[("x-visitor-token", &good)]).await;
    refused.problem("visitor_token_invalid");

    let path = "/v1/connections/default/visitors";
    let issuers = json!({"tokens": {"issuers": [
        {"issuer": "https://chat.example", "algorithm": "HS256", "keys": [{"kid": "one", "secret": SECRET}]},
    ]}});
    let stored = bench.request("PUT", path, Some(issuers)).await;
    assert_eq!(stored.status, 200, "{:#}", stored.body);
    assert!(!stored.body.to_string().contains(SECRET));
    // A key that is listed without its secret keeps it.
    let kept = json!({"tokens": {"issuers": [
        {"issuer": "https://chat.example", "algorithm": "HS256", "keys": [{"kid": "one"}]},
    ]}});
    assert_eq!(bench.request("PUT", path, Some(kept)).await.status, 200);

    for key in [VISITOR_KEY, stack::API_KEY] {
        let with_token = async |tool: &str, arguments: Value, token: &str| {
            let headers =
                [("authorization", format!("Bearer {key}")), ("x-visitor-token", token.to_owned())];
            bench.send_unchecked(tool, arguments.to_string(), &headers).await
        };
        let own = with_token("get_contact", json!({}), &good).await;
        assert_eq!(own.result()["contact"]["email"], MAREN);
        let other = with_token("get_contact", json!({"contact": ZOE}), &good).await;
        other.problem("not_found");
        for (claim, value) in [
            ("aud", json!("another")),
            ("exp", json!(now - 120)),
            ("exp", json!(now + 200_000)),
            ("email_verified", json!(false)),
            ("iss", json!("https://other.example")),
        ] {
            let mut wrong = claims.clone();
            wrong[claim] = value;
            let refused = with_token("get_contact", json!({}), &token(&wrong)).await;
            assert_eq!(refused.status, 401);
            refused.problem("visitor_token_invalid");
        }
        let altered = format!("{}x", &good[..good.len() - 1]);
        with_token("get_contact", json!({}), &altered).await.problem("visitor_token_invalid");
    }
}

/// The code in the last mail, and to whom it went.
pub(crate) async fn mailed(bench: &Bench, count: usize) -> Vec<(String, String)> {
    for _ in 0..100 {
        let mails = bench.stack.mails();
        if mails.len() >= count {
            return mails.iter().map(code_of).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bench.stack.mails().iter().map(code_of).collect()
}

fn code_of(mail: &Value) -> (String, String) {
    let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
    let code = text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() >= 6).unwrap();
    (mail["Destination"]["ToAddresses"][0].as_str().unwrap().to_owned(), code.to_owned())
}

#[tokio::test]
async fn a_code_by_mail_shows_who_the_visitor_is_in_that_chat_alone() {
    let bench = Bench::start().await;
    let chat = [("x-conversation-id", "one")];
    let send = |email: &str| json!({"email": email});
    call(&bench, "send_visitor_code", send(MAREN), &chat).await.problem("forbidden");
    let codes = json!({"codes": {"company": "Contoso"}});
    let settings = bench.request("PUT", "/v1/connections/default/visitors", Some(codes)).await;
    assert_eq!(settings.status, 200, "{:#}", settings.body);
    call(&bench, "send_visitor_code", send(MAREN), &[]).await.problem("invalid_arguments");
    bench.call("send_visitor_code", send(MAREN)).await.problem("forbidden");

    // The answer is the same for everybody; a mail goes to whom the CRM knows, as it is written there.
    let known = call(&bench, "send_visitor_code", send(&MAREN.to_uppercase()), &chat).await;
    let other = [("x-conversation-id", "two")];
    let unknown = call(&bench, "send_visitor_code", send("nobody@nowhere.example"), &other).await;
    assert_eq!(known.body, unknown.body);
    assert_eq!(known.status, 200, "{:#}", known.body);
    let mails = mailed(&bench, 1).await;
    let [(to, code)] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!(to, MAREN);

    let verify = |code: &str| json!({"code": code});
    call(&bench, "verify_visitor", verify(code), &other).await.problem("visitor_unverified");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    call(&bench, "verify_visitor", verify(wrong), &chat).await.problem("visitor_unverified");
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let verified = call(&bench, "verify_visitor", verify(&spaced), &chat).await;
    assert_eq!(verified.result()["contacts"], json!(["Maren Quist"]));
    assert_eq!(verified.result()["open_cases"][0]["number"], "CAS-01001-Q7W2E9");
    // A code is used once.
    call(&bench, "verify_visitor", verify(code), &chat).await.problem("visitor_unverified");

    let own = call(&bench, "get_contact", json!({}), &chat).await;
    assert_eq!(own.result()["contact"]["email"], MAREN);
    for headers in [&other[..], &[]] {
        call(&bench, "get_contact", json!({}), headers).await.problem("visitor_unverified");
    }
    let ended = bench.request_with_key(VISITOR_KEY, "DELETE", "/v1/conversations/one", None).await;
    assert_eq!(ended.body, json!({"ended": true}));
    call(&bench, "get_contact", json!({}), &chat).await.problem("visitor_unverified");
}

#[tokio::test]
async fn codes_are_tried_three_times_and_sent_seldom() {
    let bench = Bench::start().await;
    let codes = json!({"codes": {"company": "Contoso", "language": "de"}});
    bench.request("PUT", "/v1/connections/default/visitors", Some(codes)).await;
    let chat = [("x-conversation-id", "one")];
    for _ in 0..3 {
        let sent = call(&bench, "send_visitor_code", json!({"email": MAREN}), &chat).await;
        assert_eq!(sent.status, 200);
    }
    let too_many = call(&bench, "send_visitor_code", json!({"email": MAREN}), &chat).await;
    too_many.problem("visitor_unverified");
    let mails = mailed(&bench, 3).await;
    let (_, code) = mails.last().unwrap().clone();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    // At once, too, there are no more than three tries.
    let tries = (0..10).map(|_| call(&bench, "verify_visitor", json!({"code": wrong}), &chat));
    for answer in futures::future::join_all(tries).await {
        answer.problem("visitor_unverified");
    }
    let late = call(&bench, "verify_visitor", json!({"code": code}), &chat).await;
    late.problem("visitor_unverified");
}

#[tokio::test]
async fn who_vouches_can_name_a_contact_and_who_is_no_contact_is_a_stranger() {
    let bench = Bench::start().await;
    let id = id_of(&bench, MAREN).await;
    let own = call(&bench, "get_contact", json!({}), &[("x-visitor-id", &id)]).await;
    assert_eq!(own.result()["contact"]["email"], MAREN);
    let nobody = "00000000-0000-4000-8000-000000000001";
    call(&bench, "get_contact", json!({}), &[("x-visitor-id", nobody)])
        .await
        .problem("visitor_unverified");
    let stranger = [("x-visitor-email", "prospect@nowhere.example"), ("x-conversation-id", "one")];
    call(&bench, "get_products", json!({"query": "chat"}), &stranger).await.result();
    let case = json!({
        "subject": "Help", "description": "Please.",
        "new_contact": {"last_name": "Prospect", "email": "prospect@nowhere.example"},
    });
    let made = call(&bench, "create_case", case, &stranger).await;
    assert!(made.result()["case"]["number"].is_string());
    // Who is known makes no contacts in anybody's name.
    let contacts = bench.rows("contacts").await.len();
    let planted = json!({
        "subject": "Planted", "description": "d", "contact": nobody,
        "new_contact": {"last_name": "Brandt", "email": "other@litware.example"},
    });
    call_as(&bench, MAREN, "create_case", planted).await.problem("not_found");
    assert_eq!(bench.rows("contacts").await.len(), contacts);
}

#[tokio::test]
async fn settings_of_any_shape_are_refused_and_nothing_breaks() {
    let bench = Bench::start().await;
    let shapes = json!([
        "", "x", 7, [], ["x"], {}, {"issuers": null}, {"issuers": "x"}, {"issuers": {"0": {}}},
        {"issuers": ["x", 7, null, []]}, {"issuers": [{}]}, {"issuers": [{"issuer": 7, "keys": "x"}]},
        {"issuers": [{"issuer": "i", "keys": ["x", [], 7]}]}, {"issuers": [{"keys": [{"kid": 7}]}]},
    ]);
    let path = "/v1/connections/default/visitors";
    for shape in shapes.as_array().unwrap() {
        for field in ["tokens", "codes", "allows", "email_columns", "id_column", "price_lists"] {
            let settings = json!({ field: shape });
            let answer = bench.request("PUT", path, Some(settings.clone())).await;
            let is_settings = *shape == json!([]) && ["allows", "price_lists"].contains(&field);
            let status = if is_settings { 200 } else { 400 };
            assert_eq!(answer.status, status, "{settings} {:#}", answer.body);
        }
    }
}
