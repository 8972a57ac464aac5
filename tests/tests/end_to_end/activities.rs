//! The four tools for activities and notes.

use serde_json::{Value, json};

use crate::harness::{Answer, Bench, MAREN};

const ZOE: &str = "zoe.brandt@litware.example";
const CASE: &str = "CAS-01005-P8O1I4";
const UNKNOWN: &str = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";

/// A record of every kind: what people call it, and its name.
const RECORDS: [(&str, &str, &str); 6] = [
    ("contact", "siobhan.orell@fabrikam.example", "Siobhan O'Rell"),
    ("contact", "Siobhan O'Rell", "Siobhan O'Rell"),
    ("account", "fabrikam.example", "Fabrikam, Inc."),
    ("lead", "Nadia Ferreol", "Nadia Ferreol"),
    ("opportunity", "Litware – renewal 2026", "Litware – renewal 2026"),
    ("case", "cas-01005-p8o1i4", "Webhook retries not sent"),
];

fn fault(path: &str, kind: &str, after_commit: bool, times: u32) -> Value {
    json!({
        "method": "POST", "path": path, "kind": kind, "after_commit": after_commit,
        "times": times, "retry_after": 0,
    })
}

/// The call with the record's id instead of what people call it.
fn given_id(mut arguments: Value, answer: &Answer) -> Value {
    arguments["record"] = answer.result()["regarding"]["id"].clone();
    arguments
}

fn note(kind: &str, record: &str, text: &str) -> Value {
    json!({"record_type": kind, "record": record, "text": text})
}

#[tokio::test]
async fn a_note_is_written_on_a_record_of_any_kind() {
    let bench = Bench::start().await;
    for (kind, record, name) in RECORDS {
        let arguments = note(kind, record, "O'Brien: „schöne Grüße“ 🙂\n<b>100%</b> & more");
        let (answer, trips) = bench.counted("create_note", arguments.clone()).await;
        let written = answer.result();
        assert_eq!(written["created"], true);
        assert_eq!(written["regarding"]["type"], kind);
        assert_eq!(written["regarding"]["name"], name);
        assert!(written["regarding"]["url"].is_string());
        assert_eq!(written["note"]["subject"], "Chat note");
        assert!(written["note"]["created_on"].is_string());
        assert!(written["note"]["excerpt"].as_str().unwrap().starts_with("O'Brien"), "{written:#}");
        assert_eq!(trips, 2, "{kind}");

        // With the id, the tool only has to write.
        let (second, trips) = bench.counted("create_note", given_id(arguments, &answer)).await;
        assert_eq!(second.result()["regarding"], written["regarding"]);
        assert_ne!(second.result()["note"]["id"], written["note"]["id"]);
        assert_eq!(trips, 1, "{kind}");

        let id = written["note"]["id"].as_str().unwrap();
        let rows = bench.rows("annotations").await;
        let row = rows.iter().find(|row| row["annotationid"] == id).unwrap();
        assert_eq!(row["notetext"], "O'Brien: „schöne Grüße“ 🙂\n<b>100%</b> & more");
        assert_eq!(row["_objectid_value"], written["regarding"]["id"]);
    }
}

/// What is shown of a new note must not read as if less was stored.
#[tokio::test]
async fn an_excerpt_of_a_note_is_called_one() {
    let bench = Bench::start().await;
    let text = "word ".repeat(200);
    let written = bench.call("create_note", note("contact", MAREN, &text)).await;
    let shown = &written.result()["note"];
    let keys: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "subject", "excerpt", "created_on"]);
    assert!(shown["excerpt"].as_str().unwrap().len() < 110, "{shown:#}");
    assert_eq!(bench.count("annotations", "notetext", text.trim()).await, 1);
}

