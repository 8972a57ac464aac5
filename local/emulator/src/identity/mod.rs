//! Access control: Entra ID and its tokens, the app registration, the few calls of Graph that
//! manage it, and the check of tokens for the Web API.

pub(crate) mod application;
pub(crate) mod authentication;
pub(crate) mod certificate;
pub(crate) mod entra;
pub(crate) mod graph;
mod instance;

pub(crate) use instance::Instance;
