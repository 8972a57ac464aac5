//! Reads the body of a request.

use auth::meant_field;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::handed::{Handed, variants, wrong_type};
use crate::contract::schema::{input_schema, named_input_schema, named_strict_schema};
use crate::{Body, ErrorCode, ToolError};

/// The body that an operation takes.
pub trait Input: Sized + Send {
    /// The schema of the body, with its parts by their names; `None` if there is no body.
    fn schema() -> Option<Value>;

    /// Reads the body.
    fn read(body: Body) -> Result<Self, ToolError>;
}

/// No body. If a request has one, it is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Empty;

impl Input for Empty {
    fn schema() -> Option<Value> {
        None
    }

    fn read(_: Body) -> Result<Empty, ToolError> {
        Ok(Empty)
    }
}

/// A JSON object from an administrator. Errors never quote its values, because they may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Send> Input for Json<T> {
    fn schema() -> Option<Value> {
        Some(named_input_schema::<T>())
    }

    fn read(body: Body) -> Result<Json<T>, ToolError> {
        let given: Value = match body {
            Body::Text(text) => {
                serde_json::from_slice(&text).map_err(|error| not_json::<T>(&error))?
            }
            Body::Value(value) => value,
        };
        let form = serde_path_to_error::deserialize(Handed::exactly(&given))
            .map_err(|error| wrong::<T>(&error))?;
        Ok(Json(form))
    }
}

/// The names of the fields of a body, from its schema.
fn fields<T: JsonSchema>() -> Vec<String> {
    let schema = input_schema::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|all| all.keys().cloned()).collect()
}

/// An error that quotes nothing of what was sent.
fn not_json<T: JsonSchema>(error: &serde_json::Error) -> ToolError {
    not_the_form::<T>(format!(
        "the body is not JSON: see line {}, column {}",
        error.line(),
        error.column()
    ))
}

fn wrong<T: JsonSchema>(error: &serde_path_to_error::Error<serde_json::Error>) -> ToolError {
    let path = error.path().to_string();
    let outer = path.split(['.', '[']).next().unwrap_or_default();
    // Only field names go into the error, and no text that the parser quotes.
    let problem = error.inner().to_string();
    let fields = fields::<T>();
    let missing =
        fields.iter().find(|field| problem.starts_with(&format!("missing field `{field}`")));
    not_the_form::<T>(if problem.starts_with(UNKNOWN_FIELD) {
        match meant(&problem) {
            Some((name, field)) => format!("the field {name} must be called {field}"),
            None => match unknown(&problem).filter(|name| is_plain(name)) {
                Some(name) => format!("there is no field {name}"),
                None => "the body has a field that is not known".to_owned(),
            },
        }
    } else if let Some(choices) = choices(&problem) {
        format!("{path} must be one of: {choices}")
    } else if fields.iter().any(|field| field == outer) {
        format!("{path} is not of the type that it should be")
    } else if let Some(missing) = missing {
        format!("{missing} is missing")
    } else {
        "the body is not the JSON object that it should be".to_owned()
    })
}

/// The values that a choice has, from a message that one is none of them: ours, or serde's. The value
/// that was sent is not among them.
fn choices(problem: &str) -> Option<String> {
    if let Some(rest) = problem.strip_prefix("must be one of") {
        let rest = rest.trim_start_matches([':', ' ']);
        return Some(rest.to_owned());
    }
    variants(problem)
}

/// The name in a message about a field that is not known.
fn unknown(problem: &str) -> Option<&str> {
    problem.split('`').nth(1)
}

/// Whether a name looks like that of a field, and not like a secret that stands in the wrong place.
fn is_plain(name: &str) -> bool {
    (1..=30).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// How serde's message about a field begins that is not known. The field's name follows, and then
/// those of the fields that there are, each between backticks.
const UNKNOWN_FIELD: &str = "unknown field";

/// The name of the unknown field in this message of serde, and the field that it means.
fn meant(problem: &str) -> Option<(&str, &str)> {
    let mut names = problem.split('`').skip(1).step_by(2);
    let name = names.next()?;
    Some((name, meant_field(name, names)?))
}

fn not_the_form<T: JsonSchema>(problem: String) -> ToolError {
    ToolError::new(ErrorCode::InvalidArguments, problem)
        .next_step(format!("Send a JSON object with: {}.", fields::<T>().join(", ")))
}

/// The arguments of a tool, which are a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments<T> {
    /// The arguments as they were sent.
    pub given: Value,
    /// The arguments as the tool reads them.
    pub read: T,
}

