//! `create_quote`.

use serde_json::{Value, json};

use super::{administer, blames, hints, id};
use crate::harness::{Answer, Bench};

const NORTHWIND: &str = "Northwind – support desk licences";
const COHO: &str = "68e8a051-7eaa-5a7d-8686-dfe5fb6d5e50";
const AMARA: &str = "5b544d0e-d9f1-54d0-a79a-6a38378a07c6";
const RETAIL: &str = "8366c1c0-ad9d-5c48-afff-870ed682a91f";
const EU: &str = "fee67048-76c0-50cd-a462-def49fce8fe5";
const EURO: &str = "1314a1f0-6b58-5278-a575-f643a6e72fde";

fn quote(lines: Value) -> Value {
    json!({"opportunity": NORTHWIND, "lines": lines})
}

async fn create(bench: &Bench, arguments: Value) -> Answer {
    bench.call("create_quote", arguments).await
}

async fn counts(bench: &Bench) -> (usize, usize) {
    (bench.rows("quotes").await.len(), bench.rows("quotedetails").await.len())
}

fn lines(answer: &Answer) -> &[Value] {
    answer.result()["quote"]["lines"].as_array().unwrap()
}

fn dollars(amount: impl Into<Value>) -> Value {
    json!({"amount": amount.into(), "currency": "USD"})
}

/// An open opportunity of Coho Winery in euros, without a price list.
async fn coho(bench: &Bench) -> Value {
    let key = "0f0e0d0c-0b0a-4908-8706-0504030201a0";
    let body = json!({
        "opportunityid": key, "name": "Coho – widget",
        "parentaccountid@odata.bind": format!("/accounts({COHO})"),
        "parentcontactid@odata.bind": format!("/contacts({AMARA})"),
        "transactioncurrencyid@odata.bind": format!("/transactioncurrencies({EURO})"),
    });
    administer(bench, "POST", "opportunities", body).await;
    for list in [RETAIL, EU] {
        let unlimited = json!({"begindate": null, "enddate": null});
        administer(bench, "PATCH", &format!("pricelevels({list})"), unlimited).await;
    }
    json!(key)
}

#[tokio::test]
async fn a_quote_is_drafted_with_products_and_write_ins() {
    let bench = Bench::start().await;
    let arguments = json!({
        "opportunity": NORTHWIND,
        "lines": [
            {"product": "chat-pro", "quantity": 20},
            {"product": "AI bot add-on", "quantity": 2, "price": 450, "discount": 50.5},
            {"description": "O'Rell's on-site training – Zürich", "quantity": 1.5, "price": 1500},
        ],
        "discount_percent": 5, "valid_until": "2087-12-31",
    });
    let (answer, trips) = bench.counted("create_quote", arguments.clone()).await;
    assert_eq!(trips, 3);
    assert_eq!(answer.result()["created"], true);
    let made = &answer.result()["quote"];
    assert!(made["number"].as_str().unwrap().starts_with("QUO-"), "{made:#}");
    assert_eq!((&made["name"], &made["status"]), (&json!(NORTHWIND), &json!("Draft")));
    assert_eq!(made["opportunity"]["name"], NORTHWIND);
    assert_eq!(made["price_list"], "Retail 2025 (USD)");
    assert_eq!(made["valid_until"], "2087-12-31");
    assert!(made["url"].as_str().unwrap().contains("etn=quote"), "{made:#}");
    assert_eq!(
        made["lines"],
        json!([
            {
                "product": "Chat seat – Professional", "quantity": 20, "unit": "Primary Unit",
                "price": dollars(79), "amount": dollars(1580),
            },
            {
                "product": "AI bot add-on", "quantity": 2, "unit": "Primary Unit",
                "price": dollars(450), "discount": dollars(50.5), "amount": dollars(849.5),
            },
            {
                "product": "O'Rell's on-site training – Zürich", "quantity": 1.5,
                "price": dollars(1500), "amount": dollars(2250),
            },
        ])
    );
    // The discount is 5 percent of 4,679.50.
    assert_eq!(made["discount"], dollars(233.98));
    assert_eq!(made["total"], dollars(4445.52));
    // Nobody has computed one, which is not the same as none to pay.
    assert_eq!(made["tax"], json!({"computed": false}));
    assert!(hints(&answer).contains("draft"), "{}", hints(&answer));

    let mut by_id = arguments;
    by_id["opportunity"] = made["opportunity"]["id"].clone();
    let (answer, trips) = bench.counted("create_quote", by_id).await;
    assert_eq!(answer.result()["quote"]["total"], made["total"]);
    assert_eq!(trips, 3);
}

