//! Reads, stores and deletes secrets in AWS Secrets Manager.

use std::time::Duration;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsError;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use dataverse::lacks_descriptors;
use secrecy::SecretString;

use crate::kept::Failure;
use crate::{SecretNames, stand_in};

/// Reads, stores and deletes secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    names: SecretNames,
    /// The KMS key for new secrets; `None` means the account's own.
    key: Option<String>,
}

/// Why a secret could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no secret of this name, or it is marked for deletion.
    #[error("there is no secret {name}")]
    NotFound {
        /// The secret's name.
        name: String,
    },
    /// The function's role may not read it.
    #[error("the function may not read the secret {name}: {code}")]
    Denied {
        /// The secret's name.
        name: String,
        /// AWS's code for the error.
        code: String,
    },
    /// The function's role may not store or delete it.
    #[error("the function may not change the secret {name}: {code}")]
    NotWritable {
        /// The secret's name.
        name: String,
        /// AWS's code for the error.
        code: String,
    },
    /// The secret holds bytes, not text.
    #[error("the secret {name} holds bytes, not text")]
    NotText {
        /// The secret's name.
        name: String,
    },
    /// Somebody else has made it at the same moment.
    #[error("the secret {name} was made by somebody else at the same moment")]
    Exists {
        /// The secret's name.
        name: String,
    },
    /// Secrets Manager could not be reached, or failed.
    #[error("Secrets Manager did not answer: {problem}")]
    Unavailable {
        /// What the SDK says.
        problem: String,
    },
    /// This process has no descriptor left for a connection to Secrets Manager.
    #[error("no descriptor is left for a connection to Secrets Manager")]
    NoDescriptor,
}

impl Failure for SecretError {
    fn may_pass(&self) -> bool {
        use SecretError::*;
        match self {
            Unavailable { .. } | Denied { .. } | NotWritable { .. } | NoDescriptor => true,
            NotFound { .. } | NotText { .. } | Exists { .. } => false,
        }
    }

    fn stopped() -> SecretError {
        SecretError::Unavailable { problem: "the reading was stopped".to_owned() }
    }
}

/// How long one reading may take, including the SDK's retries.
const PATIENCE: Duration = Duration::from_secs(8);

impl Secrets {
    /// Makes requests with this client.
    pub fn new(client: aws_sdk_secretsmanager::Client) -> Secrets {
        Secrets { client, names: SecretNames::default(), key: None }
    }

    /// The secrets of a deployment with these names.
    #[must_use]
    pub fn with_names(self, names: SecretNames) -> Secrets {
        Secrets { names, ..self }
    }

    /// The names of the deployment's secrets.
    pub fn names(&self) -> &SecretNames {
        &self.names
    }

    /// Encrypts new secrets with this KMS key; `None` means the account's own.
    #[must_use]
    pub fn with_key(self, key: Option<String>) -> Secrets {
        Secrets { key, ..self }
    }

    /// Takes the configuration from the Lambda environment, including [`SecretNames`] and
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub async fn from_environment() -> Secrets {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
        Secrets::with_config(&config).with_names(SecretNames::from_environment())
    }

    /// Makes requests with this configuration.
    pub fn with_config(config: &aws_config::SdkConfig) -> Secrets {
        Secrets::new(aws_sdk_secretsmanager::Client::new(config))
    }

    /// Makes requests to a stand-in for Secrets Manager at this address, with made-up credentials.
    pub fn at_endpoint(url: &str) -> Secrets {
        Secrets::with_config(&stand_in(url, "local"))
    }

