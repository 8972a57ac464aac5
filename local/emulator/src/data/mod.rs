//! The tables of the organization (columns, options and relationships), and the values of rows. The
//! facts are in the files of `data/`, which are read once per process.

mod column;
mod facts;
mod ids;
mod link;
mod metadata;
mod not_emulated;
pub(crate) mod sample;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod value;
pub(crate) mod well_known;

pub(crate) use column::{Column, ColumnKind, RequiredLevel};
pub(crate) use ids::{ColumnId, TableId};
pub(crate) use metadata::Metadata;
pub(crate) use not_emulated::is_not_emulated;
pub(crate) use table::{
    App, CollectionNavigation, Ownership, Relationship, SingleNavigation, Table,
};
pub(crate) use value::{Reference, Value};
