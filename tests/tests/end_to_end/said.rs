//! What hints and next steps say: what was looked for in vain, and only what whoever hears it can do.

use serde_json::{Value, json};
use toolkit::{Caller, Scope, Serves, named_tools};

use crate::harness::{Answer, Bench, MAREN, bot_for_visitors};

/// A contact with whom nobody has had anything to do.
const KENJI: &str = "kenji.aramoto@fabrikam.example";

/// An id that no record has.
const UNKNOWN: &str = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";

#[tokio::test]
async fn an_empty_list_says_what_was_looked_for() {
    const OTHERS: &str = "Status \"all\" would include the others.";
    let bench = Bench::start().await;
    let vain = "nothing like it";
    for (tool, arguments, none, more) in [
        ("search_cases", json!({"query": vain}), "open cases that match the query", OTHERS),
        (
            "search_cases",
            json!({"contact": MAREN, "account": "Northwind Traders", "query": vain, "status": "all"}),
            "cases of the contact and of the account that match the query",
            "",
        ),
        ("search_cases", json!({"contact": KENJI}), "open cases of the contact", OTHERS),
        ("get_contact_cases", json!({"contact": KENJI}), "open cases of the contact", OTHERS),
        (
            "get_contact_cases",
            json!({"contact": MAREN, "status": "canceled"}),
            "canceled cases of the contact",
            OTHERS,
        ),
        (
            "get_contact_cases",
            json!({"contact": KENJI, "status": "all"}),
            "cases of the contact",
            "",
        ),
        (
            "search_opportunities",
            json!({"account": "Litware", "query": vain}),
            "open opportunities of the account that match the query",
            OTHERS,
        ),
        (
            "get_contact_opportunities",
            json!({"contact": KENJI}),
            "opportunities of the contact",
            "",
        ),
        (
            "get_contact_opportunities",
            json!({"contact": KENJI, "status": "lost"}),
            "lost opportunities of the contact",
            OTHERS,
        ),
        ("search_leads", json!({"query": vain}), "leads that match the query", ""),
        (
            "search_leads",
            json!({"query": vain, "source": "Partner", "status": "qualified"}),
            "qualified leads from that source that match the query",
            "Without status, others would be found, too.",
        ),
        (
            "get_entity_notes",
            json!({"record_type": "contact", "record": KENJI}),
            "notes on the contact",
            "",
        ),
        ("get_activities", json!({"contact": KENJI}), "activities of the contact", ""),
        (
            "get_activities",
            json!({"contact": MAREN, "types": ["meeting", "email", "meeting"]}),
            "emails or meetings of the contact",
            "Without types, all are listed.",
        ),
        ("get_email_history", json!({"contact": KENJI}), "emails with the contact", ""),
        (
            "get_products",
            json!({"query": vain}),
            "products for sale that match the query",
            "Try a shorter query.",
        ),
        (
            "get_products",
            json!({"category": vain}),
            "products for sale in the category",
            "Leave out category.",
        ),
        (
            "get_products",
            json!({"query": vain, "category": "chat", "price_list": "EU 2025 (EUR)"}),
            "products for sale in the category in the price list that match the query",
            "Try a shorter query. Or leave out category or price_list.",
        ),
    ] {
        let answer = bench.call(tool, arguments.clone()).await;
        answer.result();
        let expected = format!("There are no {none}. {more}");
        // A price list may have ended.
        assert_eq!(answer.body["hints"][0], expected.trim_end(), "{tool} {arguments}");
    }
    for (query, advice) in [(vain, "another spelling"), ("nobody@nowhere.example", "the name")] {
        let answer = bench.call("search_contacts", json!({"query": query})).await;
        let hint = answer.body["hints"][0].as_str().unwrap();
        assert!(hint.contains(advice), "{query}: {hint}");
        let answer = bench.call("search_accounts", json!({"query": query})).await;
        let hint = answer.body["hints"][0].as_str().unwrap();
        assert!(hint.contains(advice), "{query}: {hint}");
    }
}

