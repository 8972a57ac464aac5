//! The credentials that a connection's secret holds.

use std::fmt;

use dataverse::{InstanceUrl, InstanceUrlError};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::pasted::value;
use crate::{Cause, Environment, Proof, Visitors, meant_field};

/// What is needed to talk to one Dataverse environment.
#[derive(Clone)]
pub struct Credentials {
    /// The directory: its id, or one of its domains.
    pub tenant_id: String,
    /// The app registration.
    pub client_id: Uuid,
    /// How the application proves its identity.
    pub proof: Proof,
    /// The environment.
    pub instance_url: InstanceUrl,
    /// The last day of the client secret, if somebody has entered it.
    pub secret_expires_on: Option<Date>,
    /// What people call the connection.
    pub label: Option<String>,
    /// What visitors may do, and how they are known.
    pub visitors: Visitors,
}

/// Why the text of a secret does not hold valid credentials. No variant contains a value of the
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// It is not a JSON object, or a field is missing, unknown or of the wrong type.
    #[error("the secret is not right: {problem}")]
    Malformed {
        /// Which field, and what is wrong with it.
        problem: String,
    },
    /// A field is empty.
    #[error("the field {field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A field is longer than anything that it can hold.
    #[error("the field {field} is too long")]
    TooLong {
        /// The field.
        field: &'static str,
    },
    /// The tenant is neither an id nor a domain.
    #[error("the field tenant_id is neither a directory id (a GUID) nor a domain")]
    Tenant,
    /// The application id is no GUID.
    #[error("the field client_id is not an application id (a GUID)")]
    Client,
    /// The proof is not valid.
    #[error("{problem}")]
    Proof {
        /// Which field, and what is wrong with it.
        problem: &'static str,
        /// The cause to report for the connection.
        cause: Cause,
    },
    /// The expiry date is not a date.
    #[error("the field secret_expires_on is not a date such as 2027-12-01")]
    Expiry,
    /// The instance URL is not one.
    #[error("the field instance_url is wrong: {0}")]
    Instance(#[from] InstanceUrlError),
}

impl CredentialsError {
    /// The cause to report for a connection with these credentials.
    pub fn cause(&self) -> Cause {
        use CredentialsError::*;
        match self {
            Tenant | Empty { field: "tenant_id" } => Cause::TenantInvalid,
            Client | Empty { field: "client_id" } => Cause::ClientInvalid,
            TooLong { field: "client_secret" } => Cause::SecretWrong,
            TooLong { field: "instance_url" } => Cause::InstanceInvalid,
            Proof { cause, .. } => *cause,
            Instance(_) => Cause::InstanceInvalid,
            Empty { .. } | TooLong { .. } | Malformed { .. } | Expiry => {
                Cause::CredentialsMalformed
            }
        }
    }
}

const REQUIRED: [&str; 4] = ["tenant_id", "client_id", "client_secret", "instance_url"];
const OPTIONAL: [&str; 3] = ["secret_expires_on", "label", "visitors"];

/// The texts of all credentials, as they were entered: the JSON of the connection's secret, which may
/// also be written by hand.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialsForm {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) instance_url: String,
    /// A date such as 2027-12-01, or empty.
    pub(crate) secret_expires_on: Option<String>,
    pub(crate) label: Option<String>,
    /// What visitors may do, and how they are known.
    pub(crate) visitors: Option<Visitors>,
}

/// What a form says of a connection, as far as it is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormNames {
    /// What people call it.
    pub label: Option<String>,
    /// Its environment.
    pub instance_url: Option<InstanceUrl>,
    /// Its directory.
    pub tenant_id: Option<String>,
    /// Its application.
    pub client_id: Option<Uuid>,
}

impl fmt::Debug for CredentialsForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CredentialsForm").finish_non_exhaustive()
    }
}

