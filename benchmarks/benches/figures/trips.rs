//! Counts the trips to Dataverse of each tool.

use end_to_end::budgets;
use serde_json::json;
use tokio::runtime::Runtime;
use toolkit::Routes;
use uuid::Uuid;

use crate::bench::{Bench, event, is_trip};
use crate::report::Limit::{AtMost, Exactly};
use crate::report::Report;

const GROUP: &str = "Trips to Dataverse, by id and by what people say";

pub(crate) fn measure(bench: &Bench, client: &Runtime, report: &mut Report) {
    client.block_on(async {
        let http = toolkit::lambda::http_client().unwrap();
        let function = bench.function(tools::all(Routes::default()), http);
        let warm = event("get_contact_by_email", &json!({"email": "nobody@nowhere.example"}));
        let table = budgets::table();
        let is_measured = |tool: &str| {
            table.iter().any(|budget| tool.strip_prefix("dynamics365_") == Some(budget.tool))
        };
        // Those that find out who a visitor is are not for staff.
        let definitions = tools::definitions();
        let of_staff = definitions.iter().filter(|tool| tool.is_for_staff);
        let without = of_staff.filter(|tool| !is_measured(tool.name)).count();
        report.judged(GROUP, "tools that are not measured", without as f64, "", Exactly(0.0));
        let mut none = 0;
        for budget in table {
            // A search only takes words.
            let mut forms = vec![&budget.by_id, &budget.by_name];
            forms.dedup();
            for (value, most) in forms {
                bench.control("POST", "reset", None).await;
                // This call reads the secret and the token, because a reset forgets tokens.
                function.answer(&warm).await;
                bench.control("DELETE", "requests", None).await;
                let mut arguments = budget.others.clone();
                arguments[budget.argument] = value.clone();
                function.result(&event(budget.tool, &arguments)).await;
                let trips = bench.seen(is_trip).await;
                none += usize::from(trips == 0);
                let is_id = value.as_str().is_some_and(|text| Uuid::parse_str(text).is_ok());
                let by = if is_id { "its id".to_owned() } else { value.to_string() };
                let name = format!("{} by {by} {}", budget.tool, budget.others);
                let name = name.chars().take(58).collect::<String>();
                report.judged(GROUP, name, trips as f64, "", AtMost(*most as f64));
            }
        }
        report.judged(GROUP, "calls that made none at all", none as f64, "", Exactly(0.0));
        bench.control("POST", "reset", None).await;
    });
}
