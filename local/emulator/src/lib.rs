//! Dataverse, Entra ID and a little of Microsoft Graph, in memory and strict.

pub mod api;
pub mod apps;
pub mod metadata;
pub mod odata;
pub mod organization;
mod preferences;
pub mod privileges;
mod read;
mod render;
pub mod store;
pub mod value;
