//! Who may come in: Entra ID with its tokens, the app registration, the few calls of Graph that keep
//! it, and how the Web API takes a token.

pub(crate) mod application;
pub(crate) mod authentication;
pub(crate) mod certificate;
pub(crate) mod entra;
pub(crate) mod graph;
mod instance;

pub(crate) use instance::Instance;