#[tokio::test]
async fn a_product_is_quoted_by_any_of_its_units() {
    let bench = Bench::start().await;
    let lines_of = json!([
        {"product": "CHAT-PRO", "quantity": 2, "unit": "pack of 10"},
        {"product": "CHAT-PRO", "quantity": 3},
        {"product": "CHAT-PRO", "quantity": 1, "unit": "Primary Unit"},
        {"product": "CHAT-PRO", "quantity": 1, "unit": "Pack of 10", "price": 700},
    ]);
    let (answer, trips) = bench.counted("create_quote", quote(lines_of)).await;
    let shown: Vec<_> = lines(&answer)
        .iter()
        .map(|line| json!([line["unit"], line["price"]["amount"], line["amount"]["amount"]]))
        .collect();
    assert_eq!(
        json!(shown),
        json!([
            ["Pack of 10", 750, 1500],
            ["Primary Unit", 79, 237],
            ["Primary Unit", 79, 79],
            ["Pack of 10", 700, 700],
        ])
    );
    assert_eq!(trips, 3);

    let before = counts(&bench).await;
    let unknown = quote(json!([{"product": "CHAT-PRO", "quantity": 1, "unit": "Palette"}]));
    let answer = create(&bench, unknown).await;
    blames(&answer, "invalid_arguments", "lines[0].unit");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("Pack of 10") && detail.contains("Primary Unit"), "{detail}");
    let service = json!([{"description": "Training", "quantity": 1, "price": 5, "unit": "Hour"}]);
    create(&bench, quote(service)).await.problem("invalid_arguments");
    let too_much = json!([
        {"product": "CHAT-PRO", "quantity": 1, "unit": "Pack of 10", "discount": 751},
    ]);
    let answer = create(&bench, quote(too_much)).await;
    blames(&answer, "invalid_arguments", "lines[0].discount");
    // This list has the product, but not by this unit.
    let mut elsewhere =
        quote(json!([{"product": "CHAT-PRO", "quantity": 1, "unit": "Pack of 10"}]));
    elsewhere["price_list"] = EU.into();
    let answer = create(&bench, elsewhere).await;
    let detail = answer.problem("invalid_arguments")["detail"].as_str().unwrap();
    assert!(detail.contains("by the unit \"Pack of 10\""), "{detail}");
    assert_eq!(counts(&bench).await, before);
}

#[tokio::test]
async fn a_price_list_that_is_not_in_use_is_used_with_a_word() {
    let bench = Bench::start().await;
    let one = || quote(json!([{"product": "CHAT-PRO", "quantity": 1}]));
    assert!(!hints(&create(&bench, one()).await).contains("price list"));
    for (change, word) in [
        (json!({"enddate": "2025-12-31T00:00:00Z"}), "ended on 2025-12-31"),
        (
            json!({"enddate": null, "begindate": "2099-01-01T00:00:00Z"}),
            "begins only on 2099-01-01",
        ),
        (json!({"begindate": null, "statecode": 1, "statuscode": 100_002}), "is inactive"),
    ] {
        administer(&bench, "PATCH", &format!("pricelevels({RETAIL})"), change).await;
        let mut arguments = one();
        arguments["name"] = word.into();
        let answer = create(&bench, arguments).await;
        answer.result();
        let hints = hints(&answer);
        assert!(hints.contains("Retail 2025 (USD)") && hints.contains(word), "{hints}");
    }
    let answer = bench.call("get_products", json!({"price_list": RETAIL})).await;
    assert!(hints(&answer).contains("is inactive"), "{}", hints(&answer));
}

