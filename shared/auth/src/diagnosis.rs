//! What is wrong with a connection, and how to mend it: one cause, one cure.

use dataverse::{ApiError, Code, Obstacle};

use crate::entra::EntraProblem;
use crate::{
    Cause, ConnectionError, CredentialsError, EntraError, InspectionError, SecretError, TokenError,
};

const DYNAMICS: &str = "Dynamics 365";
const ENTRA: &str = "Microsoft Entra ID";

/// What is wrong with a connection, and how to mend it. It contains no value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// For programs.
    pub cause: Cause,
    /// What is wrong, for people.
    pub detail: String,
    /// What the connection's administrator should do.
    pub action: String,
}

impl From<Cause> for Diagnosis {
    fn from(cause: Cause) -> Diagnosis {
        Diagnosis::of(cause, &[])
    }
}

impl Diagnosis {
    /// The texts of the cause. Each name in braces is replaced by its value in `blanks`.
    fn of(cause: Cause, blanks: &[(&str, &str)]) -> Diagnosis {
        let fill = |words: &str| {
            let fill = |text: String, (name, value): &(&str, &str)| {
                text.replace(&format!("{{{name}}}"), value)
            };
            blanks.iter().fold(words.to_owned(), fill)
        };
        let action = fill(cause.action());
        Diagnosis {
            cause,
            detail: fill(cause.detail()),
            action: match cause.step() {
                Some(step) => format!("{step:#}: {action} See {}.", step.guide()),
                None => action,
            },
        }
    }

    /// The diagnosis for an environment without the app that a tool needs.
    pub fn without_app(app: &str) -> Diagnosis {
        Diagnosis::of(Cause::AppMissing, &[("app", app)])
    }

    /// The diagnosis for an obstacle on the way to `service`.
    fn of_obstacle(obstacle: Obstacle, service: &str) -> Diagnosis {
        let cause = match obstacle {
            Obstacle::AddressBlocked => Cause::AddressBlocked,
            Obstacle::EnvironmentDisabled => Cause::EnvironmentDisabled,
            Obstacle::NothingThere => Cause::InstanceMissing,
            Obstacle::Redirect => Cause::InstanceRedirected,
            Obstacle::Proxy => Cause::ProxyRefused,
            Obstacle::Certificate => Cause::CertificateUntrusted,
        };
        Diagnosis::of(cause, &[("service", service)])
    }

    /// The diagnosis for a failed inspection; `None` if the error says nothing about the
    /// connection.
    pub fn of_inspection(error: &InspectionError) -> Option<Diagnosis> {
        match error {
            InspectionError::Connection(error) => Diagnosis::of_connection(error),
            InspectionError::Dataverse(error) => Diagnosis::of_dataverse(error),
            InspectionError::Diagnosed(diagnosis) => Some(diagnosis.clone()),
        }
    }

    /// The diagnosis for an error of Dataverse; `None` if it says nothing about the connection.
    pub fn of_dataverse(error: &dataverse::Error) -> Option<Diagnosis> {
        match error {
            dataverse::Error::Token(source) => {
                source.downcast_ref::<TokenError>().and_then(Diagnosis::of_token)
            }
            dataverse::Error::Api(error) => Diagnosis::of_answer(error),
            dataverse::Error::NoAnswer { source, .. } => Obstacle::of_transport(source)
                .map(|obstacle| Diagnosis::of_obstacle(obstacle, DYNAMICS)),
            _ => None,
        }
    }

    /// The diagnosis for an error answer that concerns the whole environment, whatever was asked.
    fn of_answer(error: &ApiError) -> Option<Diagnosis> {
        if let Some(obstacle) = error.obstacle {
            return Some(Diagnosis::of_obstacle(obstacle, DYNAMICS));
        }
        let cause = if error.is(Code::NotAMember) {
            Cause::ApplicationUserMissing
        } else if error.is(Code::UserDisabled) {
            Cause::ApplicationUserDisabled
        } else if error.status.as_u16() == 401 {
            Cause::TokenRefused
        } else {
            return None;
        };
        Some(cause.into())
    }

    /// The diagnosis if there is no token; `None` if the error says nothing about the connection.
    pub fn of_token(error: &TokenError) -> Option<Diagnosis> {
        match error {
            TokenError::Entra(error) => Diagnosis::of_entra(error),
            TokenError::Connection(error) => Diagnosis::of_connection(error),
            TokenError::Moved | TokenError::Deadline => None,
        }
    }

    /// The diagnosis if a connection cannot be opened; `None` if the error says nothing about it,
    /// or if there is no such connection.
    pub fn of_connection(error: &ConnectionError) -> Option<Diagnosis> {
        match error {
            ConnectionError::Secret(error) => Diagnosis::of_secret(error),
            ConnectionError::Credentials(error) => Some(Diagnosis::of_credentials(error)),
        }
    }

    fn of_credentials(error: &CredentialsError) -> Diagnosis {
        Diagnosis::of(error.cause(), &[("problem", &error.to_string())])
    }

