//! The three account tools.

use serde_json::{Value, json};

use crate::harness::Bench;

const FABRIKAM: &str = "Fabrikam, Inc.";

fn names<'a>(found: &'a Value, list: &str) -> Vec<&'a str> {
    let records = found[list].as_array().unwrap().iter();
    records.filter_map(|record| record["name"].as_str()).collect()
}

#[tokio::test]
async fn an_account_is_found_by_part_of_its_name_or_by_its_domain() {
    let bench = Bench::start().await;
    for (query, expected) in [
        ("Fabrikam", vec!["Fabrikam Residences", FABRIKAM]),
        ("fabrikam inc", vec![FABRIKAM]),
        ("Fabrikam, Inc.", vec![FABRIKAM]),
        ("inc. FABRIKAM", vec![FABRIKAM]),
        ("residences", vec!["Fabrikam Residences"]),
        ("fabrikam.example", vec![FABRIKAM]),
        ("https://www.fabrikam.example/about?x=1", vec![FABRIKAM]),
        ("info@fabrikam.example", vec![FABRIKAM]),
        ("somebody@fabrikam.example", vec![FABRIKAM]),
        ("ski alpine", vec!["Alpine Ski House"]),
        // Accents make no difference in the organization's language.
        ("alpiné skì", vec!["Alpine Ski House"]),
        ("No Such Company", vec![]),
        ("O'Brien & Söhne", vec![]),
        (",", vec![FABRIKAM, "Litware, Inc."]),
    ] {
        let (answer, trips) = bench.counted("search_accounts", json!({"query": query})).await;
        assert_eq!(names(answer.result(), "accounts"), expected, "{query}");
        let hints = answer.body["hints"].to_string();
        assert!(!hints.contains("similar"), "{query}: {hints}");
        assert_eq!(expected.len() == 1, hints == "null", "{query}: {hints}");
        assert_eq!(trips, 1);
    }
}

#[tokio::test]
async fn where_nothing_matches_shorter_forms_are_tried_in_the_same_trip() {
    let bench = Bench::start().await;
    for (query, expected) in [
        ("Northwind Traders GmbH", vec!["Northwind Traders"]),
        ("Fabrikam Ltd", vec!["Fabrikam Residences", FABRIKAM]),
        ("Litware Germany", vec!["Litware, Inc."]),
        ("northwind.com", vec!["Northwind Traders"]),
        ("maren@northwind.com", vec!["Northwind Traders"]),
        ("Contoso GmbH", vec![]),
    ] {
        let (answer, trips) = bench.counted("search_accounts", json!({"query": query})).await;
        assert_eq!(names(answer.result(), "accounts"), expected, "{query}");
        let hint = answer.body["hints"][0].as_str().unwrap();
        assert_eq!(hint.contains("similar"), !expected.is_empty(), "{query}: {hint}");
        assert_eq!(trips, 1);
    }
}

#[tokio::test]
async fn a_search_shows_what_people_say_first_and_says_that_there_is_more() {
    let bench = Bench::start().await;
    let answer = bench.call("search_accounts", json!({"query": "inc", "limit": 1})).await;
    let found = answer.result();
    let account = &found["accounts"][0];
    assert_eq!(account["website"], "https://fabrikam.example");
    assert_eq!(account["phone"], "+1 312 555 0142");
    assert_eq!(account["revenue"], json!({"amount": 18_500_000, "currency": "USD"}));
    assert_eq!(account["employees"], 210);
    assert_eq!(account["url"], Value::Null);
    assert!(found["account_url"].as_str().unwrap().contains("etn=account&id={id}"), "{found:#}");
    assert_eq!(found["more"], true);

    for (arguments, field) in [
        (json!({}), "query"),
        (json!({"query": " "}), "query"),
        (json!({"query": "a\nb"}), "query"),
        (json!({"query": "a", "limit": 26}), "limit"),
        (json!({"query": "a", "name": "b"}), "name"),
    ] {
        let answer = bench.call("search_accounts", arguments).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem:#}");
    }
}