#[tokio::test]
async fn fifty_lines_cost_as_many_trips_as_one() {
    let bench = Bench::start().await;
    let products = ["CHAT-STD", "CHAT-PRO", "BOT-ADDON", "KIOSK-HW", "Lobby kiosk hardware"];
    let lines: Vec<_> = (0..50)
        .map(|number| match products.get(number % 6) {
            Some(product) => json!({"product": product, "quantity": number + 1}),
            None => json!({"description": format!("Extra {number}"), "quantity": 1, "price": 1}),
        })
        .collect();
    let before = counts(&bench).await;
    let (one, trips_of_one) = bench.counted("create_quote", quote(json!([lines[0]]))).await;
    assert_eq!(one.result()["quote"]["lines"].as_array().unwrap().len(), 1);
    let (all, trips_of_all) = bench.counted("create_quote", quote(json!(lines))).await;
    assert_eq!((trips_of_one, trips_of_all), (3, 3));
    let made = &all.result()["quote"];
    assert_eq!(made["lines"].as_array().unwrap().len(), 25);
    assert_eq!(made["more_lines"], true);
    assert_eq!(counts(&bench).await, (before.0 + 2, before.1 + 51));
    // The lines are in the order of the call.
    assert_eq!(made["lines"][5]["product"], "Extra 5");
    assert_eq!(made["lines"][10]["quantity"], 11);

    let many: Vec<_> = (0..101).map(|_| lines[0].clone()).collect();
    blames(&create(&bench, quote(json!(many))).await, "invalid_arguments", "lines");
    blames(&create(&bench, quote(json!([]))).await, "invalid_arguments", "lines");
}

#[tokio::test]
async fn a_bad_third_line_is_named_and_leaves_nothing_behind() {
    let bench = Bench::start().await;
    let renamed = id(&bench, "products", "productid", "productnumber", "ONBOARD").await;
    let name = json!({"name": "AI bot add-on"});
    administer(&bench, "PATCH", &format!("products({renamed})"), name).await;
    let retired = id(&bench, "products", "productid", "productnumber", "CHAT-LEGACY").await;
    let draft = id(&bench, "products", "productid", "productnumber", "VOICE-BETA").await;
    let before = counts(&bench).await;
    for (line, code, field) in [
        (json!({"product": "CHAT-MAX", "quantity": 1}), "not_found", "lines[2].product"),
        (json!({"product": "ai bot add-on", "quantity": 1}), "ambiguous", "lines[2].product"),
        (json!({"product": "CHAT-LEGACY", "quantity": 1}), "not_found", "lines[2].product"),
        (json!({"product": retired, "quantity": 1}), "invalid_arguments", "lines[2].product"),
        (json!({"product": draft, "quantity": 1}), "invalid_arguments", "lines[2].product"),
        (
            json!({"product": "Chat products", "quantity": 1}),
            "invalid_arguments",
            "lines[2].product",
        ),
        (json!({"product": "CHAT-STD", "quantity": 1.5}), "invalid_arguments", "lines[2].quantity"),
        (json!({"product": "CHAT-STD", "quantity": 0}), "invalid_arguments", "lines[2].quantity"),
        (
            json!({"product": "CHAT-STD", "quantity": 1, "price": -1}),
            "invalid_arguments",
            "lines[2].price",
        ),
        (json!({"description": "Free", "quantity": 1}), "invalid_arguments", "lines[2]"),
        (json!({"quantity": 1, "price": 5}), "invalid_arguments", "lines[2]"),
        (
            json!({"product": "CHAT-STD", "description": "x", "quantity": 1, "price": 1}),
            "invalid_arguments",
            "lines[2]",
        ),
    ] {
        let good = json!({"product": "CHAT-PRO", "quantity": 1});
        let answer = create(&bench, quote(json!([good, good, line]))).await;
        blames(&answer, code, field);
        assert_eq!(counts(&bench).await, before, "{line}");
    }
    // An error that only Dataverse finds undoes the quote and the lines before.
    let unit_group = id(&bench, "uomschedules", "uomscheduleid", "name", "Working Time").await;
    let product = id(&bench, "products", "productid", "productnumber", "CHAT-STD").await;
    let other = json!({"defaultuomscheduleid@odata.bind": format!("/uomschedules({unit_group})")});
    administer(&bench, "PATCH", &format!("products({product})"), other).await;
    let [good, bad] =
        ["CHAT-PRO", "CHAT-STD"].map(|product| json!({"product": product, "quantity": 1}));
    let answer = create(&bench, quote(json!([good, good, bad]))).await;
    let problem = answer.problem("rejected_by_dynamics");
    assert!(problem["detail"].as_str().unwrap().contains("unit is not valid"), "{problem:#}");
    assert_eq!(answer.body["write"], "not_happened");
    assert_eq!(counts(&bench).await, before);
}

