//! `cargo run -p template`: writes the declared operations, functions and partitions into
//! `template.yaml`, the router in `Cargo.toml`, the sample events in `events/`, the tables in
//! `docs/setting-up.md` and `docs/security.md`, and the table of tools in the toolkit.
//!
//! In all but the sample events, it only writes between special comments and does not change the rest.
//! The result is checked in. A test fails if it is out of date.

mod alarms;
mod causes;
mod functions;
mod matrix;
mod parts;
mod permissions;
mod privileges;
mod project;
mod queries;
mod router;
mod samples;
mod tools;

use std::path::Path;
use std::process::ExitCode;

use project::{Change, Project, ProjectError};

/// The workspace in which this program was built.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[expect(clippy::print_stdout, reason = "the person who started it reads this")]
#[expect(clippy::print_stderr, reason = "the person who started it reads this")]
fn main() -> ExitCode {
    match write() {
        Ok(changes) if changes.is_empty() => println!("everything is up to date"),
        Ok(changes) => changes.iter().for_each(|change| println!("{change}")),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn write() -> Result<Vec<Change>, ProjectError> {
    let changes = Project::at(Path::new(ROOT)).changes()?;
    for change in &changes {
        change.make()?;
    }
    Ok(changes)
}

#[cfg(test)]
mod tests;
