//! What a run of the check and a page of the list cost and say with thousands of connections.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};

use ::health::{Alert, AlertError, Alerts, Checker, Report};
use auth::health::{Check, Health, Noticed, Standing, Status};
use auth::{ConnectionId, Connections, Environment, SecretExpiry};
use dataverse_emulator::Emulator;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stack::{Options, STATE_TABLE};
use state::{EntryKind, Filter, LogEntry, Registration, State};
use tokio::time::Instant;
use toolkit::{Needs, sha256_hex};

use crate::harness::{Bench, sized};

fn table(bench: &Bench) -> State {
    State::at_endpoint(&bench.stack.aws_url(), STATE_TABLE)
}

fn id(text: &str) -> ConnectionId {
    text.parse().unwrap()
}

/// Adds connections to this environment.
async fn add(bench: &Bench, instance: &str, ids: impl IntoIterator<Item = String>) {
    let state = table(bench);
    let first = state.connection(&ConnectionId::fallback()).await.unwrap().unwrap();
    for text in ids {
        let id = id(&text);
        let credentials = json!({
            "tenant_id": dataverse_emulator::TENANT_ID,
            "client_id": dataverse_emulator::CLIENT_ID,
            "client_secret": dataverse_emulator::CLIENT_SECRET,
            "instance_url": instance,
            "label": first.label,
        });
        bench.store(&bench.secret_name(&id), &credentials.to_string()).await;
        let instance_url = instance.to_owned();
        state.put_connection(&Registration { id, instance_url, ..first.clone() }).await.unwrap();
    }
}

fn customers(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("customer-{number:04}"))
}

/// Keeps alerts instead of sending them, until it is cut.
#[derive(Clone, Default)]
struct Kept {
    is_cut: Arc<AtomicBool>,
    times: Arc<Mutex<Vec<Clock>>>,
}

impl Alerts for Kept {
    async fn send(&self, _: &Alert) -> Result<(), AlertError> {
        self.times.lock().unwrap().push(Clock::now());
        if self.is_cut.load(Ordering::Relaxed) { Err(AlertError("cut".to_owned())) } else { Ok(()) }
    }
}

fn checker(bench: &Bench, others: &[String], alerts: Kept) -> Checker<Kept> {
    let mut local = vec![bench.stack.emulator().url().parse().unwrap()];
    local.extend(others.iter().map(|other| other.parse().unwrap()));
    let http = toolkit::lambda::http_client().unwrap();
    let connections =
        Connections::new(http, bench.stack.secrets(), Environment { local: local.into() });
    Checker::new(connections, table(bench), alerts, Needs::of(&stack::tools()))
}

async fn run_within(checker: &Checker<Kept>, seconds: u64) -> Report {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    Box::pin(checker.run(Check::All, "run", deadline)).await.unwrap()
}

async fn run(checker: &Checker<Kept>) -> Report {
    let report = run_within(checker, 60).await;
    assert!(report.is_complete(), "{:?}", report.problems);
    report
}

/// The alerts that were sent: the event, and the connection or how many there are.
fn sent(report: &Report) -> Vec<(String, String)> {
    let of = |alert: &Alert| {
        let text = |name| alert.attributes.get(name).map(ToString::to_string);
        let which = text("connection").or(text("count")).or(text("region"));
        (text("event").unwrap(), which.unwrap_or_default())
    };
    let mut all: Vec<_> = report.alerts.iter().map(of).collect();
    all.sort();
    all
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(event, which)| ((*event).to_owned(), (*which).to_owned())).collect()
}

async fn secret(bench: &Bench, state: &str) {
    bench.control("PUT", "client-secret", Some(json!({"state": state}))).await;
}

/// Delays the next token.
async fn slow_token(bench: &Bench, delay_ms: u64) {
    let path = format!("/{}/oauth2/v2.0/token", dataverse_emulator::TENANT_ID);
    let slow = json!({"method": "POST", "path": path, "kind": "slow", "delay_ms": delay_ms});
    bench.fault(slow).await;
}

