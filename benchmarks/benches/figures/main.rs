//! Measures what the bundle adds to what Dataverse itself takes.
//!
//! Everything runs on loopback against the local stack. Ratios and counts mean the same on any
//! machine. Times, and what is calculated from them, depend on the machine.
//!
//! `cargo bench` prints one table, writes `target/benchmarks.json`, and fails if a figure misses its
//! goal. `cargo bench -- --quick` is a short form with generous goals for ratios and counts, and none
//! for times.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is for who started it")]

mod bench;
mod growth;
mod lambda;
mod load;
mod overhead;
mod process;
mod recorder;
mod report;
mod sample;
mod text;
mod trips;
mod visitors;

use std::fs::File;
use std::process::ExitCode;
use std::time::Instant;

use crate::bench::Bench;
use crate::report::{Limit, Report};

/// How thorough the run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Full,
    Quick,
}

impl Form {
    /// Absolute times are only judged if nothing else runs on the machine.
    fn at_leisure(self, limit: Limit) -> Option<Limit> {
        (self == Form::Full).then_some(limit)
    }

    fn choose<T>(self, full: T, quick: T) -> T {
        match self {
            Form::Full => full,
            Form::Quick => quick,
        }
    }
}

fn main() -> ExitCode {
    let mut form = Form::Full;
    let mut only = Vec::new();
    // Cargo adds `--bench`.
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        match argument.as_str() {
            "--quick" => form = Form::Quick,
            name if PARTS.contains(&name) => only.push(name.to_owned()),
            _ => {
                eprintln!("usage: cargo bench -- [--quick] [{}]", PARTS.join("] ["));
                return ExitCode::from(2);
            }
        }
    }

    // The log lines are part of a function's work, but nobody needs to read them here.
    let output = rustix::io::fcntl_dupfd_cloexec(std::io::stdout(), 3).unwrap();
    let nowhere = File::options().write(true).open("/dev/null").unwrap();
    rustix::stdio::dup2_stdout(&nowhere).unwrap();
    toolkit::logging::initialize_as_in_lambda();

    let mut report = Report::default();
    let (bench, client) = Bench::start();
    // The sizes need a build of everything for another processor.
    let is_wanted = |part: &&str| match only.as_slice() {
        [] => form == Form::Full || *part != "size",
        only => only.iter().any(|name| name == part),
    };
    let parts: Vec<&str> = PARTS.into_iter().filter(is_wanted).collect();
    for part in &parts {
        let started = Instant::now();
        match *part {
            "overhead" => overhead::measure(&bench, &client, form, &mut report),
            "visitors" => visitors::measure(form, &mut report),
            "lambda" => lambda::measure(&bench, &client, form, &mut report),
            "size" => lambda::size(&mut report),
            "trips" => trips::measure(&bench, &client, &mut report),
            "load" => load::measure(&bench, &client, form, &mut report),
            "growth" => growth::measure(&bench, &client, form, &mut report),
            "text" => text::measure(form, &mut report),
            _ => load::throttled(&bench, &client, form, &mut report),
        }
        eprintln!("{part}: {:.1} s", started.elapsed().as_secs_f64());
    }

    rustix::stdio::dup2_stdout(&output).unwrap();
    println!("{}", report.table());
    let program = std::env::current_exe().unwrap();
    let file = program.ancestors().nth(3).unwrap().join("benchmarks.json");
    report.write(&file, form, &parts).unwrap();
    println!("The same as JSON: {}", file.display());
    match report.missed() {
        0 => ExitCode::SUCCESS,
        missed => {
            println!("{missed} figures miss their goals.");
            ExitCode::FAILURE
        }
    }
}

/// The parts, in the order in which they run.
const PARTS: [&str; 9] =
    ["overhead", "visitors", "lambda", "size", "trips", "load", "growth", "text", "throttled"];