    fn of_secret(error: &SecretError) -> Option<Diagnosis> {
        let with = |detail: &str, action: String| {
            Some(Diagnosis { cause: Cause::SecretUnreadable, detail: detail.to_owned(), action })
        };
        match error {
            SecretError::Denied { name, code } => with(
                "the function may not read the connection's credentials",
                format!("Let the function's role read the secret {name}: AWS answered {code}."),
            ),
            SecretError::NotWritable { name, code } => with(
                "the function may not store or delete the connection's credentials",
                format!(
                    "Let the function's role change the secret {name}, and use its KMS key: AWS \
                     answered {code}."
                ),
            ),
            SecretError::NotText { name } => {
                Some(Diagnosis::of(Cause::SecretUnreadable, &[("secret", name)]))
            }
            SecretError::NotFound { .. }
            | SecretError::Unavailable { .. }
            | SecretError::Exists { .. }
            | SecretError::NoDescriptor => None,
        }
    }

    fn of_entra(error: &EntraError) -> Option<Diagnosis> {
        let reason = match error.code {
            Some(code) => format!("with AADSTS{code}"),
            None => "for a reason that is not known".to_owned(),
        };
        let trace = error.trace_id.as_ref().map(|id| format!(", trace {id}")).unwrap_or_default();
        match error.problem {
            EntraProblem::Refused(cause) => {
                Some(Diagnosis::of(cause, &[("reason", &reason), ("trace", &trace)]))
            }
            EntraProblem::Obstacle(obstacle) => Some(Diagnosis::of_obstacle(obstacle, ENTRA)),
            EntraProblem::Busy
            | EntraProblem::Unreachable
            | EntraProblem::Unreadable
            | EntraProblem::NoDescriptor => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strum::VariantArray as _;

    use super::*;
    use crate::Step;

    /// A diagnosis of every kind.
    fn all() -> Vec<Diagnosis> {
        let mut all = Vec::new();
        for cause in Cause::VARIANTS {
            let problem = EntraProblem::Refused(*cause);
            let error = EntraError { problem, code: Some(1), trace_id: None, retry_after: None };
            // The causes with blanks in their texts are added below.
            let has_blanks = [cause.detail(), cause.action()].iter().any(|it| it.contains('{'));
            if !has_blanks || *cause == Cause::EntraRefused {
                all.extend(Diagnosis::of_entra(&error));
            }
        }
        for obstacle in [
            Obstacle::AddressBlocked,
            Obstacle::EnvironmentDisabled,
            Obstacle::NothingThere,
            Obstacle::Redirect,
            Obstacle::Proxy,
            Obstacle::Certificate,
        ] {
            all.push(Diagnosis::of_obstacle(obstacle, ENTRA));
        }
        let proof = |cause| CredentialsError::Proof { problem: "a problem", cause };
        for error in [
            CredentialsError::Tenant,
            CredentialsError::Client,
            proof(Cause::SecretMissing),
            proof(Cause::SecretIdGiven),
            CredentialsError::Instance(dataverse::InstanceUrlError::Empty),
            CredentialsError::Expiry,
        ] {
            all.push(Diagnosis::of_credentials(&error));
        }
        let (name, code) = ("a-secret".to_owned(), "AccessDeniedException".to_owned());
        for error in [
            SecretError::NotText { name: name.clone() },
            SecretError::Denied { name: name.clone(), code: code.clone() },
            SecretError::NotWritable { name, code },
        ] {
            all.extend(Diagnosis::of_secret(&error));
        }
        all.push(Diagnosis::without_app("Sales"));
        all
    }

    #[test]
    fn every_cause_is_diagnosed_in_whole_words_and_names_its_step_first() {
        let mut causes = HashSet::new();
        for Diagnosis { cause, detail, action } in all() {
            causes.insert(cause);
            assert!(
                !format!("{detail}{action}").contains(['{', '}']),
                "{cause:?}: {detail} {action}"
            );
            assert!(action.ends_with('.') && !detail.ends_with('.'), "{cause:?}");
            let step =
                Step::ALL.into_iter().find(|step| action.starts_with(&format!("{step:#}: ")));
            assert_eq!(step, cause.step(), "{action}");
        }
        let missing: Vec<_> =
            Cause::VARIANTS.iter().filter(|cause| !causes.contains(*cause)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn what_aws_denies_is_for_the_administrator() {
        let (name, code) = ("a-secret".to_owned(), "AccessDeniedException".to_owned());
        for (denied, action) in [
            (
                SecretError::Denied { name: name.clone(), code: code.clone() },
                "role read the secret",
            ),
            (SecretError::NotWritable { name, code }, "role change the secret"),
        ] {
            let diagnosis = Diagnosis::of_secret(&denied).unwrap();
            assert_eq!(diagnosis.cause, Cause::SecretUnreadable);
            assert!(diagnosis.action.contains(action), "{}", diagnosis.action);
        }
    }
}
