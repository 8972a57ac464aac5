//! Codes that are sent to visitors, and who guesses them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use stack::{API_KEY, VISITOR_KEY};

use crate::harness::{Answer, Bench, MAREN};

/// A contact of another company.
const ZOE: &str = "zoe.brandt@litware.example";

/// So many codes are sent to an address in a day.
const OF_DAY: usize = 10;

/// So often a code is tried.
const TRIES: usize = 3;

/// In so many stacks, the codes of so many people are guessed: 1,080 guesses.
const STACKS: usize = 12;
const PEOPLE: usize = 3;

/// What these people are called.
const NAME: &str = "Guessed";

/// A chat, and who makes its calls.
#[derive(Clone, Debug)]
struct Chat {
    key: String,
    connection: &'static str,
    id: String,
}

impl Chat {
    fn new(id: impl Into<String>) -> Chat {
        Chat { key: VISITOR_KEY.to_owned(), connection: "default", id: id.into() }
    }

    async fn call(&self, bench: &Bench, tool: &str, arguments: Value) -> Answer {
        let headers = [
            ("authorization", format!("Bearer {}", self.key)),
            ("x-connection-id", self.connection.to_owned()),
            ("x-conversation-id", self.id.clone()),
        ];
        bench.send_unchecked(tool, arguments.to_string(), &headers).await
    }

    /// Lets a code be sent.
    async fn send(&self, bench: &Bench, email: &str) -> Answer {
        self.call(bench, "send_visitor_code", json!({"email": email})).await
    }

    /// Lets a code be sent, and reads it in the mail.
    async fn code(&self, bench: &Bench, email: &str) -> String {
        let seen = bench.stack.mails().len();
        self.send(bench, email).await.result();
        let mut mails = mails(bench, seen, 1).await;
        mails.remove(email).unwrap()
    }

    async fn enter(&self, bench: &Bench, code: &str) -> Answer {
        self.call(bench, "verify_visitor", json!({"code": code})).await
    }

    /// Checks that the code does not count, and that nobody is known then.
    #[track_caller]
    fn refuses<'a>(&'a self, bench: &'a Bench, code: &'a str) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let entered = self.enter(bench, code).await;
            let own = self.call(bench, "get_contact", json!({})).await;
            for answer in [entered, own] {
                let line = || format!("{place}: {self:?} {:#}", answer.body);
                assert!(is_refused(&answer), "{}", line());
            }
        }
    }

    /// Checks that the code counts, and that the visitor is known then.
    async fn takes(&self, bench: &Bench, code: &str, name: &str) {
        let entered = self.enter(bench, code).await;
        assert_eq!(entered.result()["contacts"], json!([name]));
        let own = self.call(bench, "get_contact", json!({})).await;
        assert_eq!(own.result()["contact"]["name"], name);
    }

    async fn end(&self, bench: &Bench) {
        let path = format!("/v1/conversations/{}", self.id);
        let ended = bench.request_with_key(&self.key, "DELETE", &path, None).await;
        assert_eq!(ended.body, json!({"ended": true}));
    }
}

fn is_refused(answer: &Answer) -> bool {
    answer.status == 403 && answer.body["code"] == "visitor_unverified"
}

/// The codes in these mails, by the addresses that they went to.
async fn mails(bench: &Bench, seen: usize, count: usize) -> BTreeMap<String, String> {
    for _ in 0..500 {
        if bench.stack.mails().len() >= seen + count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mails = bench.stack.mails();
    let codes: BTreeMap<_, _> = mails[seen..].iter().map(code_of).collect();
    assert_eq!((mails.len(), codes.len()), (seen + count, count));
    codes
}

fn code_of(mail: &Value) -> (String, String) {
    let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
    let code = text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() >= 6).unwrap();
    (mail["Destination"]["ToAddresses"][0].as_str().unwrap().to_owned(), code.to_owned())
}

/// Lets the connection send codes.
async fn with_codes(bench: &Bench, connection: &str) {
    let path = format!("/v1/connections/{connection}/visitors");
    let codes = json!({"codes": {"company": "Contoso"}});
    let answer = bench.request("PUT", &path, Some(codes)).await;
    assert_eq!(answer.status, 200, "{:#}", answer.body);
}

/// Another bot's key, which vouches for nobody.
async fn another_key(bench: &Bench) -> String {
    let form = json!({
        "client": "another bot", "connections": ["*"], "scopes": ["read", "write"], "for": "visitors",
    });
    let made = bench.request("POST", "/v1/keys", Some(form)).await;
    made.body["key"].as_str().unwrap().to_owned()
}

/// Another digit in this place.
fn changed(code: &str, place: usize) -> String {
    let mut digits = code.as_bytes().to_vec();
    let place = place % digits.len();
    digits[place] = b'0' + (digits[place] - b'0' + 1) % 10;
    String::from_utf8(digits).unwrap()
}

