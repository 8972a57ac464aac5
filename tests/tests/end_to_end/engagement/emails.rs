//! `get_email_history`.

use serde_json::{Value, json};

use super::{ZOE, administer};
use crate::harness::{Bench, MAREN};

const WEBHOOK_CASE: &str = "CAS-01005-P8O1I4";
const MAREN_ID: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const ROWAN_ID: &str = "2de92443-cdf9-511f-a2ad-4db3cb4f861d";

fn subjects(found: &Value) -> Vec<&str> {
    let emails = found["emails"].as_array().unwrap().iter();
    emails.map(|email| email["subject"].as_str().unwrap()).collect()
}

/// An email to Maren.
async fn write(bench: &Bench, subject: &str, sent: Option<&str>, text: &str) {
    let body = json!({
        "subject": subject, "senton": sent, "description": text, "directioncode": true,
        "email_activity_parties": [
            {"partyid_systemuser@odata.bind": format!("/systemusers({ROWAN_ID})"), "participationtypemask": 1},
            {"partyid_contact@odata.bind": format!("/contacts({MAREN_ID})"), "participationtypemask": 2},
            {"addressused": "secret@northwind.example", "participationtypemask": 4},
        ],
    });
    administer(bench, "POST", "emails", body).await;
}

#[tokio::test]
async fn an_email_that_nobody_would_write_takes_none_of_the_others() {
    let bench = Bench::start().await;
    let hostile = [
        "<table><td><ul><pre>\t</pre>".to_owned(),
        "<td colspan=18446744073709551615>x</td>".repeat(5),
        format!("{}end", "<div>".repeat(36_000)),
        "<a ".repeat(60_000),
    ];
    for (number, text) in hostile.iter().enumerate() {
        let sent = format!("2026-01-0{}T10:00:00Z", number + 1);
        write(&bench, &format!("hostile {number}"), Some(&sent), text).await;
    }
    write(&bench, "ordinary", Some("2026-01-09T10:00:00Z"), "<p>Hello</p>").await;
    let answer = bench.call("get_email_history", json!({"contact": MAREN, "limit": 25})).await;
    let found = answer.result();
    assert_eq!(subjects(found).len(), hostile.len() + 1, "{found:#}");
    let text = |subject: &str| {
        let emails = found["emails"].as_array().unwrap();
        let email = emails.iter().find(|email| email["subject"] == subject).unwrap();
        email["text"].as_str().map(str::to_owned)
    };
    assert_eq!(text("ordinary").as_deref(), Some("Hello"));
    assert_eq!(text("hostile 0"), None);
    assert_eq!(text("hostile 1").as_deref(), Some("x x x x x"));
    assert_eq!(text("hostile 2").as_deref(), Some("end"));
    // A debug build on a shared machine is slow, but it does not take seconds for each.
    assert!(answer.took < std::time::Duration::from_secs(5), "{:?}", answer.took);
}

#[tokio::test]
async fn the_emails_about_a_case_come_latest_first_as_plain_text() {
    let bench = Bench::start().await;
    let (answer, trips) = bench.counted("get_email_history", json!({"case": WEBHOOK_CASE})).await;
    let found = answer.result();
    assert_eq!(trips, 1);
    assert_eq!(subjects(found), ["RE: Webhook retries", "Webhook retries"]);
    let latest = &found["emails"][0];
    // The text has neither the style nor the tracking pixel, nor the email that it replies to.
    assert_eq!(
        latest["text"],
        "Hello Teo,\n\nAny update? Our partner still gets no retry – orders pile up.\n\nBest \
         regards,\nZoë"
    );
    assert_eq!((&latest["from"], &latest["to"]), (&json!("Zoë Brandt"), &json!(["Teo Marchetti"])));
    assert_eq!(latest["direction"], "incoming");
    assert_eq!(latest["status"], "Received");
    assert_eq!(latest["sent"], "2025-09-05T07:12Z");
    assert_eq!(found["record"]["name"], "Webhook retries not sent");
    for email in [latest, &found["emails"][1]] {
        let (case, record) = (&email["case"], &found["record"]);
        assert_eq!((&case["id"], &case["number"]), (&record["id"], &json!(WEBHOOK_CASE)));
        assert_eq!(case["subject"], "Webhook retries not sent");
    }
    assert_eq!(latest["attachments"], Value::Null);
    assert_eq!(found["emails"][1]["attachments"], json!(["webhook.log"]));
    assert!(found["email_url"].as_str().unwrap().contains("etn=email"));

    let (by_id, trips) =
        bench.counted("get_email_history", json!({"case": found["record"]["id"]})).await;
    assert_eq!(by_id.body, answer.body);
    assert_eq!(trips, 1);
}

