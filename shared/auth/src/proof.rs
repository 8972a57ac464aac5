//! How an application proves to Entra ID that it is itself.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::client_secret::ClientSecret;
use crate::graph::Application;
use crate::{CredentialsError, CredentialsForm};

/// How an application proves to Entra ID that it is itself. Each kind has a file of its own, with
/// all that is special about it.
#[derive(Clone)]
pub enum Proof {
    /// It knows a secret.
    ClientSecret(ClientSecret),
}

impl Proof {
    /// The proof that a form holds.
    pub(crate) fn parse(form: &CredentialsForm) -> Result<Proof, CredentialsError> {
        Ok(Proof::ClientSecret(ClientSecret::parse(&form.client_secret)?))
    }

    /// What it adds to a request for a token.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &str)> {
        match self {
            Proof::ClientSecret(secret) => secret.parameters(),
        }
    }

    /// As much of it as may be shown, so that people know which one it is.
    pub fn hint(&self) -> String {
        match self {
            Proof::ClientSecret(secret) => secret.hint(),
        }
    }

    /// Whether Entra ID sees no difference.
    pub(crate) fn is(&self, other: &Proof) -> bool {
        match (self, other) {
            (Proof::ClientSecret(one), Proof::ClientSecret(other)) => one.is(other),
        }
    }

    /// Its last day, as Microsoft Graph knows it.
    pub(crate) fn end(&self, application: &Application, now: Timestamp) -> Option<Date> {
        match self {
            Proof::ClientSecret(secret) => secret.end(application, now),
        }
    }
}