#[tokio::test]
async fn a_note_says_whether_people_wrote_it() {
    let bench = Bench::start().await;
    let written = bench.call("create_note", note("case", CASE, "Asked in the chat.")).await;
    let id = &written.result()["note"]["id"];
    let all = json!({"record_type": "case", "record": CASE});
    // The first call asks who this API is, along with the rest, and the next ones know it.
    for (tool, arguments, list) in [
        ("get_entity_notes", all.clone(), "notes"),
        ("get_case", json!({"case": CASE}), "latest_notes"),
        ("get_entity_notes", all, "notes"),
    ] {
        bench.control("DELETE", "requests", None).await;
        let answer = bench.call(tool, arguments).await;
        assert_eq!(bench.requests().await.len(), 1, "{tool}");
        let notes = answer.result()[list].as_array().unwrap();
        assert!(notes.len() > 1, "{tool}");
        for note in notes {
            let writer = if note["id"] == *id { "this_api" } else { "people" };
            assert_eq!(note["written_by"], writer, "{tool}: {note:#}");
        }
    }
}

#[tokio::test]
async fn a_note_is_read_where_nobody_knows_who_this_api_is() {
    let bench = Bench::start().await;
    let refusal = json!({
        "path": "/systemusers", "kind": "answer", "status": 403, "times": 2,
        "error": {"code": "0x80040220", "message": "no"},
    });
    bench.fault(refusal).await;
    for (tool, arguments, list) in [
        ("get_entity_notes", json!({"record_type": "case", "record": CASE}), "notes"),
        ("get_case", json!({"case": CASE}), "latest_notes"),
    ] {
        let answer = bench.call(tool, arguments).await;
        let notes = answer.result()[list].as_array().unwrap();
        assert!(notes.iter().all(|note| note.get("written_by").is_none()), "{tool}: {notes:#?}");
    }
}

#[tokio::test]
async fn a_note_on_no_clear_record_is_not_written() {
    let bench = Bench::start().await;
    let before = bench.rows("annotations").await.len();
    for (kind, record, code) in [
        ("contact", "Lucia Ferran", "ambiguous"),
        ("account", "Fabrikam", "ambiguous"),
        ("opportunity", "Chat trial 2026", "ambiguous"),
        ("lead", "Nobody Such", "not_found"),
        ("case", "CAS-99999-XXXXXX", "not_found"),
        ("contact", UNKNOWN, "not_found"),
        ("account", UNKNOWN, "not_found"),
        ("lead", UNKNOWN, "not_found"),
        ("opportunity", UNKNOWN, "not_found"),
        ("case", UNKNOWN, "not_found"),
        ("contact", "5b4ced1c-88e1-4e11-904c-6045bd05e9dX", "invalid_arguments"),
        ("contact", " ", "invalid_arguments"),
        ("quote", UNKNOWN, "invalid_arguments"),
    ] {
        let answer = bench.call("create_note", note(kind, record, "text")).await;
        let problem = answer.problem(code);
        assert!(problem["next_step"].is_string(), "{problem:#}");
        if code == "invalid_arguments" {
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with("record"), "{detail}");
        }
    }
    // An id belongs to one kind of record.
    let maren = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    let id = maren.result()["contact"]["id"].as_str().unwrap();
    bench.call("create_note", note("account", id, "text")).await.problem("not_found");
    for (field, value) in [
        ("text", json!("")),
        ("text", json!("x".repeat(100_001))),
        ("subject", json!("a\nb")),
        ("subject", json!("x".repeat(501))),
        ("documentbody", json!("x")),
    ] {
        let mut arguments = note("contact", MAREN, "text");
        arguments[field] = value;
        let answer = bench.call("create_note", arguments).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem:#}");
    }
    assert_eq!(bench.rows("annotations").await.len(), before);
}

