//! What people, chats and models hand over, as they write it.

use serde_json::{Value, json};
use stack::{API_KEY, VISITOR_KEY};

use crate::harness::{Answer, Bench, MAREN};

const DARIO: &str = "dario.velasco@northwind.example";
const DEAL: &str = "Northwind – support desk licences";

/// Sends a body as it is.
async fn send(bench: &Bench, tool: &str, body: impl Into<reqwest::Body>) -> Answer {
    bench.send(tool, body, &[("authorization", format!("Bearer {API_KEY}"))]).await
}

/// Calls a tool over MCP.
async fn call_mcp(bench: &Bench, tool: &str, arguments: Value) -> Value {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": format!("dynamics365_{tool}"), "arguments": arguments},
    });
    let headers = [
        ("authorization", format!("Bearer {API_KEY}")),
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
    ];
    let answer = bench.request_with(("POST", "/mcp"), Some(message), &headers).await;
    answer.body["result"].clone()
}

/// Calls a tool for a visitor whom the platform knows by this address.
async fn call_as(bench: &Bench, address: &str, tool: &str, arguments: Value) -> Answer {
    let headers = [
        ("authorization", format!("Bearer {VISITOR_KEY}")),
        ("x-visitor-email", address.to_owned()),
    ];
    bench.send(tool, arguments.to_string(), &headers).await
}

async fn contact(bench: &Bench, address: &str) -> Value {
    let rows = bench.rows("contacts").await;
    rows.into_iter().find(|row| row["emailaddress1"] == address).unwrap()
}

/// The ways in which chats, mail programs and sentences write an address.
fn wrapped(address: &str) -> Vec<String> {
    let wide: String = address
        .chars()
        .map(|one| char::from_u32(u32::from(one) - 0x21 + 0xff01).unwrap())
        .collect();
    vec![
        format!("mailto:{address}"),
        format!("<mailto:{address}|{address}>"),
        format!("[{address}](mailto:{address})"),
        format!("<{address}>"),
        format!("&lt;{address}&gt;"),
        format!("Somebody Else <{address}>"),
        format!("<a href=\"mailto:{address}\">write</a>"),
        format!("{address}."),
        format!("\"{address}\","),
        address.replace('@', "\u{200b}@"),
        wide,
    ]
}

#[tokio::test]
async fn an_address_is_looked_up_without_what_is_around_it() {
    let bench = Bench::start().await;
    for text in wrapped(MAREN) {
        for (tool, field) in [
            ("get_contact_by_email", "email"),
            ("get_contact", "contact"),
            ("get_contact_cases", "contact"),
        ] {
            let answer = bench.call(tool, json!({field: text})).await;
            assert_eq!(answer.status, 200, "{tool} {text}: {:#}", answer.body);
        }
        let answer = bench.call("search_contacts", json!({"query": text})).await;
        assert_eq!(answer.result()["contacts"][0]["email"], MAREN, "{text}");
    }
}

#[tokio::test]
async fn an_address_is_written_without_what_is_around_it() {
    let bench = Bench::start().await;
    for (number, text) in wrapped("new@x.example").into_iter().enumerate() {
        let lead = json!({"last_name": format!("N{number}"), "company": "N", "email": text, "allow_duplicate": true});
        let made = bench.call("create_lead", lead).await;
        assert_eq!(made.result()["lead"]["email"], "new@x.example", "{text}");
        let id = contact(&bench, DARIO).await["contactid"].clone();
        let changed = bench.call("update_contact", json!({"contact": id, "email": text})).await;
        assert_eq!(changed.result()["changes"][0]["to"], "new@x.example", "{text}");
        bench.call("update_contact", json!({"contact": id, "email": DARIO})).await.result();
    }
}

