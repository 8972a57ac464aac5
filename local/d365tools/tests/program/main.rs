//! The program, as people use it, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod connect;
mod doctor;
mod harness;
mod help;
mod keys;
mod walk;
