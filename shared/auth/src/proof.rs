//! How an application proves its identity to Entra ID.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::client_secret::ClientSecret;
use crate::graph::Application;
use crate::{CredentialsError, CredentialsForm};

/// How an application proves its identity to Entra ID. Each kind of proof has its own file, with
/// everything that is special about it.
#[derive(Clone)]
pub enum Proof {
    /// The application knows a secret.
    ClientSecret(ClientSecret),
}

impl Proof {
    /// The proof that a form holds.
    pub(crate) fn parse(form: &CredentialsForm) -> Result<Proof, CredentialsError> {
        Ok(Proof::ClientSecret(ClientSecret::parse(&form.client_secret)?))
    }

    /// The form fields that the proof adds to a request for a token.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &str)> {
        match self {
            Proof::ClientSecret(secret) => secret.parameters(),
        }
    }

    /// The part of the proof that may be shown, so that people know which one it is.
    pub fn hint(&self) -> String {
        match self {
            Proof::ClientSecret(secret) => secret.hint(),
        }
    }

    /// Whether this is the same proof to Entra ID.
    pub(crate) fn is(&self, other: &Proof) -> bool {
        match (self, other) {
            (Proof::ClientSecret(one), Proof::ClientSecret(other)) => one.is(other),
        }
    }

    /// The last day of the proof, as Microsoft Graph knows it.
    pub(crate) fn end(&self, application: &Application, now: Timestamp) -> Option<Date> {
        match self {
            Proof::ClientSecret(secret) => secret.end(application, now),
        }
    }
}