    /// Marks a secret for deletion. It can be restored for seven days, the shortest time that AWS
    /// allows. It is no error if there is no such secret, or if it is marked already.
    pub async fn delete(&self, name: &str) -> Result<(), SecretError> {
        let request = self.client.delete_secret().secret_id(name).recovery_window_in_days(7);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let service = error.as_service_error();
                if service.is_some_and(|error| error.is_resource_not_found_exception()) {
                    return Ok(());
                }
                // Either the secret is marked already, and cannot be read; or it cannot be marked.
                let is_odd = service.is_some_and(|error| error.is_invalid_request_exception());
                if is_odd && matches!(self.text(name).await, Err(SecretError::NotFound { .. })) {
                    return Ok(());
                }
                Err(unanswered(name, &error))
            }
        }
    }

    /// Takes back the mark for deletion. It is no error if there is none.
    pub async fn restore(&self, name: &str) -> Result<(), SecretError> {
        let restored = self.client.restore_secret().secret_id(name).send().await;
        match restored {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Err(SecretError::NotFound { name: name.to_owned() })
            }
            Err(error) => Err(unanswered(name, &error)),
        }
    }

    /// Stores a text under a name. If there is no secret of that name, it is created; if it is marked
    /// for deletion, it is restored.
    pub async fn store(&self, name: &str, text: impl Into<String>) -> Result<(), SecretError> {
        let text = text.into();
        let put = || self.client.put_secret_value().secret_id(name).secret_string(&text).send();
        let error = match put().await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let service = error.as_service_error();
        if service.is_some_and(|error| error.is_resource_not_found_exception()) {
            let create = self.client.create_secret().name(name).secret_string(&text);
            let created = create.set_kms_key_id(self.key.clone()).send().await;
            let error = match created {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let is_there = error.as_service_error();
            if is_there.is_some_and(|error| error.is_resource_exists_exception()) {
                return Err(SecretError::Exists { name: name.to_owned() });
            }
            return Err(unanswered(name, &error));
        }
        if service.is_some_and(|error| error.is_invalid_request_exception()) {
            self.restore(name).await?;
            return match put().await {
                Ok(_) => Ok(()),
                Err(error) => {
                    // Remove it again: it still holds what somebody wanted to be gone.
                    let removed = self.delete(name).await;
                    removed.and(Err(unanswered(name, &error)))
                }
            };
        }
        Err(unanswered(name, &error))
    }

    /// The current text of a secret.
    pub async fn text(&self, name: &str) -> Result<SecretString, SecretError> {
        Ok(self.current(name).await?.0)
    }

    /// The current text of a secret, and its version.
    pub async fn current(&self, name: &str) -> Result<(SecretString, Option<String>), SecretError> {
        let request = self.client.get_secret_value().secret_id(name).send();
        let answer = tokio::time::timeout(PATIENCE, request)
            .await
            .map_err(|_| SecretError::Unavailable { problem: "no answer in time".to_owned() })?
            .map_err(|error| of_sdk(name, &error))?;
        match answer.secret_string {
            Some(text) => Ok((SecretString::from(text), answer.version_id)),
            None => Err(SecretError::NotText { name: name.to_owned() }),
        }
    }

    /// The text of the version of a secret that has this staging label, such as `AWSPREVIOUS`. If no
    /// version has it, there is no such secret ([`SecretError::NotFound`]).
    pub async fn at_stage(&self, name: &str, stage: &str) -> Result<SecretString, SecretError> {
        let request = self.client.get_secret_value().secret_id(name).version_stage(stage).send();
        let answer = tokio::time::timeout(PATIENCE, request)
            .await
            .map_err(|_| SecretError::Unavailable { problem: "no answer in time".to_owned() })?
            .map_err(|error| of_sdk(name, &error))?;
        let text = answer.secret_string.map(SecretString::from);
        text.ok_or_else(|| SecretError::NotText { name: name.to_owned() })
    }

    /// The names of all secrets that begin like this, in no order. Secrets that are marked for
    /// deletion are left out.
    pub async fn list(&self, beginning: &str) -> Result<Vec<String>, SecretError> {
        let listing = tokio::time::timeout(PATIENCE_WITH_LIST, self.all(beginning)).await;
        listing.unwrap_or_else(|_| {
            Err(SecretError::Unavailable { problem: "no list of secrets in time".to_owned() })
        })
    }

    async fn all(&self, beginning: &str) -> Result<Vec<String>, SecretError> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(beginning).build();
        let listing = self.client.list_secrets().filters(filter).max_results(PAGE);
        let mut pages = listing.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| not_listed(beginning, &error))?;
            let listed = page.secret_list.unwrap_or_default().into_iter();
            names.extend(listed.filter(|it| it.deleted_date.is_none()).filter_map(|it| it.name));
        }
        names.retain(|name| name.starts_with(beginning));
        Ok(names)
    }
}

/// How long the listing may take: 10,000 secrets are 100 answers.
const PATIENCE_WITH_LIST: Duration = Duration::from_secs(60);

/// The most secrets in one answer to a listing, which is what Secrets Manager allows.
const PAGE: i32 = 100;

/// The error for a write that was refused, or not answered.
fn unanswered<E>(name: &str, error: &SdkError<E>) -> SecretError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.as_service_error().map(|error| error.code().unwrap_or_default()) {
        Some(code) if is_denial(code) => {
            SecretError::NotWritable { name: name.to_owned(), code: code.to_owned() }
        }
        Some(code) => SecretError::Unavailable { problem: code.to_owned() },
        None => without_answer(error),
    }
}

/// The error for a list that was refused, or not answered.
fn not_listed(beginning: &str, error: &SdkError<ListSecretsError>) -> SecretError {
    match unanswered(beginning, error) {
        SecretError::NotWritable { name, code } => {
            SecretError::Denied { name: format!("{name}*"), code }
        }
        error => error,
    }
}

fn of_sdk(name: &str, error: &SdkError<GetSecretValueError>) -> SecretError {
    let name = name.to_owned();
    let service = error.as_service_error();
    let code = service.and_then(|error| error.meta().code()).unwrap_or_default().to_owned();
    match service {
        Some(GetSecretValueError::ResourceNotFoundException(_)) => SecretError::NotFound { name },
        // A secret that is marked for deletion.
        Some(GetSecretValueError::InvalidRequestException(_)) => SecretError::NotFound { name },
        Some(_) if is_denial(&code) => SecretError::Denied { name, code },
        Some(_) => SecretError::Unavailable { problem: code },
        None => without_answer(error),
    }
}

/// Whether AWS's code says that the role lacks a permission, such as the one to use the secret's
/// KMS key.
fn is_denial(code: &str) -> bool {
    ["AccessDenied", "Decryption", "Encryption"].iter().any(|denial| code.contains(denial))
}

fn without_answer<E: std::error::Error + 'static>(error: &SdkError<E>) -> SecretError {
    if lacks_descriptors(error) {
        return SecretError::NoDescriptor;
    }
    let problem = match error {
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "connection failed, or no AWS credentials",
        _ => "unreadable answer",
    };
    SecretError::Unavailable { problem: problem.to_owned() }
}
