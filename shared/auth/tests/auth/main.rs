//! Connections and tokens, against stand-ins for Secrets Manager and Entra ID.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod brake;
mod opening;
mod tokens;
mod world;
