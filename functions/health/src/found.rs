//! What a look at a connection found.

use state::{Connection, Fault, SecretExpiry};
use toolkit::inspection::{ExpirySource, Inspection};
use toolkit::{Cause, ErrorCode, ToolError};

use crate::Needs;

/// What a look at a connection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It works.
    Works {
        /// The privileges that the application user lacks for the tools.
        missing_privileges: Vec<String>,
        /// When the client secret ends.
        secret: SecretExpiry,
    },
    /// It works, but Dynamics 365 takes no more calls for the moment.
    Throttled,
    /// It does not work until somebody mends it.
    Broken(Fault),
    /// Nothing answered, which may pass. If it is not the same for everybody, there may be a fault.
    Unanswered {
        /// What did not answer.
        detail: String,
        /// What it is, if only this connection is concerned.
        fault: Option<Fault>,
    },
    /// It could not be found out, because of a defect of this software.
    Failed,
}

impl Found {
    /// What it means that the connection could be inspected.
    pub fn works(inspection: &Inspection, needs: &Needs, registered: &Connection) -> Found {
        let given = registered.secret_expires_on;
        let expiry = inspection.secret;
        let secret = match (expiry.source, expiry.expires_on) {
            (ExpirySource::Graph, Some(expires_on)) => SecretExpiry::Graph { expires_on },
            (_, given_with_secret) => given_with_secret
                .or(given)
                .map_or(SecretExpiry::Unknown, |expires_on| SecretExpiry::Given { expires_on }),
        };
        Found::Works { missing_privileges: needs.missing(&inspection.privileges), secret }
    }

    /// What it means that it could not be.
    pub fn failure(error: &ToolError) -> Found {
        let fault = error.connection_fault();
        let detail = error.detail().to_owned();
        match error.code() {
            ErrorCode::DynamicsUnavailable
            | ErrorCode::ServiceUnavailable
            | ErrorCode::DeadlineExceeded => {
                Found::Unanswered { detail, fault: fault.map(|_| fault_of(error)) }
            }
            ErrorCode::RateLimited => Found::Throttled,
            ErrorCode::Internal => Found::Failed,
            _ => Found::Broken(fault_of(error)),
        }
    }

    /// Whether it says that the other side, as a whole, was there.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Found::Works { .. } | Found::Throttled)
    }
}

/// As much of a text as is kept and told: what Dataverse and Entra ID say has no bounds.
const LONGEST: usize = 2000;

fn fault_of(error: &ToolError) -> Fault {
    let bounded = |text: &str| text.chars().take(LONGEST).collect();
    let cause = error.connection_fault();
    Fault {
        cause: cause.map_or_else(|| error.code().to_string(), code),
        step: cause.and_then(Cause::set_up_step),
        detail: bounded(error.detail()),
        action: error.administrators_action().map(bounded),
    }
}

/// The name by which programs know a cause.
fn code(cause: Cause) -> String {
    let name = serde_json::to_value(cause).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_must_mend_is_broken() {
        let of = |error: ToolError| Found::failure(&error);
        let error = |code| ToolError::new(code, "a detail");
        let expired = error(ErrorCode::ConnectionBroken).fault(Cause::SecretExpired);
        let Found::Broken(fault) = of(expired) else { panic!("must be broken") };
        assert_eq!((fault.cause.as_str(), fault.step), ("secret_expired", Some(3)));
        let Found::Broken(fault) = of(error(ErrorCode::ConnectionNotFound)) else {
            panic!("must be broken")
        };
        assert_eq!((fault.cause.as_str(), fault.step), ("connection_not_found", None));
        for code in [
            ErrorCode::DynamicsUnavailable,
            ErrorCode::ServiceUnavailable,
            ErrorCode::DeadlineExceeded,
        ] {
            let unanswered = Found::Unanswered { detail: "a detail".to_owned(), fault: None };
            assert_eq!(of(error(code)), unanswered);
        }
        assert_eq!(of(error(ErrorCode::RateLimited)), Found::Throttled);
        assert_eq!(of(error(ErrorCode::Internal)), Found::Failed);
        let unreachable = error(ErrorCode::DynamicsUnavailable).fault(Cause::InstanceUnreachable);
        assert!(matches!(of(unreachable), Found::Unanswered { fault: Some(_), .. }));
    }
}