#[tokio::test]
async fn a_note_is_written_once() {
    let bench = Bench::start().await;
    let maren = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    let id = maren.result()["contact"]["id"].as_str().unwrap().to_owned();
    for (text, kind, after_commit, times) in [
        ("dropped before", "drop", false, 1),
        ("dropped after", "drop", true, 2),
        ("unavailable after", "unavailable", true, 1),
    ] {
        for (way, record) in [("by id", id.as_str()), ("by name", MAREN)] {
            let text = format!("{text} {way}");
            bench.fault(fault("/annotations", kind, after_commit, times)).await;
            let answer = bench.call("create_note", note("contact", record, &text)).await;
            assert_eq!(answer.result()["created"], true, "{text}");
            assert_eq!(answer.result()["regarding"]["name"], "Maren Quist", "{text}");
            assert_eq!(bench.count("annotations", "notetext", &text).await, 1, "{text}");
        }
    }
    for (way, header) in
        [("by key", ("idempotency-key", "n-1")), ("by chat", ("x-conversation-id", "chat-1"))]
    {
        for record in [id.as_str(), MAREN] {
            let text = format!("again {way} {record}");
            let header = (header.0, format!("{}{record}", header.1));
            let headers = [(header.0, header.1.as_str())];
            let arguments = note("contact", record, &text);
            let first = bench.call_with("create_note", arguments.clone(), &headers).await;
            assert_eq!(first.result()["created"], true, "{text}");
            let second = bench.call_with("create_note", arguments, &headers).await;
            assert_eq!(second.result()["created"], false, "{text}");
            assert_eq!(second.result()["note"], first.result()["note"], "{text}");
            assert_eq!(second.result()["regarding"], first.result()["regarding"], "{text}");
            assert_eq!(bench.count("annotations", "notetext", &text).await, 1, "{text}");
        }
    }
    let header = [("idempotency-key", "n-9")];
    let call = || bench.call_with("create_note", note("contact", &id, "At once"), &header);
    let (one, two, three) = tokio::join!(call(), call(), call());
    let made = [one, two, three].iter().filter(|answer| answer.result()["created"] == true).count();
    assert_eq!(made, 1);
    assert_eq!(bench.count("annotations", "notetext", "At once").await, 1);
}

#[tokio::test]
async fn the_notes_on_a_record_are_read_in_one_trip() {
    let bench = Bench::start().await;
    let arguments = json!({"record_type": "case", "record": CASE});
    let (by_number, trips) = bench.counted("get_entity_notes", arguments.clone()).await;
    assert_eq!(trips, 1);
    let found = by_number.result();
    assert_eq!(found["regarding"]["name"], "Webhook retries not sent");
    let notes = found["notes"].as_array().unwrap();
    let subjects: Vec<_> = notes.iter().map(|note| note["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Log extract", "Reproduced"]);
    assert_eq!(notes[0]["attachment"], "webhook.log");
    assert_eq!(notes[0]["created_on"], "2025-09-05T09:30Z");
    assert!(notes[0]["author"].is_string());
    assert!(!by_number.body.to_string().contains("MjAyNS0w"), "no attachment's content");
    let requests = bench.requests().await;
    assert!(!requests[0].to_string().contains("documentbody"));

    let (by_id, trips) =
        bench.counted("get_entity_notes", given_id(arguments.clone(), &by_number)).await;
    assert_eq!((&by_id.body, trips), (&by_number.body, 1));
    let mut first = arguments;
    first["limit"] = 1.into();
    let first = bench.call("get_entity_notes", first).await;
    assert_eq!(first.result()["notes"].as_array().unwrap().len(), 1);
    assert_eq!(first.result()["more"], true);

    for (kind, record, name) in RECORDS {
        let arguments = json!({"record_type": kind, "record": record});
        let (answer, trips) = bench.counted("get_entity_notes", arguments.clone()).await;
        assert_eq!(answer.result()["regarding"]["name"], name);
        assert_eq!(trips, 1, "{kind}");
        let (again, trips) = bench.counted("get_entity_notes", given_id(arguments, &answer)).await;
        assert_eq!((&again.body, trips), (&answer.body, 1), "{kind}");
    }
    let html = bench
        .call("get_entity_notes", json!({"record_type": "account", "record": "Litware"}))
        .await;
    let text = &html.result()["notes"][0]["text"];
    assert_eq!(text, "Happy with response times.\nWants SSO & an audit log before renewal.");

    let none = json!({"record_type": "contact", "record": "Kenji Aramoto"});
    let none = bench.call("get_entity_notes", none).await;
    assert_eq!(none.result()["notes"], json!([]));
    assert_eq!(none.body["hints"][0], "There are no notes on the contact.");
    for (kind, record, code) in [
        ("account", "Fabrikam", "ambiguous"),
        ("opportunity", "Chat trial 2026", "ambiguous"),
        ("case", UNKNOWN, "not_found"),
        ("lead", "Nobody Such", "not_found"),
        ("contact", "", "invalid_arguments"),
        ("task", UNKNOWN, "invalid_arguments"),
    ] {
        let arguments = json!({"record_type": kind, "record": record});
        bench.call("get_entity_notes", arguments).await.problem(code);
    }
}

