//! The commands, each in a file.

mod activity;
mod alert;
mod change;
mod connect;
mod connections;
mod doctor;
mod key;
mod rotate;
mod test;
mod view;

use std::process::ExitCode;

use crate::api::Api;
use crate::arguments::{Arguments, Command, KeyCommand};
use crate::error::CliError;

/// Carries a command out. The exit code is 1 where what was looked at is not well.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let service = &arguments.service;
    let open = || Api::open(service);
    let is_well = match arguments.command {
        Command::Key(KeyCommand::First(first)) => key::first(&first, service).await.map(|()| true),
        Command::Key(KeyCommand::Upgrade(upgrade)) => key::upgrade(&upgrade).await.map(|()| true),
        Command::Key(KeyCommand::Keep) => key::keep(service).map(|()| true),
        Command::Key(KeyCommand::Make(make)) => key::make(&open()?, &make).await.map(|()| true),
        Command::Key(KeyCommand::List) => key::list(&open()?).await.map(|()| true),
        Command::Key(KeyCommand::Change(change)) => {
            key::change(&open()?, &change).await.map(|()| true)
        }
        Command::Key(KeyCommand::Revoke(one)) => key::revoke(&open()?, one.id).await.map(|()| true),
        Command::Connect(connect) => connect::connect(&open()?, connect).await,
        Command::Connections => connections::list(&open()?).await.map(|()| true),
        Command::Test(connection) => test::test(&open()?, &connection.id).await,
        Command::Change(given) => change::change(&open()?, given).await,
        Command::Rotate(rotate) => rotate::rotate(&open()?, rotate).await,
        Command::Activity(activity) => activity::activity(&open()?, &activity).await.map(|()| true),
        Command::Alert(alert) => alert::alert(&alert).await.map(|()| true),
        Command::Doctor => doctor::doctor(&open()?).await,
    }?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A part of a path or a query, encoded.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
