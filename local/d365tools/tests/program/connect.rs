//! `connect`, `rotate`, `test` and `connections`.

use serde_json::{Value, json};

use crate::harness::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_work_show_their_organization_and_are_stored() {
    let bench = Bench::start().await;
    let run = bench.run(&["connect", "emea"], &bench.answers(9, "")).await;
    let out = run.well();
    for says in [
        "Connection emea, Production: healthy",
        "Organization: ",
        "Application user: ",
        "ends on ",
        "Stored. The tools use it from now on.",
    ] {
        assert!(out.contains(says), "{out}");
    }
    assert!(!format!("{run:?}").contains(dataverse_emulator::CLIENT_SECRET));

    let listed = bench.run(&["connections"], "").await;
    let line = listed.well().lines().find(|line| line.starts_with("emea ")).unwrap().to_owned();
    assert!(line.contains("healthy") && line.contains("20"), "{line}");
    assert!(bench.run(&["test", "emea"], "").await.well().contains("healthy"));
}

/// A fault: how it is made, at which line what is entered instead, and which step is at fault.
struct Fault {
    name: &'static str,
    place: usize,
    instead: &'static str,
    control: Option<(&'static str, &'static str, Value)>,
    step: Option<&'static str>,
}

impl Fault {
    /// Something else is entered.
    fn entered(
        name: &'static str,
        place: usize,
        instead: &'static str,
        step: &'static str,
    ) -> Fault {
        Fault { name, place, instead, control: None, step: Some(step) }
    }

    /// The service is not as it should be.
    fn served(
        name: &'static str,
        control: (&'static str, &'static str, Value),
        step: Option<&'static str>,
    ) -> Fault {
        Fault { name, place: usize::MAX, instead: "", control: Some(control), step }
    }
}

/// Any answer of the Web API.
fn answers(mut answer: Value) -> (&'static str, &'static str, Value) {
    answer["path"] = "/api/data".into();
    answer["kind"] = "answer".into();
    answer["times"] = 1_000_000.into();
    ("POST", "faults", answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_twelve_faults_is_said_with_its_step_and_stores_nothing() {
    const OTHER: &str = "33333333-3333-3333-3333-333333333333";
    let firewall = json!({"code": "0x80095ffe", "message": "The request you are trying to make is \
        rejected as access to your organization's resources is blocked from your IP address."});
    let user = |state: &str| {
        ("PUT", "application-user", json!({"state": state, "roles": ["Salesperson"]}))
    };
    let faults = [
        Fault::entered("no tenant", 0, "not a tenant", "1 (tenant id)"),
        Fault::entered("another tenant", 0, OTHER, "1 (tenant id)"),
        Fault::entered("no application", 1, "my app", "2 (app registration)"),
        Fault::entered("another application", 1, OTHER, "2 (app registration)"),
        Fault::entered("no secret", 2, "", "3 (client secret)"),
        Fault::entered("the secret's id", 2, OTHER, "3 (client secret)"),
        Fault::entered("a wrong secret", 2, "wrong", "3 (client secret)"),
        Fault::entered("a foreign host", 3, "https://evil.example", "5 (instance URL)"),
        Fault::served(
            "a secret that has ended",
            ("PUT", "client-secret", json!({"state": "expired"})),
            Some("3 (client secret)"),
        ),
        Fault::served("no application user", user("missing"), Some("6 (application user)")),
        Fault::served("a disabled user", user("disabled"), Some("6 (application user)")),
        Fault::served("a firewall", answers(json!({"status": 403, "error": firewall})), None),
    ];
    assert_eq!(faults.len(), 12);
    let bench = Bench::start().await;
    let mut said = String::new();
    for Fault { name, place, instead, control, step } in faults {
        bench.reset().await;
        if let Some((method, path, body)) = control {
            bench.control(method, path, body).await;
        }
        let run = bench.run(&["connect", "emea"], &bench.answers(place, instead)).await;
        let text = run.failed();
        match step {
            Some(step) => assert!(text.contains(&format!("step {step}")), "{name}: {text}"),
            None => assert!(!text.contains("step"), "{name}: {text}"),
        }
        assert!(text.contains("To do: ") && text.contains("Request: "), "{name}: {text}");
        assert!(!text.to_lowercase().contains("visitor"), "{name}: {text}");
        assert!(!format!("{run:?}").contains(dataverse_emulator::CLIENT_SECRET), "{name}");
        let lines = text.lines().filter(|line| !line.starts_with("Request: "));
        said.push_str(&format!("# {name}\n{}\n\n", lines.collect::<Vec<_>>().join("\n")));
    }
    insta::assert_snapshot!("twelve_faults", said);
    bench.reset().await;
    assert!(bench.run(&["test", "emea"], "").await.failed().contains("connection_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_replaces_the_old_one_and_nothing_else() {
    let bench = Bench::start().await;
    // Microsoft Graph does not say when a secret ends.
    bench.control("PUT", "graph", json!({"permissions": []})).await;
    let connected = bench.run(&["connect", "emea"], &bench.answers(9, "")).await;
    assert!(connected.well().contains("ends on 2099-11-30"), "{connected:?}");
    bench.control("PUT", "client-secret", json!({"state": "rotated"})).await;
    let wrong = bench.run(&["rotate", "emea"], "wrong\n\n").await;
    assert!(wrong.failed().contains("step 3"), "{wrong:?}");
    let run = bench.run(&["rotate", "emea"], "rotated-emulator-secret\n2098-01-31\n").await;
    let out = run.well();
    assert!(out.contains("emea, Production: healthy") && out.contains("2098-01-31"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_and_the_name_are_changed_without_the_secret() {
    let bench = Bench::start().await;
    bench.control("PUT", "graph", json!({"permissions": []})).await;
    bench.run(&["connect", "emea"], &bench.answers(9, "")).await.well();
    let changed = ["change", "emea", "--label", "Europe", "--secret-expires-on", "2099-01-31"];
    let run = bench.run(&changed, "").await;
    let out = run.well();
    assert!(out.contains("emea, Europe: healthy") && out.contains("2099-01-31"), "{out}");
    // Of a connection that there is, an empty answer leaves what is stored.
    let run = bench.run(&["connect", "emea"], "\n\n\n\n\nAgain\n").await;
    let out = run.well();
    assert!(out.contains("emea, Again: healthy") && out.contains("2099-01-31"), "{out}");
    let run = bench.run(&["rotate", "nope"], "secret\n\n").await;
    assert!(run.failed().contains("there is no such connection yet"), "{run:?}");
}
