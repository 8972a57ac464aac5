//! `get_products`.

use serde_json::{Value, json};

use super::{administer, id};
use crate::harness::Bench;

async fn numbers(bench: &Bench, arguments: Value) -> Vec<String> {
    let (answer, trips) = bench.counted("get_products", arguments).await;
    assert_eq!(trips, 1);
    let products = answer.result()["products"].as_array().unwrap().iter();
    products.map(|product| product["number"].as_str().unwrap().to_owned()).collect()
}

/// A stack in which the sample's price lists never end.
async fn bench() -> Bench {
    let bench = Bench::start().await;
    for list in bench.rows("pricelevels").await {
        let path = format!("pricelevels({})", list["pricelevelid"].as_str().unwrap());
        let unlimited = json!({"begindate": null, "enddate": null});
        administer(&bench, "PATCH", &path, unlimited).await;
    }
    bench
}

#[tokio::test]
async fn products_are_found_by_name_number_and_family() {
    let bench = bench().await;
    for (arguments, expected) in [
        (json!({"query": "chat"}), vec!["CHAT-PRO", "CHAT-STD"]),
        (json!({"query": "pro SEAT"}), vec!["CHAT-PRO"]),
        (json!({"query": "bot-add"}), vec!["BOT-ADDON"]),
        (json!({"query": "legacy"}), vec![]),
        (json!({"query": "voice"}), vec![]),
        (json!({"query": "chat products"}), vec![]),
        (json!({"query": "100%"}), vec![]),
        (json!({"query": "O'Rell"}), vec![]),
        (json!({"query": "11\""}), vec!["TABLET-HW"]),
        (json!({"category": "chat"}), vec!["BOT-ADDON", "CHAT-PRO", "CHAT-STD"]),
        (json!({"category": "HARD", "query": "tablet"}), vec!["TABLET-HW"]),
        (json!({"category": "Furniture"}), vec![]),
    ] {
        assert_eq!(numbers(&bench, arguments.clone()).await, expected, "{arguments}");
    }
    let all = numbers(&bench, json!({"limit": 25})).await;
    assert_eq!(all.len(), 7, "{all:?}");
    let (answer, _) = bench.counted("get_products", json!({"limit": 2})).await;
    assert_eq!(answer.result()["products"].as_array().unwrap().len(), 2);
    assert_eq!(answer.result()["more"], true);
    let none = bench.call("get_products", json!({"query": "nothing like it"})).await;
    let hint = "There are no products for sale that match the query. Try a shorter query.";
    assert_eq!(none.body["hints"], json!([hint]));
    assert_eq!(none.result()["product_url"], Value::Null);
}

#[tokio::test]
async fn a_product_says_what_it_costs_where() {
    let bench = bench().await;
    let answer = bench.call("get_products", json!({"query": "CHAT-PRO"})).await;
    let product = &answer.result()["products"][0];
    assert_eq!(product["name"], "Chat seat – Professional");
    assert_eq!(
        (&product["unit"], &product["family"]),
        (&json!("Primary Unit"), &json!("Chat products"))
    );
    assert_eq!(product["list_price"], json!({"amount": 79, "currency": "USD"}));
    assert!(product["description"].as_str().unwrap().contains("co-browsing"));
    let price = |list: &str, unit: &str, amount: Value, currency: &str| json!({"price_list": list, "unit": unit, "price": {"amount": amount, "currency": currency}});
    let prices = product["prices"].as_array().unwrap();
    for expected in [
        price("Retail 2025 (USD)", "Primary Unit", json!(79), "USD"),
        price("Retail 2025 (USD)", "Pack of 10", json!(750), "USD"),
        price("EU 2025 (EUR)", "Primary Unit", json!(72.5), "EUR"),
    ] {
        assert!(prices.contains(&expected), "{expected} in {prices:#?}");
    }
    assert_eq!(prices.len(), 3);
    let url = answer.result()["product_url"].as_str().unwrap();
    assert!(url.contains("etn=product") && url.contains("{id}"), "{url}");
}

#[tokio::test]
async fn a_percentage_is_never_shown_as_an_amount() {
    let bench = bench().await;
    let answer = bench.call("get_products", json!({"query": "SUPPORT-H"})).await;
    let product = &answer.result()["products"][0];
    assert_eq!(
        product["prices"],
        json!([{
            "price_list": "Retail 2025 (USD)", "unit": "Primary Unit", "percentage": 100,
            "method": "Percent of List",
        }])
    );
    assert_eq!(product["list_price"]["amount"], 140);
}

#[tokio::test]
async fn a_price_list_narrows_products_and_prices() {
    let bench = bench().await;
    let list = id(&bench, "pricelevels", "pricelevelid", "name", "EU 2025 (EUR)").await;
    for list in ["EU 2025 (EUR)", "eu 2025 (EUR)", &list] {
        let (answer, trips) =
            bench.counted("get_products", json!({"price_list": list, "limit": 25})).await;
        assert_eq!(trips, 1);
        let products = answer.result()["products"].as_array().unwrap();
        assert_eq!(products.len(), 3);
        for product in products {
            assert_eq!(product["prices"].as_array().unwrap().len(), 1, "{product:#}");
            assert_eq!(product["prices"][0]["price"]["currency"], "EUR");
        }
    }
    let answer = bench.call("get_products", json!({"price_list": "Wholesale"})).await;
    answer.problem("not_found");
    let answer = bench.call("get_products", json!({"limit": 26})).await;
    answer.problem("invalid_arguments");
    let answer = bench.call("get_products", json!({"name": "chat"})).await;
    answer.problem("invalid_arguments");
}

#[tokio::test]
async fn prices_of_lists_that_are_over_are_not_shown() {
    let bench = bench().await;
    let list = id(&bench, "pricelevels", "pricelevelid", "name", "EU 2025 (EUR)").await;
    let over = json!({"enddate": "2025-12-31T00:00:00Z"});
    administer(&bench, "PATCH", &format!("pricelevels({list})"), over).await;
    let answer = bench.call("get_products", json!({"query": "CHAT-STD"})).await;
    let prices = answer.result()["products"][0]["prices"].as_array().unwrap();
    assert_eq!(prices.len(), 1);
    assert_eq!(prices[0]["price"]["currency"], "USD");
    // The list is used if the call asks for it.
    let asked = json!({"query": "CHAT-STD", "price_list": list});
    let answer = bench.call("get_products", asked).await;
    assert_eq!(answer.result()["products"][0]["prices"][0]["price"]["amount"], 36);
}

#[tokio::test]
async fn a_missing_role_or_app_is_said() {
    let bench = Bench::start().await;
    let basic = json!({"state": "enabled", "roles": ["Basic User"]});
    bench.control("PUT", "application-user", Some(basic)).await;
    let answer = bench.call("get_products", json!({})).await;
    let problem = answer.problem("permission_denied");
    assert!(problem["detail"].as_str().unwrap().contains("prvReadProduct"), "{problem:#}");
    bench.control("PUT", "apps", Some(json!({"sales": false, "service": true}))).await;
    bench.call("get_products", json!({})).await.problem("connection_broken");
}