impl CredentialsForm {
    /// Reads the text of a connection's secret.
    pub(crate) fn read(text: &str) -> Result<CredentialsForm, CredentialsError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| CredentialsError::Malformed { problem: problem(text, &error) })
    }

    /// What people call the connection, its environment, its directory and its application: those
    /// that are valid. The text of a field may be a secret that was put there by mistake.
    pub fn names(&self, environment: &Environment) -> FormNames {
        let tenant_id = id(&self.tenant_id);
        FormNames {
            label: given(&self.label).map(name),
            instance_url: environment.instance(value(&self.instance_url)).ok(),
            tenant_id: Some(tenant_id).filter(|tenant_id| is_tenant(tenant_id)),
            client_id: Uuid::parse_str(&id(&self.client_id)).ok(),
        }
    }

    /// The text to store as the connection's secret.
    pub fn to_secret(&self) -> SecretString {
        let mut secret = json!({
            "tenant_id": id(&self.tenant_id),
            "client_id": id(&self.client_id),
            "client_secret": value(self.client_secret.expose_secret()),
            "instance_url": value(&self.instance_url),
        });
        for (name, text) in [("secret_expires_on", self.expiry()), ("label", given(&self.label))] {
            if let Some(text) = text {
                secret[name] = text.into();
            }
        }
        if let Some(visitors) = &self.visitors {
            secret["visitors"] = visitors.to_secret();
        }
        SecretString::from(secret.to_string())
    }

    /// What visitors may do, and how they are known.
    pub fn visitors(&self) -> Visitors {
        self.visitors.clone().unwrap_or_default()
    }

    /// The same credentials, with other settings for visitors.
    #[must_use]
    pub fn with_visitors(self, visitors: Visitors) -> CredentialsForm {
        CredentialsForm { visitors: Some(visitors), ..self }
    }

    /// The last day of the client secret, as it was entered; `None` if it was not.
    pub fn expiry(&self) -> Option<&str> {
        given(&self.secret_expires_on)
    }

    /// Makes credentials of what was entered.
    ///
    /// # Errors
    ///
    /// If a field is wrong. The error is about the first one.
    pub fn parse(&self, environment: &Environment) -> Result<Credentials, CredentialsError> {
        let (tenant_id, client_id) = (id(&self.tenant_id), id(&self.client_id));
        for (field, value) in [("tenant_id", &tenant_id), ("client_id", &client_id)] {
            if value.is_empty() {
                return Err(CredentialsError::Empty { field });
            }
        }
        let instance_url = value(&self.instance_url);
        for (field, value, most) in [
            ("client_secret", self.client_secret.expose_secret(), LONGEST_SECRET),
            ("instance_url", instance_url, LONGEST_URL),
        ] {
            if value.len() > most {
                return Err(CredentialsError::TooLong { field });
            }
        }
        if !is_tenant(&tenant_id) {
            return Err(CredentialsError::Tenant);
        }
        Ok(Credentials {
            proof: Proof::parse(self)?,
            instance_url: environment.instance(instance_url)?,
            secret_expires_on: self
                .expiry()
                .map(|date| date.parse().map_err(|_| CredentialsError::Expiry))
                .transpose()?,
            label: given(&self.label).map(name),
            visitors: self.visitors.clone().unwrap_or_default(),
            client_id: Uuid::parse_str(&client_id).map_err(|_| CredentialsError::Client)?,
            tenant_id,
        })
    }
}

/// The most bytes of a client secret. Entra ID's have 40, and at most 64.
const LONGEST_SECRET: usize = 1024;

/// The most bytes of an address.
const LONGEST_URL: usize = 2048;

/// The most characters of what people call a connection.
pub const LONGEST_LABEL: usize = 100;

/// What people call a connection: one line, however it was entered.
fn name(text: &str) -> String {
    let words: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_LABEL).collect()
}

/// The text of an optional field; `None` if nothing was entered.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(value).filter(|text| !text.is_empty())
}

/// A directory's or an application's id, as Entra ID writes it, however it was entered: a GUID may be
/// in braces, or begin with `urn:uuid:`.
pub(crate) fn id(text: &str) -> String {
    let text = value(text);
    Uuid::parse_str(text)
        .map_or_else(|_| text.to_ascii_lowercase(), |id| id.hyphenated().to_string())
}

impl Credentials {
    /// Reads the text of a connection's secret.
    pub fn parse(text: &str, environment: &Environment) -> Result<Credentials, CredentialsError> {
        CredentialsForm::read(text)?.parse(environment)
    }

    /// Whether these are the same credentials to Entra ID and Dataverse.
    pub(crate) fn is(&self, other: &Credentials) -> bool {
        self.tenant_id == other.tenant_id
            && self.client_id == other.client_id
            && self.instance_url == other.instance_url
            && self.proof.is(&other.proof)
    }
}