#[tokio::test]
async fn the_price_list_that_is_asked_for_decides_price_and_currency() {
    let bench = Bench::start().await;
    for list in ["EU 2025 (EUR)", "eu 2025 (eur)", EU] {
        let mut arguments = quote(json!([{"product": "CHAT-PRO", "quantity": 2}]));
        arguments["price_list"] = list.into();
        let (answer, trips) = bench.counted("create_quote", arguments).await;
        let made = &answer.result()["quote"];
        assert_eq!(made["total"], json!({"amount": 145, "currency": "EUR"}), "{list}");
        assert_eq!(trips, 3);
    }
    let mut arguments = quote(json!([{"product": "CHAT-PRO", "quantity": 2}]));
    arguments["price_list"] = "Retail".into();
    blames(&create(&bench, arguments).await, "not_found", "price_list");

    // The error names the product that the list lacks, and a list that has all products.
    let mut arguments = quote(json!([
        {"product": "CHAT-PRO", "quantity": 2}, {"product": "ONBOARD", "quantity": 1},
    ]));
    arguments["price_list"] = EU.into();
    for list in [RETAIL, EU] {
        administer(
            &bench,
            "PATCH",
            &format!("pricelevels({list})"),
            json!({"begindate": null, "enddate": null}),
        )
        .await;
    }
    let before = counts(&bench).await;
    let answer = create(&bench, arguments.clone()).await;
    blames(&answer, "invalid_arguments", "lines[1]");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("Onboarding package (services)") && detail.contains("EU 2025 (EUR)"));
    assert!(answer.body["next_step"].as_str().unwrap().contains("Retail 2025 (USD)"));
    assert_eq!(counts(&bench).await, before);
    // A line with a price of its own needs no price of the list.
    arguments["lines"][1]["price"] = 2000.into();
    let answer = create(&bench, arguments).await;
    assert_eq!(lines(&answer)[1]["price"], json!({"amount": 2000, "currency": "EUR"}));
    assert_eq!(lines(&answer)[1]["unit"], "Primary Unit");
}

