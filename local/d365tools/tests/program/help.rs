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
}
