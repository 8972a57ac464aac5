//! The scheduled check: which alerts it sends, how often, and when they stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::health::{Alert, AlertError, Alerts, Checker, Report};
use auth::health::{Check, Standing};
use auth::{ConnectionId, Connections, Environment};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stack::{API_KEY, Options, STATE_TABLE};
use state::{EntryKind, Filter, Registration, State};
use tokio::time::Instant;
use toolkit::Needs;

use crate::harness::{Bench, MAREN, sized};

const DAY: i64 = 24;

fn table(bench: &Bench) -> State {
    State::at_endpoint(&bench.stack.aws_url(), STATE_TABLE)
}

/// Runs the check.
pub(crate) async fn check(bench: &Bench) -> Value {
    let url = format!("{}/_local/health", bench.stack.url());
    let response = reqwest::Client::new().post(url).send().await.unwrap();
    let status = response.status();
    let report: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{report:#}");
    assert_eq!(report["problems"], json!([]), "{report:#}");
    let shown = report.to_string();
    assert!(!shown.contains(dataverse_emulator::CLIENT_SECRET), "{shown}");
    report
}

/// The events of the alerts that were sent, in order.
pub(crate) fn events(report: &Value) -> Vec<&str> {
    let alerts = report["alerts"].as_array().unwrap().iter();
    alerts.map(|alert| alert["attributes"]["event"].as_str().unwrap()).collect()
}

/// What the report says of a connection.
#[track_caller]
pub(crate) fn of<'a>(report: &'a Value, connection: &str) -> &'a Value {
    let mut all = report["connections"].as_array().unwrap().iter();
    all.find(|checked| checked["connection"] == connection).unwrap()
}

/// Adds connections to the same organization.
async fn add_connections(bench: &Bench, ids: impl IntoIterator<Item = String>) {
    let state = table(bench);
    let first = state.connection(&ConnectionId::fallback()).await.unwrap().unwrap();
    for id in ids {
        let id: ConnectionId = id.parse().unwrap();
        let credentials = json!({
            "tenant_id": dataverse_emulator::TENANT_ID,
            "client_id": dataverse_emulator::CLIENT_ID,
            "client_secret": dataverse_emulator::CLIENT_SECRET,
            "instance_url": bench.stack.emulator().url(),
        });
        bench.store(&bench.secret_name(&id), &credentials.to_string()).await;
        state.put_connection(&Registration { id, ..first.clone() }).await.unwrap();
    }
}

async fn secret(bench: &Bench, change: Value) {
    bench.control("PUT", "client-secret", Some(change)).await;
}

fn in_days(days: i64) -> String {
    (Timestamp::now() + SignedDuration::from_hours(days * DAY)).to_string()
}

/// Makes Entra ID fail.
async fn entra_is_down(bench: &Bench) {
    let path = format!("/{}/oauth2/v2.0/token", dataverse_emulator::TENANT_ID);
    bench
        .fault(json!({
            "method": "POST", "path": path, "kind": "unavailable", "times": 1000,
            "retry_after": 0,
        }))
        .await;
}

#[tokio::test]
async fn a_secret_that_ends_in_13_days_is_announced_once() {
    let bench = Bench::start().await;
    let report = check(&bench).await;
    assert_eq!(events(&report), [""; 0]);
    let checked = of(&report, "default");
    assert_eq!(checked["state"], "healthy");
    assert!(checked["days_left"].as_i64().unwrap() > 600, "{checked:#}");

    secret(&bench, json!({"state": "valid", "expires_at": in_days(13)})).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["secret_expires"]);
    let alert = &report["alerts"][0];
    assert_eq!(
        alert["attributes"],
        json!({
            "event": "secret_expires", "connection": "default", "days_left": 13, "set_up_step": 3,
        })
    );
    assert!(alert["subject"].as_str().unwrap().ends_with("client secret expires in 13 days"));
    let message = alert["message"].as_str().unwrap();
    for words in
        ["Connection: default, \"The local emulator\"", "set-up step 3", "not the Secret ID"]
    {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(of(&report, "default")["days_left"], 13);

    let report = check(&bench).await;
    assert_eq!(events(&report), [""; 0]);
    // The next notice is a new alert.
    secret(&bench, json!({"state": "valid", "expires_at": in_days(6)})).await;
    assert_eq!(events(&check(&bench).await), ["secret_expires"]);
}