#[tokio::test]
async fn without_a_price_list_it_is_the_customers_or_the_only_one_that_fits() {
    let bench = Bench::start().await;
    let opportunity = coho(&bench).await;
    let arguments = |lines: Value| json!({"opportunity": opportunity, "lines": lines});
    let seat = json!({"product": "CHAT-STD", "quantity": 1});

    // The opportunity is in euros, and only one list in euros is in use.
    let answer = create(&bench, arguments(json!([seat]))).await;
    assert_eq!(answer.result()["quote"]["price_list"], "EU 2025 (EUR)");
    assert_eq!(answer.result()["quote"]["total"], json!({"amount": 36, "currency": "EUR"}));
    // The list lacks a product, which the error names.
    let kiosk = json!({"product": "KIOSK-HW", "quantity": 1});
    let answer = create(&bench, arguments(json!([seat, kiosk]))).await;
    blames(&answer, "invalid_arguments", "lines[1]");
    assert!(answer.body["detail"].as_str().unwrap().contains("Lobby kiosk hardware"));
    // Write-in products need no price list.
    let training = json!({"description": "Training", "quantity": 1, "price": 10});
    let answer = create(&bench, arguments(json!([training]))).await;
    assert_eq!(answer.result()["quote"]["total"], json!({"amount": 10, "currency": "EUR"}));
    assert_eq!(answer.result()["quote"]["price_list"], Value::Null);

    // A list that has ended is not chosen.
    let path = format!("pricelevels({EU})");
    administer(&bench, "PATCH", &path, json!({"enddate": "2025-12-31T00:00:00Z"})).await;
    let answer = create(&bench, arguments(json!([seat]))).await;
    let problem = answer.problem("invalid_arguments");
    assert!(problem["detail"].as_str().unwrap().contains("Chat seat – Standard"), "{problem:#}");
    administer(&bench, "PATCH", &path, json!({"enddate": null})).await;

    // If a second list has all products, the caller chooses.
    let second = "0f0e0d0c-0b0a-4908-8706-0504030201b0";
    let list = json!({
        "pricelevelid": second, "name": "EU partners (EUR)",
        "transactioncurrencyid@odata.bind": format!("/transactioncurrencies({EURO})"),
    });
    administer(&bench, "POST", "pricelevels", list).await;
    let product = id(&bench, "products", "productid", "productnumber", "CHAT-STD").await;
    let unit = id(&bench, "uoms", "uomid", "name", "Primary Unit").await;
    let item = json!({
        "amount": 30, "pricingmethodcode": 1,
        "pricelevelid@odata.bind": format!("/pricelevels({second})"),
        "productid@odata.bind": format!("/products({product})"),
        "uomid@odata.bind": format!("/uoms({unit})"),
    });
    administer(&bench, "POST", "productpricelevels", item).await;
    let answer = create(&bench, arguments(json!([seat]))).await;
    blames(&answer, "ambiguous", "price_list");
    let candidates = answer.body["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert!(candidates.iter().any(|one| one["id"] == second), "{candidates:?}");

    // The customer's default list is used, and the account's comes before the contact's.
    let default =
        |list: &str| json!({"defaultpricelevelid@odata.bind": format!("/pricelevels({list})")});
    administer(&bench, "PATCH", &format!("contacts({AMARA})"), default(RETAIL)).await;
    let answer = create(&bench, arguments(json!([seat]))).await;
    assert_eq!(answer.result()["quote"]["total"], dollars(39));
    administer(&bench, "PATCH", &format!("accounts({COHO})"), default(second)).await;
    let answer = create(&bench, arguments(json!([seat]))).await;
    assert_eq!(answer.result()["quote"]["total"], json!({"amount": 30, "currency": "EUR"}));
}

#[tokio::test]
async fn what_dynamics_could_not_price_is_said() {
    let bench = Bench::start().await;
    let inactive = json!({"statecode": 1, "statuscode": 100_002});
    administer(&bench, "PATCH", &format!("pricelevels({RETAIL})"), inactive).await;
    let answer = create(
        &bench,
        quote(json!([
            {"description": "Training", "quantity": 1, "price": 5},
            {"product": "CHAT-PRO", "quantity": 1},
        ])),
    )
    .await;
    assert_eq!(answer.result()["quote"]["total"], dollars(5));
    assert!(hints(&answer).contains("line 2 (\\\"Inactive Price Level\\\")"), "{}", hints(&answer));
}

#[tokio::test]
async fn fractions_are_sold_where_the_product_allows_it() {
    let bench = Bench::start().await;
    // Its price is 100 percent of the list price.
    let hours = json!([{"product": "SUPPORT-H", "quantity": 1.25}]);
    let answer = create(&bench, quote(hours)).await;
    assert_eq!(answer.result()["quote"]["total"], dollars(175));
    let eighths = json!([{"product": "SUPPORT-H", "quantity": 1.125}]);
    blames(&create(&bench, quote(eighths)).await, "invalid_arguments", "lines[0].quantity");
}

#[tokio::test]
async fn the_opportunity_must_be_clear_and_open() {
    let bench = Bench::start().await;
    let before = counts(&bench).await;
    let with = |opportunity: &str| json!({"opportunity": opportunity, "lines": [{"product": "CHAT-PRO", "quantity": 1}]});
    create(&bench, with("Chat trial 2026")).await.problem("ambiguous");
    create(&bench, with("No such deal")).await.problem("not_found");
    let closed = create(&bench, with("Alpine – seasonal add-on")).await;
    assert!(closed.problem("already_closed")["detail"].as_str().unwrap().contains("Won"));
    let mut late = with(NORTHWIND);
    late["valid_until"] = "2020-01-31".into();
    blames(&create(&bench, late.clone()).await, "invalid_arguments", "valid_until");
    late["valid_until"] = "next week".into();
    blames(&create(&bench, late).await, "invalid_arguments", "valid_until");
    let mut more = with(NORTHWIND);
    more["discount_percent"] = 101.into();
    blames(&create(&bench, more).await, "invalid_arguments", "discount_percent");
    assert_eq!(counts(&bench).await, before);
}

#[tokio::test]
async fn a_contacts_opportunity_makes_a_contacts_quote() {
    let bench = Bench::start().await;
    let key = "0f0e0d0c-0b0a-4908-8706-0504030201c0";
    let body = json!({
        "opportunityid": key, "name": "Private",
        "parentcontactid@odata.bind": format!("/contacts({AMARA})"),
        "pricelevelid@odata.bind": format!("/pricelevels({RETAIL})"),
    });
    administer(&bench, "POST", "opportunities", body).await;
    let lines = json!([{"product": "CHAT-PRO", "quantity": 1}]);
    let answer =
        create(&bench, json!({"opportunity": key, "lines": lines, "name": "For you"})).await;
    assert_eq!(answer.result()["quote"]["name"], "For you");
    assert_eq!(bench.count("quotes", "_customerid_value", AMARA).await, 1);
}

#[tokio::test]
async fn a_quote_is_made_once() {
    for bench in Bench::start_both().await {
        let arguments = || {
            quote(
                json!([{"product": "CHAT-PRO", "quantity": 3}, {"product": "CHAT-STD", "quantity": 4}]),
            )
        };
        for (kind, after_commit, times) in [
            ("drop", false, 1),
            ("drop", true, 1),
            ("drop", true, 2),
            ("unavailable", false, 1),
            ("unavailable", true, 1),
        ] {
            let before = counts(&bench).await;
            let fault = json!({
                "method": "POST", "path": "/quotes", "kind": kind, "after_commit": after_commit,
                "times": times, "retry_after": 0,
            });
            bench.fault(fault).await;
            let answer = create(&bench, arguments()).await;
            assert_eq!(answer.result()["created"], true, "{kind} {after_commit}");
            assert_eq!(lines(&answer).len(), 2);
            assert_eq!(counts(&bench).await, (before.0 + 1, before.1 + 2), "{kind} {after_commit}");
        }
        for header in [("idempotency-key", "quote-1"), ("x-conversation-id", "chat-1")] {
            let first = bench.call_with("create_quote", arguments(), &[header]).await;
            assert_eq!(first.result()["created"], true);
            let before = counts(&bench).await;
            let again = bench.call_with("create_quote", arguments(), &[header]).await;
            assert_eq!(again.result()["created"], false);
            assert_eq!(again.result()["quote"], first.result()["quote"]);
            assert_eq!(counts(&bench).await, before);
        }
        // The same holds for calls at the same moment.
        let before = counts(&bench).await;
        let header = [("idempotency-key", "at once")];
        let call = || bench.call_with("create_quote", arguments(), &header);
        let answers = tokio::join!(call(), call(), call());
        let answers = [answers.0, answers.1, answers.2];
        assert_eq!(answers.iter().filter(|answer| answer.result()["created"] == true).count(), 1);
        assert_eq!(counts(&bench).await, (before.0 + 1, before.1 + 2));
    }
}

#[tokio::test]
async fn a_quote_that_cannot_be_read_back_is_said_to_be_there() {
    let bench = Bench::start().await;
    let header = [("idempotency-key", "read back")];
    let arguments = || quote(json!([{"product": "CHAT-PRO", "quantity": 3}]));
    let before = counts(&bench).await;
    bench
        .fault(json!({"method": "POST", "path": "/quotes", "kind": "slow", "delay_ms": 600}))
        .await;
    let call = bench.call_with("create_quote", arguments(), &header);
    let disturb = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let fault = json!({
            "method": "GET", "path": "/quotes", "kind": "unavailable", "times": 100,
            "retry_after": 0,
        });
        bench.fault(fault).await;
    };
    let (answer, ()) = tokio::join!(call, disturb);
    assert_eq!(answer.problem("dynamics_unavailable")["write"], "happened");
    assert_eq!(counts(&bench).await, (before.0 + 1, before.1 + 1));
    bench.control("DELETE", "faults", None).await;
    let again = bench.call_with("create_quote", arguments(), &header).await;
    assert_eq!(again.result()["created"], false);
    assert_eq!(again.result()["quote"]["total"], dollars(237));
    assert_eq!(counts(&bench).await, (before.0 + 1, before.1 + 1));
}

