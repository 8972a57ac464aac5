//! When a client secret ends.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a client secret ends, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum SecretExpiry {
    /// Microsoft Graph says so.
    Graph {
        /// The last day.
        expires_on: Date,
    },
    /// Somebody gave it at the set-up.
    Given {
        /// The last day.
        expires_on: Date,
    },
    /// Nobody knows it.
    Unknown,
}

/// Where the date of a secret's end comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpirySource {
    /// Microsoft Graph knows it.
    Graph,
    /// Somebody gave it at the set-up.
    Given,
    /// Nobody knows it.
    Unknown,
}

impl SecretExpiry {
    /// The last day, where it is known.
    pub fn expires_on(self) -> Option<Date> {
        match self {
            SecretExpiry::Graph { expires_on } | SecretExpiry::Given { expires_on } => {
                Some(expires_on)
            }
            SecretExpiry::Unknown => None,
        }
    }

    /// Who says so.
    pub fn source(self) -> ExpirySource {
        match self {
            SecretExpiry::Graph { .. } => ExpirySource::Graph,
            SecretExpiry::Given { .. } => ExpirySource::Given,
            SecretExpiry::Unknown => ExpirySource::Unknown,
        }
    }

    /// This expiry, or, if nobody knows it, the day that the connection was registered with.
    #[must_use]
    pub fn or_given(self, given: Option<Date>) -> SecretExpiry {
        match (self, given) {
            (SecretExpiry::Unknown, Some(expires_on)) => SecretExpiry::Given { expires_on },
            (known, _) => known,
        }
    }
}