#[tokio::test]
async fn what_is_written_is_one_address() {
    let bench = Bench::start().await;
    for text in [
        "a@x.example, b@x.example",
        "a@x.example;b@x.example",
        "x|a@x.example",
        "a<b@x.example",
        "see [a@x.example] there",
    ] {
        for (tool, arguments) in [
            ("update_contact", json!({"contact": MAREN, "email": text})),
            ("create_lead", json!({"last_name": "N", "company": "N", "email": text})),
            ("update_lead", json!({"lead": "nadia@tailspin.example", "email": text})),
        ] {
            let answer = bench.call(tool, arguments).await;
            let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
            assert!(detail.starts_with("email: must be one email address"), "{text}: {detail}");
        }
    }
}

/// There, the bytes count.
#[tokio::test]
async fn who_a_visitor_is_is_not_unwrapped() {
    let bench = Bench::start().await;
    for text in [format!("mailto:{MAREN}"), format!("<{MAREN}>"), format!("{MAREN}.")] {
        let answer = call_as(&bench, &text, "get_contact", json!({})).await;
        assert_ne!(answer.status, 200, "{text}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn numbers_links_and_escapes_are_written_as_people_read_them() {
    let bench = Bench::start().await;
    for text in [
        "<tel:+12065550199|+1 206 555 0199>",
        "[+1 206 555 0199](tel:+12065550199)",
        "\u{202a}+1 206 555 0199\u{202c}",
    ] {
        let arguments = json!({"contact": DARIO, "mobile_phone": text});
        bench.call("update_contact", arguments).await.result();
        let mobile = &contact(&bench, DARIO).await["mobilephone"];
        assert_eq!(mobile, "+1 206 555 0199", "{text}");
    }
    let lead = json!({
        "last_name": "Smith", "company": "Smith &amp; Sons",
        "topic": "see <https://shop.example/a?b=1&amp;c=2|https://shop.example/a?b=1&amp;c=2>",
        "description": "1 &lt; 2 &amp;amp; more",
    });
    let made = bench.call("create_lead", lead).await;
    assert_eq!(made.result()["lead"]["company"], "Smith & Sons");
    let rows = bench.rows("leads").await;
    let row = rows.iter().find(|row| row["companyname"] == "Smith & Sons").unwrap();
    assert_eq!(row["subject"], "see https://shop.example/a?b=1&c=2");
    assert_eq!(row["description"], "1 < 2 &amp; more");
    for query in [
        "<https://fabrikam.example|fabrikam.example>",
        "[Fabrikam, Inc.](https://fabrikam.example)",
    ] {
        let answer = bench.call("get_account", json!({"account": query})).await;
        assert_eq!(answer.result()["account"]["name"], "Fabrikam, Inc.", "{query}");
    }
}

#[tokio::test]
async fn a_record_is_found_whatever_stands_around_its_name() {
    let bench = Bench::start().await;
    let around = |name: &str| {
        vec![
            format!("\"{name}\""),
            format!("“{name}”"),
            format!("`{name}`"),
            format!("#{name}"),
            format!("{name}."),
            format!("**{name}**,"),
            format!("({name})"),
            format!(" {} ", name.replace(' ', "  ")),
            format!("{name}\u{200b}"),
        ]
    };
    for (tool, field, shown, name) in [
        ("get_case", "case", "case", "CAS-01001-Q7W2E9"),
        ("get_account", "account", "account", "Northwind Traders"),
        ("get_account", "account", "account", "Fabrikam, Inc."),
        ("get_contact", "contact", "contact", "Maren Quist"),
        ("get_opportunity", "opportunity", "opportunity", DEAL),
    ] {
        let plain = bench.call(tool, json!({field: name})).await;
        let id = plain.result()[shown]["id"].as_str().unwrap();
        let url = plain.result()[shown]["url"].as_str().unwrap();
        let mut texts = around(name);
        texts.extend([
            url.to_owned(),
            format!("<{url}|{name}>"),
            format!("[{name}]({url})"),
            format!("{{{id}}}"),
            format!("`{{{}}}`.", id.to_uppercase()),
        ]);
        for text in texts {
            let answer = bench.call(tool, json!({field: text})).await;
            assert_eq!(answer.status, 200, "{tool} {text}: {:#}", answer.body);
            assert_eq!(answer.result()[shown]["id"], id, "{tool} {text}");
            let note = json!({"record_type": field, "record": text});
            bench.call("get_entity_notes", note).await.result();
        }
    }
    // A page of another kind of record.
    let contact = bench.call("get_contact", json!({"contact": MAREN})).await;
    let url = &contact.result()["contact"]["url"];
    let answer = bench.call("get_account", json!({"account": url})).await;
    answer.problem("invalid_arguments");
    let deal = bench.call("get_opportunity", json!({"opportunity": DEAL})).await;
    let quote = |product: &str| {
        json!({
            "opportunity": deal.result()["opportunity"]["id"],
            "lines": [{"product": product, "quantity": 1}],
        })
    };
    for product in ["`CHAT-STD`", "#CHAT-STD.", "Chat seat - Standard"] {
        let answer = bench.call("create_quote", quote(product)).await;
        assert_eq!(answer.status, 200, "{product}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn marks_are_equal_however_they_are_typed() {
    let bench = Bench::start().await;
    let customer = json!({"contact": MAREN, "name": "The “big” deal — O’Rell’s 24” screens"});
    bench.call("create_opportunity", customer).await.result();
    for (said, name) in [
        ("Northwind - support desk licences", DEAL),
        ("Northwind — support desk licences", DEAL),
        ("The \"big\" deal - O'Rell's 24\" screens", "The “big” deal — O’Rell’s 24” screens"),
        ("The \"big\" deal – O´Rell´s 24\" screens", "The “big” deal — O’Rell’s 24” screens"),
    ] {
        let found = bench.call("get_opportunity", json!({"opportunity": said})).await;
        assert_eq!(found.status, 200, "{said}: {:#}", found.body);
        assert_eq!(found.result()["opportunity"]["name"], name);
        let found = bench.call("search_opportunities", json!({"query": said})).await;
        assert_eq!(found.result()["opportunities"][0]["name"], name, "{said}");
    }
    let again = json!({"contact": MAREN, "name": "The \"big\" deal - O`Rell`s 24\" screens"});
    let again = bench.call("create_opportunity", again).await;
    assert_eq!(again.result()["created"], false, "{:#}", again.body);
    for said in ["Siobhan O’Rell", "Siobhan O´Rell", "Siobhan O`Rell"] {
        bench.call("get_contact", json!({"contact": said})).await.result();
        let found = bench.call("search_contacts", json!({"query": said})).await;
        assert_eq!(found.result()["contacts"].as_array().unwrap().len(), 1, "{said}");
    }
    let found = bench.call("get_products", json!({"query": "Chat seat - Standard"})).await;
    assert_eq!(found.result()["products"][0]["number"], "CHAT-STD");
}

#[tokio::test]
async fn a_person_is_found_by_every_form_of_their_name() {
    let bench = Bench::start().await;
    for (said, name) in [
        ("Quist, Maren", "Maren Quist"),
        ("quist , maren", "Maren Quist"),
        ("Dr. Pál Kővári", "Pál Kővári"),
        ("Kovari, Dr. Pal", "Pál Kővári"),
        ("Ms Maren Quist", "Maren Quist"),
        ("Frau Prof. Dr. Maren Quist", "Maren Quist"),
        ("Señora Maren Quist", "Maren Quist"),
        ("Maren Quist Jr.", "Maren Quist"),
        ("Maren Quist, PhD", "Maren Quist"),
        ("O’Rell, Ms. Siobhan", "Siobhan O'Rell"),
        ("Mr. Velasco", "Dario Velasco"),
    ] {
        let found = bench.call("get_contact", json!({"contact": said})).await;
        assert_eq!(found.status, 200, "{said}: {:#}", found.body);
        assert_eq!(found.result()["contact"]["name"], name, "{said}");
        let found = bench.call("search_contacts", json!({"query": said})).await;
        assert_eq!(found.result()["contacts"][0]["name"], name, "{said}");
    }
    let lead =
        bench.call("update_lead", json!({"lead": "Ferreol, Ms Nadia", "rating": "Hot"})).await;
    assert_eq!(lead.result()["name"], "Nadia Ferreol");
    for said in ["Ferran, Lucia", "Ms Brandt"] {
        bench.call("get_contact", json!({"contact": said})).await.problem("ambiguous");
    }
}

#[tokio::test]
async fn numbers_are_taken_as_models_write_them() {
    let bench = Bench::start().await;
    for limit in ["2", "2.0", "\"2\"", "\"2.0\"", "2e0"] {
        let body = format!(r#"{{"query": "example", "limit": {limit}}}"#);
        let answer = send(&bench, "search_contacts", body).await;
        assert_eq!(answer.result()["contacts"].as_array().unwrap().len(), 2, "{limit}");
        let given: Value = serde_json::from_str(limit).unwrap();
        let answer =
            call_mcp(&bench, "search_contacts", json!({"query": "example", "limit": given})).await;
        let contacts = answer["structuredContent"]["result"]["contacts"].as_array();
        assert_eq!(contacts.unwrap().len(), 2, "{limit}");
    }
    for (value, expected) in
        [(json!("12,000"), 12_000), (json!("13000.0"), 13_000), (json!("14 000"), 14_000)]
    {
        let arguments = json!({"opportunity": DEAL, "estimated_value": value, "probability": "75"});
        let changed = bench.call("update_opportunity", arguments).await;
        assert_eq!(changed.result()["changes"][0]["to"]["amount"], expected, "{value}");
    }
    for value in ["12.000", "1,5", "much", "5 EUR"] {
        let arguments = json!({"opportunity": DEAL, "estimated_value": value});
        let answer = bench.call("update_opportunity", arguments).await;
        let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
        assert!(detail.starts_with("estimated_value: must be a number from 0"), "{detail}");
    }
}

#[tokio::test]
async fn a_search_in_quotation_marks_finds_what_they_enclose() {
    let bench = Bench::start().await;
    for (tool, list, words) in [
        ("search_contacts", "contacts", "Maren Quist"),
        ("search_accounts", "accounts", "Northwind Traders"),
        ("search_leads", "leads", "Nadia Ferreol"),
        ("search_opportunities", "opportunities", "support desk"),
        ("get_products", "products", "Chat seat"),
    ] {
        for query in [
            words.to_owned(),
            format!("\"{words}\""),
            format!("“{words}”"),
            format!("({words})"),
            format!("**{words}**"),
        ] {
            let answer = bench.call(tool, json!({"query": query})).await;
            let found = answer.result()[list].as_array().unwrap();
            assert!(!found.is_empty(), "{tool} {query}");
        }
    }
}

#[tokio::test]
async fn what_is_long_is_refused_at_once() {
    let bench = Bench::start().await;
    let long = format!("{}a@b.example{}", "\"".repeat(100_000), "\"".repeat(100_000));
    for field in ["email", "phone"] {
        let mut lead = json!({"last_name": "Long", "company": "Long Ltd"});
        lead[field] = long.as_str().into();
        let answer = bench.call("create_lead", lead).await;
        answer.problem("invalid_arguments");
        assert!(answer.took < std::time::Duration::from_secs(5), "{field}: {:?}", answer.took);
    }
    // Nor do the ways to write a name make a question that is too long.
    for name in [
        "ЗАО \"Научно-производственный центр\" – Москва",
        "Müller-O'Brien \"Nord-West\" Handels- und Vertriebsgesellschaft – Zürich",
        "Jean-Paul's Bike Shop",
        "ТОВ \"Агро-Пром\" – Київ",
    ] {
        bench.call("search_accounts", json!({"query": name})).await.result();
        bench.call("get_account", json!({"account": name})).await.problem("not_found");
        let answer = bench.call("get_contact", json!({"contact": name})).await;
        answer.problem("not_found");
        for request in bench.requests().await {
            let conditions = request["path"].as_str().unwrap().matches("%20eq%20").count();
            assert!(conditions <= 500, "{name}: {conditions}");
        }
    }
}

#[tokio::test]
async fn no_error_has_the_name_of_a_type_in_rust() {
    let bench = Bench::start().await;
    let wrong =
        [json!(null), json!(1.5), json!(-1), json!("x"), json!(true), json!([[]]), json!({"a": 1})];
    for definition in crate::harness::staffs_tools() {
        let tool = definition.name.strip_prefix("dynamics365_").unwrap();
        for name in definition.input_schema["properties"].as_object().unwrap().keys() {
            for value in &wrong {
                let answer = bench.call(tool, json!({name: value})).await;
                if answer.status == 200 {
                    continue;
                }
                let text = answer.body.to_string();
                for bad in [
                    "i64",
                    "u64",
                    "u32",
                    "f64",
                    "struct",
                    "enum",
                    "invalid type",
                    "sequence",
                    "Option",
                ] {
                    let words = text.split(|one: char| !one.is_alphanumeric() && one != ' ');
                    let is_bad = words.flat_map(|words| words.split(' ')).any(|word| word == bad);
                    assert!(
                        !is_bad && !text.contains("invalid type"),
                        "{tool} {name} {value}: {text}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn words_for_nothing_are_nothing_where_that_is_allowed() {
    let bench = Bench::start().await;
    for nothing in ["", " ", "null", "None", "N/A"] {
        let arguments = json!({
            "query": "example", "limit": nothing,
        });
        let answer = bench.call("search_contacts", arguments).await;
        assert_eq!(answer.result()["contacts"].as_array().unwrap().len(), 5, "{nothing:?}");
        let arguments = json!({
            "contact": DARIO, "phone": nothing, "email": nothing, "job_title": "Buyer",
            "description": nothing, "clear": nothing,
        });
        let changed = bench.call("update_contact", arguments).await;
        assert!(changed.result()["changes"].as_array().unwrap().len() <= 1, "{nothing:?}");
        // For a visitor, too, also in an argument that is not for visitors.
        let arguments = json!({"job_title": "Buyer", "description": nothing});
        call_as(&bench, DARIO, "update_contact", arguments).await.result();
    }
    assert_eq!(contact(&bench, DARIO).await["telephone1"], "+1 206 555 0121");
    let answer = bench.call("search_contacts", json!({"query": ""})).await;
    answer.problem("invalid_arguments");
    let answer = bench.call("get_contact", json!({"contact": "None"})).await;
    answer.problem("invalid_arguments");
    let answer = bench.call("get_case", json!({"case": "N/A"})).await;
    answer.problem("not_found");
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let bench = Bench::start().await;
    let body = format!("\u{feff}{}", json!({"contact": MAREN}));
    send(&bench, "get_contact", body).await.result();
    send(&bench, "get_contact", "\u{feff}").await.problem("invalid_arguments");
}

#[tokio::test]
async fn what_programs_break_lines_with_breaks_lines() {
    let bench = Bench::start().await;
    let text = "first\u{b}second\u{c}third\u{1}\u{8}\u{2028}fourth\r\nfifth\u{0}";
    let note = json!({"record_type": "contact", "record": MAREN, "text": text});
    let written = bench.call("create_note", note).await;
    assert_eq!(written.result()["note"]["excerpt"], "first\nsecond\nthird\nfourth\nfifth");
    let case = json!({"contact": MAREN, "subject": "pasted\u{b}subject", "description": text});
    let made = bench.call("create_case", case).await;
    assert_eq!(made.result()["case"]["subject"], "pasted subject");
}

#[tokio::test]
async fn a_value_can_be_taken_away() {
    let bench = Bench::start().await;
    let arguments = json!({"contact": DARIO, "clear": ["phone", "job_title", "mobile_phone"]});
    let answer = bench.call("update_contact", arguments).await;
    let changes = answer.result()["changes"].as_array().unwrap();
    assert_eq!(changes[0]["field"], "phone");
    assert_eq!(changes[0]["from"], "+1 206 555 0121");
    assert_eq!(changes[0]["to"], Value::Null);
    // The mobile phone was empty already.
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(contact(&bench, DARIO).await["telephone1"], Value::Null);

    let lead = json!({"lead": "nadia@tailspin.example", "clear": "company"});
    let answer = bench.call("update_lead", lead).await;
    assert_eq!(answer.result()["changes"][0]["from"], "Tailspin Toys");

    let deal = json!({"opportunity": DEAL, "clear": ["close_date", "estimated_value"]});
    let answer = bench.call("update_opportunity", deal).await;
    assert_eq!(answer.result()["changes"].as_array().unwrap().len(), 2, "{:#}", answer.body);
    let rows = bench.rows("opportunities").await;
    let row = rows.iter().find(|row| row["name"] == DEAL).unwrap();
    assert_eq!((&row["estimatedclosedate"], &row["estimatedvalue"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn only_what_may_be_empty_is_taken_away() {
    let bench = Bench::start().await;
    let both = json!({"contact": DARIO, "phone": "+1", "clear": ["phone"]});
    let answer = bench.call("update_contact", both).await;
    let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
    assert!(detail.starts_with("phone: "), "{detail}");
    for (tool, arguments) in [
        ("update_contact", json!({"contact": DARIO, "clear": ["last_name"]})),
        ("update_lead", json!({"lead": "nadia@tailspin.example", "clear": ["status"]})),
        ("update_opportunity", json!({"opportunity": DEAL, "clear": ["stage"]})),
    ] {
        let answer = bench.call(tool, arguments).await;
        let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
        assert!(detail.contains("must be some of: "), "{detail}");
    }
    // A visitor can empty what visitors may write, but not what they are recognised by.
    let answer = call_as(&bench, DARIO, "update_contact", json!({"clear": ["phone"]})).await;
    assert_eq!(answer.result()["changes"][0]["field"], "phone");
    let answer = call_as(&bench, DARIO, "update_contact", json!({"clear": ["email"]})).await;
    answer.problem("invalid_arguments");
    let answer = call_as(&bench, DARIO, "update_contact", json!({"clear": ["description"]})).await;
    answer.problem("forbidden");
    assert_eq!(contact(&bench, DARIO).await["emailaddress1"], DARIO);
}

#[tokio::test]
async fn what_platforms_add_to_a_call_is_ignored_over_mcp() {
    let bench = Bench::start().await;
    let added = json!({
        "email": MAREN, "sessionId": "s", "action": "sendMessage", "chatInput": "hi", "toolCallId": "t",
    });
    let answer = call_mcp(&bench, "get_contact_by_email", added.clone()).await;
    assert_eq!(answer["isError"], false, "{answer:#}");
    bench.call("get_contact_by_email", added).await.problem("invalid_arguments");
    let other = json!({"email": MAREN, "session": "s"});
    let answer = call_mcp(&bench, "get_contact_by_email", other).await;
    assert_eq!(answer["isError"], true, "{answer:#}");
}

#[tokio::test]
async fn a_near_name_of_an_argument_is_proposed() {
    let bench = Bench::start().await;
    for (tool, arguments, meant) in [
        ("get_contact_by_email", json!({"mail": MAREN}), "email"),
        ("get_contact_by_email", json!({"e-mail": MAREN}), "email"),
        ("get_contact_by_email", json!({"email_address": MAREN}), "email"),
        ("update_contact", json!({"contact": MAREN, "mail": "a@x.example"}), "email"),
        ("update_contact", json!({"contact": MAREN, "mobile": "+1"}), "mobile_phone"),
        ("get_contact", json!({"contactId": MAREN}), "contact"),
        ("create_lead", json!({"lastName": "N", "company": "N"}), "last_name"),
        ("search_contacts", json!({"query": "x", "max_limit": 5}), "limit"),
    ] {
        let answer = bench.call(tool, arguments.clone()).await;
        let step = answer.problem("invalid_arguments")["next_step"].as_str().unwrap();
        assert!(step.contains(&format!("call again with {meant}")), "{arguments}: {step}");
    }
    let answer = bench.call("get_contact_by_email", json!({"colour": "red"})).await;
    let step = answer.problem("invalid_arguments")["next_step"].as_str().unwrap();
    assert!(step.starts_with("Leave that argument out"), "{step}");
}
