use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use super::*;

fn project() -> Project {
    Project::at(Path::new(ROOT))
}

#[test]
fn template_router_and_sample_events_are_as_declared() {
    let changes = project().changes().unwrap();
    let files: Vec<_> = changes.iter().map(project::Change::file).collect();
    assert!(
        files.is_empty(),
        "\n\nThese files are not as the operations, functions and partitions are declared:\n  {}\n\
         Run `cargo run -p template`, look at what it wrote, and commit it.\n",
        files.join("\n  ")
    );
}

#[test]
fn every_function_is_known() {
    let folders = fs::read_dir(Path::new(ROOT).join("functions")).unwrap();
    let folders = folders.map(|folder| folder.unwrap().path());
    let built: BTreeSet<String> = folders
        .filter(|folder| folder.join("src/main.rs").exists())
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let known: BTreeSet<String> = project().functions().into_iter().map(str::to_owned).collect();
    assert_eq!(
        built, known,
        "a group of tools is added to `all` in functions/tools, another function to OTHERS"
    );
}

#[test]
fn a_person_writes_at_most_500_lines_of_the_template() {
    let template = fs::read_to_string(Path::new(ROOT).join("template.yaml")).unwrap();
    let lines = parts::written_by_hand(&template);
    assert!(lines <= 500, "{lines} lines of template.yaml are written by hand");
}

#[test]
fn the_guide_has_every_step_that_errors_and_alerts_link_to() {
    for step in auth::Step::ALL {
        let guide = step.guide();
        let (page, anchor) = guide.split_once('#').unwrap();
        let page = fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
        let heading = format!("## Step {}: {}", step.number(), step.name());
        assert!(page.lines().any(|line| line == heading), "{heading}");
        assert!(page.contains(&format!("](#{anchor})")), "{anchor}");
    }
    assert!(
        fs::read_to_string(Path::new(ROOT).join("docs/setting-up.md"))
            .unwrap()
            .contains("\n## Connect\n")
    );
}

#[test]
fn the_changelog_begins_with_this_version() {
    let changelog = fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).unwrap();
    let mut versions = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    let latest = versions.find(|version| *version != "Unreleased").unwrap();
    let (version, day) = latest.split_once(" (").unwrap();
    assert_eq!(
        version,
        env!("CARGO_PKG_VERSION"),
        "bump the version in Cargo.toml, or add a section"
    );
    assert!(day.len() == "2026-11-30)".len(), "{latest}");
}

/// What is longer does more than one thing. Tests do not count.
#[test]
fn no_file_has_more_than_500_lines() {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().and_then(OsStr::to_str) {
                Some("target" | "tests" | "tests.rs" | "node_modules") => {}
                _ if path.is_dir() => files(&path, found),
                Some(name) if name.ends_with(".rs") => found.push(path),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["functions", "shared", "local"] {
        files(&Path::new(ROOT).join(folder), &mut found);
    }
    assert!(found.len() > 200, "{}", found.len());
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
}
