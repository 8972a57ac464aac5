//! The tools that share a Lambda.

use futures::future::{BoxFuture, FutureExt as _};
use serde::Serialize;
use serde_json::Value;

use crate::{Access, Context, ErrorCode, Tool, ToolError, json, schema, strict_schema};

/// What the world may know of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    /// The name, `dynamics365_…`.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// For the model.
    pub description: &'static str,
    /// The group that it belongs to.
    #[serde(skip)]
    pub group: &'static str,
    /// Whether it changes anything.
    #[serde(skip)]
    pub access: Access,
    /// The privileges that the application user needs for it.
    #[serde(skip)]
    pub privileges: &'static [&'static str],
    /// The schema of its arguments, for strict modes.
    pub input_schema: Value,
    /// The schema of its result.
    pub output_schema: Value,
}

/// The answer, as JSON without nulls.
type Called<'a> = BoxFuture<'a, Result<Vec<u8>, ToolError>>;

/// A call whose arguments are good.
pub(crate) type Prepared = Box<dyn for<'a> FnOnce(&'a Context) -> Called<'a> + Send>;

/// A tool behind one type.
struct Entry {
    name: &'static str,
    access: Access,
    group: &'static str,
    define: fn(&'static str) -> Definition,
    prepare: fn(Value) -> Result<Prepared, ToolError>,
}

/// The tools that share a Lambda.
pub struct Group {
    name: &'static str,
    entries: Vec<Entry>,
}

/// What tools are gathered into: a [`Group`], which calls them, or their [`Definitions`] alone.
///
/// A function that only tells of tools need not carry what they do: where nothing gathers them into
/// a group, their calls are not linked.
pub trait Gather: Sized {
    /// Nothing yet, for the tools of the group with this name.
    fn new(name: &'static str) -> Self;

    /// Adds a tool.
    #[must_use]
    fn tool<T: Tool>(self) -> Self;

    /// Adds the tools of another group.
    #[must_use]
    fn and(self, other: Self) -> Self;
}

impl Gather for Group {
    fn new(name: &'static str) -> Group {
        Group { name, entries: Vec::new() }
    }

    fn tool<T: Tool>(mut self) -> Group {
        self.entries.push(Entry {
            name: T::NAME,
            access: T::ACCESS,
            group: self.name,
            define: define::<T>,
            prepare: prepare::<T>,
        });
        self
    }

    fn and(mut self, other: Group) -> Group {
        self.entries.extend(other.entries);
        self
    }
}

/// The definitions of tools.
pub struct Definitions {
    group: &'static str,
    definitions: Vec<Definition>,
}

impl Gather for Definitions {
    fn new(group: &'static str) -> Definitions {
        Definitions { group, definitions: Vec::new() }
    }

    fn tool<T: Tool>(mut self) -> Definitions {
        self.definitions.push(define::<T>(self.group));
        self
    }

    fn and(mut self, other: Definitions) -> Definitions {
        self.definitions.extend(other.definitions);
        self
    }
}

impl From<Definitions> for Vec<Definition> {
    fn from(definitions: Definitions) -> Vec<Definition> {
        definitions.definitions
    }
}

impl Group {
    /// The group's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the world may know of the tools.
    pub fn definitions(&self) -> Vec<Definition> {
        self.entries.iter().map(|entry| (entry.define)(entry.group)).collect()
    }

    /// The tools' names.
    pub fn tool_names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.name)
    }

    pub(crate) fn access(&self, tool: &str) -> Result<Access, ToolError> {
        self.find(tool).map(|entry| entry.access)
    }

    /// Reads the arguments, and gives the call that waits to be made.
    pub(crate) fn prepare(
        &self,
        tool: &str,
        arguments: Value,
    ) -> Result<(&'static str, Prepared), ToolError> {
        let entry = self.find(tool)?;
        Ok((entry.name, (entry.prepare)(arguments)?))
    }

    fn find(&self, tool: &str) -> Result<&Entry, ToolError> {
        self.entries.iter().find(|entry| entry.name == tool).ok_or_else(|| {
            let names: Vec<_> = self.tool_names().collect();
            ToolError::new(ErrorCode::UnknownTool, "no tool of this group has that name")
                .next_step(format!("Call one of: {}.", names.join(", ")))
        })
    }
}

fn define<T: Tool>(group: &'static str) -> Definition {
    Definition {
        name: T::NAME,
        title: T::TITLE,
        description: T::DESCRIPTION,
        group,
        access: T::ACCESS,
        privileges: T::PRIVILEGES,
        input_schema: strict_schema::<T::Arguments>(),
        output_schema: schema::result_schema::<T::Result>(),
    }
}

fn prepare<T: Tool>(arguments: Value) -> Result<Prepared, ToolError> {
    let arguments: T::Arguments =
        serde_path_to_error::deserialize(arguments).map_err(|error| invalid(&error))?;
    Ok(Box::new(move |context| {
        async move {
            let answer = T::call(context, arguments).await?;
            json::text(&answer).map_err(ToolError::internal)
        }
        .boxed()
    }))
}

/// What is wrong with the arguments, and where.
fn invalid(error: &serde_path_to_error::Error<serde_json::Error>) -> ToolError {
    // Both may hold what was given, however long that is.
    let path = beginning(error.path().to_string());
    let problem = beginning(error.inner().to_string()).replace('`', "");
    match path.as_str() {
        "." | "?" => ToolError::new(ErrorCode::InvalidArguments, problem)
            .next_step("Correct the arguments and call again."),
        // The path of an unknown field ends with its name, which the problem says anyway.
        path if problem.starts_with("unknown field") => {
            let outer = path.rsplit_once('.').map(|(outer, _)| format!("{outer}: "));
            ToolError::new(
                ErrorCode::InvalidArguments,
                format!("{}{problem}", outer.unwrap_or_default()),
            )
            .next_step("Leave that argument out and call again.")
        }
        path => ToolError::invalid(path, problem),
    }
}

/// As much of a text as tells which it is.
fn beginning(mut text: String) -> String {
    const MOST: usize = 500;
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
    text
}