#[tokio::test]
async fn many_connections_that_break_at_once_are_one_message() {
    let bench = Bench::start().await;
    let instance = bench.stack.emulator().url();
    let count = sized(60, 12);
    let many = count.to_string();
    add(&bench, &instance, customers(count - 1)).await;
    let alerts = Kept::default();
    let checker = checker(&bench, &[], alerts.clone());
    assert_eq!(sent(&run(&checker).await), []);

    secret(&bench, "expired").await;
    // No alert is lost if it cannot be sent, and none is sent twice.
    alerts.is_cut.store(true, Ordering::Relaxed);
    let report = run_within(&checker, 60).await;
    assert_eq!((sent(&report).len(), report.problems.len()), (0, 1), "{:?}", report.problems);
    alerts.is_cut.store(false, Ordering::Relaxed);
    let report = run(&checker).await;
    assert_eq!(sent(&report), pairs(&[("connection_broken", &many)]));
    let alert = &report.alerts[0];
    assert_eq!(alert.subject, format!("Dynamics 365: {many} connections do not work"));
    let lines: Vec<_> = alert.message.lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(lines.len(), count);
    let words = "- customer-0007, \"The local emulator\", \"Contoso Demo\": secret_expired (set-up \
                 step 3), since ";
    assert!(lines.iter().any(|line| line.starts_with(words)), "{}", alert.message);
    assert_eq!(sent(&run(&checker).await), []);

    // If only five break, there are five messages.
    secret(&bench, "valid").await;
    assert_eq!(sent(&run(&checker).await), pairs(&[("connection_recovered", &many)]));
    for customer in customers(5) {
        bench.store(&bench.secret_name(&id(&customer)), "no credentials").await;
    }
    alerts.times.lock().unwrap().clear();
    let report = run(&checker).await;
    let expected: Vec<_> =
        customers(5).map(|customer| ("connection_broken".to_owned(), customer)).collect();
    assert_eq!(sent(&report), expected);
    // SNS suspends an email subscription beyond ten messages per second.
    let times = alerts.times.lock().unwrap().clone();
    let is_slow = |pair: &[Clock]| pair[1] - pair[0] >= Duration::from_millis(195);
    assert!(times.len() == 5 && times.windows(2).all(is_slow), "{times:?}");
    assert_eq!(sent(&run(&checker).await), []);
}