/// Whether the text is a GUID or a domain. Either can go into a URL as it is.
fn is_tenant(text: &str) -> bool {
    // The most that a domain name can have.
    let is_short = text.len() <= 253;
    let is_domain = || {
        is_short
            && text.contains('.')
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    Uuid::parse_str(text).is_ok() || is_domain()
}

/// Says what is wrong with the JSON without quoting a value of it. serde's own messages quote what
/// they did not expect.
fn problem(text: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else {
        return format!("it must be a JSON object with the fields {}", REQUIRED.join(", "));
    };
    let known = || REQUIRED.into_iter().chain(OPTIONAL);
    let missing = REQUIRED.into_iter().find(|field| !object.contains_key(*field));
    let mut unknown = object.keys().filter(|name| !known().any(|field| field == name.as_str()));
    // A name that no field resembles may be a value, and is not quoted.
    let misspelt = unknown.find_map(|name| Some((name, meant_field(name, known())?)));
    match (misspelt, missing) {
        (Some((name, field)), _) => {
            return format!("its field {name} must be called {field}");
        }
        (None, Some(missing)) => return format!("its field {missing} is missing"),
        (None, None) => {}
    }
    let path = error.path().to_string();
    match object.get(&path) {
        Some(_) if REQUIRED.contains(&path.as_str()) => {
            format!("the field {path} must be a string")
        }
        _ => format!(
            "it has a field that is not known; known are {}, {}",
            REQUIRED.join(", "),
            OPTIONAL.join(", ")
        ),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("instance_url", &self.instance_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &serde_json::Value) -> Result<Credentials, CredentialsError> {
        Credentials::parse(&value.to_string(), &Environment::default())
    }

    fn valid() -> serde_json::Value {
        json!({
            "tenant_id": "11111111-1111-1111-1111-111111111111",
            "client_id": " 22222222-2222-2222-2222-222222222222 ",
            "client_secret": "ETx8Q~value",
            "instance_url": "https://contoso.crm4.dynamics.com/main.aspx",
        })
    }

    fn with(field: &str, value: serde_json::Value) -> serde_json::Value {
        let mut changed = valid();
        changed[field] = value;
        changed
    }

    #[test]
    fn reads_what_people_paste() {
        let credentials = parse(&valid()).unwrap();
        assert_eq!(credentials.instance_url.as_str(), "https://contoso.crm4.dynamics.com");
        assert!(parse(&with("tenant_id", "Contoso.onmicrosoft.com".into())).is_ok());
        let label = with("label", format!(" Forged\nrow {}", "x".repeat(200)).into());
        let label = parse(&label).unwrap().label.unwrap();
        assert!(label.starts_with("Forged row x") && label.len() == LONGEST_LABEL, "{label}");
        let (tenant, client) = (&credentials.tenant_id, credentials.client_id);
        for (field, value) in [
            ("tenant_id", format!("{{{tenant}}}")),
            ("tenant_id", format!("urn:uuid:{tenant}")),
            ("client_id", format!("\"{{{client}}}\"")),
            ("client_id", format!("urn:uuid:{client}")),
            ("client_secret", "“ETx8Q~value”".to_owned()),
            ("instance_url", "'https://contoso.api.crm4.dynamics.com/api/data/v9.2/'".to_owned()),
        ] {
            let pasted = with(field, value.into());
            assert!(parse(&pasted).unwrap().is(&credentials), "{pasted}");
            let stored = CredentialsForm::read(&pasted.to_string()).unwrap().to_secret();
            let stored = Credentials::parse(stored.expose_secret(), &Environment::default());
            assert!(stored.unwrap().is(&credentials), "{pasted}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_field_is_no_name() {
        let secret = "SECR8Q~the-real-client-secret-value";
        for field in ["tenant_id", "client_id", "instance_url"] {
            let form = CredentialsForm::read(&with(field, secret.into()).to_string()).unwrap();
            let names = form.names(&Environment::default());
            assert!(!format!("{names:?}").contains("SECR8Q"), "{names:?}");
            let given = [
                names.tenant_id.is_some(),
                names.client_id.is_some(),
                names.instance_url.is_some(),
            ];
            assert_eq!(given.iter().filter(|given| **given).count(), 2, "{field}");
        }
    }

    #[test]
    fn names_the_field_at_fault() {
        use CredentialsError::*;
        let cases = [
            ("tenant_id", json!("not a tenant"), Tenant),
            ("tenant_id", json!("a/../b.c"), Tenant),
            ("tenant_id", json!("a.".repeat(200) + "b"), Tenant),
            ("client_secret", json!("x".repeat(2000)), TooLong { field: "client_secret" }),
            ("instance_url", json!("x".repeat(3000)), TooLong { field: "instance_url" }),
            ("tenant_id", json!(" "), Empty { field: "tenant_id" }),
            ("client_id", json!("my app"), Client),
            (
                "instance_url",
                json!("https://evil.example"),
                Instance(InstanceUrlError::ForeignHost),
            ),
        ];
        for (field, value, error) in cases {
            assert_eq!(parse(&with(field, value)).unwrap_err(), error);
        }
        for (value, cause) in [
            ("", Cause::SecretMissing),
            ("33333333-3333-3333-3333-333333333333", Cause::SecretIdGiven),
        ] {
            let error = parse(&with("client_secret", value.into())).unwrap_err();
            assert!(error.to_string().starts_with("the field client_secret "), "{error}");
            assert_eq!(error.cause(), cause);
        }
    }

    #[test]
    fn malformed_secrets_are_explained_without_their_values() {
        let mut misspelt = valid();
        let secret = misspelt.as_object_mut().unwrap().remove("client_secret").unwrap();
        misspelt["clientSecret"] = secret;
        let cases = [
            (misspelt.to_string(), "field clientSecret must be called client_secret"),
            (with("client_secret", json!(123_456)).to_string(), "client_secret must be a string"),
            (with("ETx8Q~value", json!(1)).to_string(), "a field that is not known"),
            ("ETx8Q~value".to_owned(), "must be a JSON object"),
            ("\"ETx8Q~value\"".to_owned(), "must be a JSON object"),
        ];
        for (text, expected) in cases {
            let error = Credentials::parse(&text, &Environment::default()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected), "{shown}");
            assert!(!shown.contains("ETx8Q") && !shown.contains("123456"), "{shown}");
        }
    }
}
