//! Which request is which.

use http::Method;
use toolkit::{ErrorCode, Incoming, ToolError};

use crate::Template;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Tools,
    Templates,
    Template(Template),
    OpenApi,
}

impl Route {
    pub(crate) fn of(request: &Incoming) -> Result<Route, ToolError> {
        let (_, below) = request.path.split_once("/v1/").ok_or_else(unknown)?;
        let segments: Vec<_> = below.split('/').filter(|segment| !segment.is_empty()).collect();
        let route = match segments.as_slice() {
            ["tools"] => Route::Tools,
            ["openapi.json"] => Route::OpenApi,
            ["templates"] => Route::Templates,
            ["templates", id] => Template::of(id).map(Route::Template).ok_or_else(no_template)?,
            _ => return Err(unknown()),
        };
        match request.method {
            Method::GET => Ok(route),
            _ => Err(ToolError::method_not_allowed("GET")),
        }
    }

    /// What the log calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Route::Tools => "list_tools",
            Route::Templates => "list_templates",
            Route::Template(_) => "get_template",
            Route::OpenApi => "get_openapi",
        }
    }
}

fn unknown() -> ToolError {
    ToolError::new(ErrorCode::NotFound, "there is nothing at that path")
        .next_step("Call GET /v1/tools, /v1/templates, /v1/templates/{id} or /v1/openapi.json.")
}

fn no_template() -> ToolError {
    let ids: Vec<_> = Template::ALL.map(Template::id).to_vec();
    ToolError::new(ErrorCode::NotFound, "there is no such template")
        .next_step(format!("Take one of {}.", ids.join(", ")))
}
