//! `key`: from the first one on.

use secrecy::ExposeSecret as _;
use serde_json::json;
use toolkit::{ApiKeys, Serves, sha256_hex};

use crate::harness::Bench;

fn key(text: &str) -> &str {
    let key = text.trim();
    assert!(key.starts_with("d365t_") && key.lines().count() == 1, "{text}");
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_key_to_that_of_the_platform() {
    let bench = Bench::start().await;
    // The local stack's names have no stack in them.
    let first =
        bench.run_with(&[], &["key", "first", "--prefix", "dynamics365", "--keep"], "").await;
    let admin = key(first.well()).to_owned();
    assert!(first.err.contains("dynamics365/api-keys") && !first.err.contains(&admin), "{first:?}");

    // It is kept for the address, so that it is not asked for.
    let make = [
        "key",
        "make",
        "--client",
        "chat platform",
        "--connection",
        "default",
        "--scope",
        "read",
        "--scope",
        "write",
        "--for",
        "visitors",
        "--template",
        "customer-service",
    ];
    let made = bench.run_with(&[], &make, "").await;
    let platform = key(made.well()).to_owned();
    let listed = bench.run_with(&[], &["key", "list"], "").await;
    let line =
        listed.well().lines().find(|line| line.contains("chat platform")).unwrap().to_owned();
    for says in ["visitors", "read,write", "customer-service", "administrator"] {
        assert!(line.contains(says), "{line}");
    }
    assert!(!listed.out.contains(&platform));
    let id = line.split_whitespace().next().unwrap();

    let with_platform = [("D365TOOLS_KEY", platform.as_str())];
    let refused = bench.run_with(&with_platform, &["key", "list"], "").await;
    let refused = refused.failed();
    assert!(refused.contains("is for visitors"), "{refused}");
    let change = ["key", "change", id, "--for", "staff"];
    bench.run_with(&[], &change, "").await.well();
    let refused = bench.run_with(&with_platform, &["key", "list"], "").await;
    let refused = refused.failed();
    assert!(refused.contains("scope admin") && refused.contains("read, write"), "{refused}");
    let change = ["key", "change", id, "--for", "visitors"];
    bench.run_with(&[], &change, "").await.well();
    let change = ["key", "change", id, "--scope", "read", "--scope", "admin"];
    let refused = bench.run_with(&[], &change, "").await;
    assert!(refused.failed().contains("a key for visitors cannot have the scope admin"));
    let change = ["key", "change", id, "--scope", "admin", "--for", "staff", "--all-tools"];
    let changed = bench.run_with(&[], &change, "").await;
    assert!(changed.well().contains("allows admin on default now, for staff, with all tools"));
    bench.run_with(&with_platform, &["key", "list"], "").await.well();

    // What a key for visitors can have besides.
    let change = [
        "key",
        "change",
        id,
        "--scope",
        "read",
        "--for",
        "visitors",
        "--tool",
        "dynamics365_get_contact",
        "--vouches",
        "true",
        "--confirm",
        "consequences",
        "--message-is-enough",
        "true",
        "--conversation-in-header",
        "true",
    ];
    bench.run_with(&[], &change, "").await.well();
    let keys = bench.api("/v1/keys?limit=50", &admin).await;
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["id"] == id).unwrap();
    assert_eq!(key["tools"], json!(["dynamics365_get_contact"]));
    assert_eq!((&key["vouches"], &key["message_is_enough"]), (&json!(true), &json!(true)));
    assert_eq!((&key["confirm"], &key["conversation"]), (&json!("consequences"), &json!("header")));

    bench.run_with(&[], &["key", "revoke", id], "").await.well();
    let gone = bench.run_with(&with_platform, &["key", "list"], "").await;
    assert!(gone.failed().contains("not accepted"), "{gone:?}");
    assert!(bench.run_with(&[], &["key", "revoke", id], "").await.failed().contains("no API key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_kept_for_its_address_and_its_owner_alone() {
    let bench = Bench::start().await;
    let asked = bench.run_with(&[], &["connections"], "\n").await;
    assert!(asked.failed().contains("key is empty"), "{asked:?}");
    bench.run_with(&[], &["key", "keep"], stack::API_KEY).await.well();
    bench.run_with(&[], &["connections"], "").await.well();
    let folder = bench.home.path().join(".config/d365tools");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), stack::API_KEY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_is_not_overwritten() {
    let bench = Bench::start().await;
    bench.stack.secrets().store("dynamics365/other/api-keys", "a password").await.unwrap();
    let run = bench.run_with(&[], &["key", "first", "--stack", "other"], "").await;
    assert!(run.failed().contains("dynamics365/other/api-keys"), "{run:?}");
    assert!(!format!("{run:?}").contains("a password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn older_keys_are_told_whom_they_serve() {
    let bench = Bench::start().await;
    let secrets = bench.stack.secrets();
    let name = secrets.names().api_keys();
    let entry = |client: &str, scopes: &[&str]| {
        json!({
            "client": client, "sha256": sha256_hex(client), "connections": ["*"], "scopes": scopes,
        })
    };
    let keys = [entry("bot", &["read"]), entry("boss", &["admin"])];
    secrets.store(&name, json!({ "keys": keys }).to_string()).await.unwrap();
    let upgrade = ["key", "upgrade", "--prefix", "dynamics365", "--for", "visitors"];
    let run = bench.run_with(&[], &upgrade, "").await;
    assert!(run.well().contains("bot: for visitors\nboss: for staff\n"), "{run:?}");
    let text = secrets.text(&name).await.unwrap();
    let keys = ApiKeys::parse(text.expose_secret()).unwrap();
    assert_eq!(keys.left_out(), []);
    assert_eq!(keys.caller("bot").unwrap().serves, Serves::Visitors);
    assert_eq!(keys.caller("boss").unwrap().serves, Serves::Staff);
    let elsewhere = ["key", "upgrade", "--stack", "other", "--for", "visitors"];
    let run = bench.run_with(&[], &elsewhere, "").await;
    assert!(run.failed().contains("no keys in the secret dynamics365/other/api-keys"), "{run:?}");
    let nobody = [&upgrade[..], &["--client", "nobody"]].concat();
    let run = bench.run_with(&[], &nobody, "").await;
    assert!(run.failed().contains("that of the client \"nobody\""), "{run:?}");
    let again = bench.run_with(&[], &upgrade, "").await;
    assert!(again.well().contains("Every key says whom it serves."));
}
