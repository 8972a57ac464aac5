//! Which request is which.

use auth::ConnectionId;
use toolkit::{ErrorCode, Incoming, Scope, ToolError};

/// What precedes a connection's id in the path.
const PREFIX: &str = "/v1/connections";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    List,
    SetUp(ConnectionId),
    Look(ConnectionId),
    Test(ConnectionId),
    Remove(ConnectionId),
    SidebarFields(ConnectionId),
    ChooseSidebarFields(ConnectionId),
    AvailableFields(ConnectionId),
    Sidebar(ConnectionId),
    Activity(ConnectionId),
}

impl Route {
    pub(crate) fn of(request: &Incoming) -> Result<Route, ToolError> {
        let (_, below) = request.path.split_once(PREFIX).ok_or_else(unknown)?;
        let mut segments = below.split('/').filter(|segment| !segment.is_empty());
        let Some(id) = segments.next() else {
            return match request.method.as_str() {
                "GET" => Ok(Route::List),
                _ => Err(ToolError::method_not_allowed("GET")),
            };
        };
        let id: ConnectionId = id.parse().map_err(|error| {
            ToolError::new(ErrorCode::InvalidArguments, format!("the path is wrong: {error}"))
        })?;
        let rest: Vec<&str> = segments.collect();
        Ok(match (request.method.as_str(), rest.as_slice()) {
            ("PUT", []) => Route::SetUp(id),
            ("GET", []) => Route::Look(id),
            ("DELETE", []) => Route::Remove(id),
            ("POST", ["test"]) => Route::Test(id),
            ("GET", ["sidebar-fields"]) => Route::SidebarFields(id),
            ("PUT", ["sidebar-fields"]) => Route::ChooseSidebarFields(id),
            ("GET", ["sidebar-fields", "available"]) => Route::AvailableFields(id),
            ("GET", ["sidebar"]) => Route::Sidebar(id),
            ("GET", ["activity"]) => Route::Activity(id),
            (_, rest) => {
                let methods = methods(rest).ok_or_else(unknown)?;
                return Err(ToolError::method_not_allowed(methods));
            }
        })
    }

    /// What the log calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Route::List => "list_connections",
            Route::SetUp(_) => "set_up_connection",
            Route::Look(_) => "get_connection",
            Route::Test(_) => "test_connection",
            Route::Remove(_) => "remove_connection",
            Route::SidebarFields(_) => "get_sidebar_fields",
            Route::ChooseSidebarFields(_) => "set_sidebar_fields",
            Route::AvailableFields(_) => "get_available_fields",
            Route::Sidebar(_) => "get_sidebar",
            Route::Activity(_) => "get_activity",
        }
    }

    /// The right that it takes. The sidebar is read by the agents' desktop.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Route::Sidebar(_) | Route::SidebarFields(_) => Scope::Read,
            _ => Scope::Admin,
        }
    }

    /// Whether it changes anything.
    pub(crate) fn writes(&self) -> bool {
        matches!(self, Route::SetUp(_) | Route::Remove(_) | Route::ChooseSidebarFields(_))
    }

    /// The connection that it is about.
    pub(crate) fn connection(&self) -> Option<&ConnectionId> {
        match self {
            Route::List => None,
            Route::SetUp(id)
            | Route::Look(id)
            | Route::Test(id)
            | Route::Remove(id)
            | Route::SidebarFields(id)
            | Route::ChooseSidebarFields(id)
            | Route::AvailableFields(id)
            | Route::Sidebar(id)
            | Route::Activity(id) => Some(id),
        }
    }
}

/// What the paths below a connection take.
fn methods(rest: &[&str]) -> Option<&'static str> {
    match rest {
        [] => Some("GET, PUT, DELETE"),
        ["test"] => Some("POST"),
        ["sidebar-fields"] => Some("GET, PUT"),
        ["sidebar-fields", "available"] | ["sidebar"] | ["activity"] => Some("GET"),
        _ => None,
    }
}

fn unknown() -> ToolError {
    ToolError::new(ErrorCode::NotFound, "there is nothing at that path").next_step(
        "Call GET /v1/connections; PUT, GET or DELETE /v1/connections/{id}; or below that POST \
         /test, GET or PUT /sidebar-fields, GET /sidebar-fields/available, /sidebar or /activity.",
    )
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn route(method: &str, path: &str) -> Option<String> {
        let request = Incoming {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: String::new(),
            headers: http::HeaderMap::new(),
            body: Default::default(),
            caller: None,
            request_id: String::new(),
            deadline: Instant::now(),
        };
        Route::of(&request).ok().map(|route| route.name().to_owned())
    }

    #[test]
    fn each_path_has_its_methods() {
        for (method, path, expected) in [
            ("GET", "/v1/connections", Some("list_connections")),
            ("GET", "/v1/connections/", Some("list_connections")),
            ("PUT", "/v1/connections/emea", Some("set_up_connection")),
            ("DELETE", "/v1/connections/emea", Some("remove_connection")),
            ("POST", "/v1/connections/emea/test", Some("test_connection")),
            ("GET", "/v1/connections/emea/sidebar-fields/available", Some("get_available_fields")),
            ("POST", "/v1/connections", None),
            ("GET", "/v1/connections/EMEA", None),
            ("GET", "/v1/connections/emea/test", None),
            ("GET", "/v1/connections/emea/activity/more", None),
        ] {
            assert_eq!(route(method, path).as_deref(), expected, "{method} {path}");
        }
    }
}
