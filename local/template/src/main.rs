//! `cargo run -p template`: writes what the declared operations, functions and partitions say into
//! `template.yaml`, the router in `Cargo.toml`, and the sample events in `events/`.
//!
//! In the first two it writes between comments and leaves the rest alone. The result is checked in;
//! a test says when it is out of date.

mod alarms;
mod functions;
mod parts;
mod permissions;
mod project;
mod router;
mod samples;

use std::path::Path;
use std::process::ExitCode;

use project::{Change, Project, ProjectError};

/// The workspace that this program was built in.
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