#[tokio::test]
async fn an_expired_secret_is_one_alert_and_a_rotated_one_heals() {
    let bench = Bench::start().await;
    check(&bench).await;
    let works = json!({"email": MAREN});
    bench.call("get_contact_by_email", works.clone()).await.result();

    secret(&bench, json!({"state": "expired"})).await;
    bench.control("POST", "clock", Some(json!({"advance_seconds": 7200}))).await;
    let broken = bench.call("get_contact_by_email", works.clone()).await;
    let problem = broken.problem("connection_broken");
    assert_eq!(problem["cause"], "secret_expired");

    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_broken"]);
    assert_eq!(
        report["alerts"][0]["attributes"],
        json!({
            "event": "connection_broken", "connection": "default", "cause": "secret_expired",
            "set_up_step": 3,
        })
    );
    let checked = of(&report, "default");
    assert_eq!((&checked["state"], &checked["cause"]), (&json!("broken"), &problem["cause"]));
    let since = checked["since"].clone();
    let report = check(&bench).await;
    assert_eq!(events(&report), [""; 0]);
    assert_eq!(of(&report, "default")["since"], since);

    // Only the secret is changed, without the set-up.
    secret(&bench, json!({"state": "rotated"})).await;
    bench.change_credentials("client_secret", dataverse_emulator::ROTATED_CLIENT_SECRET).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_recovered"]);
    assert_eq!(of(&report, "default")["state"], "healthy");
    bench.until_secrets_are_read_again().await;
    bench.call("get_contact_by_email", works).await.result();
    assert_eq!(events(&check(&bench).await), [""; 0]);
}

#[tokio::test]
async fn an_end_that_nobody_knows_is_a_hint_and_one_that_was_given_is_used() {
    let bench = Bench::start().await;
    bench.control("PUT", "graph", Some(json!({"permissions": []}))).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), [""; 0]);
    let checked = of(&report, "default");
    assert!(checked.get("days_left").is_none(), "{checked:#}");
    assert!(checked["hint"].as_str().unwrap().contains("secret_expires_on"), "{checked:#}");

    let day = |text: String| text[..10].to_owned();
    bench.change_credentials("secret_expires_on", &day(in_days(3))).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["secret_expires"]);
    let message = report["alerts"][0]["message"].as_str().unwrap();
    assert!(message.contains("the date given at the set-up"), "{message}");
    // The date has passed, but the secret works. Somebody forgot to enter the new date.
    bench.change_credentials("secret_expires_on", &day(in_days(-3))).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), [""; 0]);
    assert!(of(&report, "default")["hint"].as_str().unwrap().contains("has passed"));
}

#[tokio::test]
async fn what_was_stored_by_hand_is_watched() {
    let bench = Bench::start().await;
    let state = table(&bench);
    let listed = async || -> Vec<String> {
        let all = state.connections().await.unwrap();
        all.into_iter().map(|one| one.id.to_string()).collect()
    };
    let mut entered = bench.credentials();
    entered["label"] = "By hand".into();
    bench.store("dynamics365/connections/hand", &entered.to_string()).await;
    bench.store("dynamics365/connections/torn", "{").await;
    // These are no connections: another deployment's, one that is removed, and no connection's name.
    bench.store("dynamics365/other/connections/theirs", &entered.to_string()).await;
    bench.store("dynamics365/connections/gone", &entered.to_string()).await;
    bench.stack.secrets().delete("dynamics365/connections/gone").await.unwrap();
    bench.store("dynamics365/connections/Not_An_Id", &entered.to_string()).await;
    assert_eq!(listed().await, ["default"]);

    let report = check(&bench).await;
    assert_eq!(listed().await, ["default", "hand", "torn"]);
    assert_eq!(report["others"], json!(["dynamics365/connections/Not_An_Id"]));
    assert_eq!(of(&report, "hand")["state"], "healthy");
    assert_eq!(of(&report, "torn")["cause"], "credentials_malformed");
    assert_eq!(events(&report), ["connection_broken"]);
    let message = report["alerts"][0]["message"].as_str().unwrap();
    assert!(message.contains("not known, because the connection's credentials are not valid"));
    let hand = state.connection(&"hand".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(hand.label.as_deref(), Some("By hand"));
    assert_eq!(hand.organization.unwrap().name.as_deref(), Some("Contoso Demo"));

    // It is repaired, and from then on its faults are told like those of any other.
    bench.store("dynamics365/connections/torn", &entered.to_string()).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_recovered"]);
    let message = report["alerts"][0]["message"].as_str().unwrap();
    assert!(message.contains("torn, \"By hand\""), "{message}");
    assert_eq!(events(&check(&bench).await), [""; 0]);
}

/// Whoever stores a connection by hand may put the secret into the wrong field.
#[tokio::test]
async fn a_secret_in_the_wrong_field_is_told_to_nobody() {
    let bench = Bench::start().await;
    let secret = "SECR8Q~the-real-client-secret-value";
    for field in ["tenant_id", "client_id", "instance_url"] {
        let mut torn = bench.credentials();
        torn["client_secret"] = dataverse_emulator::CLIENT_ID.into();
        torn[field] = secret.into();
        torn["label"] = "a\nforged line".into();
        let name = format!("dynamics365/connections/torn-{}", field.replace('_', "-"));
        bench.store(&name, &torn.to_string()).await;
    }
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_broken"; 3]);
    let list = bench.request("GET", "/v1/connections", None).await.body;
    for text in [report.to_string(), list.to_string()] {
        assert!(!text.contains("SECR8Q"), "{text}");
    }
    assert!(list.to_string().contains("a forged line"), "{list:#}");
}

#[tokio::test]
async fn a_test_alert_reaches_whoever_gets_alerts() {
    #[derive(Clone, Default)]
    struct Kept(Arc<std::sync::Mutex<Vec<Alert>>>);

    impl Alerts for Kept {
        async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
            self.0.lock().unwrap().push(alert.clone());
            Ok(())
        }
    }

    let bench = Bench::start().await;
    let kept = Kept::default();
    let connections = Connections::new(
        toolkit::lambda::http_client().unwrap(),
        bench.stack.secrets(),
        Environment::default(),
    );
    let needs = Needs::of(&stack::tools());
    let checker = Checker::new(connections, table(&bench), kept.clone(), needs);
    let sent = checker.send_test_alert().await.unwrap();
    let kept = kept.0.lock().unwrap();
    let [alert] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((alert, alert.subject.as_str()), (&sent, "Dynamics 365 tools: test alert"));
}

