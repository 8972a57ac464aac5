//! Why a command was not carried out, in words for the person who started it.

use std::io;

use auth::SecretError;

use crate::api::Problem;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(
        "No deployment is named. Give its address with --url or D365TOOLS_URL (the output ApiUrl of \
         the stack), or --local for the local stack."
    )]
    NoUrl,
    #[error("The API key is empty.")]
    NoKey,
    #[error("There is nothing to change. Give --label or --secret-expires-on.")]
    NoChange,
    #[error("{what}: {problem}")]
    File { what: String, problem: io::Error },
    #[error("Nothing can be asked for: {0}")]
    Input(io::Error),
    #[error("Nothing answers at {url}: {problem}.{hint}")]
    Unreachable { url: String, problem: String, hint: &'static str },
    #[error(
        "{url} does not answer like the Dynamics 365 tools ({status}). Is it the output ApiUrl of \
         the stack?"
    )]
    Foreign { url: String, status: u16 },
    #[error("{0}")]
    Refused(Box<Problem>),
    #[error(
        "The API key is not accepted. It may be mistyped, revoked, or of another deployment. A first \
         key works five minutes after it was made at the latest."
    )]
    KeyRefused,
    #[error("The first key could not be stored: {0}.")]
    Secret(#[from] SecretError),
    #[error(
        "The secret {name} holds something that is not a list of API keys. Correct it, or delete it \
         if nobody needs it."
    )]
    NotAKeyList { name: String },
    #[error(
        "There are no keys in the secret {name}. If the stack has the parameter Prefix, give it with \
         --prefix."
    )]
    NoFirstKeys { name: String },
    #[error("No key in the secret {name} is that of the client {client:?}.")]
    NoSuchClient { name: String, client: String },
    #[error("Somebody else has changed the secret {name} at this moment. Try again.")]
    Changed { name: String },
    #[error("{0}")]
    Randomness(#[from] toolkit::NoRandomness),
    #[error("The health function {function} could not be started: {problem}.")]
    NotInvoked { function: String, problem: String },
    #[error("The health function {function} failed: {problem}")]
    AlertFailed { function: String, problem: String },
}