#[tokio::test]
async fn an_account_with_all_about_it_costs_one_trip() {
    let bench = Bench::start().await;
    let (by_name, trips) = bench.counted("get_account", json!({"account": "Litware"})).await;
    assert_eq!(trips, 1);
    let found = by_name.result();
    let account = &found["account"];
    assert_eq!(account["name"], "Litware, Inc.");
    assert_eq!(account["revenue"], json!({"amount": 31_000_000, "currency": "USD"}));
    assert_eq!(account["industry"], "Financial");
    assert_eq!(account["employees"], 480);
    assert_eq!(account["website"], "https://litware.example");
    assert_eq!(account["phone"], "+44 20 5550 0188");
    let address = account["billing_address"].as_str().unwrap();
    assert!(address.contains("41 Leadenhall Street") && address.contains("London"), "{address}");
    assert_eq!(account["primary_contact"]["name"], "Zoë Brandt");
    assert_eq!(account["relationship_manager"]["name"], "Imani Okoro");
    assert!(account["url"].as_str().unwrap().contains(account["id"].as_str().unwrap()));
    assert_eq!(found["open_opportunities"], 1);
    assert_eq!(found["open_cases"], 2);
    assert_eq!(by_name.body["escalation"]["reason"], "escalated_case");
    assert!(by_name.body.get("hints").is_none());

    let (by_id, trips) = bench.counted("get_account", json!({"account": account["id"]})).await;
    assert_eq!((&by_id.body, trips), (&by_name.body, 1));
    let (by_domain, trips) =
        bench.counted("get_account", json!({"account": "www.litware.example"})).await;
    assert_eq!((&by_domain.body, trips), (&by_name.body, 1));

    let child = bench.call("get_account", json!({"account": "Fabrikam Residences"})).await;
    assert_eq!(child.result()["account"]["parent"]["name"], FABRIKAM);
    assert_eq!(child.result()["open_cases"], 0);
    assert!(child.body.get("escalation").is_none());
    let euro = bench.call("get_account", json!({"account": "coho winery"})).await;
    assert_eq!(euro.result()["account"]["revenue"]["currency"], "EUR");
}

#[tokio::test]
async fn which_account_is_meant_must_be_clear() {
    let bench = Bench::start().await;
    for tool in ["get_account", "get_account_contacts"] {
        let answer = bench.call(tool, json!({"account": "Fabrikam"})).await;
        let candidates = answer.problem("ambiguous")["candidates"].as_array().unwrap();
        let candidates: Vec<_> =
            candidates.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(candidates, [FABRIKAM, "Fabrikam Residences"]);
        for clear in ["Fabrikam Inc", FABRIKAM, "fabrikam, inc.", "fabrikam.example"] {
            let (answer, trips) = bench.counted(tool, json!({"account": clear})).await;
            assert_eq!(answer.result()["account"]["name"], FABRIKAM, "{clear}");
            assert_eq!(trips, 1);
        }
        let unknown = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";
        for none in [unknown, "No Such Company", "O'Brien & Söhne", "nowhere.example"] {
            let answer = bench.call(tool, json!({"account": none})).await;
            let problem = answer.problem("not_found");
            assert!(problem["next_step"].as_str().unwrap().contains("search_accounts"), "{none}");
        }
        for bad in ["5b4ced1c-88e1-4e11-904c-6045bd05e9dX", "", "a\nb"] {
            bench.call(tool, json!({"account": bad})).await.problem("invalid_arguments");
        }
    }
}

