//! `doctor`, and `activity`.

use serde_json::json;

use crate::harness::Bench;

/// The lines without what differs from run to run.
fn lines(bench: &Bench, text: &str) -> String {
    text.replace(&bench.stack.url(), "API").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_is_good_and_what_nobody_can_know_is_unknown() {
    let bench = Bench::start().await;
    bench.control("PUT", "graph", json!({"permissions": []})).await;
    let run = bench.run(&["doctor"], "").await;
    insta::assert_snapshot!(lines(&bench, run.well()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bad_says_what_mends_it() {
    let bench = Bench::start().await;
    let make = "key make --client x --connection nowhere --scope read --for staff";
    let make: Vec<_> = make.split(' ').collect();
    bench.run(&make, "").await.well();
    let roles = json!({"state": "enabled", "roles": ["Salesperson"]});
    bench.control("PUT", "application-user", roles).await;
    let run = bench.run(&["doctor"], "").await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.out.contains("bad     connection default, roles: they do not allow"),
        "{}",
        run.out
    );
    assert!(run.out.contains("bad     key of x: it is bound to connections"), "{}", run.out);
    bench.control("PUT", "application-user", json!({"state": "missing", "roles": []})).await;
    let run = bench.run(&["doctor"], "").await;
    assert!(run.out.contains("bad     connection default: "), "{}", run.out);
    assert!(run.out.contains("step 6 (application user)"), "{}", run.out);

    let run = bench.run_with(&[("D365TOOLS_KEY", "nobody's")], &["doctor"], "").await;
    insta::assert_snapshot!(lines(&bench, &run.out));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_found_in_the_log() {
    let bench = Bench::start().await;
    bench.run(&["test"], "").await.well();
    let run = bench.run(&["activity"], "").await;
    let out = run.well();
    assert!(out.contains("test_connection") && out.contains("local development"), "{out}");
}
