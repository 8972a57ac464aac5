//! Answers GET requests. A URL is split and parsed into trees, and its names are looked up in the
//! metadata. The result is tested on rows, or an index answers it. Then the rows are written as
//! JSON.

pub(crate) mod bind;
mod comparable;
mod condition;
mod conditional;
pub(crate) mod definitions;
mod evaluate;
pub(crate) mod fetch;
mod filter;
mod format;
mod lexer;
mod like;
pub(crate) mod metadata_document;
pub(crate) mod options;
mod paging;
mod parser;
mod plan;
pub(crate) mod reader;
pub(crate) mod render;
pub(crate) mod resource;
mod selection;
mod syntax;
mod syntax_error;
#[cfg(test)]
mod tests;
mod text;
