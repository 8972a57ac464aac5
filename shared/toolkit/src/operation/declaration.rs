//! What is known of an operation when it is not called.

use std::borrow::Cow;

use crm::record::RecordType;
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::operation::{About, Effect, Example, Input, Operation, Parameters, Section};
use crate::{ErrorCode, Scope, result_schema};

/// An operation, as data.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its name.
    pub id: &'static str,
    /// The function that serves it; of a tool, its group.
    pub group: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What else there is to say.
    pub description: &'static str,
    /// The part of the API that it belongs to.
    pub section: Section,
    /// The HTTP method.
    pub method: Method,
    /// Where it is.
    pub path: Cow<'static, str>,
    /// The right that a key needs for it.
    pub scope: Scope,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether the answer may be kept.
    pub is_kept: bool,
    /// Whether the header `X-Connection-Id` says which connection it is about.
    pub takes_connection: bool,
    /// Whether its path does.
    pub is_below_connection: bool,
    /// The statuses of an answer that went well, and what they mean.
    pub answers: &'static [(StatusCode, &'static str)],
    /// How it may fail.
    pub problems: &'static [ErrorCode],
    /// A call that the local stack answers well.
    pub example: Example,
    /// The tool that it is, where it is one.
    pub definition: Option<Definition>,
    /// The names of the parameters of the query.
    pub(crate) query: Vec<String>,
    parameters: fn() -> Value,
    body: fn() -> Option<Value>,
    answer: fn() -> Value,
}

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
    /// What it does to the world.
    #[serde(skip)]
    pub effect: Effect,
    /// Whether the same call again changes nothing more.
    #[serde(skip)]
    pub is_idempotent: bool,
    /// Whether it reaches beyond the organization's CRM.
    #[serde(skip)]
    pub reaches_out: bool,
    /// The right that a key needs for it.
    #[serde(skip)]
    pub scope: Scope,
    /// The privileges that the application user needs for it.
    #[serde(skip)]
    pub privileges: &'static [&'static str],
    /// What it needs more for a record of one kind.
    #[serde(skip)]
    pub per_kind: &'static [PerKind],
    /// The schema of its arguments, for strict modes.
    pub input_schema: Value,
    /// The schema of its result.
    pub output_schema: Value,
}

/// The privileges that a tool needs more where the record that it is about is of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerKind {
    /// The kind of record.
    pub kind: RecordType,
    /// The privileges.
    pub privileges: &'static [&'static str],
}

impl Definition {
    /// All privileges that it needs for all kinds of records.
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
    /// What it is.
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
    /// That of an operation.
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

    /// What it takes in path and query, but for a connection's id.
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

    /// Method and path, as the template and the sample events name a route.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
