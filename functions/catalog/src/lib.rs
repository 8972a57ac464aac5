//! What there is for those who build bots: the tools in the dialect of each AI vendor, starter
//! templates, and the API as an OpenAPI document.
//!
//! All of it is made from the operations' own declarations, and changes with a new version alone.

mod annotations;
mod answer;
mod format;
mod openapi;
mod schema;
mod selection;
mod template;
mod templates;
mod tools_list;

pub use annotations::Annotations;
pub use answer::answer_schema;
pub use format::Format;
pub use selection::Selection;
pub use template::{Company, Template};

use toolkit::{Collect, Declaration, Definition, Home};

/// Tells what there is.
pub struct Catalog {
    tools: Vec<Definition>,
}

/// What there is to read.
pub fn operations<C: Collect<Catalog>>(operations: C) -> C {
    const GROUP: &str = "catalog";
    operations
        .with::<tools_list::ListTools>(GROUP)
        .with::<templates::ListTemplates>(GROUP)
        .with::<templates::GetTemplate>(GROUP)
        .with::<openapi::GetOpenApi>(GROUP)
}

/// Every operation that the OpenAPI document describes.
pub fn declarations() -> Vec<Declaration> {
    connection::operations(operations(tools::declarations()))
}

impl Catalog {
    /// Of all tools.
    pub fn new() -> Catalog {
        Catalog { tools: tools::definitions() }
    }
}

impl Default for Catalog {
    fn default() -> Catalog {
        Catalog::new()
    }
}

impl Home for Catalog {}
