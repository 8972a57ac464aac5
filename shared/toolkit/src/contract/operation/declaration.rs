//! The description of an operation as data.

use std::borrow::Cow;

use crm::record::RecordType;
use crm::visible::{Access, Shape, Visible};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::operation::{About, Effect, Example, Input, Operation, Parameters, Section};
use crate::{ErrorCode, Scope, named_result_schema, strict_schema};

/// The description of an operation.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The name of the operation.
    pub id: &'static str,
    /// The function that serves it. For a tool, this is also its group.
    pub group: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// A further description, or an empty text.
    pub description: &'static str,
    /// The part of the API to which the operation belongs.
    pub section: Section,
    /// The HTTP method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: Cow<'static, str>,
    /// The scope that an API key needs for it; `None` if every key will do.
    pub scope: Option<Scope>,
    /// Whether a key for visitors reaches it.
    pub is_for_visitors: bool,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether callers may keep the answer for a while.
    pub is_kept: bool,
    /// Whether the header `X-Connection-Id` names the connection that it is about.
    pub takes_connection: bool,
    /// Whether it takes the header `X-Confirmation`.
    pub takes_button: bool,
    /// Whether the path names the connection.
    pub is_below_connection: bool,
    /// The HTTP statuses of success, each with its meaning.
    pub answers: &'static [(StatusCode, &'static str)],
    /// The errors that the operation may answer with.
    pub problems: &'static [ErrorCode],
    /// An example of a call that works on the local stack.
    pub example: Example,
    /// The tool's definition, if the operation is a tool.
    pub definition: Option<Definition>,
    /// The names of the query parameters.
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
    /// The end of the description, if it says that the visitor must be asked first.
    #[serde(skip)]
    pub ask_first: &'static str,
    /// The group of the tool.
    #[serde(skip)]
    pub group: &'static str,
    /// The effect of the tool.
    #[serde(skip)]
    pub effect: Effect,
    /// Whether a repeated call changes nothing more.
    #[serde(skip)]
    pub is_idempotent: bool,
    /// Whether the tool reaches beyond the organization's CRM.
    #[serde(skip)]
    pub reaches_out: bool,
    /// Whether the tool mails visitors.
    #[serde(skip)]
    pub sends_mail: bool,
    /// The scope that an API key needs to call it.
    #[serde(skip)]
    pub scope: Scope,
    /// The privileges that the application user needs.
    #[serde(skip)]
    pub privileges: &'static [&'static str],
    /// More privileges that it needs in a call for a visitor.
    #[serde(skip)]
    pub privileges_for_visitors: &'static [&'static str],
    /// More privileges that it needs for records of certain types.
    #[serde(skip)]
    pub per_kind: &'static [PerKind],
    /// Who may call it.
    #[serde(skip)]
    pub access: Access,
    /// Whether it is of use to the company's own people.
    #[serde(skip)]
    pub is_for_staff: bool,
    /// The arguments, and who may give them.
    #[serde(skip)]
    pub arguments: Shape,
    /// The fields of the result, and who may see them.
    #[serde(skip)]
    pub result: Shape,
    /// The arguments that say whose record is meant, and that a visitor may leave out.
    #[serde(skip)]
    pub whose: Vec<String>,
    /// The schema of the arguments, as strict modes require it.
    pub input_schema: Value,
    /// The schema of the result.
    pub output_schema: Value,
}

/// More privileges that a tool needs if the record is of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerKind {
    /// The type of the record.
    pub kind: RecordType,
    /// The privileges.
    pub privileges: &'static [&'static str],
}

impl Definition {
    /// The definition of an operation that is called like a tool, and that answers as another tool does.
    pub fn of_operation<O: Operation, A: JsonSchema + Visible>(
        group: &'static str,
        access: Access,
    ) -> Definition {
        Definition {
            name: O::ID,
            title: O::TITLE,
            description: O::DESCRIPTION,
            ask_first: "",
            group,
            effect: O::EFFECT,
            is_idempotent: O::IS_IDEMPOTENT,
            reaches_out: O::REACHES_OUT,
            sends_mail: false,
            scope: O::SCOPE.unwrap_or(Scope::Read),
            privileges: &[],
            privileges_for_visitors: &[],
            per_kind: &[],
            access,
            // Whom it is listed for depends on the key alone.
            is_for_staff: false,
            arguments: A::shape(),
            result: Shape::default(),
            whose: Vec::new(),
            input_schema: strict_schema::<A>(),
            output_schema: json!({"type": "object", "additionalProperties": true}),
        }
    }

    /// All privileges that the tool needs, for anybody and for records of any type.
    pub fn all_privileges(&self) -> impl Iterator<Item = &'static str> {
        let per_kind = self.per_kind.iter().flat_map(|one| one.privileges);
        let for_visitors = self.privileges_for_visitors.iter();
        self.privileges.iter().chain(for_visitors).chain(per_kind).copied()
    }
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name of the parameter.
    pub name: String,
    /// Whether it is in the path or in the query.
    pub place: Place,
    /// Whether it must be given.
    pub is_needed: bool,
    /// The schema of the parameter.
    pub schema: Value,
    /// The description of the parameter.
    pub description: String,
}

/// The part of the address that holds a parameter.
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
            is_for_visitors: O::IS_FOR_VISITORS,
            effect: O::EFFECT,
            is_kept: O::IS_KEPT,
            takes_connection: O::About::IS_IN_HEADER,
            takes_button: O::TAKES_BUTTON,
            is_below_connection: O::About::IS_IN_PATH,
            answers: O::ANSWERS,
            problems: O::PROBLEMS,
            example: O::EXAMPLE,
            definition: O::definition(group),
            query: Vec::new(),
            parameters: O::Parameters::schema,
            body: O::Body::schema,
            answer: named_result_schema::<O::Answer>,
        };
        let parameters = declaration.parameters().into_iter();
        let query = parameters.filter(|parameter| parameter.place == Place::Query);
        declaration.query = query.map(|parameter| parameter.name).collect();
        declaration
    }

    /// The parameters in the path and the query, except the id of a connection.
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

    /// The schema of the body, with its parts by their names. `None` if there is no body.
    pub fn body(&self) -> Option<Value> {
        (self.body)()
    }

    /// The schema of the answer, with its parts by their names. Its own name is its `title`.
    pub fn answer(&self) -> Value {
        (self.answer)()
    }

    /// The method and the path, in the form of the template and the sample events.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
