//! What took place last, by the time that is shown, and what lies ahead.

use serde_json::{Value, json};

use crate::harness::{Bench, MAREN};

const CONTACT: &str = "0f0e0d0c-0b0a-4908-8706-0504030201a1";

/// A contact who has nothing but these activities.
async fn contact_with(bench: &Bench, activities: &[(&str, Value)]) {
    let contact = json!([{"contactid": CONTACT, "lastname": "Latest", "fullname": "Ola Latest",
        "emailaddress1": "ola@latest.example"}]);
    bench.control("POST", "rows/contacts", Some(contact)).await;
    for (position, (set, columns)) in activities.iter().enumerate() {
        let mut row = columns.clone();
        row["activityid"] =
            format!("0f0e0d0c-0b0a-4908-8706-05040302{:04}", 1000 + position).into();
        let kind = set.trim_end_matches('s');
        row[format!("regardingobjectid_contact_{kind}@odata.bind")] =
            format!("/contacts({CONTACT})").into();
        bench.control("POST", &format!("rows/{set}"), Some(json!([row]))).await;
    }
}

fn subjects(list: &Value) -> Vec<&str> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|one| one["subject"].as_str()).collect()
}

fn all() -> Vec<(&'static str, Value)> {
    let task = |subject: &str, created: &str, due: Option<&str>, state: i64| {
        let status = [2, 5, 6][state as usize];
        let mut row = json!({"subject": subject, "createdon": created, "statecode": state,
            "statuscode": status});
        if let Some(due) = due {
            row["scheduledend"] = due.into();
        }
        ("tasks", row)
    };
    let meeting = |subject: &str, start: &str, end: &str, state: i64, status: i64| {
        let row = json!({"subject": subject, "createdon": "2025-06-01T08:00:00Z",
            "scheduledstart": start, "scheduledend": end, "statecode": state, "statuscode": status});
        ("appointments", row)
    };
    vec![
        // Planned in summer, held yesterday.
        (
            "appointments",
            json!({"subject": "held", "createdon": "2025-06-01T08:00:00Z", "statecode": 1,
                "statuscode": 3, "scheduledstart": "2025-11-20T09:00:00Z",
                "scheduledend": "2025-11-20T10:00:00Z", "actualend": "2025-11-20T10:00:00Z"}),
        ),
        // Of 2019, tracked later than all others.
        (
            "emails",
            json!({"subject": "old mail", "createdon": "2025-11-25T08:00:00Z", "statecode": 1,
                "statuscode": 3, "senton": "2019-03-01T08:00:00Z"}),
        ),
        task("undated", "2025-11-10T08:00:00Z", None, 0),
        task("late", "2025-01-01T08:00:00Z", Some("2025-11-15T12:00:00Z"), 0),
        task("done in time", "2025-01-01T08:00:00Z", Some("2025-11-12T12:00:00Z"), 1),
        meeting("ahead 2", "2087-02-01T09:00:00Z", "2087-02-01T10:00:00Z", 3, 5),
        meeting("ahead 1", "2087-01-01T09:00:00Z", "2087-01-01T10:00:00Z", 3, 5),
        meeting("ahead 4", "2087-04-01T09:00:00Z", "2087-04-01T10:00:00Z", 3, 5),
        meeting("ahead 3", "2087-03-01T09:00:00Z", "2087-03-01T10:00:00Z", 3, 5),
    ]
}

