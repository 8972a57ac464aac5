//! The catalogue for those who build bots: the tools in the dialect of each AI vendor, starter
//! templates, the OpenAPI document, the version.
//!
//! All of it is made from the declarations of the operations, and only a new version changes it, except
//! for the day that a prompt may say.

mod annotations;
mod answer;
mod format;
mod names;
mod openapi;
mod schema;
mod selection;
mod template;
mod templates;
mod tools_list;
mod version;

pub use annotations::Annotations;
pub use answer::answer_schema;
pub use format::Format;
pub use selection::Selection;
pub use template::{Company, Starter, Zone};
pub use toolkit::Template;

use toolkit::{Collect, Declaration, Definition, Home};

/// What the operations of the catalogue work with: all tools.
pub struct Catalog {
    tools: Vec<Definition>,
}

/// The operations of this function.
pub fn operations<C: Collect<Catalog>>(operations: C) -> C {
    const GROUP: &str = "catalog";
    operations
        .with::<tools_list::ListTools>(GROUP)
        .with::<templates::ListTemplates>(GROUP)
        .with::<templates::GetTemplate>(GROUP)
        .with::<openapi::GetOpenApi>(GROUP)
        .with::<version::GetVersion>(GROUP)
}

/// Every operation that the OpenAPI document describes.
pub fn declarations() -> Vec<Declaration> {
    let mut all = tools::declarations();
    all.extend(tools::others());
    connection::operations(operations(all))
}

impl Catalog {
    /// The catalogue of all tools.
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
