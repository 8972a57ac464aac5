//! Tests that the emulator behaves as Dataverse, Entra ID and Graph do, according to documentation
//! or recordings.
//!
//! There is one binary, with one module per subject. Every test starts its own emulator.

#![expect(clippy::unwrap_used, reason = "what a helper cannot unwrap fails its test")]

mod activities;
mod authentication;
mod batch;
mod control;
mod create;
mod duplicates;
mod fetch_xml;
mod filters;
mod graph;
mod harness;
mod limits;
mod metadata;
mod privileges;
mod reads;
mod sales;
mod states;
mod token;
mod update;
