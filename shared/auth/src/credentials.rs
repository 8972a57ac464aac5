//! What a connection's secret holds.

use std::fmt;
use std::str::FromStr;

use dataverse::{InstanceUrl, InstanceUrlError};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::Environment;

/// The id of a connection: `[a-z0-9-]{1,63}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ConnectionId(String);

/// Text that is no connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection id consists of 1 to 63 lower-case letters, digits and hyphens")]
pub struct InvalidConnectionId;

impl FromStr for ConnectionId {
    type Err = InvalidConnectionId;

    fn from_str(text: &str) -> Result<ConnectionId, InvalidConnectionId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(ConnectionId(text.to_owned()))
        } else {
            Err(InvalidConnectionId)
        }
    }
}

impl TryFrom<String> for ConnectionId {
    type Error = InvalidConnectionId;

    fn try_from(text: String) -> Result<ConnectionId, InvalidConnectionId> {
        text.parse()
    }
}

impl ConnectionId {
    /// `default`, where no other is named.
    pub fn fallback() -> ConnectionId {
        ConnectionId("default".to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the secret that holds the connection's credentials.
    pub fn secret_name(&self) -> String {
        format!("dynamics365/connections/{}", self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What it takes to talk to one Dataverse environment.
#[derive(Clone)]
pub struct Credentials {
    /// The directory: its id, or one of its domains.
    pub tenant_id: String,
    /// The app registration.
    pub client_id: Uuid,
    /// The value of the client secret.
    pub client_secret: SecretString,
    /// The environment.
    pub instance_url: InstanceUrl,
    /// The last day of the client secret, as somebody gave it.
    pub secret_expires_on: Option<Date>,
    /// What people call the connection.
    pub label: Option<String>,
}

/// Why a secret's text is no credentials. No variant holds anything of the secret's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// It is no JSON object, or a field is missing, unknown or of another type.
    #[error("the secret is not the JSON object that it should be: {problem}")]
    Malformed {
        /// Which field, and what is the matter with it.
        problem: String,
    },
    /// A field is empty.
    #[error("the field {field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// The tenant is neither an id nor a domain.
    #[error("the field tenant_id is neither a directory id (a GUID) nor a domain")]
    Tenant,
    /// The application id is no GUID.
    #[error("the field client_id is not an application id (a GUID)")]
    Client,
    /// The secret's id was pasted instead of its value.
    #[error("the field client_secret holds a GUID: that is the secret's id, not its value")]
    SecretId,
    /// The expiry date is no date.
    #[error("the field secret_expires_on is not a date such as 2027-12-01")]
    Expiry,
    /// The instance URL is not one.
    #[error("the field instance_url is wrong: {0}")]
    Instance(#[from] InstanceUrlError),
}

const FIELDS: [&str; 4] = ["tenant_id", "client_id", "client_secret", "instance_url"];

/// The secret's JSON, as written by the set-up or by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    tenant_id: String,
    client_id: String,
    client_secret: SecretString,
    instance_url: String,
    #[serde(default)]
    secret_expires_on: Option<String>,
    #[serde(default)]
    label: Option<String>,
}

impl Credentials {
    /// Reads the text of a connection's secret.
    pub fn parse(text: &str, environment: &Environment) -> Result<Credentials, CredentialsError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let fields: Fields = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| CredentialsError::Malformed { problem: problem(text, &error) })?;

        let tenant_id = fields.tenant_id.trim().to_ascii_lowercase();
        let client_id = fields.client_id.trim();
        let secret = fields.client_secret.expose_secret().trim();
        for (field, value) in
            [("tenant_id", tenant_id.as_str()), ("client_id", client_id), ("client_secret", secret)]
        {
            if value.is_empty() {
                return Err(CredentialsError::Empty { field });
            }
        }
        if !is_tenant(&tenant_id) {
            return Err(CredentialsError::Tenant);
        }
        if Uuid::parse_str(secret).is_ok() {
            return Err(CredentialsError::SecretId);
        }
        let instance_url = instance(&fields.instance_url, environment)?;
        let expires_on = fields.secret_expires_on.filter(|date| !date.trim().is_empty());
        Ok(Credentials {
            secret_expires_on: expires_on
                .map(|date| date.trim().parse().map_err(|_| CredentialsError::Expiry))
                .transpose()?,
            label: fields.label.filter(|label| !label.trim().is_empty()),
            client_id: Uuid::parse_str(client_id).map_err(|_| CredentialsError::Client)?,
            client_secret: SecretString::from(secret),
            tenant_id,
            instance_url,
        })
    }
}

/// The instance that a text means: one of Microsoft's, or a local emulator.
fn instance(text: &str, environment: &Environment) -> Result<InstanceUrl, InstanceUrlError> {
    let text = text.trim();
    let address = match text.contains("://") {
        true => Url::parse(text),
        false => Url::parse(&format!("https://{text}")),
    };
    let local = || environment.local.iter();
    let emulator = address.ok().and_then(|address| {
        let origin = address.origin();
        local()
            .find(|local| local.origin() == origin)
            .or_else(|| local().find(|local| reaches(&address, local)))
    });
    match emulator {
        Some(local) => InstanceUrl::parse_or_local(local.as_str(), local),
        None => InstanceUrl::parse(text),
    }
}

/// A function in a container reaches the emulator by another name than the machine that it runs
/// on: the loopback address with the emulator's port is the emulator.
fn reaches(address: &Url, local: &Url) -> bool {
    let is_loopback = matches!(address.host_str(), Some("127.0.0.1" | "localhost"));
    is_loopback && address.scheme() == local.scheme() && address.port() == local.port()
}

/// A GUID or a domain; either goes into a URL as it is.
fn is_tenant(text: &str) -> bool {
    let is_domain = || {
        text.contains('.')
            && text.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    Uuid::parse_str(text).is_ok() || is_domain()
}

/// What is wrong with the JSON, in words that hold none of its values: serde's own messages quote
/// what they did not expect.
fn problem(text: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else {
        return format!("it must be a JSON object with the fields {}", FIELDS.join(", "));
    };
    if let Some(missing) = FIELDS.iter().find(|field| !object.contains_key(**field)) {
        let known =
            |name: &str| FIELDS.contains(&name) || name == "secret_expires_on" || name == "label";
        // A misspelt name, unless the text looks like a value.
        return match object.keys().find(|name| !known(name) && is_field_like(name)) {
            Some(unknown) => format!("the field {missing} is missing; did {unknown} mean it?"),
            None => format!("the field {missing} is missing"),
        };
    }
    let path = error.path().to_string();
    match object.get(&path) {
        Some(_) if FIELDS.contains(&path.as_str()) => format!("the field {path} must be a string"),
        _ => format!(
            "it has a field that is not known; known are {}, secret_expires_on and label",
            FIELDS.join(", ")
        ),
    }
}

fn is_field_like(name: &str) -> bool {
    name.len() <= 30
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_- ".contains(&byte))
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
        assert!(parse(&with("label", "Production".into())).is_ok());
    }

    #[test]
    fn names_the_field_at_fault() {
        use CredentialsError::*;
        let cases = [
            ("tenant_id", json!("not a tenant"), Tenant),
            ("tenant_id", json!("a/../b.c"), Tenant),
            ("tenant_id", json!(" "), Empty { field: "tenant_id" }),
            ("client_id", json!("my app"), Client),
            ("client_secret", json!(""), Empty { field: "client_secret" }),
            ("client_secret", json!("33333333-3333-3333-3333-333333333333"), SecretId),
            (
                "instance_url",
                json!("https://evil.example"),
                Instance(InstanceUrlError::ForeignHost),
            ),
        ];
        for (field, value, error) in cases {
            assert_eq!(parse(&with(field, value)).unwrap_err(), error);
        }
    }

    #[test]
    fn malformed_secrets_are_explained_without_their_values() {
        let mut misspelt = valid();
        let secret = misspelt.as_object_mut().unwrap().remove("client_secret").unwrap();
        misspelt["clientSecret"] = secret;
        let cases = [
            (misspelt.to_string(), "did clientSecret mean it"),
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

    #[test]
    fn the_emulator_has_another_name_in_a_container() {
        let local = Url::parse("http://host.docker.internal:3001").unwrap();
        let environment = Environment::local(local);
        let parse = |url: &str| {
            let text = with("instance_url", url.into()).to_string();
            Credentials::parse(&text, &environment).map(|one| one.instance_url.to_string())
        };
        assert_eq!(parse("http://127.0.0.1:3001").unwrap(), "http://host.docker.internal:3001");
        assert!(parse("http://127.0.0.1:3002").is_err());
        assert!(parse("http://192.168.0.1:3001").is_err());
    }

    #[test]
    fn connection_ids() {
        for text in ["default", "emea-2", "a"] {
            assert!(text.parse::<ConnectionId>().is_ok(), "{text}");
        }
        for text in ["", "A", "a/b", "a.b", "a b", "ü", &"a".repeat(64)] {
            assert_eq!(text.parse::<ConnectionId>(), Err(InvalidConnectionId), "{text}");
        }
    }
}