#[tokio::test]
async fn the_log_has_the_code_of_what_a_check_found() {
    let bench = Bench::start().await;
    secret(&bench, json!({"state": "expired"})).await;
    check(&bench).await;
    let path = "/v1/connections/default/activity?outcome=failed";
    let answer = bench.request("GET", path, None).await.body;
    let entry = &answer["entries"][0];
    assert_eq!((&entry["kind"], &entry["code"]), (&json!("check"), &json!("AADSTS7000222")));
}

#[tokio::test]
async fn a_removed_connection_does_not_come_back() {
    let bench = Bench::start().await;
    bench.store("dynamics365/connections/hand", &bench.credentials().to_string()).await;
    check(&bench).await;
    bench.request("DELETE", "/v1/connections/hand", None).await;
    let report = check(&bench).await;
    assert_eq!(report["connections"].as_array().unwrap().len(), 1, "{report:#}");
    let left = table(&bench).connections().await.unwrap();
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn a_new_table_takes_over_the_connections_that_are_there() {
    let bench = Bench::start().await;
    add_connections(&bench, ["emea", "apac"].map(str::to_owned)).await;
    let state = table(&bench);
    for connection in state.connections().await.unwrap() {
        state.remove_connection(&connection.id).await.unwrap();
    }
    let report = check(&bench).await;
    assert_eq!(report["connections"].as_array().unwrap().len(), 3, "{report:#}");
    assert_eq!(state.connections().await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_alert_says_how_long_the_tools_go_on() {
    let bench = Bench::start().await;
    check(&bench).await;
    secret(&bench, json!({"state": "expired"})).await;
    let report = check(&bench).await;
    let message = report["alerts"][0]["message"].as_str().unwrap();
    assert!(message.contains("for an hour and a half at most"), "{message}");
    assert!(message.contains("docs/setting-up.md#step-3-client-secret"), "{message}");
    secret(&bench, json!({"state": "valid"})).await;
    check(&bench).await;
    bench.control("PUT", "application-user", Some(json!({"state": "disabled"}))).await;
    let report = check(&bench).await;
    let message = report["alerts"][0]["message"].as_str().unwrap();
    assert!(message.contains("Every tool of the bot fails"), "{message}");
}

#[tokio::test]
async fn the_date_of_an_older_secret_warns_of_nothing() {
    let bench = Bench::start().await;
    bench.control("PUT", "graph", Some(json!({"permissions": []}))).await;
    let mut entered = bench.credentials();
    entered["secret_expires_on"] = in_days(20)[..10].into();
    bench.store("dynamics365/connections/default", &entered.to_string()).await;
    assert_eq!(events(&check(&bench).await), ["secret_expires"]);
    secret(&bench, json!({"state": "rotated"})).await;
    entered["client_secret"] = dataverse_emulator::ROTATED_CLIENT_SECRET.into();
    // The old date would be due again.
    bench.store("dynamics365/connections/default", &entered.to_string()).await;
    for _ in 0..2 {
        let report = check(&bench).await;
        assert_eq!(events(&report), [""; 0]);
        let checked = of(&report, "default");
        assert!(checked.get("days_left").is_none(), "{checked:#}");
        assert!(checked["hint"].as_str().unwrap().contains("older client secret"), "{checked:#}");
    }
}

#[tokio::test]
async fn a_bad_connection_does_not_stop_the_others() {
    let bench = Bench::start().await;
    add_connections(&bench, ["emea", "apac", "latam"].map(str::to_owned)).await;
    bench.store("dynamics365/connections/emea", "no credentials").await;
    bench.stack.secrets().delete("dynamics365/connections/apac").await.unwrap();
    let report = check(&bench).await;
    let states: Vec<_> = report["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|checked| {
            (checked["connection"].as_str().unwrap(), checked["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        states,
        [("apac", "broken"), ("default", "healthy"), ("emea", "broken"), ("latam", "healthy")]
    );
    assert_eq!(of(&report, "emea")["cause"], "credentials_malformed");
    assert_eq!(of(&report, "apac")["cause"], "connection_not_found");
    assert_eq!(events(&report), ["connection_broken"; 2]);
}

#[tokio::test]
async fn an_outage_of_several_connections_is_one_message_and_one_when_it_is_over() {
    let bench = Bench::start().await;
    add_connections(&bench, ["emea", "apac"].map(str::to_owned)).await;
    assert_eq!(events(&check(&bench).await), [""; 0]);

    entra_is_down(&bench).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["outage"], "{report:#}");
    assert_eq!(report["alerts"][0]["attributes"]["connections"], 3);
    assert!(report["alerts"][0]["message"].as_str().unwrap().contains("Entra ID"), "{report:#}");
    assert_eq!(of(&report, "emea")["state"], "unanswered");
    assert_eq!(events(&check(&bench).await), [""; 0]);

    bench.control("DELETE", "faults", None).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["outage_over"], "{report:#}");
    assert_eq!(events(&check(&bench).await), [""; 0]);
    // Another outage is another message.
    entra_is_down(&bench).await;
    assert_eq!(events(&check(&bench).await), ["outage"]);
}

#[tokio::test]
async fn one_connection_that_does_not_answer_for_a_moment_is_no_news() {
    let bench = Bench::start().await;
    check(&bench).await;
    entra_is_down(&bench).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), [""; 0]);
    assert_eq!(of(&report, "default")["state"], "unanswered");
    bench.control("DELETE", "faults", None).await;
    assert_eq!(events(&check(&bench).await), [""; 0]);
}

#[tokio::test]
async fn lost_privileges_are_named_with_their_tools_once() {
    let bench = Bench::start().await;
    let roles = |names: Value| Some(json!({"state": "enabled", "roles": names}));
    check(&bench).await;
    bench.control("PUT", "application-user", roles(json!(["Salesperson"]))).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["privileges_lost"]);
    let message = report["alerts"][0]["message"].as_str().unwrap();
    let line = message.lines().find(|line| line.starts_with("- prvReadIncident: ")).unwrap();
    assert!(line.contains("dynamics365_get_case"), "{message}");
    assert_eq!(report["alerts"][0]["attributes"]["set_up_step"], 6);
    assert_eq!(of(&report, "default")["state"], "healthy");
    assert_eq!(events(&check(&bench).await), [""; 0]);
    // A user without any role is another matter.
    bench.control("PUT", "application-user", roles(json!([]))).await;
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_broken"]);
    assert_eq!(of(&report, "default")["cause"], "no_role");
}

