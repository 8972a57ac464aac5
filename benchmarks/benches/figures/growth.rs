//! Whether a function has more to do when the organization grows: with the answers of a large one
//! and of a small one.

use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use crate::Form;
use crate::bench::{Bench, MAREN};
use crate::overhead::Pair;
use crate::report::Limit::AtMost;
use crate::report::Report;

const GROUP: &str = "Growth: the function's own processor time";

/// The tables that the tools read. The cases come first: they are given to the contacts that there
/// are, so that each of those has more and more.
const TABLES: [&str; 2] = ["incident", "contact"];

pub(crate) fn measure(bench: &Bench, client: &Runtime, form: Form, report: &mut Report) {
    let (few, many) = (1_000, form.choose(100_000, 10_000));
    client.block_on(async {
        let calls = [
            ("get_contact_by_email", json!({"email": MAREN})),
            ("search_contacts", json!({"query": "Load"})),
            ("get_contact_cases", json!({"contact": MAREN})),
        ];
        let mut own = Vec::new();
        for rows in [few, many] {
            bench.control("POST", "reset", None).await;
            for table in TABLES {
                let seed = json!({"table": table, "rows": rows});
                bench.control("POST", "seed", Some(seed)).await;
            }
            for (tool, arguments) in &calls {
                let mut pair = Pair::replayed(bench, tool, arguments.clone()).await;
                let compared = pair.compare(form.choose(200, 40)).await;
                own.push(compared.added_work());
            }
        }
        bench.control("POST", "reset", None).await;
        for ((tool, _), (small, large)) in calls.iter().zip(own.iter().zip(&own[calls.len()..])) {
            // By noise, a difference can be none.
            let is_known = !small.is_zero() && !large.is_zero();
            let ratio = if is_known { large.as_secs_f64() / small.as_secs_f64() } else { f64::NAN };
            let most = AtMost(form.choose(1.15, 1.5));
            let name = format!("{tool}, {many} rows against {few}");
            report.judged(GROUP, name, ratio, "", most);
            report.shown(GROUP, format!("{tool}, {many} rows"), micro(*large), "µs");
        }
    });
}

fn micro(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
