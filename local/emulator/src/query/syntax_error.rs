//! Errors of malformed URLs.

use crate::message::ApiError;

/// The error of a malformed URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    #[error("Skip Clause is not supported in CRM")]
    Skip,
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