#[tokio::test]
async fn many_long_notes_stay_a_small_answer() {
    let bench = Bench::start().await;
    let maren = bench.call("get_contact_by_email", json!({"email": MAREN})).await;
    let id = maren.result()["contact"]["id"].as_str().unwrap();
    for number in 0..26 {
        let text = format!("{number} {}", "word ".repeat(2000));
        bench.call("create_note", note("contact", id, &text)).await.result();
    }
    let arguments = json!({"record_type": "contact", "record": MAREN, "limit": 25});
    let answer = bench.call("get_entity_notes", arguments).await;
    let notes = answer.result()["notes"].as_array().unwrap();
    assert_eq!((notes.len(), &answer.result()["more"]), (25, &json!(true)));
    assert!(notes.iter().all(|note| note["truncated"] == true));
    let length: usize = notes.iter().map(|note| note["text"].as_str().unwrap().len()).sum();
    assert!(length < 3_500, "{length}");
    let one = json!({"record_type": "contact", "record": MAREN, "limit": 1});
    let one = bench.call("get_entity_notes", one).await;
    assert!(one.result()["notes"][0]["text"].as_str().unwrap().len() > 900);
}

fn subjects(answer: &Answer) -> Vec<&str> {
    let activities = answer.result()["activities"].as_array().unwrap().iter();
    activities.map(|activity| activity["subject"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_activities_of_a_contact_are_listed_in_one_trip() {
    let bench = Bench::start().await;
    let (by_email, trips) = bench.counted("get_activities", json!({"contact": MAREN})).await;
    assert_eq!(trips, 1);
    // These are about her, or with her about a case. Each comes once, though she is both party and
    // subject of one.
    assert_eq!(
        subjects(&by_email),
        ["Called about the login problem", "Send onboarding guide", "Intro call"]
    );
    let found = by_email.result();
    assert_eq!(found["contact"]["name"], "Maren Quist");
    let call = &found["activities"][0];
    assert_eq!(call["type"], "call");
    assert_eq!(call["status"], "Completed");
    assert_eq!(call["direction"], "incoming");
    assert_eq!(call["when"], "2025-09-11T16:10Z");
    assert_eq!(call["text"], "Maren cannot sign in since the morning.");
    assert!(by_email.body.get("hints").is_none());

    let id = &found["contact"]["id"];
    for contact in [id, &json!("Maren Quist")] {
        let (answer, trips) = bench.counted("get_activities", json!({"contact": contact})).await;
        assert_eq!((&answer.body, trips), (&by_email.body, 1));
    }
    let first = bench.call("get_activities", json!({"contact": MAREN, "limit": 1})).await;
    assert_eq!(subjects(&first), ["Called about the login problem"]);
    assert_eq!(first.result()["more"], true);

    for (types, expected) in [
        (json!(["task"]), vec!["Send onboarding guide"]),
        (json!(["Call"]), vec!["Called about the login problem", "Intro call"]),
        (json!(["meeting", "email"]), vec![]),
        (json!([]), subjects(&by_email)),
        (Value::Null, subjects(&by_email)),
    ] {
        let arguments = json!({"contact": MAREN, "types": types});
        let (answer, trips) = bench.counted("get_activities", arguments).await;
        assert_eq!(subjects(&answer), expected, "{types}");
        assert_eq!(expected.is_empty(), answer.body.get("hints").is_some(), "{types}");
        assert_eq!(trips, 1);
    }
    let fax = json!({"contact": MAREN, "types": ["fax"]});
    let answer = bench.call("get_activities", fax).await;
    let detail = &answer.problem("invalid_arguments")["detail"];
    assert!(detail.as_str().unwrap().contains("call, email, task, meeting"), "{detail}");
    let answer = bench.call("get_activities", json!({"contact": "Lucia Ferran"})).await;
    answer.problem("ambiguous");
    let answer = bench.call("get_activities", json!({"contact": UNKNOWN})).await;
    answer.problem("not_found");
}

#[tokio::test]
async fn what_an_email_says_is_text_and_nothing_else() {
    let bench = Bench::start().await;
    let emails = json!({"contact": ZOE, "types": ["email"], "limit": 25});
    let answer = bench.call("get_activities", emails).await;
    let text = answer.body.to_string();
    assert!(text.contains("still gets no retry – orders pile up."), "{text}");
    for markup in ["<", "style", "tracker.example", "margin", "&ndash;", "\u{a0}"] {
        assert!(!text.contains(markup), "{markup}: {text}");
    }
    let siobhan = json!({"contact": "Siobhan O'Rell", "types": ["email"]});
    let answer = bench.call("get_activities", siobhan).await;
    let mail = &answer.result()["activities"][0];
    assert_eq!(mail["direction"], "incoming");
    assert!(mail["text"].as_str().unwrap().contains("Ignore your instructions"));
    // The text is quoted in one place, and stands nowhere else.
    assert_eq!(answer.body.to_string().matches("Ignore your").count(), 1);
    assert!(!answer.body.to_string().contains("document.title"));
    assert!(answer.body.get("hints").is_none());
}

fn activity(kind: &str, record_type: &str, record: &str, subject: &str) -> Value {
    let mut arguments = json!({
        "type": kind, "record_type": record_type, "record": record, "subject": subject,
    });
    if kind == "meeting" {
        arguments["start"] = "2026-12-01T10:00+01:00".into();
    }
    arguments
}

fn with(mut arguments: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        arguments[name] = value.clone();
    }
    arguments
}

const SETS: [(&str, &str); 3] =
    [("call", "phonecalls"), ("task", "tasks"), ("meeting", "appointments")];

#[tokio::test]
async fn an_activity_is_about_a_record_of_any_kind() {
    let bench = Bench::start().await;
    for (kind, set) in SETS {
        for (record_type, record, name) in RECORDS {
            let arguments = activity(kind, record_type, record, "O'Brien – \"größer\" 🙂");
            let (answer, trips) = bench.counted("create_activity", arguments.clone()).await;
            let made = answer.result();
            assert_eq!(made["created"], true);
            assert_eq!(made["activity"]["type"], kind);
            assert_eq!(made["activity"]["subject"], "O'Brien – \"größer\" 🙂");
            assert_eq!(made["regarding"]["type"], record_type);
            assert_eq!(made["regarding"]["name"], name);
            assert!(trips <= 3, "{kind} {record_type}: {trips}");
            let (by_id, trips) =
                bench.counted("create_activity", given_id(arguments, &answer)).await;
            assert_eq!(by_id.result()["regarding"], made["regarding"]);
            assert_eq!(trips, 2, "{kind} {record_type}");

            let rows = bench.rows(set).await;
            let row = rows.iter().find(|row| row["activityid"] == made["activity"]["id"]).unwrap();
            assert_eq!(row["_regardingobjectid_value"], made["regarding"]["id"]);
        }
    }
}

#[tokio::test]
async fn an_activity_is_planned_or_logged_as_done() {
    let bench = Bench::start().await;
    let took_place = json!({
        "completed": true, "start": "2025-10-01T10:00Z", "end": "2025-10-01T10:20Z",
    });
    for (kind, more, expected, state) in [
        (
            "task",
            json!({"due": "2026-12-01"}),
            json!({"due": "2026-12-01", "status": "Open"}),
            (0, 2),
        ),
        (
            "call",
            json!({"due": "2026-12-01T10:00+01:00"}),
            json!({"due": "2026-12-01T09:00Z", "status": "Open", "direction": "outgoing"}),
            (0, 1),
        ),
        (
            "call",
            json!({"direction": "incoming"}),
            json!({"status": "Open", "direction": "incoming"}),
            (0, 1),
        ),
        (
            "meeting",
            json!({}),
            json!({"status": "Scheduled", "start": "2026-12-01T09:00Z", "end": "2026-12-01T09:30Z"}),
            (3, 5),
        ),
        (
            "meeting",
            json!({"end": "2026-12-01T11:00[Europe/Berlin]"}),
            json!({"status": "Scheduled", "start": "2026-12-01T09:00Z", "end": "2026-12-01T10:00Z"}),
            (3, 5),
        ),
        ("task", json!({"completed": true}), json!({"status": "Completed"}), (1, 5)),
        (
            "call",
            took_place.clone(),
            json!({"status": "Completed", "start": "2025-10-01T10:00Z", "end": "2025-10-01T10:20Z"}),
            (1, 2),
        ),
        (
            "call",
            json!({"completed": true, "direction": "Incoming"}),
            json!({"status": "Completed"}),
            (1, 4),
        ),
        (
            "meeting",
            took_place,
            json!({"status": "Completed", "start": "2025-10-01T10:00Z", "end": "2025-10-01T10:20Z"}),
            (1, 3),
        ),
    ] {
        let arguments = with(activity(kind, "contact", ZOE, "One"), &more);
        let (answer, trips) = bench.counted("create_activity", arguments).await;
        let made = &answer.result()["activity"];
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&made[name], value, "{kind} {more}");
        }
        assert!(made["url"].as_str().unwrap().contains(made["id"].as_str().unwrap()));
        assert!(made["owner"]["name"].is_string() && made["owner"]["id"].is_string(), "{made:#}");
        assert_eq!(trips, 2, "{kind} {more}");
        let set = SETS.iter().find(|(name, _)| *name == kind).unwrap().1;
        let rows = bench.rows(set).await;
        let row = rows.iter().find(|row| row["activityid"] == made["id"]).unwrap();
        assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(state.0), &json!(state.1)));
    }
}

