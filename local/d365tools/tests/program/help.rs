//! What the program says of itself, and where nothing is asked of the service.

use crate::harness::run;

#[test]
fn every_command_explains_itself() {
    let home = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_key", &["key", "--help"]),
        ("help_key_first", &["key", "first", "--help"]),
        ("help_key_make", &["key", "make", "--help"]),
        ("help_key_change", &["key", "change", "--help"]),
        ("help_key_upgrade", &["key", "upgrade", "--help"]),
        ("help_key_list", &["key", "list", "--help"]),
        ("help_key_revoke", &["key", "revoke", "--help"]),
        ("help_key_keep", &["key", "keep", "--help"]),
        ("help_connections", &["connections", "--help"]),
        ("help_test", &["test", "--help"]),
        ("help_change", &["change", "--help"]),
        ("help_connect", &["connect", "--help"]),
        ("help_rotate", &["rotate", "--help"]),
        ("help_activity", &["activity", "--help"]),
        ("help_alert", &["alert", "--help"]),
        ("help_doctor", &["doctor", "--help"]),
    ] {
        let run = run(&home, arguments, &[("COLUMNS", "100")], "");
        insta::assert_snapshot!(name, run.well());
    }
}

#[test]
fn what_is_missing_is_said() {
    let home = tempfile::tempdir().unwrap();
    let none = run(&home, &["connections"], &[], "");
    insta::assert_snapshot!("no_url", none.failed());
    let nothing = [("D365TOOLS_URL", "http://127.0.0.1:9"), ("D365TOOLS_KEY", "k")];
    let unreachable = run(&home, &["connections"], &nothing, "");
    insta::assert_snapshot!("unreachable", unreachable.failed());
    let file = run(&home, &["connections", "--local", "--key-file", "/nowhere/key"], &[], "");
    insta::assert_snapshot!("no_key_file", file.failed());
    let home_of = |arguments: &[&str]| run(&home, arguments, &nothing, "");
    insta::assert_snapshot!("no_change", home_of(&["change", "emea"]).failed());
    for (name, arguments) in [
        ("no_id", &["test", "Not An Id"][..]),
        ("no_day", &["rotate", "--secret-expires-on", "30.11.2028"]),
        ("no_address", &["connections", "--url", "127.0.0.1:4100"]),
        ("no_key_id", &["key", "revoke", "nope"]),
    ] {
        let run = home_of(arguments);
        assert_eq!(run.code, Some(2), "{run:?}");
        insta::assert_snapshot!(name, run.err);
    }
}
