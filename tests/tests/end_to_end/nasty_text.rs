//! Text that means harm, or merely looks so.

use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Bench, MAREN};

const TEXTS: [&str; 22] = [
    "O'Brien",
    "''",
    "' or 1 eq 1",
    "' or 1 eq 1 or fullname eq '",
    "%",
    "_",
    "[",
    "]",
    "[^a]",
    "a%20b",
    "%27%20or%201%20eq%201",
    "a&$top=5000",
    "a#b?c/d\\e",
    "a;b,c(d)e:f@g",
    "+1 555",
    "🙂 emoji 👩‍👩‍👧",
    "مرحبا بالعالم",
    "\u{202e}right to left",
    "no\u{301} such thing",
    "null",
    "<script>alert(1)</script>",
    "\"quoted\" and `ticked`",
];

#[tokio::test]
async fn a_search_finds_what_it_says_and_no_more() {
    let bench = Bench::start().await;
    for text in TEXTS {
        let answer = bench.call("search_contacts", json!({"query": text})).await;
        assert_eq!(answer.result()["contacts"], json!([]), "{text}");
        let answer = bench.call("search_cases", json!({"query": text})).await;
        assert_eq!(answer.result()["cases"], json!([]), "{text}");
        for (tool, field, list) in [
            ("search_accounts", "query", "accounts"),
            ("search_leads", "query", "leads"),
            ("search_opportunities", "query", "opportunities"),
            ("get_products", "query", "products"),
        ] {
            let answer = bench.call(tool, json!({field: text})).await;
            assert_eq!(answer.result()[list], json!([]), "{tool} {text}");
        }
        for (tool, field) in [
            ("get_contact", "contact"),
            ("get_case", "case"),
            ("get_account", "account"),
            ("get_opportunity", "opportunity"),
            ("get_activities", "contact"),
        ] {
            bench.call(tool, json!({field: text})).await.problem("not_found");
        }
    }
}

#[tokio::test]
async fn what_goes_in_is_what_is_found() {
    let bench = Bench::start().await;
    for text in TEXTS {
        let arguments = json!({"contact": MAREN, "subject": text, "description": text});
        let made = bench.call("create_case", arguments).await;
        assert_eq!(made.result()["created"], true, "{text}");
        let found = bench.call("search_cases", json!({"query": text, "limit": 25})).await;
        let id = &made.result()["case"]["id"];
        let cases = found.result()["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["id"] == *id);
        assert_eq!(case.unwrap()["subject"], text);
    }
}

#[tokio::test]
async fn wildcards_mean_themselves() {
    let bench = Bench::start().await;
    for (subject, query) in [("100% sure", "100%"), ("snake_case", "e_c"), ("list [a-z]", "[a-z]")]
    {
        let arguments = json!({"contact": MAREN, "subject": subject, "description": "d"});
        bench.call("create_case", arguments).await.result();
        let found = bench.call("search_cases", json!({"query": query})).await;
        let cases = found.result()["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 1, "{query}");
        assert_eq!(cases[0]["subject"], subject);
    }
}

#[tokio::test]
async fn a_name_of_ten_kilobytes_is_refused() {
    let bench = Bench::start().await;
    let long = "x".repeat(10_240);
    for (tool, field) in [
        ("search_contacts", "query"),
        ("get_contact", "contact"),
        ("get_case", "case"),
        ("get_account", "account"),
        ("search_leads", "query"),
        ("get_opportunity", "opportunity"),
    ] {
        let answer = bench.call(tool, json!({field: long})).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["detail"].as_str().unwrap().starts_with(field), "{problem:#}");
    }
}

/// Whatever is typed, there is an answer, and the table is as it was.
#[test]
fn any_text_is_answered() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bench = runtime.block_on(Bench::start());
    let contacts = runtime.block_on(bench.rows("contacts")).len();
    proptest!(ProptestConfig::with_cases(64), |(text in any::<String>())| {
        runtime.block_on(async {
            for (tool, field) in [
                ("search_contacts", "query"),
                ("get_contact", "contact"),
                ("search_accounts", "query"),
                ("get_account", "account"),
                ("search_opportunities", "query"),
            ] {
                let answer = bench.call(tool, json!({field: text})).await;
                prop_assert!(
                    matches!(answer.status, 200 | 400 | 404 | 409),
                    "{text:?}: {:#}", answer.body
                );
            }
            Ok(())
        })?;
    });
    assert_eq!(runtime.block_on(bench.rows("contacts")).len(), contacts);
}