#[tokio::test]
async fn a_missing_role_or_app_is_said() {
    let bench = Bench::start().await;
    let arguments = || quote(json!([{"product": "CHAT-PRO", "quantity": 1}]));
    let before = counts(&bench).await;
    let service = json!({"state": "enabled", "roles": ["Customer Service Representative"]});
    bench.control("PUT", "application-user", Some(service)).await;
    let answer = create(&bench, arguments()).await;
    let problem = answer.problem("permission_denied");
    assert!(problem["admin_action"].as_str().unwrap().contains("Salesperson"), "{problem:#}");
    let all = json!({"state": "enabled", "roles": ["System Administrator"]});
    bench.control("PUT", "application-user", Some(all)).await;
    bench.control("PUT", "apps", Some(json!({"sales": false, "service": true}))).await;
    let answer = create(&bench, arguments()).await;
    let problem = answer.problem("connection_broken");
    assert!(problem["detail"].as_str().unwrap().contains("Sales"), "{problem:#}");
    bench.control("PUT", "apps", Some(json!({"sales": true, "service": true}))).await;
    assert_eq!(counts(&bench).await, before);
}

#[tokio::test]
async fn nobody_is_owed_money_by_a_quote() {
    let bench = Bench::start().await;
    let before = counts(&bench).await;
    for line in [
        json!({"description": "Setup", "quantity": 2, "price": 10, "discount": 20.01}),
        json!({"product": "CHAT-PRO", "quantity": 1, "discount": 79.5}),
        json!({"product": "CHAT-PRO", "quantity": 1, "price": 50, "discount": 51}),
    ] {
        let answer = create(&bench, quote(json!([line]))).await;
        blames(&answer, "invalid_arguments", "lines[0].discount");
    }
    assert_eq!(counts(&bench).await, before);
    // A line may cost nothing.
    let free = json!({"description": "Setup", "quantity": 2, "price": 10, "discount": 20});
    let answer = create(&bench, quote(json!([free]))).await;
    assert_eq!(answer.result()["quote"]["total"], dollars(0));
}
