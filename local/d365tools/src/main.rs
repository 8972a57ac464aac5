//! `d365tools`: what the people who run the tools do with them, from their own machine.
//!
//! It speaks the API of a deployment, except for two things that the API cannot do: the first API
//! key is written to AWS Secrets Manager, and a test alert is sent by the health function in AWS
//! Lambda.
//!
//! A secret never stands on a command line, where the shell's history and other users of the machine
//! would see it. It is asked for without echo, or read from standard input.

mod api;
mod arguments;
mod ask;
mod commands;
mod error;
mod kept_keys;
mod print;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;
use print::eprint;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match commands::run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprint(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
