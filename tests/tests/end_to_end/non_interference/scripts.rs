//! Calls that were written by hand: what others have done before in only one of the organizations, and
//! what a curious visitor does to find out.

use serde_json::{Value, json};

use super::exchange::{Call, LAST_NUMBER, Side, Who};
use super::maker::Whose;

/// Addresses to ask for. What they belong to differs between the organizations.
pub(super) const ADDRESSES: [&str; 10] = [
    "asked.zero@rimstone.example",
    "asked.one@rimstone.example",
    "asked.two@rimstone.example",
    "asked.three@rimstone.example",
    "asked.four@rimstone.example",
    "asked.five@rimstone.example",
    "asked.six@rimstone.example",
    "asked.seven@rimstone.example",
    "asked.eight@rimstone.example",
    "asked.nine@rimstone.example",
];

/// In the first organization, a contact that was made in a chat, with a case.
const MADE_IN_FIRST: usize = 0;
/// A contact in the first organization.
pub(super) const CONTACT_IN_FIRST: usize = 1;
/// An open lead in the first organization.
pub(super) const LEAD_IN_FIRST: usize = 2;
/// In the first organization, a contact that was made in a chat and is inactive since then.
const INACTIVE_IN_FIRST: usize = 3;
/// In the second organization, a contact that was made in a chat, with a case.
const MADE_IN_SECOND: usize = 4;
/// An open lead in the second organization.
pub(super) const LEAD_IN_SECOND: usize = 5;
/// In the first organization, a contact for whom another visitor has opened a case.
const BY_ANOTHER_VISITOR: usize = 6;
/// In the second organization, somebody's second address. The next one is nobody's.
pub(super) const SECOND_ADDRESS: usize = 7;
/// The number of a contact in the first organization, by which a rule finds it.
pub(super) const NUMBER_IN_FIRST: &str = "+47 22 00 00 01";
/// An open lead in the first organization, to which a long text is said.
pub(super) const LONG_TEXT: usize = 9;

/// The subject of all of these cases.
const SUBJECT: &str = "The lamp does not light";

/// The chat and the key of a call that another visitor makes before, and A after.
const CHAT: &str = "chat-0";
const KEY: &str = "key-0";

fn case(place: usize) -> Value {
    json!({
        "subject": SUBJECT, "description": "Since this morning.",
        "new_contact": {"last_name": "Okonedo", "email": ADDRESSES[place]},
    })
}

/// The same for somebody whom the visitor names, and who is not there.
fn case_for_another(place: usize) -> Value {
    let mut case = case(place);
    case["contact"] = "Nobody Here".into();
    case
}

fn call(tool: &'static str, who: Who, chat: &str, arguments: Value) -> Call {
    let (chat, key, by_mcp) = (chat.to_owned(), None, false);
    let goes_on = tool == SEND_CODE;
    Call { tool, writes: true, goes_on, arguments, who, chat, key, by_mcp, message: 0 }
}

const CREATE_CASE: &str = "dynamics365_create_case";
const CREATE_LEAD: &str = "dynamics365_create_lead";
const CREATE_NOTE: &str = "dynamics365_create_note";
const SEND_CODE: &str = "dynamics365_send_visitor_code";

/// What others do before in this organization.
pub(super) async fn before(side: &Side, whose: Whose) {
    if whose == Whose::Second {
        side.bench.call("create_case", case(MADE_IN_SECOND)).await.result();
        return;
    }
    for place in [MADE_IN_FIRST, INACTIVE_IN_FIRST] {
        side.bench.call("create_case", case(place)).await.result();
    }
    let contacts = side.bench.rows("contacts").await;
    let inactive = contacts.iter().find(|row| row["emailaddress1"] == ADDRESSES[INACTIVE_IN_FIRST]);
    let path = format!("rows/contacts/{}", inactive.unwrap()["contactid"].as_str().unwrap());
    let state = json!({"statecode": 1, "statuscode": 2});
    side.bench.control("PATCH", &path, Some(state)).await;

    // Whether a visitor may do that is another question.
    let for_another = case_for_another(BY_ANOTHER_VISITOR);
    side.send(&call(CREATE_CASE, Who::Colleague, CHAT, for_another)).await;
    let theirs = json!({"subject": SUBJECT, "description": "It is mine."});
    let theirs = call(CREATE_CASE, Who::Colleague, CHAT, theirs);
    let (reply, _) = side.send(&Call { key: Some(KEY.to_owned()), ..theirs }).await;
    assert!(reply.is_success(), "{reply:?}");
}

/// What a curious visitor does, for each of the addresses.
pub(super) fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for (place, address) in ADDRESSES.iter().enumerate() {
        // Whether there is a lead: does it take as long to say it again, and as often, and is it there
        // for a note?
        let lead = json!({
            "last_name": "Okonedo", "company": "Rimstone", "email": address, "topic": "Lamps",
        });
        let chat = format!("lead-{place}");
        if place == LONG_TEXT {
            // A lead holds 2,000 characters, and a note more.
            let mut long = lead;
            long["description"] = "Lamps. ".repeat(285).trim_end().into();
            calls.push(call(CREATE_LEAD, Who::Nobody, &chat, long));
            continue;
        }
        let again = call(CREATE_LEAD, Who::Nobody, &chat, lead);
        calls.extend(std::iter::repeat_n(again, 5));
        let note = |kind: &str, record: &str| {
            let text = "One more thing.";
            json!({"record_type": kind, "record": record, "text": text})
        };
        calls.push(call(CREATE_NOTE, Who::Nobody, &chat, note("lead", address)));

        // Whether there is a contact, for nobody known.
        let chat = format!("case-{place}");
        let opened = call(CREATE_CASE, Who::Nobody, &chat, case(place));
        calls.extend([opened.clone(), opened]);
        calls.push(call(CREATE_NOTE, Who::Nobody, &chat, note("case", LAST_NUMBER)));
        calls.push(call(CREATE_NOTE, Who::Nobody, &chat, note("contact", address)));
        let code = json!({"email": address});
        calls.push(call(SEND_CODE, Who::Nobody, &format!("code-{place}"), code));

        // Whether there is a contact, and a case of theirs, for visitor A.
        let chat = format!("own-{place}");
        let opened = call(CREATE_CASE, Who::Address, &chat, case_for_another(place));
        calls.extend([opened.clone(), opened]);
    }
    // Whether a rule of the organization finds somebody.
    let mut by_number = case(0);
    by_number["new_contact"]["email"] = "asked.by.number@rimstone.example".into();
    by_number["new_contact"]["phone"] = NUMBER_IN_FIRST.into();
    calls.push(call(CREATE_CASE, Who::Nobody, "number", by_number));
    // Another visitor may have made the same call in the same chat with the same key.
    let mine = json!({"subject": SUBJECT, "description": "It is mine."});
    let made = Call { key: Some(KEY.to_owned()), ..call(CREATE_CASE, Who::Address, CHAT, mine) };
    calls.extend([made.clone(), made]);
    calls
}