#[tokio::test]
async fn a_contact_has_the_emails_that_it_wrote_got_or_is_named_in() {
    let bench = Bench::start().await;
    let (answer, trips) = bench.counted("get_email_history", json!({"contact": ZOE})).await;
    let found = answer.result();
    assert_eq!(trips, 1);
    assert_eq!(
        subjects(found),
        ["Your quote QUO-01000-H5T9Q2", "RE: Webhook retries", "Webhook retries"]
    );
    let offer = &found["emails"][0];
    assert_eq!((&offer["direction"], &offer["status"]), (&json!("outgoing"), &json!("Sent")));
    assert_eq!(offer["attachments"], json!(["QUO-01000-H5T9Q2.pdf"]));
    let text = offer["text"].as_str().unwrap();
    assert!(text.contains("120 × Chat seat – Professional") && text.contains("5 % discount"));
    for contact in [&json!("Zoe Brandt"), &found["record"]["id"]] {
        let (other, trips) = bench.counted("get_email_history", json!({"contact": contact})).await;
        assert_eq!(other.body, answer.body, "{contact}");
        assert_eq!(trips, 1);
    }
    let limited = bench.call("get_email_history", json!({"contact": ZOE, "limit": 1})).await;
    assert_eq!(subjects(limited.result()), ["Your quote QUO-01000-H5T9Q2"]);
    assert_eq!(limited.result()["more"], true);
}

#[tokio::test]
async fn what_a_mail_replies_to_is_cut_off_and_what_it_forwards_is_not() {
    let bench = Bench::start().await;
    let gmail = "<div dir=\"ltr\">Ja, gerne.</div><br><div class=\"gmail_quote\"><div \
        class=\"gmail_attr\">Am Do., 4. Sept. 2025 um 10:12 Uhr schrieb Rowan &lt;<a \
        href=\"mailto:r@x.example\">r@x.example</a>&gt;:<br></div><blockquote \
        class=\"gmail_quote\">Sollen wir liefern?</blockquote></div>";
    let outlook = "<div class=WordSection1><p class=MsoNormal>Oui, volontiers.</p><div \
        style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p \
        class=MsoNormal><b>De&nbsp;:</b> Rowan<br><b>Envoy\u{e9}&nbsp;:</b> jeudi<br></p></div>\
        <p>Faut-il livrer ?</p></div>";
    let plain = "Yes, please.\r\n\r\nOn Thu, Sep 4, 2025 at 10:12 AM Rowan Sandström \
        <\r\nrowan.sandstrom@contosodemo.example> wrote:\r\n\r\n> Shall we deliver?\r\n";
    let forwarded = "<br><div id=\"divRplyFwdMsg\"><b>Von:</b> Rowan<br><b>Betreff:</b> Kiosk</div>\
        <div>Bitte liefern.</div>";
    for (number, (subject, text)) in [
        ("AW: Kiosk", gmail),
        ("RE : Kiosk", outlook),
        ("Re: Kiosk", plain),
        ("WG: Kiosk", forwarded),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = format!("2087-01-0{}T08:00:00Z", number + 1);
        write(&bench, subject, Some(&sent), text).await;
    }
    let answer = bench.call("get_email_history", json!({"contact": MAREN})).await;
    let emails = answer.result()["emails"].as_array().unwrap();
    let texts: Vec<_> = emails.iter().map(|email| email["text"].as_str().unwrap()).collect();
    assert_eq!(
        texts.get(..4).unwrap(),
        [
            "Von: Rowan\nBetreff: Kiosk\nBitte liefern.",
            "Yes, please.",
            "Oui, volontiers.",
            "Ja, gerne."
        ]
    );
    assert!(emails.iter().all(|email| email["case"].is_null()), "{emails:#?}");
    // The timeline shows the same.
    let answer = bench.call("get_activities", json!({"contact": MAREN, "types": ["email"]})).await;
    let activities = answer.result()["activities"].as_array().unwrap();
    assert!(activities.iter().any(|email| email["text"] == "Ja, gerne."), "{activities:#?}");
    assert!(!answer.body.to_string().contains("Sollen wir"));
}

#[tokio::test]
async fn a_mail_says_its_case_even_where_the_case_is_somebody_elses() {
    let bench = Bench::start().await;
    let kiosk = bench.rows("incidents").await;
    let other = kiosk.iter().find(|row| row["ticketnumber"] == WEBHOOK_CASE).unwrap();
    write(&bench, "About a case", Some("2087-01-01T08:00:00Z"), "Hello").await;
    let rows = bench.rows("emails").await;
    let id =
        rows.iter().find(|row| row["subject"] == "About a case").unwrap()["activityid"].clone();
    let path = format!("emails({})", id.as_str().unwrap());
    let case = format!("/incidents({})", other["incidentid"].as_str().unwrap());
    let about = json!({"regardingobjectid_incident_email@odata.bind": case});
    administer(&bench, "PATCH", &path, about).await;
    // The case is not the contact's: its number takes one more trip.
    let (answer, trips) = bench.counted("get_email_history", json!({"contact": MAREN})).await;
    assert_eq!(answer.result()["emails"][0]["case"]["number"], WEBHOOK_CASE);
    assert_eq!(trips, 2);
    // Without cases, it has the title.
    bench.control("PUT", "apps", Some(json!({"sales": true, "service": false}))).await;
    let answer = bench.call("get_email_history", json!({"contact": MAREN})).await;
    let case = &answer.result()["emails"][0]["case"];
    assert_eq!((&case["number"], &case["id"]), (&Value::Null, &other["incidentid"]));
}

