//! Measures many callers at once, and callers that are throttled.

use std::cell::Cell;
use std::time::{Duration, Instant};
use toolkit::Routes;

use dataverse::{HttpClients, Idle};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::Form;
use crate::bench::{Bench, MAREN, event, is_for_token, is_trip};
use crate::overhead::Pair;
use crate::report::Limit::{AtLeast, AtMost, Exactly};
use crate::report::Report;
use crate::sample::milliseconds;

/// How many callers there are at the same time.
const CALLERS: usize = 50;

/// How many calls succeed, and how long they all take.
async fn storm(bench: &Bench, calls: usize) -> (usize, Duration) {
    let http = HttpClients::new(Idle::MANY_CALLERS).unwrap();
    let function = bench.function(contact::tools(Routes::default()), http);
    let call = event("get_contact_by_email", &json!({"email": MAREN}));
    let (left, good) = (Cell::new(calls), Cell::new(0));
    let started = Instant::now();
    let caller = async || {
        while left.get() > 0 {
            left.set(left.get() - 1);
            let answer: Value = serde_json::from_slice(&function.answer(&call).await).unwrap();
            if answer["statusCode"] == 200 {
                good.set(good.get() + 1);
            }
        }
    };
    join_all((0..CALLERS).map(|_| caller())).await;
    (good.get(), started.elapsed())
}

pub(crate) fn measure(bench: &Bench, client: &Runtime, form: Form, report: &mut Report) {
    // There is no activity log, because it is written while nobody waits, which never happens here.
    const GROUP: &str = "Load: 50 callers at 40 ms, one process, without the activity log";
    client.block_on(async {
        bench.latency(Duration::from_millis(40)).await;
        let mut pair = Pair::of(bench, "get_contact_by_email", json!({"email": MAREN})).await;
        let trip = pair.compare(form.choose(100, 20)).await.bare.median();
        bench.control("DELETE", "requests", None).await;
        let calls = form.choose(10_000, 1_000);
        let (good, took) = storm(bench, calls).await;
        let rate = calls as f64 / took.as_secs_f64();
        let ideal = CALLERS as f64 / trip.as_secs_f64();
        report.judged(
            GROUP,
            "calls a second against callers ÷ trip time",
            rate / ideal,
            "",
            // Without optimization, the call's own work is what 50 callers wait for.
            AtLeast(form.choose(0.95, 0.5)),
        );
        report.shown(GROUP, "calls a second", rate, "");
        report.shown(GROUP, "trip time, of bare requests", milliseconds(trip), "ms");
        let errors = (calls - good) as f64;
        report.judged(GROUP, format!("errors of {calls} calls"), errors, "", AtMost(0.0));
        let tokens = bench.seen(is_for_token).await as f64;
        report.judged(GROUP, "requests for a token", tokens, "", Exactly(1.0));
        bench.latency(Duration::ZERO).await;
    });
}

pub(crate) fn throttled(bench: &Bench, client: &Runtime, form: Form, report: &mut Report) {
    const GROUP: &str = "Throttled: each third request, one second";
    client.block_on(async {
        let fault = json!({
            "kind": "throttle", "path": "/$batch", "every": 3, "times": 1_000_000, "retry_after": 1,
        });
        bench.control("POST", "faults", Some(fault)).await;
        bench.control("DELETE", "requests", None).await;
        let calls = form.choose(1_000, 200);
        let (good, took) = storm(bench, calls).await;
        let refused = bench.seen(|request| request["status"] == 429).await as f64;
        let trips = bench.seen(is_trip).await as f64;
        bench.control("DELETE", "faults", None).await;
        let share = good as f64 / calls as f64;
        // A tool that reads waits three seconds in all. One call in 81 is refused a fourth time,
        // and answers with an error instead of waiting longer.
        report.judged(
            GROUP,
            format!("share of {calls} calls that succeed"),
            share,
            "",
            AtLeast(0.95),
        );
        report.judged(GROUP, "share of the requests throttled", refused / trips, "", AtLeast(0.33));
        // This is a share of the time of all callers. A caller that asks again too early lowers it
        // on any machine.
        let waits = refused - (calls - good) as f64;
        let waited = took.as_secs_f64() * CALLERS as f64 / waits;
        report.judged(GROUP, "time against what was to be waited", waited, "", AtLeast(0.95));
        let most = form.at_leisure(AtMost(1.5));
        report.judged(GROUP, "  with what callers wait for the last one", waited, "", most);

        let fault = json!({
            "kind": "throttle", "path": "/$batch", "times": 1_000_000, "retry_after": 60,
        });
        bench.control("POST", "faults", Some(fault)).await;
        let http = HttpClients::new(Idle::MANY_CALLERS).unwrap();
        let function = bench.function(contact::tools(Routes::default()), http);
        bench.control("DELETE", "requests", None).await;
        let call = event("get_contact_by_email", &json!({"email": MAREN}));
        let answer: Value = serde_json::from_slice(&function.answer(&call).await).unwrap();
        let trips = bench.seen(is_trip).await as f64;
        bench.control("DELETE", "faults", None).await;
        let status = answer["statusCode"].as_f64().unwrap();
        report.judged(GROUP, "status where the wait is too long", status, "", Exactly(429.0));
        report.judged(GROUP, "requests until then", trips, "", Exactly(1.0));
    });
}