#[tokio::test]
async fn what_a_killed_run_found_is_told_by_the_next_one() {
    let bench = Bench::start().await;
    add(&bench, &bench.stack.emulator().url(), customers(3)).await;
    let checker = checker(&bench, &[], Kept::default());
    assert_eq!(sent(&run(&checker).await), []);

    secret(&bench, "expired").await;
    slow_token(&bench, 60_000).await;
    let state = table(&bench);
    let broken = async || {
        let ids: Vec<_> = customers(3).map(|text| id(&text)).chain([id("default")]).collect();
        let healths = state.healths(&ids).await.unwrap();
        let broken = healths.into_iter().filter(|(_, health)| health.status != Status::Healthy);
        broken.map(|(id, _)| id.to_string()).collect::<BTreeSet<_>>()
    };
    // One check does not end, so no alert can have been sent yet. The other results are stored.
    let killed = tokio::spawn({
        let checker = checker.clone();
        async move { run(&checker).await }
    });
    let started = Clock::now();
    while broken().await.len() < 3 {
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", broken().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());

    // The connections work again before the next run, but people still hear that they broke.
    let ids = broken().await;
    secret(&bench, "valid").await;
    let expected: Vec<_> = ["connection_broken", "connection_recovered"]
        .into_iter()
        .flat_map(|event| ids.iter().map(move |id| (event.to_owned(), id.clone())))
        .collect();
    assert_eq!(sent(&run(&checker).await), expected);
    assert_eq!(sent(&run(&checker).await), []);
}

#[tokio::test]
async fn what_there_is_no_time_for_comes_first_in_the_next_run() {
    let latency = Duration::from_millis(1300);
    let bench = Bench::start_with(Options { latency, ..Options::default() }).await;
    add(&bench, &bench.stack.emulator().url(), customers(50)).await;
    // Half of them were stored by hand, and the list does not have them yet.
    for id in customers(50).step_by(2) {
        table(&bench).remove_connection(&id.parse().unwrap()).await.unwrap();
    }
    let checker = checker(&bench, &[], Kept::default());
    let ids = |report: &Report| -> BTreeSet<String> {
        report.connections.iter().map(|one| one.connection.to_string()).collect()
    };
    let first = run_within(&checker, 8).await;
    assert!(first.left > 0 && first.is_complete(), "{first:?}");
    assert_eq!(first.left + first.connections.len(), 51);
    let second = run_within(&checker, 8).await;
    assert_eq!(ids(&first).union(&ids(&second)).count(), 51, "{:?}", second.connections.len());
    assert_eq!((sent(&first), sent(&second)), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_region_that_is_down_is_one_message_and_nobodys_fault() {
    let there = dataverse_emulator::Options {
        host: "127.0.0.2".to_owned(),
        ..dataverse_emulator::Options::default()
    };
    let other = Emulator::start(there.clone()).await.unwrap();
    let url = other.url();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let bench = Bench::start().await;
    add(&bench, &bench.stack.emulator().url(), ["emea", "apac"].map(str::to_owned)).await;
    add(&bench, &url, customers(8)).await;
    let checker = checker(&bench, std::slice::from_ref(&url), Kept::default());
    let report = run(&checker).await;
    let count = |report: &Report, standing| {
        report.connections.iter().filter(|one| one.state == standing).count()
    };
    assert_eq!((count(&report, Standing::Healthy), sent(&report)), (11, Vec::new()), "{report:?}");

    other.stop().await;
    let report = run(&checker).await;
    assert_eq!(sent(&report), pairs(&[("outage", "127.0.0.2")]));
    let alert = &report.alerts[0];
    assert_eq!(alert.subject, "Dynamics 365: 8 of 8 connections of 127.0.0.2 do not answer");
    assert_eq!(count(&report, Standing::Unanswered), 8, "{report:?}");
    assert!(report.outage);
    assert_eq!(sent(&run(&checker).await), []);

    let other = Emulator::start(dataverse_emulator::Options { port, ..there }).await.unwrap();
    let report = run(&checker).await;
    assert_eq!(sent(&report), pairs(&[("outage_over", "127.0.0.2")]), "{report:?}");
    assert_eq!(sent(&run(&checker).await), []);
    other.stop().await;
}

#[tokio::test]
async fn nothing_is_said_or_kept_of_a_connection_that_is_removed_during_the_look() {
    for was_checked in [true, false] {
        let bench = Bench::start().await;
        let state = table(&bench);
        let default = ConnectionId::fallback();
        let checker = checker(&bench, &[], Kept::default());
        if was_checked {
            assert_eq!(sent(&run(&checker).await), []);
        }
        secret(&bench, "expired").await;
        slow_token(&bench, 1500).await;
        let running = tokio::spawn({
            let checker = checker.clone();
            async move { run(&checker).await }
        });
        tokio::time::sleep(Duration::from_millis(700)).await;
        let removed = bench.request("DELETE", "/v1/connections/default", None).await;
        assert_eq!(removed.status, 200, "{:#}", removed.body);
        let report = running.await.unwrap();
        assert_eq!((sent(&report), report.connections.len()), (Vec::new(), 0), "{report:?}");
        assert_eq!(state.health(&default).await.unwrap(), None);
        assert_eq!(state.connections().await.unwrap(), []);
        let log = state.activity(&default, &Filter::default(), 10, None).await.unwrap();
        let checks = log.entries.iter().filter(|entry| entry.kind == EntryKind::Check);
        assert_eq!(checks.count(), usize::from(was_checked));
        assert_eq!(sent(&run(&checker).await), []);
    }
}

#[tokio::test]
async fn nothing_is_said_or_kept_of_a_connection_that_is_removed_after_the_look() {
    let bench = Bench::start().await;
    add(&bench, &bench.stack.emulator().url(), ["emea".to_owned()]).await;
    let state = table(&bench);
    secret(&bench, "expired").await;
    slow_token(&bench, 4000).await;
    let running = tokio::spawn({
        let checker = checker(&bench, &[], Kept::default());
        async move { run(&checker).await }
    });
    // The first one is stored, and its alert is pending, while the other is still being checked.
    let both = [id("default"), id("emea")];
    let (gone, since) = loop {
        let found = state.healths(&both).await.unwrap();
        let broken = found.into_iter().find_map(|(id, health)| match health.status {
            Status::Broken { since, .. } => Some((id, since)),
            _ => None,
        });
        match broken {
            Some(broken) => break broken,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let path = format!("/v1/connections/{gone}");
    assert_eq!(bench.request("DELETE", &path, None).await.status, 200);
    let report = running.await.unwrap();
    let left = both.iter().find(|id| **id != gone).unwrap();
    assert_eq!(sent(&report), pairs(&[("connection_broken", left.as_str())]));
    assert_eq!(state.health(&gone).await.unwrap(), None);
    let claim = (gone, format!("connection_broken#secret_expired#{since}"));
    assert_eq!(state.claimed(&[claim]).await.unwrap(), [None]);
}

/// Does some work, and counts the requests to the table.
async fn asked<T>(bench: &Bench, work: impl Future<Output = T>) -> (T, Value) {
    let before = bench.stack.aws_requests();
    let done = work.await;
    let mut counts = bench.stack.aws_requests();
    for (operation, count) in &mut counts {
        *count -= before.get(operation).copied().unwrap_or_default();
    }
    counts.retain(|_, count| *count > 0);
    (done, json!(counts))
}

#[tokio::test]
async fn a_run_that_finds_nothing_new_writes_nothing() {
    let bench = Bench::start().await;
    let count = sized(120, 20);
    add(&bench, &bench.stack.emulator().url(), customers(count - 1)).await;
    let checker = checker(&bench, &[], Kept::default());
    let (_, first) = asked(&bench, run(&checker)).await;
    // Each connection is logged, and stored twice: what is known of it, and how it is.
    for (operation, times) in [("PutItem", 2), ("BatchWriteItem", 1)] {
        assert_eq!(first[operation], times * count, "{first}");
    }
    let usual = |lists| {
        json!({
            "GetSecretValue": count, // The secret is read anew each time.
            "ListSecrets": 1, // Whether there are connections that the list does not have.
            "GetItem": 1, // Where the last run ended.
            "Query": lists, // The connections, and the outages.
            "BatchGetItem": count.div_ceil(100), // How each was, a hundred at a time.
        })
    };
    let (_, second) = asked(&bench, run(&checker)).await;
    assert_eq!(second, usual(2), "{second}");
    // Nor does a run that finds them broken as before. It reads a hundred claims at a time.
    secret(&bench, "expired").await;
    run(&checker).await;
    let (_, broken) = asked(&bench, run(&checker)).await;
    let mut expected = usual(2);
    expected["BatchGetItem"] = (2 * count.div_ceil(100)).into();
    // If Entra ID refuses credentials, the secret is read anew.
    expected["GetSecretValue"] = broken["GetSecretValue"].clone();
    assert_eq!(broken, expected, "{broken}");
}

#[tokio::test]
async fn a_thousand_connections_are_listed_in_few_requests() {
    let bench = Bench::start().await;
    let (state, now) = (table(&bench), Timestamp::now());
    let first = state.connection(&ConnectionId::fallback()).await.unwrap().unwrap();
    let health = Health {
        status: Status::Healthy,
        checked_at: now,
        secret: SecretExpiry::Unknown,
        noticed: Noticed::default(),
        pending: Vec::new(),
        version: 0,
    };
    for customer in customers(999) {
        let id = id(&customer);
        state.put_connection(&Registration { id: id.clone(), ..first.clone() }).await.unwrap();
        state.put_health(&id, health.clone()).await.unwrap();
    }
    let bound: Vec<String> = customers(999).filter(|id| id.ends_with('7')).collect();
    let key = |name: &str, connections: &[String]| {
        json!({
            "client": name, "sha256": sha256_hex(name), "connections": connections,
            "scopes": ["admin"], "for": "staff",
        })
    };
    // The key is also bound to connections that have not been set up.
    let some: Vec<String> = bound.iter().cloned().chain(["zz-later".to_owned()]).collect();
    let keys = [key(stack::API_KEY, &["*".to_owned()]), key("some", &some)];
    bench.store("dynamics365/api-keys", &json!({ "keys": keys }).to_string()).await;

    let list = async |key: &str, limit: &str| {
        let (mut ids, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/v1/connections?{limit}{cursor}");
            let page = bench.request_with_key(key, "GET", &path, None).await;
            assert_eq!(page.status, 200, "{:#}", page.body);
            for one in page.body["connections"].as_array().unwrap() {
                let expected = if one["id"] == "default" { "unknown" } else { "healthy" };
                assert_eq!(one["state"], expected, "{one}");
                ids.push(one["id"].as_str().unwrap().to_owned());
            }
            pages += 1;
            let Some(next) = page.body["next"].as_str() else { return (ids, pages) };
            cursor = format!("&cursor={next}");
        }
    };
    // The first call reads the keys.
    list("some", "limit=1").await;
    let mut all: Vec<String> = customers(999).chain(["default".to_owned()]).collect();
    all.sort();
    let ((ids, pages), requests) = asked(&bench, list(stack::API_KEY, "limit=200")).await;
    assert_eq!((ids, pages), (all.clone(), 5));
    // Items are read a hundred at a time, and none alone.
    assert_eq!(requests, json!({"Query": 5, "BatchGetItem": 10}));
    let ((ids, pages), requests) = asked(&bench, list(stack::API_KEY, "")).await;
    assert_eq!((ids, pages), (all, 10));
    assert_eq!(requests, json!({"Query": 10, "BatchGetItem": 10}));
    // For a key that is bound to some connections, only those are read and counted.
    let ((ids, pages), requests) = asked(&bench, list("some", "limit=50")).await;
    assert_eq!((ids, pages), (bound.clone(), 2));
    assert_eq!(requests, json!({"BatchGetItem": 4}));
    let (ids, pages) = list("some", "limit=100").await;
    assert_eq!((ids.len(), pages), (bound.len(), 1));

    for query in ["limit=0", "limit=201", "limit=all", "cursor=customer-0001", "cursor=", "page=2"]
    {
        let path = format!("/v1/connections?{query}");
        bench.request("GET", &path, None).await.problem("invalid_arguments");
    }
    // The list refuses a cursor of the activity log, and the other way round.
    let page = bench.request("GET", "/v1/connections?limit=1", None).await;
    let next = page.body["next"].as_str().unwrap();
    let path = format!("/v1/connections/default/activity?cursor={next}");
    bench.request("GET", &path, None).await.problem("invalid_arguments");
    // A cursor that another key was given shows this key no more than it may see.
    let path = format!("/v1/connections?limit=1&cursor={next}");
    let page = bench.request_with_key("some", "GET", &path, None).await;
    assert_eq!(page.body["connections"][0]["id"], bound[0].as_str());
}

/// Makes so many calls over as many connections, each with its entry in the activity log. Measures
/// how long the stand-in takes for a read before and after, at best, because a shared machine takes
/// longer.
async fn calls(bench: &Bench, calls: usize, connections: usize) -> (Duration, Duration) {
    let state = table(bench);
    let default = ConnectionId::fallback();
    let reads = async || {
        let mut best = Duration::MAX;
        for _ in 0..50 {
            let started = Clock::now();
            assert!(state.connection(&default).await.unwrap().is_some());
            best = best.min(started.elapsed());
        }
        best
    };
    let before = reads().await;
    let ids: Vec<_> = customers(connections).map(|text| id(&text)).collect();
    let now = Timestamp::now();
    for first in (0..calls).step_by(25) {
        let entry = |number: usize| LogEntry {
            at: now - SignedDuration::from_millis(number as i64),
            kind: EntryKind::ToolCall,
            tool: Some("dynamics365_get_contact".to_owned()),
            outcome: "ok".to_owned(),
            cause: None,
            set_up_step: None,
            code: None,
            duration_ms: 312,
            trips: 1,
            conversation: Some("chat-1".to_owned()),
            client: Some("chat platform".to_owned()),
            records: Vec::new(),
            dataverse_request_id: None,
            verified_by: None,
            visitor: None,
            contact: None,
            confirmation: None,
            request_id: format!("request-{number}"),
        };
        let entries: Vec<_> = (first..first + 25).map(entry).collect();
        state.record(&ids[first / 25 % connections], &entries).await.unwrap();
    }
    (before, reads().await)
}

#[tokio::test]
async fn the_stand_in_takes_as_long_with_a_long_log_as_with_none() {
    let bench = Bench::start().await;
    add(&bench, &bench.stack.emulator().url(), customers(63)).await;
    let (before, after) = calls(&bench, sized(50_000, 1000), 63).await;
    assert!(after < before * 5, "{before:?}, with a long log {after:?}");
    assert!(
        bench.stack.secrets().text(&bench.secret_name(&ConnectionId::fallback())).await.is_ok()
    );
    let report = run(&checker(&bench, &[], Kept::default())).await;
    assert_eq!(report.connections.len(), 64);
    assert!(report.connections.iter().all(|one| one.state == Standing::Healthy));
}