#[tokio::test]
async fn a_name_of_full_length_is_looked_for_as_well() {
    let bench = Bench::start().await;
    for name in ["é".repeat(160), "🙂".repeat(150), "ünïcödë ".repeat(20), "x".repeat(300)] {
        for tool in ["get_account", "get_account_contacts"] {
            bench.call(tool, json!({"account": name})).await.problem("not_found");
        }
        bench.call("search_cases", json!({"account": name})).await.problem("not_found");
    }
    let words = format!("{} ", "ö".repeat(39));
    for query in ["é".repeat(200), "🙂".repeat(100), words.repeat(5), "xö ".repeat(66)] {
        let answer = bench.call("search_accounts", json!({"query": query})).await;
        assert_eq!(answer.result()["accounts"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn the_people_of_an_account_are_listed_in_one_trip() {
    let bench = Bench::start().await;
    let (by_name, trips) =
        bench.counted("get_account_contacts", json!({"account": "litware"})).await;
    let found = by_name.result();
    assert_eq!(names(found, "contacts"), ["Jonas Brandt", "Zoë Brandt"]);
    assert_eq!(found["account"]["name"], "Litware, Inc.");
    assert!(found["account"]["url"].is_string() && found["contact_url"].is_string());
    // What all contacts share stands only once.
    assert!(
        found["contacts"][0].get("account").is_none() && found["contacts"][0]["email"].is_string()
    );
    assert_eq!(trips, 1);
    let id = &found["account"]["id"];
    let (by_id, trips) = bench.counted("get_account_contacts", json!({"account": id})).await;
    assert_eq!((&by_id.body, trips), (&by_name.body, 1));
    let first = bench.call("get_account_contacts", json!({"account": id, "limit": 1})).await;
    assert_eq!(names(first.result(), "contacts"), ["Jonas Brandt"]);
    assert_eq!(first.result()["more"], true);

    // Its only contact has been deactivated.
    let none = bench.call("get_account_contacts", json!({"account": "Fabrikam Residences"})).await;
    assert_eq!(none.result()["contacts"], json!([]));
    assert_eq!(none.result()["account"]["name"], "Fabrikam Residences");
    assert!(none.body["hints"][0].as_str().unwrap().contains("no active contacts"));
}

#[tokio::test]
async fn what_may_not_be_counted_is_left_out() {
    let bench = Bench::start().await;
    let litware = json!({"account": "Litware"});
    let roles = json!({"state": "enabled", "roles": ["Salesperson"]});
    bench.control("PUT", "application-user", Some(roles)).await;
    let answer = bench.call("get_account", litware.clone()).await;
    assert_eq!(answer.result()["open_opportunities"], 1);
    assert!(answer.result().get("open_cases").is_none());
    let hints = answer.body["hints"].as_array().unwrap();
    assert!(
        hints.len() == 1 && hints[0].as_str().unwrap().contains("cannot read them"),
        "{hints:?}"
    );
    assert!(answer.body.get("escalation").is_none());

    let bench = Bench::start().await;
    bench.control("PUT", "apps", Some(json!({"sales": false, "service": true}))).await;
    let (answer, trips) = bench.counted("get_account", litware).await;
    assert_eq!(answer.result()["open_cases"], 2);
    assert!(answer.result().get("open_opportunities").is_none());
    assert!(answer.body["hints"][0].as_str().unwrap().contains("cannot read them"));
    assert_eq!(trips, 1);

    let roles = json!({"state": "enabled", "roles": []});
    bench.control("PUT", "application-user", Some(roles)).await;
    for (tool, arguments) in [
        ("search_accounts", json!({"query": "x"})),
        ("get_account", json!({"account": "x"})),
        ("get_account_contacts", json!({"account": "x"})),
    ] {
        let answer = bench.call(tool, arguments).await;
        let problem = answer.problem("permission_denied");
        assert!(problem["admin_action"].as_str().unwrap().contains("prvReadAccount"), "{tool}");
    }
}

#[tokio::test]
async fn another_legal_form_is_another_company() {
    let bench = Bench::start().await;
    for name in ["Fabrikam Inc", "Fabrikam Inc.", "fabrikam incorporated", FABRIKAM] {
        let answer = bench.call("get_account", json!({"account": name})).await;
        assert_eq!(answer.result()["account"]["name"], FABRIKAM, "{name}");
    }
    for name in ["Fabrikam GmbH", "Litware Ltd"] {
        bench.call("get_account", json!({"account": name})).await.problem("not_found");
    }
    // The name in the CRM has no legal form, so any form finds that company.
    let answer = bench.call("get_account", json!({"account": "Northwind Traders GmbH"})).await;
    assert_eq!(answer.result()["account"]["name"], "Northwind Traders");
}

#[tokio::test]
async fn an_apostrophe_of_a_phone_is_one_in_a_company_too() {
    let bench = Bench::start().await;
    // This company is made when the lead is qualified.
    let lead = json!({"last_name": "Doe", "company": "Margie's Travel", "email": "doe@m.example"});
    let lead = bench.call("create_lead", lead).await.result()["lead"]["id"].clone();
    bench.call("update_lead", json!({"lead": lead, "status": "Qualified"})).await.result();
    for name in ["Margie’s Travel", "Margie's Travel"] {
        let answer = bench.call("get_account", json!({"account": name})).await;
        assert_eq!(answer.result()["account"]["name"], "Margie's Travel", "{name}");
        let found = bench.call("search_accounts", json!({"query": name})).await;
        assert_eq!(names(found.result(), "accounts"), ["Margie's Travel"], "{name}");
    }
}

#[tokio::test]
async fn what_dynamics_does_not_count_is_said_to_be_more() {
    let bench = Bench::start().await;
    let account = "852dede1-e4e7-5617-bc33-b74f2626b52a";
    let deals = |count: std::ops::Range<usize>| {
        let row = |number: usize| {
            json!({
                "opportunityid": format!("0f0e0d0c-0b0a-4908-8706-05040302{number:04x}"),
                "name": format!("Deal {number}"), "statecode": 0, "statuscode": 1,
                "parentaccountid@odata.bind": format!("/accounts({account})"),
            })
        };
        Some(json!(count.map(row).collect::<Vec<_>>()))
    };
    let before = bench.call("get_account", json!({"account": account})).await;
    let there = before.result()["open_opportunities"].as_u64().unwrap() as usize;
    bench.control("POST", "rows/opportunities", deals(0..5000 - there)).await;
    let (answer, trips) = bench.counted("get_account", json!({"account": account})).await;
    assert_eq!(answer.result()["open_opportunities"], 5000);
    assert_eq!(answer.result()["more_open_opportunities"], Value::Null);
    assert_eq!(trips, 1);
    bench.control("POST", "rows/opportunities", deals(5000 - there..5001 - there)).await;
    let answer = bench.call("get_account", json!({"account": account})).await;
    assert_eq!(answer.result()["open_opportunities"], 5000);
    assert_eq!(answer.result()["more_open_opportunities"], true);
}