#[tokio::test]
async fn the_latest_is_the_latest_by_the_time_that_is_shown() {
    let bench = Bench::start().await;
    contact_with(&bench, &all()).await;
    // By a name it is asked in FetchXML, and by the id in OData.
    let mut answers = Vec::new();
    for contact in ["ola@latest.example", CONTACT] {
        let (answer, trips) = bench.counted("get_activities", json!({"contact": contact})).await;
        let found = answer.result();
        assert_eq!(
            subjects(&found["activities"]),
            ["held", "late", "done in time", "undated", "old mail"]
        );
        // The three that come next.
        assert_eq!(subjects(&found["upcoming"]), ["ahead 1", "ahead 2", "ahead 3"]);
        assert_eq!(found["activities"][0]["when"], "2025-11-20T10:00Z");
        let overdue: Vec<_> =
            found["activities"].as_array().unwrap().iter().map(|one| &one["overdue"]).collect();
        assert_eq!(json!(overdue), json!([null, true, null, null, null]));
        assert!(found["more"].is_null());
        assert_eq!(trips, 1, "{contact}");
        let whole = bench.call("get_contact", json!({"contact": contact})).await;
        assert_eq!(whole.result()["latest_activities"], found["activities"]);
        assert_eq!(whole.result()["upcoming_activities"], found["upcoming"]);
        answers.push(answer.body);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn as_many_are_shown_as_were_asked_for() {
    let bench = Bench::start().await;
    contact_with(&bench, &all()).await;
    for contact in ["ola@latest.example", CONTACT] {
        let arguments = json!({"contact": contact, "limit": 2, "types": ["task", "email"]});
        let answer = bench.call("get_activities", arguments).await;
        assert_eq!(subjects(&answer.result()["activities"]), ["late", "done in time"]);
        assert_eq!(answer.result()["more"], true);
        assert!(answer.result()["upcoming"].is_null());
    }
}

#[tokio::test]
async fn whoever_called_is_known_where_it_is_asked_by_a_name() {
    let bench = Bench::start().await;
    let by_name = bench.call("get_activities", json!({"contact": MAREN, "limit": 25})).await;
    let rows = bench.rows("contacts").await;
    let maren = rows.iter().find(|row| row["emailaddress1"] == MAREN).unwrap();
    let id = json!({"contact": maren["contactid"], "limit": 25});
    let by_id = bench.call("get_activities", id).await;
    assert_eq!(by_name.result(), by_id.result());
    let all = by_id.result()["activities"].as_array().unwrap();
    assert!(all.iter().any(|one| one["direction"] == "incoming"), "{all:#?}");
    assert!(all.iter().any(|one| one["direction"] == "outgoing"), "{all:#?}");
}

#[tokio::test]
async fn nothing_is_missing_where_many_take_part() {
    let bench = Bench::start().await;
    contact_with(&bench, &[]).await;
    let contact = |number: usize| format!("0f0e0d0c-0b0a-4908-8706-0504030300{number:02x}");
    let people: Vec<_> = (0..40)
        .map(|number| json!({"contactid": contact(number), "lastname": format!("Caller {number}")}))
        .collect();
    bench.control("POST", "rows/contacts", Some(json!(people))).await;
    let party = |id: &str, mask: i64| {
        json!({"partyid_contact@odata.bind": format!("/contacts({id})"),
            "participationtypemask": mask})
    };
    for call in 0..3 {
        let senders = (0..12).map(|number| party(&contact(number), 1));
        let parties: Vec<_> = senders.chain([party(CONTACT, 2)]).collect();
        let row = json!([{"activityid": format!("0f0e0d0c-0b0a-4908-8706-05040304{call:04}"),
            "subject": format!("Call {call}"), "statecode": 1, "statuscode": 2,
            "actualend": format!("2025-11-0{}T10:00:00Z", call + 1),
            "phonecall_activity_parties": parties}]);
        bench.control("POST", "rows/phonecalls", Some(row)).await;
    }
    let calls = |contact: &str| json!({"contact": contact, "limit": 3, "types": ["call"]});
    let by_name = bench.call("get_activities", calls("ola@latest.example")).await;
    assert_eq!(subjects(&by_name.result()["activities"]), ["Call 2", "Call 1", "Call 0"]);
    let by_id = bench.call("get_activities", calls(CONTACT)).await;
    assert_eq!(by_name.result(), by_id.result());
    // A mail to many does not hide who wrote the others.
    for (mail, to) in [(0, 1), (1, 40)] {
        let all = (0..to).map(|number| party(&contact(number), 2));
        let parties: Vec<_> = all.chain([party(CONTACT, 2), party(&contact(39), 1)]).collect();
        let mut row = json!({"activityid": format!("0f0e0d0c-0b0a-4908-8706-05040305{mail:04}"),
            "subject": format!("Mail {mail}"), "statecode": 1, "statuscode": 3,
            "senton": format!("2025-11-0{}T10:00:00Z", mail + 1),
            "directioncode": false, "email_activity_parties": parties});
        row["description"] = "x".into();
        bench.control("POST", "rows/emails", Some(json!([row]))).await;
    }
    let mails = |contact: &str| json!({"contact": contact, "limit": 1});
    let by_name = bench.call("get_email_history", mails("ola@latest.example")).await;
    let by_id = bench.call("get_email_history", mails(CONTACT)).await;
    assert_eq!(by_name.result(), by_id.result());
    assert_eq!(by_name.result()["emails"][0]["from"], "Caller 39");
}

#[tokio::test]
async fn a_deal_whose_day_has_passed_says_so() {
    let bench = Bench::start().await;
    let deal = "Northwind – support desk licences";
    let of = |answer: &crate::harness::Answer| answer.result()["opportunity"]["overdue"].clone();
    let rows = bench.rows("opportunities").await;
    let row = rows.iter().find(|row| row["name"] == deal).unwrap();
    let path = format!("rows/opportunities/{}", row["opportunityid"].as_str().unwrap());
    for (day, overdue) in [("2087-01-31", Value::Null), ("2025-01-31", json!(true))] {
        bench.control("PATCH", &path, Some(json!({"estimatedclosedate": day}))).await;
        let answer = bench.call("get_opportunity", json!({"opportunity": deal})).await;
        assert_eq!(of(&answer), overdue, "{day}");
    }
    bench.control("PATCH", &path, Some(json!({"statecode": 2, "statuscode": 4}))).await;
    let answer = bench.call("get_opportunity", json!({"opportunity": deal})).await;
    assert_eq!(of(&answer), Value::Null);
}