/// Sends alerts until it is cut.
#[derive(Clone, Default)]
struct Cut(Arc<AtomicBool>);

impl Alerts for Cut {
    async fn send(&self, _: &Alert) -> Result<(), AlertError> {
        if self.0.load(Ordering::Relaxed) { Err(AlertError("cut".to_owned())) } else { Ok(()) }
    }
}

fn checker(bench: &Bench, alerts: Cut) -> Checker<Cut> {
    let local = Environment::local(bench.stack.emulator().url().parse().unwrap());
    let http = toolkit::lambda::http_client().unwrap();
    let connections = Connections::new(http, bench.stack.secrets(), local);
    Checker::new(connections, table(bench), alerts, Needs::of(&stack::tools()))
}

async fn run(checker: &Checker<Cut>, within: Duration) -> Report {
    checker.run(Check::All, "run", Instant::now() + within).await.unwrap()
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_by_the_next_run() {
    let bench = Bench::start().await;
    let cut = Cut::default();
    let checker = checker(&bench, cut.clone());
    let names = |report: &Report| -> Vec<String> {
        report.alerts.iter().map(|alert| alert.attributes["event"].to_string()).collect()
    };
    let minute = Duration::from_secs(60);
    for (prepare, event) in [
        (json!({"state": "valid", "expires_at": in_days(13)}), "secret_expires"),
        (json!({"state": "expired"}), "connection_broken"),
        (json!({"state": "valid", "expires_at": in_days(400)}), "connection_recovered"),
    ] {
        secret(&bench, prepare).await;
        cut.0.store(true, Ordering::Relaxed);
        let report = run(&checker, minute).await;
        assert_eq!(names(&report), [""; 0]);
        assert_eq!(report.problems.len(), 1, "{event}: {report:?}");
        assert!(!report.is_complete());
        cut.0.store(false, Ordering::Relaxed);
        let report = run(&checker, minute).await;
        assert_eq!(names(&report), [event]);
        assert!(run(&checker, minute).await.alerts.is_empty(), "{event}");
    }
}

#[tokio::test]
async fn two_runs_at_once_say_it_once() {
    let bench = Bench::start().await;
    let checker = checker(&bench, Cut::default());
    let minute = Duration::from_secs(60);
    run(&checker, minute).await;
    secret(&bench, json!({"state": "expired"})).await;
    let (one, other) = tokio::join!(run(&checker, minute), run(&checker, minute));
    assert_eq!(one.alerts.len() + other.alerts.len(), 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn a_connection_that_takes_for_ever_does_not_hold_up_the_others() {
    let bench = Bench::start().await;
    add_connections(&bench, ["emea", "apac"].map(str::to_owned)).await;
    let slow = json!({"method": "POST", "path": "/$batch", "kind": "slow", "delay_ms": 60_000});
    bench.fault(slow).await;
    let report = run(&checker(&bench, Cut::default()), Duration::from_secs(4)).await;
    let count = |standing| report.connections.iter().filter(|it| it.state == standing).count();
    assert_eq!((count(Standing::Healthy), count(Standing::Unanswered)), (2, 1), "{report:?}");
    assert!(report.alerts.is_empty() && report.is_complete(), "{report:?}");
}

#[tokio::test]
async fn what_was_mended_through_the_set_up_is_said_to_work_again() {
    let bench = Bench::start().await;
    check(&bench).await;
    secret(&bench, json!({"state": "expired"})).await;
    assert_eq!(events(&check(&bench).await), ["connection_broken"]);
    secret(&bench, json!({"state": "rotated"})).await;
    let credentials = json!({
        "tenant_id": dataverse_emulator::TENANT_ID,
        "client_id": dataverse_emulator::CLIENT_ID,
        "client_secret": dataverse_emulator::ROTATED_CLIENT_SECRET,
        "instance_url": bench.stack.emulator().url(),
    });
    let response = reqwest::Client::new()
        .put(format!("{}/v1/connections/default", bench.stack.url()))
        .bearer_auth(API_KEY)
        .json(&credentials)
        .send()
        .await
        .unwrap();
    assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    let report = check(&bench).await;
    assert_eq!(events(&report), ["connection_recovered"]);
}

#[tokio::test]
async fn a_check_leaves_an_entry_in_the_activity_log() {
    let bench = Bench::start().await;
    check(&bench).await;
    let id = ConnectionId::fallback();
    let page = table(&bench).activity(&id, &Filter::default(), 10, None).await.unwrap();
    let [entry] = page.entries.as_slice() else { panic!("{:#?}", page.entries) };
    assert_eq!((entry.kind, entry.outcome.as_str(), entry.trips), (EntryKind::Check, "ok", 2));
}

#[tokio::test]
async fn many_connections_at_a_hundred_milliseconds_are_one_run() {
    let count = sized(200, 30);
    let latency = Duration::from_millis(100);
    let bench = Bench::start_with(Options { latency, ..Options::default() }).await;
    add_connections(&bench, (1..count).map(|number| format!("customer-{number:03}"))).await;
    let started = std::time::Instant::now();
    let report = check(&bench).await;
    let took = started.elapsed();
    let connections = report["connections"].as_array().unwrap();
    assert_eq!(connections.len(), count);
    for checked in connections {
        assert_eq!(checked["state"], "healthy", "{checked:#}");
    }
    // The function has five minutes for 200. Each connection takes three trips, and one after another
    // they would take a third of a second for each alone.
    assert!(took < Duration::from_millis(150) * u32::try_from(count).unwrap(), "{took:?}");
}
