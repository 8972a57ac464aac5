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

/// The mails that were sent to this address, once there are so many.
async fn mails_to(bench: &Bench, address: &str, count: usize) -> Vec<String> {
    for _ in 0..500 {
        let mails = bench.stack.mails();
        let to = |mail: &Value| mail["Destination"]["ToAddresses"][0] == address;
        let found: Vec<_> = mails.into_iter().filter(to).collect();
        if found.len() >= count {
            let text = |mail: &Value| mail["Content"]["Simple"]["Body"]["Text"]["Data"].to_string();
            return found.iter().map(text).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no mail came to {address}");
}

fn code_in(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.into_iter().find(|word| word.len() >= 6).unwrap().to_owned()
}

/// Whoever could change the address of somebody would be that person from then on.
#[tokio::test]
async fn a_new_address_takes_a_code_that_was_sent_there() {
    const NEW: &str = "maren.new@northwind.example";
    let (bench, code) = with_code("one").await;
    call(&bench, "one", "verify_visitor", json!({"code": code})).await.result();
    let change = || call(&bench, "one", "update_contact", json!({"email": NEW, "job_title": "x"}));
    let refused = change().await;
    let advice = refused.problem("visitor_unverified")["next_step"].as_str().unwrap();
    assert!(advice.contains("dynamics365_verify_visitor"), "{advice}");
    assert_eq!(bench.count("contacts", "emailaddress1", NEW).await, 0);
    assert_eq!(bench.count("contacts", "jobtitle", "x").await, 0);
    let code = code_in(&mails_to(&bench, NEW, 1).await[0]);
    // In another chat it shows nothing, nor to whom it was not sent.
    let other = call(&bench, "two", "verify_visitor", json!({"code": code})).await;
    other.problem("visitor_unverified");
    let shown = call(&bench, "one", "verify_visitor", json!({"code": code})).await;
    assert_eq!(shown.result()["contacts"], json!([]));
    let own = call(&bench, "one", "get_contact", json!({})).await;
    assert_eq!(own.result()["contact"]["email"], MAREN);
    let changed = change().await;
    assert_eq!(changed.result()["changes"][0]["to"], NEW);
    // The visitor is still known, and the old address hears of it.
    let own = call(&bench, "one", "get_contact", json!({})).await;
    assert_eq!(own.result()["contact"]["email"], NEW);
    let told = mails_to(&bench, MAREN, 2).await;
    assert!(told.iter().any(|text| text.contains("was changed in a chat")), "{told:?}");
}

/// What a chat made while nobody knew the visitor is the visitor's who is known then, and nobody else's.
#[tokio::test]
async fn what_a_stranger_made_is_kept_by_who_signs_in_first() {
    let bench = Bench::start().await;
    bench.request("PUT", SETTINGS, Some(json!({"codes": {"company": "Contoso"}}))).await;
    let case = json!({
        "subject": "No light", "description": "Since this morning.",
        "new_contact": {"last_name": "Stranger", "phone": "+47 22 00 11 22"},
    });
    let made = call(&bench, "one", "create_case", case).await;
    let number = made.result()["case"]["number"].clone();
    let look = |chat: &'static str| call(&bench, chat, "get_case", json!({"case": number}));
    let sign_in = async |chat: &'static str, email: &'static str| {
        let before = bench.stack.mails().len();
        call(&bench, chat, "send_visitor_code", json!({"email": email})).await.result();
        while bench.stack.mails().len() == before {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let mail = bench.stack.mails().pop().unwrap();
        let code = code_in(mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap());
        call(&bench, chat, "verify_visitor", json!({"code": code})).await.result();
    };
    look("one").await.problem("visitor_unverified");
    sign_in("two", MAREN).await;
    look("two").await.problem("not_found");
    sign_in("one", MAREN).await;
    assert_eq!(look("one").await.result()["case"]["number"], number);
    sign_in("one", "zoe.brandt@litware.example").await;
    look("one").await.problem("not_found");
    // Who shows once more who they are still has it.
    sign_in("one", MAREN).await;
    assert_eq!(look("one").await.result()["case"]["number"], number);
    sign_in("one", MAREN).await;
    assert_eq!(look("one").await.result()["case"]["number"], number);
}
