//! Dataverse, Entra ID and a little of Microsoft Graph, in memory and strict.

pub mod api;
pub mod metadata;
pub mod privileges;
pub mod sample;
pub mod store;
pub mod value;
mod write;
