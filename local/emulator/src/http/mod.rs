//! The listeners, and the path of a request: to the control calls, to Entra ID, to Graph, or to the
//! Web API, either alone or in a `$batch`.

mod batch;
mod carrying_out;
pub(crate) mod hosts;
mod incoming;
mod multipart;
mod paths;
mod serve;
pub(crate) mod server;
mod web_api;
