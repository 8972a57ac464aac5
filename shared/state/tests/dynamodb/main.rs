//! What the table remembers, through the AWS SDK. The tests run against a stand-in in this process,
//! or against the DynamoDB at `STATE_TEST_ENDPOINT`, each in a table of its own. Tests that need a
//! misbehaving DynamoDB always run against the stand-in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod activity;
mod alerts;
mod connections;
mod creates;
mod harness;
mod health;
mod keys;
mod trouble;
mod visits;
