//! The tools over HTTP, against the emulated Dynamics 365.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod activities;
mod at_once;
mod broken_connections;
mod budgets;
mod cases;
mod catalog;
mod codes_ended;
mod codes_guessed;
mod confirmations;
mod connections;
mod contacts;
mod contract;
mod conversations;
mod engagement;
mod exactly_once;
mod examples;
mod handed_over;
mod harness;
mod health;
mod hosts;
mod keys;
mod leads;

mod limits;
mod many;
mod mcp;
mod merged;
mod nasty_text;
mod non_interference;
mod odd_answers;
mod operations;
mod opportunities;
mod said;
mod schemas;
mod sidebar;
mod tables;
mod timeline;
mod tokens;
mod tokens_refused;
mod visitors;
mod visitors_known;
mod without_table;
