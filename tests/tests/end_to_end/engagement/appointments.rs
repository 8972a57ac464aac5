//! `schedule_appointment`.

use serde_json::{Value, json};

use super::{IMANI, ROWAN, TEO, ZOE, administer, blames, hints, id};
use crate::harness::{Answer, Bench, MAREN};

fn meeting(subject: &str, start: &str) -> Value {
    json!({"contact": ZOE, "subject": subject, "start": start, "organizer": ROWAN})
}

async fn schedule(bench: &Bench, arguments: Value) -> Answer {
    bench.call("schedule_appointment", arguments).await
}

fn names(people: &Value) -> Vec<&str> {
    people.as_array().unwrap().iter().map(|person| person["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_meeting_is_scheduled_with_all_who_take_part() {
    let bench = Bench::start().await;
    let arguments = json!({
        "contact": "Zoë Brandt", "subject": "Renewal: O'Rell's open points",
        "start": "2087-12-01T10:00+01:00", "end": "2087-12-01T11:15+01:00",
        // The list has the contact herself, the organizer, and one attendee twice. Each takes part
        // once.
        "attendees": [IMANI, "Siobhan O'Rell", ZOE, ROWAN, "imani.okoro@contosodemo.example"],
        "location": "Zürich", "description": "Agenda:\n1. Price", "organizer": ROWAN,
    });
    let (answer, trips) = bench.counted("schedule_appointment", arguments).await;
    assert_eq!(answer.result()["created"], true);
    assert_eq!(trips, 2);
    let made = &answer.result()["appointment"];
    assert_eq!(made["status"], "Scheduled");
    assert_eq!(
        (&made["start"], &made["end"]),
        (&json!("2087-12-01T09:00Z"), &json!("2087-12-01T10:15Z"))
    );
    assert_eq!(made["organizer"]["name"], "Rowan Sandström");
    assert_eq!(names(&made["attendees"]), ["Imani Okoro", "Siobhan O'Rell", "Zoë Brandt"]);
    assert_eq!(
        (&made["attendees"][0]["type"], &made["attendees"][1]["type"]),
        (&json!("user"), &json!("contact"))
    );
    assert_eq!(made["location"], "Zürich");

    let rows = bench.rows("appointments").await;
    let row = rows.iter().find(|row| row["activityid"] == made["id"]).unwrap();
    assert_eq!((&row["statecode"], &row["statuscode"]), (&json!(3), &json!(5)));
    assert_eq!(row["_ownerid_value"], made["organizer"]["id"]);
    assert_eq!(row["_regardingobjectid_value"], made["attendees"][2]["id"]);
    assert_eq!(row["description"], "Agenda:\n1. Price");

    let by_id = json!({
        "contact": made["attendees"][2]["id"], "subject": "By id", "start": "2087-12-02T10:00Z",
        "organizer": made["organizer"]["id"], "attendees": [made["attendees"][0]["id"]],
    });
    let (answer, trips) = bench.counted("schedule_appointment", by_id).await;
    let made = &answer.result()["appointment"];
    assert_eq!(names(&made["attendees"]), ["Imani Okoro", "Zoë Brandt"]);
    assert_eq!(made["end"], "2087-12-02T10:30Z");
    assert_eq!(trips, 2);
}

#[tokio::test]
async fn an_hour_is_an_hour_when_clocks_are_changed() {
    let bench = Bench::start().await;
    let mut arguments = meeting("Spring", "2087-03-30T01:30[Europe/Berlin]");
    arguments["duration_minutes"] = 60.into();
    let answer = schedule(&bench, arguments).await;
    let made = &answer.result()["appointment"];
    assert_eq!(
        (&made["start"], &made["end"]),
        (&json!("2087-03-30T00:30Z"), &json!("2087-03-30T01:30Z"))
    );
    // An hour that does not exist.
    let gap = schedule(&bench, meeting("Gap", "2087-03-30T02:30[Europe/Berlin]")).await;
    blames(&gap, "invalid_arguments", "start");
    assert_eq!(bench.count("appointments", "subject", "Gap").await, 0);
}

#[tokio::test]
async fn times_that_cannot_be_are_refused() {
    let bench = Bench::start().await;
    let before = bench.rows("appointments").await.len();
    let with = |field: &str, value: Value| {
        let mut arguments = meeting("Never", "2087-12-01T10:00Z");
        arguments[field] = value;
        arguments
    };
    for (arguments, field, word) in [
        (with("start", json!("2087-12-01T10:00")), "start", "time zone"),
        (with("start", json!("tomorrow at ten")), "start", "date and time"),
        (with("start", json!("2087-12-01")), "start", "date and time"),
        (with("start", json!("2020-12-01T10:00Z")), "start", "past"),
        (with("end", json!("2087-12-01T10:00")), "end", "time zone"),
        (with("end", json!("2087-12-01T09:00Z")), "end", "after the start"),
        (with("end", json!("2087-12-01T10:00Z")), "end", "after the start"),
        (with("end", json!("2087-12-11T10:01Z")), "end", "10 days"),
        (with("duration_minutes", json!(4)), "duration_minutes", "5 to 1440"),
        (with("duration_minutes", json!(1441)), "duration_minutes", "5 to 1440"),
        (with("duration_minutes", json!(7.5)), "duration_minutes", ""),
        (with("subject", json!("x".repeat(201))), "subject", "200"),
        (with("subject", json!(" ")), "subject", "empty"),
    ] {
        let answer = schedule(&bench, arguments.clone()).await;
        blames(&answer, "invalid_arguments", field);
        assert!(answer.body["detail"].as_str().unwrap().contains(word), "{:#}", answer.body);
        assert!(answer.body["next_step"].is_string());
    }
    let mut both = with("end", json!("2087-12-01T11:00Z"));
    both["duration_minutes"] = 60.into();
    blames(&schedule(&bench, both).await, "invalid_arguments", "end, duration_minutes");
    assert_eq!(bench.rows("appointments").await.len(), before);
}

#[tokio::test]
async fn the_organizer_owns_it_also_where_the_owner_has_one_name_only() {
    let bench = Bench::start().await;
    bench.control("PUT", "typed-owners", Some(json!({"declared": false}))).await;
    for (day, most) in [(1, 3), (2, 2)] {
        let arguments = meeting("Plain owner", &format!("2087-12-0{day}T10:00Z"));
        let (answer, trips) = bench.counted("schedule_appointment", arguments).await;
        let made = &answer.result()["appointment"];
        assert_eq!(answer.result()["created"], true);
        let rows = bench.rows("appointments").await;
        let row = rows.iter().find(|row| row["activityid"] == made["id"]).unwrap();
        assert_eq!(row["_ownerid_value"], made["organizer"]["id"]);
        // The second time, it is known.
        assert_eq!(trips, most);
    }
    assert_eq!(bench.count("appointments", "subject", "Plain owner").await, 2);
}

#[tokio::test]
async fn an_appointment_that_takes_all_day_has_days() {
    let bench = Bench::start().await;
    let rowan = id(&bench, "systemusers", "systemuserid", "internalemailaddress", ROWAN).await;
    let day = json!([{
        "activityid": "0f0e0d0c-0b0a-4908-8706-0504030201f1", "subject": "Fair",
        "isalldayevent": true, "statecode": 3, "statuscode": 5,
        "scheduledstart": "2087-05-31T22:00:00Z", "scheduledend": "2087-06-02T22:00:00Z",
        "appointment_activity_parties": [
            {"partyid_systemuser@odata.bind": format!("/systemusers({rowan})"), "participationtypemask": 5},
        ],
    }]);
    bench.control("POST", "rows/appointments", Some(day)).await;
    let answer = schedule(&bench, meeting("At the fair", "2087-06-01T10:00Z")).await;
    answer.result();
    let hints = hints(&answer);
    assert!(hints.contains("all day from 2087-06-01 to 2087-06-02"), "{hints}");
}

#[tokio::test]
async fn it_is_said_whether_it_reaches_outlook() {
    let bench = Bench::start().await;
    for (organizer, day, word) in [
        (json!(ROWAN), 1, "It reaches the organizer's Outlook"),
        (json!(IMANI), 2, "It reaches the organizer's Outlook"),
        (json!(TEO), 3, "no approved mailbox"),
        (json!("velaro-app@contosodemo.example"), 4, "no approved mailbox"),
        (Value::Null, 5, "no organizer"),
    ] {
        let mut arguments = meeting("Call", &format!("2087-12-0{day}T10:00Z"));
        arguments["organizer"] = organizer.clone();
        let answer = schedule(&bench, arguments).await;
        assert_eq!(answer.result()["created"], true, "{organizer}");
        assert!(hints(&answer).contains(word), "{organizer}: {}", hints(&answer));
    }
    let mut arguments = meeting("Call", "2087-12-06T10:00Z");
    arguments["organizer"] = "greta.holm@contosodemo.example".into();
    blames(&schedule(&bench, arguments.clone()).await, "not_found", "organizer");
    let greta = id(&bench, "systemusers", "systemuserid", "fullname", "Greta Holm").await;
    arguments["organizer"] = greta.into();
    blames(&schedule(&bench, arguments).await, "invalid_arguments", "organizer");
}

#[tokio::test]
async fn a_clash_is_said_and_not_hindered() {
    let bench = Bench::start().await;
    schedule(&bench, meeting("Site \"visit\"", "2087-12-01T10:00Z")).await.result();
    let with = |contact: &str, organizer: &str, start: &str| json!({"contact": contact, "subject": "Other", "start": start, "organizer": organizer});
    let rowan = id(&bench, "systemusers", "systemuserid", "fullname", "Rowan Sandström").await;
    for organizer in [ROWAN, &rowan] {
        let start = if organizer == ROWAN { "2087-12-01T10:15Z" } else { "2087-12-01T09:45Z" };
        let answer = schedule(&bench, with(MAREN, organizer, start)).await;
        assert_eq!(answer.result()["created"], true);
        let hints = hints(&answer);
        assert!(hints.contains("of the organizer"), "{hints}");
        assert!(hints.contains("2087-12-01T10:00Z"), "{hints}");
        // The subject only concerns those who meet.
        assert!(!hints.contains("visit"), "{hints}");
    }
    // The contact's appointments count, too.
    let answer = schedule(&bench, with(ZOE, IMANI, "2087-12-01T10:20Z")).await;
    assert!(hints(&answer).contains("of the contact"), "{}", hints(&answer));
    // An appointment that begins when another ends does not clash, nor does a canceled one.
    let answer = schedule(&bench, with("Jonas Brandt", IMANI, "2087-12-01T10:50Z")).await;
    assert!(!hints(&answer).contains("clash"), "{}", hints(&answer));
    for row in bench.rows("appointments").await {
        let path = format!("appointments({})", row["activityid"].as_str().unwrap());
        administer(&bench, "PATCH", &path, json!({"statecode": 2, "statuscode": 4})).await;
    }
    let answer = schedule(&bench, with(ZOE, ROWAN, "2087-12-01T10:10Z")).await;
    assert!(!hints(&answer).contains("clash"), "{}", hints(&answer));
    // Those who are invited are busy, and so is the owner.
    let mut arguments = with("Jonas Brandt", TEO, "2087-12-05T10:00Z");
    arguments["attendees"] = json!([ROWAN]);
    schedule(&bench, arguments).await.result();
    let answer = schedule(&bench, with(MAREN, ROWAN, "2087-12-05T10:10Z")).await;
    assert!(hints(&answer).contains("clash"), "{}", hints(&answer));
}

#[tokio::test]
async fn the_same_meeting_is_there_once() {
    for bench in Bench::start_both().await {
        let mut arguments = meeting("Renewal", "2087-12-01T10:00Z");
        arguments["attendees"] = json!([IMANI]);
        let first = schedule(&bench, arguments).await;
        // It has the same time in another zone, and the same subject in capitals.
        let again = schedule(&bench, meeting("RENEWAL", "2087-12-01T11:00+01:00")).await;
        assert_eq!(again.result()["created"], false);
        assert_eq!(again.result()["appointment"], first.result()["appointment"]);
        assert_eq!(bench.count("appointments", "subject", "Renewal").await, 1);
        for other in [
            meeting("Renewal", "2087-12-01T10:30Z"),
            meeting("Kick-off", "2087-12-01T10:00Z"),
            json!({"contact": MAREN, "subject": "Renewal", "start": "2087-12-01T10:00Z"}),
        ] {
            assert_eq!(schedule(&bench, other).await.result()["created"], true);
        }
        // A canceled appointment can be scheduled again.
        let path =
            format!("appointments({})", first.result()["appointment"]["id"].as_str().unwrap());
        administer(&bench, "PATCH", &path, json!({"statecode": 2, "statuscode": 4})).await;
        let anew = schedule(&bench, meeting("Renewal", "2087-12-01T10:00Z")).await;
        assert_eq!(anew.result()["created"], true);
    }
}

#[tokio::test]
async fn a_call_makes_one_meeting() {
    let bench = Bench::start().await;
    for (day, kind, after_commit, times) in [
        (1, "drop", false, 1),
        (2, "drop", true, 1),
        (3, "drop", true, 2),
        (4, "unavailable", false, 1),
        (5, "unavailable", true, 1),
    ] {
        let fault = json!({
            "method": "POST", "path": "/appointments", "kind": kind, "after_commit": after_commit,
            "times": times, "retry_after": 0,
        });
        bench.fault(fault).await;
        let subject = format!("Lost {day}");
        let answer = schedule(&bench, meeting(&subject, &format!("2087-12-0{day}T10:00Z"))).await;
        assert_eq!(answer.result()["created"], true, "{kind} {after_commit}");
        assert_eq!(answer.result()["appointment"]["status"], "Scheduled");
        assert_eq!(bench.count("appointments", "subject", &subject).await, 1);
    }
    for header in [("idempotency-key", "meet-1"), ("x-conversation-id", "chat-1")] {
        let arguments = || meeting(header.0, "2087-12-07T10:00Z");
        let first = bench.call_with("schedule_appointment", arguments(), &[header]).await;
        assert_eq!(first.result()["created"], true);
        // The meeting is moved meanwhile. It is no longer at that time, but it is still the one of
        // that call.
        let id = first.result()["appointment"]["id"].as_str().unwrap();
        let moved = json!({
            "scheduledstart": "2087-12-08T10:00:00Z", "scheduledend": "2087-12-08T11:00:00Z",
        });
        administer(&bench, "PATCH", &format!("appointments({id})"), moved).await;
        let again = bench.call_with("schedule_appointment", arguments(), &[header]).await;
        assert_eq!(again.result()["created"], false);
        assert_eq!(again.result()["appointment"]["id"], id);
        assert_eq!(again.result()["appointment"]["start"], "2087-12-08T10:00Z");
        assert_eq!(bench.count("appointments", "subject", header.0).await, 1);
    }
    let header = [("idempotency-key", "at once")];
    let call = || {
        bench.call_with("schedule_appointment", meeting("At once", "2087-12-09T10:00Z"), &header)
    };
    let answers = tokio::join!(call(), call(), call());
    for answer in [&answers.0, &answers.1, &answers.2] {
        assert_eq!(names(&answer.result()["appointment"]["attendees"]), ["Zoë Brandt"]);
    }
    assert_eq!(bench.count("appointments", "subject", "At once").await, 1);
}

#[tokio::test]
async fn who_is_invited_must_be_clear() {
    let bench = Bench::start().await;
    let with = |attendees: Value| {
        let mut arguments = meeting("Invited", "2087-12-01T10:00Z");
        arguments["attendees"] = attendees;
        arguments
    };
    let answer = schedule(&bench, with(json!([IMANI, "Lucia Ferran"]))).await;
    blames(&answer, "ambiguous", "attendees[1]");
    assert_eq!(answer.body["candidates"].as_array().unwrap().len(), 2);
    let answer = schedule(&bench, with(json!(["nobody@nowhere.example"]))).await;
    blames(&answer, "not_found", "attendees[0]");
    let unknown = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";
    blames(&schedule(&bench, with(json!([unknown]))).await, "not_found", "attendees[0]");
    let answer = schedule(&bench, with(json!([IMANI, ""]))).await;
    blames(&answer, "invalid_arguments", "attendees[1]");
    let many: Vec<_> = (0..51).map(|_| IMANI).collect();
    blames(&schedule(&bench, with(json!(many))).await, "invalid_arguments", "attendees");
    let mut arguments = with(json!([]));
    arguments["contact"] = "Lucia Ferran".into();
    schedule(&bench, arguments).await.problem("ambiguous");
    assert_eq!(bench.count("appointments", "subject", "Invited").await, 0);

    // An address that a user and a contact share means the user.
    let jonas = id(&bench, "contacts", "contactid", "fullname", "Jonas Brandt").await;
    let shared = json!({"emailaddress2": IMANI});
    administer(&bench, "PATCH", &format!("contacts({jonas})"), shared).await;
    let answer = schedule(&bench, with(json!([IMANI, jonas]))).await;
    let people = &answer.result()["appointment"]["attendees"];
    assert_eq!(names(people), ["Imani Okoro", "Jonas Brandt", "Zoë Brandt"]);
}

#[tokio::test]
async fn a_missing_role_is_said() {
    let bench = Bench::start().await;
    let none = json!({"state": "enabled", "roles": []});
    bench.control("PUT", "application-user", Some(none)).await;
    let answer = schedule(&bench, meeting("Denied", "2087-12-01T10:00Z")).await;
    let problem = answer.problem("permission_denied");
    assert!(problem["admin_action"].as_str().unwrap().contains("prvRead"), "{problem:#}");
    assert_eq!(bench.count("appointments", "subject", "Denied").await, 0);
}
