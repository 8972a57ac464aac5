//! The query language: URLs are lexed and parsed into trees, names are looked up in the
//! metadata, and what comes out is evaluated on rows or answered by an index.

pub(crate) mod bind;
pub(crate) mod condition;
pub(crate) mod evaluate;
mod lexer;
pub(crate) mod like;
pub(crate) mod options;
mod parser;
pub(crate) mod plan;
pub(crate) mod resource;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use crate::api::ApiError;

/// A URL that is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SyntaxError {
    #[error("There is an unterminated literal at position {position} in '{text}'.")]
    Unterminated { position: usize, text: String },
    #[error("Syntax error at position {position} in '{text}'.")]
    Unexpected { position: usize, text: String },
    #[error("Unrecognized 'Edm.String' literal '{literal}' at '{position}' in '{text}'.")]
    UnrecognizedLiteral { literal: String, position: usize, text: String },
    #[error("The operator '{0}' is not supported.")]
    UnsupportedOperator(String),
    #[error("Recursion depth exceeded allowed limit.")]
    TooDeep,
    #[error("Invalid value '{value}' for {option} query option found.")]
    InvalidOption { option: &'static str, value: String },
    #[error("The query parameter {0} is not supported")]
    UnsupportedOption(String),
    #[error(
        "Query option '{0}' was specified more than once, but it must be specified at most once."
    )]
    RepeatedOption(String),
    #[error("Bad Request - Error in query syntax.")]
    Encoding,
    #[error("Bad Request - Error in query syntax.")]
    Path,
}

impl From<SyntaxError> for ApiError {
    fn from(error: SyntaxError) -> Self {
        Self::odata(error.to_string())
    }
}