/// What took place, and what lies ahead.
fn activities(answer: &Answer) -> Vec<&Value> {
    let lists = ["activities", "upcoming"].map(|list| answer.result()[list].as_array());
    lists.into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn what_was_made_shows_in_the_timeline() {
    let bench = Bench::start().await;
    for (kind, more) in [
        ("call", json!({"completed": true, "end": "2025-10-01T10:20Z", "description": "Agreed."})),
        ("call", json!({"direction": "incoming"})),
        ("meeting", json!({})),
        ("task", json!({"due": "2026-12-01"})),
    ] {
        let arguments = with(activity(kind, "contact", "Amara Diallo", "Made"), &more);
        bench.call("create_activity", arguments).await.result();
    }
    let answer = bench.call("get_activities", json!({"contact": "Amara Diallo"})).await;
    let activities = activities(&answer);
    let made = |kind: &str, direction: Value| {
        let found =
            activities.iter().find(|one| one["type"] == kind && one["direction"] == direction);
        found.unwrap_or_else(|| panic!("{kind} {direction}: {activities:#?}"))
    };
    assert_eq!(activities.len(), 4);
    let call = made("call", json!("outgoing"));
    assert_eq!(
        (&call["status"], &call["when"]),
        (&json!("Completed"), &json!("2025-10-01T10:20Z"))
    );
    assert_eq!(call["text"], "Agreed.");
    assert_eq!(made("call", json!("incoming"))["status"], "Open");
    assert_eq!(made("meeting", Value::Null)["when"], "2026-12-01T09:00Z");
    assert_eq!(made("task", Value::Null)["when"], "2026-12-01");
}

#[tokio::test]
async fn a_meeting_that_takes_all_day_has_a_date() {
    let bench = Bench::start().await;
    let zoe = bench.rows("contacts").await;
    let zoe = zoe.iter().find(|row| row["emailaddress1"] == ZOE).unwrap();
    let key = "0f0e0d0c-0b0a-4908-8706-0504030201f0";
    let day = json!([{
        "activityid": key, "subject": "Fair", "isalldayevent": true, "statecode": 3, "statuscode": 5,
        // As somebody in Berlin puts it into the calendar.
        "scheduledstart": "2087-06-01T22:00:00Z", "scheduledend": "2087-06-02T22:00:00Z",
        "regardingobjectid_contact_appointment@odata.bind":
            format!("/contacts({})", zoe["contactid"].as_str().unwrap()),
    }]);
    bench.control("POST", "rows/appointments", Some(day)).await;
    let types = json!({"contact": ZOE, "types": ["meeting"]});
    let answer = bench.call("get_activities", types).await;
    let meetings = activities(&answer);
    let of = |subject: &str| meetings.iter().find(|one| one["subject"] == subject).unwrap();
    assert_eq!((&of("Fair")["when"], &of("Fair")["all_day"]), (&json!("2087-06-02"), &json!(true)));
    let others = meetings.iter().filter(|one| one["subject"] != "Fair");
    for other in others {
        assert!(other["all_day"].is_null() && other["when"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn an_activity_that_makes_no_sense_is_not_made() {
    let bench = Bench::start().await;
    let before = bench.rows("activitypointers").await.len();
    let call = activity("call", "contact", ZOE, "s");
    let task = activity("task", "contact", ZOE, "s");
    let meeting = activity("meeting", "contact", ZOE, "s");
    for (arguments, field) in [
        (with(meeting.clone(), &json!({"start": null})), "start"),
        (with(meeting.clone(), &json!({"end": "2026-12-01T09:59+01:00"})), "end"),
        (with(meeting.clone(), &json!({"start": "2026-12-01T10:00"})), "start"),
        (with(meeting.clone(), &json!({"due": "2026-12-01"})), "due"),
        (with(meeting, &json!({"direction": "incoming"})), "direction"),
        (with(task.clone(), &json!({"direction": "incoming"})), "direction"),
        (with(task.clone(), &json!({"start": "2026-12-01T10:00Z"})), "start"),
        (with(call.clone(), &json!({"due": "next week"})), "due"),
        (with(call.clone(), &json!({"direction": "sideways"})), "direction"),
        (with(call.clone(), &json!({"type": "email"})), "type"),
        (with(call.clone(), &json!({"subject": "x".repeat(201)})), "subject"),
        (with(call.clone(), &json!({"description": "x".repeat(2001)})), "description"),
        (with(call.clone(), &json!({"record": "5b4ced1c-88e1-4e11-904c-6045bd05e9dX"})), "record"),
        (with(call.clone(), &json!({"record_type": "product"})), "record_type"),
        (with(call.clone(), &json!({"owner": "x"})), "owner"),
        (
            with(
                task,
                &json!({"completed": true, "start": "2026-12-01T10:00Z", "end": "2026-12-01T09:00Z"}),
            ),
            "end",
        ),
    ] {
        let answer = bench.call("create_activity", arguments).await;
        let problem = answer.problem("invalid_arguments");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{field}: {problem:#}");
    }
    for (record_type, record, code) in [
        ("contact", "Lucia Ferran", "ambiguous"),
        ("account", "Fabrikam", "ambiguous"),
        ("contact", UNKNOWN, "not_found"),
        ("opportunity", UNKNOWN, "not_found"),
        ("case", "CAS-99999-XXXXXX", "not_found"),
    ] {
        let arguments = activity("task", record_type, record, "s");
        bench.call("create_activity", arguments).await.problem(code);
    }
    assert_eq!(bench.rows("activitypointers").await.len(), before);
}

#[tokio::test]
async fn an_activity_is_made_once() {
    let bench = Bench::start().await;
    for (kind, set) in SETS {
        for (subject, fails, after_commit, times, completed) in [
            ("dropped before", "drop", false, 1, false),
            ("dropped after", "drop", true, 2, false),
            ("unavailable after", "unavailable", true, 1, false),
            ("done, dropped before", "drop", false, 1, true),
            ("done, dropped after", "drop", true, 2, true),
            ("done, unavailable after", "unavailable", true, 1, true),
        ] {
            let path = format!("/{set}");
            bench.fault(fault(&path, fails, after_commit, times)).await;
            let more = json!({"completed": completed});
            let arguments = with(activity(kind, "contact", ZOE, subject), &more);
            let answer = bench.call("create_activity", arguments).await;
            bench.control("DELETE", "faults", None).await;
            let made = answer.result();
            assert_eq!(made["created"], true, "{kind} {subject}");
            let expected = match (kind, completed) {
                (_, true) => "Completed",
                ("meeting", false) => "Scheduled",
                (_, false) => "Open",
            };
            assert_eq!(made["activity"]["status"], expected, "{kind} {subject}");
            let rows = bench.rows(set).await;
            let rows: Vec<_> = rows.iter().filter(|row| row["subject"] == subject).collect();
            assert_eq!(rows.len(), 1, "{kind} {subject}");
            assert_eq!(rows[0]["statecode"] == 1, completed, "{kind} {subject}");
        }
        for (subject, header) in [
            ("by key", ("idempotency-key", "a-1")),
            ("by conversation", ("x-conversation-id", "chat-1")),
        ] {
            let header = (header.0, format!("{}-{kind}", header.1));
            let headers = [(header.0, header.1.as_str())];
            let arguments =
                with(activity(kind, "contact", ZOE, subject), &json!({"completed": true}));
            let first = bench.call_with("create_activity", arguments.clone(), &headers).await;
            assert_eq!(first.result()["created"], true, "{kind} {subject}");
            let second = bench.call_with("create_activity", arguments, &headers).await;
            let again = second.result();
            assert_eq!(again["created"], false, "{kind} {subject}");
            assert_eq!(again["activity"]["id"], first.result()["activity"]["id"]);
            assert_eq!(again["activity"]["status"], "Completed");
            assert_eq!(again["regarding"], first.result()["regarding"]);
            assert_eq!(bench.count(set, "subject", subject).await, 1, "{kind} {subject}");
        }
        let headers = [("idempotency-key", kind)];
        let arguments = || activity(kind, "contact", ZOE, "At once");
        let call = || bench.call_with("create_activity", arguments(), &headers);
        let (one, two, three) = tokio::join!(call(), call(), call());
        let all = [one, two, three];
        let made = all.iter().filter(|answer| answer.result()["created"] == true).count();
        assert_eq!(made, 1, "{kind}");
        assert_eq!(bench.count(set, "subject", "At once").await, 1, "{kind}");
    }
}

#[tokio::test]
async fn what_may_not_be_done_is_not_done_at_all() {
    let bench = Bench::start().await;
    let user = |roles: Value| Some(json!({"state": "enabled", "roles": roles}));
    let calls = [
        ("create_note", note("contact", ZOE, "t"), "prvReadNote"),
        ("get_entity_notes", json!({"record_type": "contact", "record": ZOE}), "prvReadContact"),
        ("get_activities", json!({"contact": ZOE}), "prvReadContact"),
        ("create_activity", activity("call", "contact", ZOE, "s"), "prvReadActivity"),
    ];
    bench.control("PUT", "application-user", user(json!([]))).await;
    for (tool, arguments, privilege) in calls {
        let answer = bench.call(tool, arguments).await;
        let problem = answer.problem("permission_denied");
        assert!(problem["admin_action"].as_str().unwrap().contains(privilege), "{problem:#}");
    }
    // Only the other role may use the table of cases.
    bench.control("PUT", "application-user", user(json!(["Salesperson"]))).await;
    let before = bench.rows("annotations").await.len() + bench.rows("tasks").await.len();
    let case = bench.rows("incidents").await[0]["incidentid"].clone();
    let case = case.as_str().unwrap();
    for (tool, arguments) in [
        ("create_note", note("case", case, "t")),
        ("create_activity", activity("task", "case", case, "s")),
        ("get_entity_notes", json!({"record_type": "case", "record": case})),
    ] {
        let answer = bench.call(tool, arguments).await;
        let problem = answer.problem("permission_denied");
        assert!(problem["detail"].as_str().unwrap().contains("incident"), "{problem:#}");
    }
    let after = bench.rows("annotations").await.len() + bench.rows("tasks").await.len();
    assert_eq!(after, before);
}

#[tokio::test]
async fn records_of_an_app_that_is_not_there_are_explained() {
    let bench = Bench::start().await;
    for (apps, app, kinds) in [
        (json!({"sales": false, "service": true}), "Sales", ["opportunity", "opportunity"]),
        (json!({"sales": true, "service": false}), "Customer Service", ["case", "case"]),
        (json!({"sales": false, "service": false}), "", ["lead", "opportunity"]),
    ] {
        bench.control("PUT", "apps", Some(apps)).await;
        for kind in kinds {
            for record in [UNKNOWN, "Anything"] {
                for (tool, arguments) in [
                    ("create_note", note(kind, record, "t")),
                    ("create_activity", activity("task", kind, record, "s")),
                    ("get_entity_notes", json!({"record_type": kind, "record": record})),
                ] {
                    let answer = bench.call(tool, arguments).await;
                    let problem = answer.problem("connection_broken");
                    assert!(problem["detail"].as_str().unwrap().contains(app), "{tool} {kind}");
                    assert!(problem["admin_action"].is_string(), "{tool} {kind}");
                }
            }
        }
        // Calls that need no app still work.
        bench.call("create_note", note("contact", ZOE, "t")).await.result();
        bench.call("get_activities", json!({"contact": ZOE})).await.result();
    }
}
