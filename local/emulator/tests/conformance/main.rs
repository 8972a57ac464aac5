//! The emulator behaves as Dataverse, Entra ID and Graph are documented or recorded to behave.
//!
//! One binary, one module per subject. Every test starts an emulator of its own.

#![expect(clippy::unwrap_used, reason = "what a helper cannot unwrap fails its test")]

mod activities;
mod authentication;
mod batch;
mod control;
mod create;
mod duplicates;
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
