//! Dataverse, Entra ID and a little of Microsoft Graph, in memory and strict.

pub mod metadata;
pub mod store;
pub mod value;
