//! The tools over HTTP, against the emulated Dynamics 365.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broken_connections;
mod cases;
mod contacts;
mod contract;
mod engagement;
mod exactly_once;
mod harness;
mod limits;
mod nasty_text;
mod schemas;