/// A key with these members besides.
async fn key(bench: &Bench, members: Value) -> String {
    let mut form = json!({
        "client": "bot", "connections": ["*"], "scopes": ["read", "write"], "for": "staff",
    });
    form.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let made = bench.request("POST", "/v1/keys", Some(form)).await;
    made.body["key"].as_str().unwrap_or_else(|| panic!("{:#}", made.body)).to_owned()
}

async fn call(bench: &Bench, key: &str, tool: &str, arguments: Value) -> Answer {
    let path = format!("/v1/tools/dynamics365_{tool}");
    bench.request_with_key(key, "POST", &path, Some(arguments)).await
}

#[tokio::test]
async fn a_visitor_hears_what_the_list_is_narrowed_to() {
    let bench = Bench::start().await;
    let settings = json!({"allows": ["public_notes"], "note_mark": "Public"});
    let path = "/v1/connections/default/visitors";
    assert_eq!(bench.request("PUT", path, Some(settings)).await.status, 200);
    let key = key(&bench, json!({"for": "visitors", "vouches": true})).await;
    for (tool, arguments, hint) in [
        ("get_contact_cases", json!({}), "There are no open cases of the visitor."),
        ("search_opportunities", json!({}), "There are no open opportunities of the visitor."),
        (
            "get_activities",
            json!({}),
            "There are no activities of the visitor that may be shown here.",
        ),
        (
            "get_email_history",
            json!({}),
            "There are no emails with the visitor that may be shown here.",
        ),
        (
            "get_entity_notes",
            json!({"record_type": "contact", "record": KENJI}),
            "There are no notes on the contact that may be shown here.",
        ),
    ] {
        let headers =
            [("authorization", format!("Bearer {key}")), ("x-visitor-email", KENJI.to_owned())];
        let answer = bench.send_unchecked(tool, arguments.to_string(), &headers).await;
        answer.result();
        let said = answer.body["hints"][0].as_str().unwrap();
        assert!(said.starts_with(hint), "{tool}: {said}");
    }
}

#[tokio::test]
async fn a_next_step_names_no_tool_that_the_key_does_not_have() {
    const A_PERSON: &str = "Offer to hand over to a person.";
    let bench = Bench::start().await;
    let limited =
        async |tool: &str| key(&bench, json!({"tools": [format!("dynamics365_{tool}")]})).await;
    let step = |answer: &Answer| answer.body["next_step"].as_str().unwrap().to_owned();
    let get_contact = limited("get_contact").await;
    for (said, left) in [
        ("Nobody Such", "Ask for another spelling or an email address."),
        ("nobody@nowhere.example", "Ask for another address."),
        (UNKNOWN, "Take the id from an earlier answer, exactly as it is."),
    ] {
        let arguments = json!({"contact": said});
        let whole = bench.call("get_contact", arguments.clone()).await;
        whole.problem("not_found");
        assert!(step(&whole).contains("dynamics365_search_contacts"), "{}", step(&whole));
        let answer = call(&bench, &get_contact, "get_contact", arguments).await;
        answer.problem("not_found");
        assert_eq!(step(&answer), left);
    }
    // Nothing else is left to do.
    let arguments = json!({"product": "No such product", "quantity": 1});
    let quote = json!({"opportunity": "Northwind – support desk licences", "lines": [arguments]});
    let answer = call(&bench, &limited("create_quote").await, "create_quote", quote).await;
    answer.problem("not_found");
    assert_eq!(step(&answer), A_PERSON);
    // A key that only reads cannot write it down.
    let answer = call(&bench, &limited("get_case").await, "no_such_tool", json!({})).await;
    assert_eq!(step(&answer), "Call one of: dynamics365_get_case.");

    let deal = |name: &str| json!({"contact": MAREN, "name": name});
    let others = "The contact has other open opportunities.";
    let whole = bench.call("create_opportunity", deal("One")).await;
    let named = format!("{others} dynamics365_get_contact_opportunities lists them.");
    assert_eq!(whole.body["hints"], json!([named]));
    let key = limited("create_opportunity").await;
    let answer = call(&bench, &key, "create_opportunity", deal("Two")).await;
    assert_eq!(answer.body["hints"], json!([others]));
}