impl<T: DeserializeOwned + JsonSchema + Send> Input for Arguments<T> {
    fn schema() -> Option<Value> {
        Some(named_strict_schema::<T>())
    }

    fn read(body: Body) -> Result<Arguments<T>, ToolError> {
        let given = object(body)?;
        let read = serde_path_to_error::deserialize(Handed::loosely(&given))
            .map_err(|error| invalid(&error))?;
        Ok(Arguments { given, read })
    }
}

fn object(body: Body) -> Result<Value, ToolError> {
    let invalid = |detail: String| {
        ToolError::new(ErrorCode::InvalidArguments, detail)
            .next_step("Send the arguments as a JSON object, in UTF-8.")
    };
    let value = match body {
        Body::Text(text) if text.trim_ascii().is_empty() => return Ok(json!({})),
        Body::Text(text) => serde_json::from_slice(&text)
            .map_err(|error| invalid(format!("the body is not JSON: {error}")))?,
        Body::Value(value) => value,
    };
    match value {
        value @ Value::Object(_) => Ok(value),
        _ => Err(invalid("the body must be a JSON object".to_owned())),
    }
}

/// An error that says what is wrong with the arguments, and where.
fn invalid(error: &serde_path_to_error::Error<serde_json::Error>) -> ToolError {
    // Both may quote a text from the caller, which may be long.
    let path = beginning(error.path().to_string());
    let quoting = beginning(error.inner().to_string());
    let problem = wrong_type(&error.inner().to_string())
        .or_else(|| variants(&quoting).map(|names| format!("must be one of: {names}")))
        .unwrap_or_else(|| quoting.replace('`', ""));
    match path.as_str() {
        "." | "?" => ToolError::new(ErrorCode::InvalidArguments, problem)
            .next_step("Correct the arguments and call again."),
        // The path of an unknown field ends with its name. The problem names the field anyway.
        path if problem.starts_with(UNKNOWN_FIELD) => {
            let outer = path.rsplit_once('.').map(|(outer, _)| format!("{outer}: "));
            ToolError::new(
                ErrorCode::InvalidArguments,
                format!("{}{problem}", outer.unwrap_or_default()),
            )
            .next_step(match meant(&quoting) {
                Some((name, field)) => {
                    format!("If {name} means {field}, call again with {field}; or leave it out.")
                }
                None => "Leave that argument out and call again.".to_owned(),
            })
        }
        path => ToolError::invalid(path, problem),
    }
}

/// The beginning of a text. It is long enough to recognize the text.
fn beginning(mut text: String) -> String {
    const MOST: usize = 500;
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Form {
        tenant_id: Option<String>,
        parts: Option<Vec<Part>>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Part {
        column: Option<String>,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Long,
        Short,
    }

    #[test]
    fn a_misspelt_field_is_named_with_the_right_one() {
        let read = |value: Value| Json::<Form>::read(Body::Text(value.to_string().into()));
        for (body, detail) in [
            (json!({"tenantId": "x"}), "the field tenantId must be called tenant_id"),
            (json!({"parts": [{"Column": "x"}]}), "the field Column must be called column"),
            (json!({"colour": "x"}), "there is no field colour"),
            (json!({"parts": [{"kind": "hidden"}]}), "parts[0].kind must be one of: long, short"),
            (json!({"ETx8Q~value": 1}), "the body has a field that is not known"),
            (json!({"`tenant_id` ETx8Q": 1}), "the body has a field that is not known"),
        ] {
            assert_eq!(read(body).unwrap_err().detail(), detail);
        }
        let error = Arguments::<Form>::read(Body::Value(json!({"Tenant": "x"}))).unwrap_err();
        let advice = "If Tenant means tenant_id, call again with tenant_id; or leave it out.";
        assert_eq!(error.advice(), Some(advice));
        let error = Arguments::<Form>::read(Body::Value(json!({"colour": "x"}))).unwrap_err();
        assert_eq!(error.advice(), Some("Leave that argument out and call again."));
    }
}
