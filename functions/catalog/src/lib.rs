//! What there is for those who build bots: the tools in the dialect of each AI vendor, starter
//! templates, and the API as an OpenAPI document.
//!
//! All of it is made from the tools' own definitions, and changes with a new version alone.

mod annotations;
mod answer;
mod format;
mod openapi;
mod route;
mod schema;
mod template;
mod tools;

pub use annotations::Annotations;
pub use answer::answer_schema;
pub use format::Format;
pub use template::{Company, Template};
pub use tools::Selection;

use toolkit::{
    Call, Caller, Definition, Definitions, ErrorCode, Gather, Handler, Incoming, Reply, Scope,
    ToolError,
};

use crate::route::Route;

/// Every tool of every function.
pub fn all_tools<G: Gather>() -> G {
    contact::group::<G>()
        .and(account::group())
        .and(lead::group())
        .and(opportunity::group())
        .and(case::group())
        .and(activity::group())
        .and(engagement::group())
}

/// What the world may know of every tool, for those who call none.
pub fn definitions() -> Vec<Definition> {
    all_tools::<Definitions>().into()
}

/// Tells what there is.
pub struct Catalog {
    tools: Vec<Definition>,
}

impl Catalog {
    /// Of all tools.
    pub fn new() -> Catalog {
        Catalog { tools: definitions() }
    }
}

impl Default for Catalog {
    fn default() -> Catalog {
        Catalog::new()
    }
}

impl Handler for Catalog {
    async fn handle(
        &self,
        request: Incoming,
        caller: Caller,
        call: &mut Call,
    ) -> Result<Reply, ToolError> {
        let route = Route::of(&request)?;
        call.tool = Some(route.name().to_owned());
        caller.authorize_scope(Scope::Read)?;
        let body = match route {
            Route::Tools => tools::list(&self.tools, &request)?,
            Route::Templates => template::list(&self.tools, &request)?,
            Route::Template(id) => template::show(&self.tools, id, &request)?,
            Route::OpenApi => openapi::show(&self.tools, &request)?,
        };
        Ok(Reply::kept(&request, body))
    }
}

/// A value that is none of those that there are.
fn none_of(name: &str, values: impl IntoIterator<Item = &'static str>) -> ToolError {
    let values: Vec<_> = values.into_iter().collect();
    ToolError::new(
        ErrorCode::InvalidArguments,
        format!("{name}: must be one of {}", values.join(", ")),
    )
    .next_step("Correct the parameter and call again.")
}
