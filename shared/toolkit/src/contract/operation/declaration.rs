//! The description of an operation, as data.

use std::borrow::Cow;

use crm::record::RecordType;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::operation::{About, Effect, Example, Input, Operation, Parameters, Section};
use crate::{ErrorCode, Scope, result_schema};

/// The description of an operation.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its name.
    pub id: &'static str,
    /// The function that serves it, which is also a tool's group.
    pub group: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What else there is to say about it, or an empty text.
    pub description: &'static str,
    /// The part of the API that it belongs to.
    pub section: Section,
    /// The HTTP method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: Cow<'static, str>,
    /// The scope that an API key needs for it.
    pub scope: Scope,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether callers may keep its answer for a while.
    pub is_kept: bool,
    /// Whether the header `X-Connection-Id` names the connection that it is about.
    pub takes_connection: bool,
    /// Whether the path names the connection.
    pub is_below_connection: bool,
    /// The statuses of success, and what they mean.
    pub answers: &'static [(StatusCode, &'static str)],
    /// How it may fail.
    pub problems: &'static [ErrorCode],
    /// A call that works on the local stack.
    pub example: Example,
    /// Its definition as a tool, if it is one.
    pub definition: Option<Definition>,
    /// The names of the parameters of the query.
    pub(crate) query: Vec<String>,
    parameters: fn() -> Value,
    body: fn() -> Option<Value>,
    answer: fn() -> Value,
}

/// The public definition of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    /// The name, `dynamics365_…`.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The description for the model.
    pub description: &'static str,
    /// The group that it belongs to.
    #[serde(skip)]
    pub group: &'static str,
    /// What it does to the world.
    #[serde(skip)]
    pub effect: Effect,
    /// Whether repeating the call changes nothing more.
    #[serde(skip)]
    pub is_idempotent: bool,
    /// Whether it reaches beyond the organization's CRM.
    #[serde(skip)]
    pub reaches_out: bool,
    /// The scope that an API key needs for it.
    #[serde(skip)]
    pub scope: Scope,
    /// The privileges that the application user needs for it.
    #[serde(skip)]
    pub privileges: &'static [&'static str],
    /// The privileges that it needs in addition for records of certain kinds.
    #[serde(skip)]
    pub per_kind: &'static [PerKind],
    /// The schema of its arguments, as strict modes want it.
    pub input_schema: Value,
    /// The schema of its result.
    pub output_schema: Value,
}

/// The privileges that a tool needs in addition if its record is of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerKind {
    /// The kind of record.
    pub kind: RecordType,
    /// The privileges.
    pub privileges: &'static [&'static str],
}

impl Definition {
    /// The privileges that it needs for all kinds of records together.
    pub fn all_privileges(&self) -> impl Iterator<Item = &'static str> {
        let per_kind = self.per_kind.iter().flat_map(|one| one.privileges);
        self.privileges.iter().chain(per_kind).copied()
    }
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be given.
    pub is_needed: bool,
    /// Its schema.
    pub schema: Value,
    /// What it is for.
    pub description: String,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
}

impl Declaration {
    /// The declaration of an operation.
    pub fn of<O: Operation>(group: &'static str) -> Declaration {
        let mut declaration = Declaration {
            id: O::ID,
            group,
            title: O::TITLE,
            description: O::DESCRIPTION,
            section: O::SECTION,
            method: O::METHOD,
            path: O::path(),
            scope: O::SCOPE,
            effect: O::EFFECT,
            is_kept: O::IS_KEPT,
            takes_connection: O::About::IS_IN_HEADER,
            is_below_connection: O::About::IS_IN_PATH,
            answers: O::ANSWERS,
            problems: O::PROBLEMS,
            example: O::EXAMPLE,
            definition: O::definition(group),
            query: Vec::new(),
            parameters: O::Parameters::schema,
            body: O::Body::schema,
            answer: result_schema::<O::Answer>,
        };
        let parameters = declaration.parameters().into_iter();
        let query = parameters.filter(|parameter| parameter.place == Place::Query);
        declaration.query = query.map(|parameter| parameter.name).collect();
        declaration
    }

    /// Its parameters in path and query, except the id of a connection.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut schema = (self.parameters)();
        let needed: Vec<String> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        let Some(Value::Object(properties)) = schema.get_mut("properties").map(Value::take) else {
            return Vec::new();
        };
        properties
            .into_iter()
            .map(|(name, mut schema)| {
                let description =
                    schema.as_object_mut().and_then(|it| it.shift_remove("description"));
                let description = description.as_ref().and_then(Value::as_str).unwrap_or_default();
                let in_path = self.path.contains(&format!("{{{name}}}"));
                Parameter {
                    place: if in_path { Place::Path } else { Place::Query },
                    is_needed: in_path || needed.contains(&name),
                    description: description.to_owned(),
                    name,
                    schema,
                }
            })
            .collect()
    }

    /// The schema of its body.
    pub fn body(&self) -> Option<Value> {
        (self.body)()
    }

    /// The schema of its answer.
    pub fn answer(&self) -> Value {
        (self.answer)()
    }

    /// Its route as the template and the sample events write it: method and path.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
