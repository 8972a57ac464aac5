//! What a request asks for, in its query or its body.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toolkit::{ErrorCode, Incoming, ToolError};

/// A parameter, read as what it must be.
pub(crate) fn parsed<T>(
    parameters: &BTreeMap<String, String>,
    name: &str,
    problem: &str,
) -> Result<Option<T>, ToolError>
where
    T: std::str::FromStr,
{
    let Some(text) = parameters.get(name) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| ToolError::invalid(name, problem))
}

/// How many there may be on a page.
pub(crate) fn limit(
    parameters: &BTreeMap<String, String>,
    usual: usize,
    most: usize,
) -> Result<usize, ToolError> {
    let limit = parsed::<usize>(parameters, "limit", "must be a whole number")?.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(ToolError::invalid("limit", format!("must be from 1 to {most}")))
}

/// The body, a JSON object. What is wrong with it is said without its values: they may be secret.
pub(crate) fn body<T: DeserializeOwned>(
    request: &Incoming,
    fields: &[&str],
) -> Result<T, ToolError> {
    let invalid = |problem: String| {
        ToolError::new(ErrorCode::InvalidArguments, problem)
            .next_step(format!("Send a JSON object with the fields {}.", fields.join(", ")))
    };
    let mut deserializer = serde_json::Deserializer::from_slice(&request.body);
    let form = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let outer = path.split(['.', '[']).next().unwrap_or_default();
        // The name is the one of our own list: what the error quotes stays here.
        let problem = error.inner().to_string();
        let missing =
            fields.iter().find(|field| problem.starts_with(&format!("missing field `{field}`")));
        if fields.contains(&outer) {
            invalid(format!("{path} is not of the type that it should be"))
        } else if let Some(missing) = missing {
            invalid(format!("{missing} is missing"))
        } else {
            invalid("the body is not the JSON object that it should be".to_owned())
        }
    })?;
    let ended = deserializer.end();
    ended.map_err(|_| invalid("there is something behind the JSON object".to_owned()))?;
    Ok(form)
}
