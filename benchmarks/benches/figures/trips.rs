//! How many trips to Dataverse each tool makes.

use end_to_end::budgets;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::bench::{Bench, event};
use crate::report::Limit::AtMost;
use crate::report::Report;

const GROUP: &str = "Trips to Dataverse, by id and by what people say";

pub(crate) fn measure(bench: &Bench, client: &Runtime, report: &mut Report) {
    client.block_on(async {
        let http = toolkit::lambda::http_client().unwrap();
        let function = bench.function(catalog::all_tools(), http);
        let warm = event("get_contact_by_email", &json!({"email": "nobody@nowhere.example"}));
        for budget in budgets::table() {
            for (by, (value, most)) in [("id", &budget.by_id), ("name", &budget.by_name)] {
                bench.control("POST", "reset", None).await;
                // The secret and the token are read once, and a reset forgets tokens.
                function.answer(&warm).await;
                bench.control("DELETE", "requests", None).await;
                let mut arguments = budget.others.clone();
                arguments[budget.argument] = value.clone();
                function.result(&event(budget.tool, &arguments)).await;
                let log = bench.control("GET", "requests", None).await;
                let trips = log["value"].as_array().unwrap().iter();
                let trips =
                    trips.filter(|one| one["path"].as_str().unwrap().contains("/api/data/"));
                let name = format!("{} by {by} {}", budget.tool, budget.others);
                let name = name.chars().take(58).collect::<String>();
                report.judged(GROUP, name, trips.count() as f64, "", AtMost(*most as f64));
            }
        }
        bench.control("POST", "reset", None).await;
    });
}
