//! How many trips to Dataverse each tool makes on a warm connection.

use end_to_end::budgets::{self, Budget};

use crate::harness::Bench;

#[tokio::test]
async fn no_tool_makes_more_trips_than_it_may() {
    let bench = Bench::start().await;
    let table = budgets::table();
    let mut problems = Vec::new();
    println!("{:28} {:12} {:>3} {:>5}", "tool", "by", "id", "name");
    for Budget { tool, argument, by_id, by_name, others } in &table {
        let mut counts = [0; 2];
        for (count, (value, budget)) in counts.iter_mut().zip([by_id, by_name]) {
            bench.control("POST", "reset", None).await;
            let mut arguments = others.clone();
            arguments[*argument] = value.clone();
            let (answer, trips) = bench.counted(tool, arguments.clone()).await;
            answer.result();
            *count = trips;
            if trips > *budget || trips == 0 {
                problems.push(format!("{tool} {arguments}: {trips} trips, not {budget}"));
            }
        }
        println!("{tool:28} {argument:12} {:>3} {:>5}", counts[0], counts[1]);
    }
    assert!(problems.is_empty(), "{problems:#?}");

    let tools = crate::harness::staffs_tools();
    let untested: Vec<_> = tools
        .iter()
        .map(|tool| tool.name)
        .filter(|name| !table.iter().any(|row| format!("dynamics365_{}", row.tool) == *name))
        .collect();
    assert!(
        untested.is_empty(),
        "say in tests/src/budgets.rs how many trips these may make: {untested:?}"
    );
}