#[tokio::test]
async fn a_visitor_without_the_tool_for_codes_hears_of_none() {
    let bench = Bench::start().await;
    let path = "/v1/connections/default/visitors";
    let settings = json!({"codes": {"company": "Contoso"}});
    assert_eq!(bench.request("PUT", path, Some(settings)).await.status, 200);
    let tools = ["dynamics365_get_contact_cases", "dynamics365_create_case"];
    let without = key(&bench, json!({"for": "visitors", "tools": tools})).await;
    let whole = key(&bench, json!({"for": "visitors"})).await;
    for (key, names) in [(without, vec![]), (whole, vec!["dynamics365_send_visitor_code"])] {
        let headers =
            [("authorization", format!("Bearer {key}")), ("x-conversation-id", "one".to_owned())];
        let answer = bench.send_unchecked("get_contact_cases", "{}", &headers).await;
        let step = answer.problem("visitor_unverified")["next_step"].as_str().unwrap();
        assert_eq!(named_tools(step).collect::<Vec<_>>(), names, "{step}");
        assert!(step.contains("You can open a case"), "{step}");
    }
}

/// Functions that do not have a tool's code know by a table whom the tool is for.
#[test]
fn what_a_key_has_is_known_of_every_tool() {
    let visitors = bot_for_visitors();
    let staff = Caller { serves: Serves::Staff, ..visitors.clone() };
    let reading = Caller { scopes: [Scope::Read].into(), ..staff.clone() };
    let asking = Caller { confirm: auth::Confirm::Consequences, ..visitors.clone() };
    for tool in stack::tools() {
        let limited = Caller { tools: Some([tool.name.to_owned()].into()), ..visitors.clone() };
        for caller in [&visitors, &staff, &reading, &asking, &limited] {
            let has = caller.lists(&tool) && caller.authorize(tool.scope).is_ok();
            assert_eq!(caller.has_at_hand(tool.name), has, "{}", tool.name);
        }
    }
}

/// Every tool alone, with what it finds and with what it does not find.
#[tokio::test]
async fn whatever_a_tool_says_a_key_with_that_tool_alone_hears_of_no_other() {
    let bench = Bench::start().await;
    let mut cut = 0;
    for tool in crate::harness::staffs_tools() {
        let short = tool.name.trim_start_matches("dynamics365_");
        let key = key(&bench, json!({"tools": [tool.name]})).await;
        let mut calls = crate::schemas::thorough(short);
        for unknown in [UNKNOWN, "nobody@nowhere.example", "Nobody Such"] {
            for mut arguments in crate::schemas::thorough(short) {
                for (_, value) in arguments.as_object_mut().unwrap() {
                    let is_reference = value.as_str().is_some_and(|text| {
                        text.contains('@') || text.contains("Northwind") || text.contains("CAS-")
                    });
                    if is_reference {
                        *value = unknown.into();
                    }
                }
                calls.push(arguments);
            }
        }
        for arguments in calls {
            let whole = bench.call(short, arguments.clone()).await;
            let answer = call(&bench, &key, short, arguments).await;
            let said = |answer: &Answer| {
                let hints = answer.body["hints"].as_array().into_iter().flatten();
                let said = hints.chain(answer.body.get("next_step"));
                said.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
            };
            let (whole, own) = (said(&whole), said(&answer));
            assert!(named_tools(&own).all(|name| name == tool.name), "{}: {own}", tool.name);
            cut += usize::from(named_tools(&whole).count() > named_tools(&own).count());
        }
    }
    assert!(cut > 10, "{cut}");
}
