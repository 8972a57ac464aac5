//! When a code, or who has entered one, counts no more.

use serde_json::{Value, json};
use stack::VISITOR_KEY;

use crate::harness::{Answer, Bench, MAREN};

const SETTINGS: &str = "/v1/connections/default/visitors";

async fn call(bench: &Bench, chat: &str, tool: &str, arguments: Value) -> Answer {
    let headers = [
        ("authorization", format!("Bearer {VISITOR_KEY}")),
        ("x-conversation-id", chat.to_owned()),
    ];
    bench.send_unchecked(tool, arguments.to_string(), &headers).await
}

/// A stack whose connection sends codes, and a code for this chat.
async fn with_code(chat: &str) -> (Bench, String) {
    let bench = Bench::start().await;
    bench.request("PUT", SETTINGS, Some(json!({"codes": {"company": "Contoso"}}))).await;
    call(&bench, chat, "send_visitor_code", json!({"email": MAREN})).await.result();
    for _ in 0..500 {
        if let Some(mail) = bench.stack.mails().pop() {
            let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
            let words = text.split(|c: char| !c.is_ascii_digit());
            return (bench, words.into_iter().find(|word| word.len() >= 6).unwrap().to_owned());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no mail came");
}

#[tokio::test]
async fn a_chat_ends_whatever_its_id_has_to_be_written_like() {
    for (chat, written) in
        [("chat 1", "chat%201"), ("a:b", "a%3Ab"), ("aGk=", "aGk%3D"), ("a/b", "a%2Fb")]
    {
        let (bench, code) = with_code(chat).await;
        call(&bench, chat, "verify_visitor", json!({"code": code})).await.result();
        let path = format!("/v1/conversations/{written}");
        let ended = bench.request_with_key(VISITOR_KEY, "DELETE", &path, None).await;
        assert_eq!(ended.body, json!({"ended": true}));
        let own = call(&bench, chat, "get_contact", json!({})).await;
        assert_eq!(own.status, 403, "{chat}: {:#}", own.body);
    }
}

#[tokio::test]
async fn what_is_no_code_counts_as_a_try() {
    let (bench, code) = with_code("one").await;
    for text in ["abc", "12345", "what?"] {
        call(&bench, "one", "verify_visitor", json!({"code": text}))
            .await
            .problem("visitor_unverified");
    }
    let late = call(&bench, "one", "verify_visitor", json!({"code": code})).await;
    late.problem("visitor_unverified");
}

#[tokio::test]
async fn a_connection_that_takes_no_codes_any_more_takes_none() {
    let (bench, code) = with_code("one").await;
    bench.request("PUT", SETTINGS, Some(json!({"codes": null}))).await;
    let late = call(&bench, "one", "verify_visitor", json!({"code": code})).await;
    assert_eq!(late.status, 403, "{:#}", late.body);
}
