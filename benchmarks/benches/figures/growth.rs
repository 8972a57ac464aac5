//! Measures whether a function has more work when the organization grows, with the answers of a
//! small and of a large one.

use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use crate::Form;
use crate::bench::{Bench, MAREN};
use crate::overhead::{Compared, Pair};
use crate::report::Limit::AtMost;
use crate::report::Report;

const GROUP: &str = "Growth: the function's own processor time";

/// The tables that the tools read. Cases come first, because they are given to the contacts that
/// exist, so that each of those has more and more.
const TABLES: [&str; 2] = ["incident", "contact"];

pub(crate) fn measure(bench: &Bench, client: &Runtime, form: Form, report: &mut Report) {
    let (few, many) = (1_000, form.choose(100_000, 10_000));
    client.block_on(async {
        let calls = [
            ("get_contact_by_email", json!({"email": MAREN})),
            ("search_contacts", json!({"query": "Load"})),
            ("get_contact_cases", json!({"contact": MAREN})),
        ];
        let mut pairs = Vec::new();
        for rows in [few, many] {
            bench.control("POST", "reset", None).await;
            for table in TABLES {
                let seed = json!({"table": table, "rows": rows});
                bench.control("POST", "seed", Some(seed)).await;
            }
            for (tool, arguments) in &calls {
                pairs.push(Pair::replayed(bench, tool, arguments.clone()).await);
            }
        }
        bench.control("POST", "reset", None).await;
        let (small, large) = pairs.split_at_mut(calls.len());
        for (small, large) in small.iter_mut().zip(large) {
            // They take turns, so that other work of the machine affects both.
            let (mut with_few, mut with_many) = (Compared::default(), Compared::default());
            for _ in 0..form.choose(10, 4) {
                with_few.extend(small.compare(20).await);
                with_many.extend(large.compare(20).await);
            }
            let (few_work, many_work) = (with_few.added_work(), with_many.added_work());
            // Noise can make the difference disappear.
            let is_known = !few_work.is_zero() && !many_work.is_zero();
            let ratio =
                if is_known { many_work.as_secs_f64() / few_work.as_secs_f64() } else { f64::NAN };
            let tool = small.tool;
            let name = format!("{tool}, {many} rows against {few}");
            let most = AtMost(form.choose(1.15, 1.5));
            report.judged(GROUP, name, ratio, "", (is_known || form == Form::Full).then_some(most));
            report.shown(GROUP, format!("{tool}, {many} rows"), micro(many_work), "µs");
        }
    });
}

fn micro(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