/// Guesses that come as near as one can without being right: a digit is another, the digits are in
/// another order, and the code of somebody else's chat.
fn guesses(code: &str, of_other: &str, place: usize) -> [String; TRIES] {
    let mirrored: String = code.chars().rev().collect();
    let guesses = [changed(code, place), mirrored, of_other.to_owned()];
    let mut next = place;
    guesses.map(|guess| {
        next += 1;
        if guess == code { changed(code, next) } else { guess }
    })
}

/// Calls for each chat at once, and returns the chats in which the answer is another than a refusal.
async fn not_refused<'a, F>(
    chats: &'a [(String, Chat)],
    call: impl Fn(&'a str, &'a Chat) -> F,
) -> Vec<String>
where
    F: Future<Output = Vec<Answer>>,
{
    let answers = join_all(chats.iter().map(|(address, chat)| call(address, chat))).await;
    let mut found = Vec::new();
    for ((address, chat), answers) in chats.iter().zip(answers) {
        let others = answers.iter().filter(|answer| !is_refused(answer));
        found.extend(others.map(|answer| format!("{address} {}: {}", chat.id, answer.body)));
    }
    found
}

/// Guesses the codes of people who are new to the CRM, in as many chats as there are codes in a day.
/// Returns how many guesses there were, and the lengths of the codes.
async fn guess_all_day(bench: &Bench) -> (usize, BTreeSet<usize>) {
    with_codes(bench, "default").await;
    let addresses: Vec<_> =
        (0..PEOPLE).map(|number| format!("person.{number}@guessed.example")).collect();
    let rows = addresses.iter().map(|address| json!({"lastname": NAME, "emailaddress1": address}));
    bench.control("POST", "rows/contacts", Some(rows.collect())).await;
    let chats = |of: &str| -> Vec<(String, Chat)> {
        let chat = |address: &String| (address.clone(), Chat::new(format!("{of} of {address}")));
        addresses.iter().map(chat).collect()
    };
    let others = addresses.iter().cycle().skip(1);
    let others: BTreeMap<_, _> = addresses.iter().map(String::as_str).zip(others).collect();

    let (mut guessed, mut lengths, mut accepted) = (0, BTreeSet::new(), Vec::new());
    for number in 0..OF_DAY {
        let chats = chats(&format!("chat {number}"));
        let seen = bench.stack.mails().len();
        let sent = chats.iter().map(|(address, chat)| chat.send(bench, address));
        for answer in join_all(sent).await {
            answer.result();
        }
        let codes = mails(bench, seen, PEOPLE).await;
        lengths.extend(codes.values().map(String::len));
        let wrong = async |address: &str, chat: &Chat| {
            let guesses = guesses(&codes[address], &codes[others[address]], number);
            join_all(guesses.iter().map(|guess| chat.enter(bench, guess))).await
        };
        accepted.extend(not_refused(&chats, wrong).await);
        guessed += PEOPLE * TRIES;
        let right =
            async |address: &str, chat: &Chat| vec![chat.enter(bench, &codes[address]).await];
        accepted.extend(not_refused(&chats, right).await);
    }
    let last = chats(&format!("chat {}", OF_DAY - 1));
    let own = async |_: &str, chat: &Chat| vec![chat.call(bench, "get_contact", json!({})).await];
    accepted.extend(not_refused(&last, own).await);
    assert!(accepted.is_empty(), "{accepted:#?}");

    // There are no more codes for today, in no chat.
    let seen = bench.stack.mails().len();
    let one_more = async |address: &str, chat: &Chat| vec![chat.send(bench, address).await];
    let sent = not_refused(&chats("one more"), one_more).await;
    assert!(sent.is_empty(), "{sent:#?}");
    assert_eq!(bench.stack.mails().len(), seen);

    let chat = Chat::new("right at once");
    let code = chat.code(bench, MAREN).await;
    chat.takes(bench, &code, "Maren Quist").await;
    (guessed, lengths)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_guesses_none_is_taken_and_then_the_right_code_is_not_either() {
    let (mut guessed, mut lengths) = (0, BTreeSet::new());
    // The stand-in for the table takes longer the more is in it.
    for _ in 0..STACKS {
        let of_stack = Box::pin(guess_all_day(&Bench::start().await)).await;
        guessed += of_stack.0;
        lengths.extend(of_stack.1);
    }
    assert!(guessed >= 1000, "{guessed}");
    // After a few wrong ones, codes are longer.
    assert!(lengths.contains(&8), "{lengths:?}");
}

#[tokio::test]
async fn a_right_code_counts_in_its_own_chat_alone() {
    let bench = Bench::start().await;
    with_codes(&bench, "default").await;
    let emea = bench.request("PUT", "/v1/connections/emea", Some(bench.credentials())).await;
    assert!(matches!(emea.status, 200 | 201), "{:#}", emea.body);
    with_codes(&bench, "emea").await;
    let key = another_key(&bench).await;

    let chat = Chat::new("one");
    let code = chat.code(&bench, MAREN).await;
    let others = [
        Chat::new("two"),
        Chat::new("One"),
        Chat::new("one.0"),
        Chat { key: key.clone(), ..chat.clone() },
        Chat { connection: "emea", ..chat.clone() },
    ];
    for other in &others {
        other.refuses(&bench, &code).await;
    }
    // Nor in a chat that has a code of its own, for the same address or another one.
    for (number, email) in [MAREN, ZOE].into_iter().enumerate() {
        let other = Chat { key: key.clone(), ..Chat::new(format!("own {number}")) };
        let own = other.code(&bench, email).await;
        if own != code {
            other.refuses(&bench, &code).await;
        }
        let name = if email == MAREN { "Maren Quist" } else { "Zoë Brandt" };
        other.takes(&bench, &own, name).await;
    }
    let without_chat = [("authorization", format!("Bearer {VISITOR_KEY}"))];
    let arguments = json!({"code": code}).to_string();
    let refused = bench.send_unchecked("verify_visitor", arguments, &without_chat).await;
    assert_ne!(refused.status, 200, "{:#}", refused.body);
    let staff = Chat { key: API_KEY.to_owned(), ..chat.clone() }.enter(&bench, &code).await;
    assert_ne!(staff.status, 200, "{:#}", staff.body);

    // All of that has cost the chat none of its tries.
    chat.takes(&bench, &code, "Maren Quist").await;
    for other in &others {
        let own = other.call(&bench, "get_contact", json!({})).await;
        assert!(is_refused(&own), "{other:?} {:#}", own.body);
    }
}

#[tokio::test]
async fn a_code_ends_with_its_chat_with_a_newer_one_and_when_it_is_used() {
    let bench = Bench::start().await;
    with_codes(&bench, "default").await;

    let ended = Chat::new("ended");
    let code = ended.code(&bench, MAREN).await;
    ended.end(&bench).await;
    ended.refuses(&bench, &code).await;
    // Another bot ends no chat of this one.
    let chat = Chat::new("not-ended");
    let code = chat.code(&bench, MAREN).await;
    Chat { key: another_key(&bench).await, ..chat.clone() }.end(&bench).await;
    chat.takes(&bench, &code, "Maren Quist").await;
    chat.end(&bench).await;
    chat.refuses(&bench, &code).await;

    let chat = Chat::new("several");
    let older = chat.code(&bench, MAREN).await;
    let newer = chat.code(&bench, MAREN).await;
    if older != newer {
        chat.refuses(&bench, &older).await;
    }
    chat.takes(&bench, &newer, "Maren Quist").await;
    let used = chat.enter(&bench, &newer).await;
    assert!(is_refused(&used), "{:#}", used.body);

    // A code for somebody else makes an older one end as well.
    let chat = Chat::new("another-address");
    let older = chat.code(&bench, MAREN).await;
    let newer = chat.code(&bench, ZOE).await;
    if older != newer {
        chat.refuses(&bench, &older).await;
    }
    chat.takes(&bench, &newer, "Zoë Brandt").await;

    // And so does one that went to nobody.
    let chat = Chat::new("nobody");
    let older = chat.code(&bench, ZOE).await;
    chat.send(&bench, "nobody@nowhere.example").await.result();
    chat.refuses(&bench, &older).await;
}

#[tokio::test]
async fn tries_at_once_are_three_as_well() {
    let bench = Bench::start().await;
    with_codes(&bench, "default").await;
    let chat = Chat::new("one");
    let code = chat.code(&bench, MAREN).await;
    let guesses: Vec<_> = (0..30).map(|place| changed(&changed(&code, place), place + 1)).collect();
    let tries = guesses.iter().map(|guess| chat.enter(&bench, guess));
    for answer in join_all(tries).await {
        assert!(is_refused(&answer), "{:#}", answer.body);
    }
    chat.refuses(&bench, &code).await;
    // A new code has new tries, and the last of them counts.
    let code = chat.code(&bench, MAREN).await;
    for place in 0..TRIES - 1 {
        chat.refuses(&bench, &changed(&code, place)).await;
    }
    chat.takes(&bench, &code, "Maren Quist").await;
}

/// Nor does a chat in which somebody is known make a bad token good.
#[tokio::test]
async fn a_bad_token_does_not_fall_back_to_who_is_known_in_the_chat() {
    let bench = Bench::start().await;
    with_codes(&bench, "default").await;
    let chat = Chat::new("one");
    let code = chat.code(&bench, MAREN).await;
    chat.takes(&bench, &code, "Maren Quist").await;
    let headers = [
        ("authorization", format!("Bearer {VISITOR_KEY}")),
        ("x-conversation-id", chat.id),
        ("x-visitor-token", "token".to_owned()),
    ];
    let refused = bench.send_unchecked("get_contact", "{}", &headers).await;
    refused.problem("visitor_token_invalid");
}