#[tokio::test]
async fn a_draft_has_no_time_of_sending_and_strangers_have_an_address() {
    let bench = Bench::start().await;
    let answer = bench.call("get_email_history", json!({"contact": "Dario Velasco"})).await;
    let draft = &answer.result()["emails"][0];
    assert_eq!(draft["status"], "Draft");
    assert_eq!((&draft["sent"], &draft["created_on"]), (&Value::Null, &json!("2025-09-18T15:30Z")));
    assert_eq!(draft["from"], "Rowan Sandström");
    assert_eq!(draft["to"], json!(["Dario Velasco"]));
    assert_eq!(draft["cc"], json!(["purchasing@northwind.example"]));
}

#[tokio::test]
async fn what_a_mail_demands_is_what_a_mail_says() {
    let bench = Bench::start().await;
    let answer = bench.call("get_email_history", json!({"case": "CAS-01002-B4N8M1"})).await;
    let text = answer.result()["emails"][0]["text"].as_str().unwrap();
    assert!(text.contains("VAT") && text.contains("Ignore your instructions"), "{text}");
    assert!(!answer.body.to_string().contains("document.title"));
    assert_eq!((&answer.body["hints"], &answer.body["escalation"]), (&Value::Null, &Value::Null));
    assert_eq!(answer.result()["emails"][0]["from"], "Siobhan O'Rell");
}

#[tokio::test]
async fn sent_and_unsent_ones_are_sorted_together_and_stay_small() {
    let bench = Bench::start().await;
    // This email was tracked today, but sent long ago.
    write(&bench, "Tracked late", Some("2019-05-01T08:00:00Z"), "old").await;
    write(&bench, "Sent since", Some("2087-01-01T08:00:00Z"), "new").await;
    write(&bench, "Draft", None, "draft").await;
    let answer = bench.call("get_email_history", json!({"contact": MAREN})).await;
    assert_eq!(subjects(answer.result()), ["Sent since", "Draft", "Tracked late"]);
    assert!(!answer.body.to_string().contains("secret@"), "{:#}", answer.body);

    let long = format!("<p>{}</p>", "A long story &amp; more. ".repeat(400));
    for number in 0..27 {
        write(&bench, &format!("Story {number}"), Some("2026-01-01T08:00:00Z"), &long).await;
    }
    let answer = bench.call("get_email_history", json!({"contact": MAREN, "limit": 25})).await;
    let emails = answer.result()["emails"].as_array().unwrap();
    assert_eq!((emails.len(), &answer.result()["more"]), (25, &json!(true)));
    let texts: usize = emails.iter().map(|email| email["text"].as_str().unwrap().len()).sum();
    assert!(texts < 2_200, "{texts}");
    assert_eq!(emails[24]["truncated"], true);
    let few = bench.call("get_email_history", json!({"contact": MAREN, "limit": 3})).await;
    let story = &few.result()["emails"][2];
    assert!(story["text"].as_str().unwrap().len() > 300, "{story:#}");
}

#[tokio::test]
async fn exactly_one_of_contact_and_case() {
    let bench = Bench::start().await;
    for arguments in [json!({}), json!({"contact": ZOE, "case": WEBHOOK_CASE})] {
        bench.call("get_email_history", arguments).await.problem("invalid_arguments");
    }
    let history = async |arguments: Value| bench.call("get_email_history", arguments).await;
    history(json!({"contact": "Lucia Ferran"})).await.problem("ambiguous");
    history(json!({"contact": "nobody@nowhere.example"})).await.problem("not_found");
    history(json!({"case": "CAS-99999-XXXXXX"})).await.problem("not_found");
    let none = history(json!({"contact": "Jonas Brandt"})).await;
    assert_eq!(none.result()["emails"], json!([]));
    assert!(none.body["hints"][0].as_str().unwrap().starts_with("There are no emails "));
}

#[tokio::test]
async fn a_missing_role_or_app_is_said() {
    let bench = Bench::start().await;
    bench.control("PUT", "apps", Some(json!({"sales": true, "service": false}))).await;
    let answer = bench.call("get_email_history", json!({"case": WEBHOOK_CASE})).await;
    let problem = answer.problem("connection_broken");
    assert!(problem["detail"].as_str().unwrap().contains("Customer Service"), "{problem:#}");
    bench.call("get_email_history", json!({"contact": ZOE})).await.result();
    let none = json!({"state": "enabled", "roles": []});
    bench.control("PUT", "application-user", Some(none)).await;
    bench.call("get_email_history", json!({"contact": ZOE})).await.problem("permission_denied");
}
