//! Parts of an answer that may be missing.

use std::borrow::Cow;

use crm::text::quoted;
use dataverse::{Error, Page};

use crate::{Context, ErrorCode, ToolError};

/// The rows of a part that the answer can do without. If Dataverse refuses this query for any
/// reason, there is no such part, and a hint says why: no rows would read as "there are none". It
/// remains an error if Dataverse refuses all queries (status 401 for the token, 429 or 503 for too
/// many calls) or does not answer.
pub fn optional_part<T>(
    context: &Context,
    part: Result<T, Error>,
    what: &str,
    hints: &mut Vec<String>,
) -> Result<Option<T>, ToolError> {
    let reader = if context.is_for_visitor() { Reader::Visitor } else { Reader::Model };
    part_for(reader, part, what, hints)
}

/// The same, for staff, outside of a tool.
pub fn optional_part_for_staff(
    part: Result<Page, Error>,
    what: &str,
    hints: &mut Vec<String>,
) -> Result<Option<Page>, ToolError> {
    part_for(Reader::Person, part, what, hints)
}

/// Who reads a hint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A model that speaks with a visitor.
    Visitor,
    /// A model that speaks with the company's own people.
    Model,
    /// One of them.
    Person,
}

fn part_for<T>(
    reader: Reader,
    part: Result<T, Error>,
    what: &str,
    hints: &mut Vec<String>,
) -> Result<Option<T>, ToolError> {
    match part {
        Err(Error::Api(error)) if !matches!(error.status.as_u16(), 401 | 429 | 503) => {
            let error = ToolError::from(Error::Api(error));
            tracing::warn!(
                code = %error.code(),
                cause = error.log_cause(),
                "a part of an answer is left out"
            );
            // A text from a customization of the organization is quoted, because it is not our
            // advice.
            let detail = match error.code() {
                ErrorCode::RejectedByDynamics => Cow::Owned(quoted(error.detail())),
                // Which right or app is missing is for administrators.
                code if reader == Reader::Model && !code.has_detail_for_model() => {
                    "this connection cannot read them".into()
                }
                _ => Cow::Borrowed(error.detail()),
            };
            // What is wrong is nothing for a visitor.
            hints.push(if reader == Reader::Visitor {
                format!("{what} cannot be shown right now.")
            } else {
                format!("{what} cannot be shown: {detail}.")
            });
            Ok(None)
        }
        part => Ok(Some(part?)),
    }
}
