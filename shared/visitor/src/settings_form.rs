//! The settings as they are entered and stored: their JSON.

use std::collections::HashSet;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use serde_path_to_error::Segment;
use url::Url;

use crate::entra::is_of_many_tenants;
use crate::network::is_loopback;
use crate::{
    Issuer, Keys, PublishedAlgorithm, SettingsError, SharedAlgorithm, SharedKey, Subject,
    TokenSettings,
};

/// How many issuers there may be.
const MOST_ISSUERS: usize = 5;

/// How many secrets an issuer may have: the one in use, and the next one.
const MOST_SECRETS: usize = 2;

/// The fewest bytes of a secret: as many as SHA-256 gives (RFC 7518, 3.2).
const SHORTEST_SECRET: usize = 32;

/// The most bytes of a secret.
const LONGEST_SECRET: usize = 1024;

/// The most bytes of an issuer's name, of a key's id and of a claim's name.
const LONGEST_NAME: usize = 255;

/// The most bytes of an address.
const LONGEST_URL: usize = 2048;

/// Claims that say something else than who the visitor is.
const TAKEN: [&str; 8] = ["aud", "email", "email_verified", "exp", "iat", "iss", "jti", "nbf"];

/// Who may vouch for visitors.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "TokenSettings")]
pub(crate) struct SettingsForm {
    /// Those whose visitor tokens count.
    #[schemars(length(min = 1, max = 5))]
    issuers: Vec<IssuerForm>,
}

/// Somebody whose visitor tokens count. Either algorithm and keys are given, or algorithms and jwks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "TokenIssuer")]
struct IssuerForm {
    /// The claim iss of its tokens, exactly.
    #[schemars(length(min = 1, max = 255))]
    issuer: String,
    /// What its tokens are signed with, if that needs a secret that both sides know.
    algorithm: Option<SharedAlgorithm>,
    /// The secrets: one, or two while one replaces the other.
    #[schemars(length(min = 1, max = 2))]
    keys: Option<Vec<KeyForm>>,
    /// What its tokens may be signed with, if the issuer publishes its keys.
    #[schemars(length(min = 1, max = 3))]
    algorithms: Option<Vec<PublishedAlgorithm>>,
    /// The https address of the keys that it publishes (JWKS).
    #[schemars(length(max = 2048), extend("format" = "uri"))]
    jwks: Option<String>,
    /// Whether email counts though the token has no email_verified. Only say so of an issuer that
    /// verifies all addresses.
    #[serde(default)]
    trusts_email: bool,
    /// Which claim says who the visitor's contact is.
    subject: Option<SubjectForm>,
    /// The claim with the id (GUID) of the account that the visitor speaks for.
    #[schemars(length(min = 1, max = 255))]
    account: Option<String>,
}

/// A secret that both sides know.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "SharedKey")]
struct KeyForm {
    /// What the header kid of the tokens calls it.
    #[schemars(length(min = 1, max = 255))]
    kid: String,
    /// The secret. At least 32 bytes. It is not shown again, and stays as it is where it is left out.
    #[schemars(with = "Option<String>", length(min = 32, max = 1024), extend("writeOnly" = true))]
    secret: SecretString,
}

/// Which claim says who the visitor's contact is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "TokenSubject")]
struct SubjectForm {
    /// The claim, such as user_id. Without it: sub.
    #[schemars(length(min = 1, max = 255))]
    claim: Option<String>,
    /// The logical name of the contact's column that holds the same, such as externaluseridentifier
    /// or contactid.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]{0,49}$"))]
    column: String,
}

/// The names of all fields. A name that is not among them may be a value, and is not quoted.
const FIELDS: [&str; 13] = [
    "issuers",
    "issuer",
    "algorithm",
    "keys",
    "kid",
    "secret",
    "algorithms",
    "jwks",
    "trusts_email",
    "subject",
    "claim",
    "column",
    "account",
];

impl SettingsForm {
    pub(crate) fn read(value: Value) -> Result<SettingsForm, SettingsError> {
        serde_path_to_error::deserialize(value).map_err(|error| malformed(&error))
    }

    /// The settings, if they are valid. The error is about the first field that is not.
    pub(crate) fn parse(self) -> Result<TokenSettings, SettingsError> {
        if self.issuers.is_empty() || self.issuers.len() > MOST_ISSUERS {
            return Err(wrong("issuers", "must have 1 to 5 issuers"));
        }
        let mut names = HashSet::new();
        let mut issuers = Vec::new();
        for (index, form) in self.issuers.into_iter().enumerate() {
            let at = format!("issuers[{index}]");
            let issuer = form.parse(&at)?;
            if !names.insert(issuer.issuer.clone()) {
                return Err(wrong(format!("{at}.issuer"), "names an issuer that is there already"));
            }
            issuers.push(issuer);
        }
        Ok(TokenSettings { issuers })
    }

    pub(crate) fn with_secrets(settings: &TokenSettings) -> Value {
        json!({ "issuers": settings.issuers.iter().map(|it| it.json(true)).collect::<Vec<_>>() })
    }

    pub(crate) fn without_secrets(settings: &TokenSettings) -> Value {
        json!({ "issuers": settings.issuers.iter().map(|it| it.json(false)).collect::<Vec<_>>() })
    }
}

impl IssuerForm {
    fn parse(self, at: &str) -> Result<Issuer, SettingsError> {
        let field = |name: &str| format!("{at}.{name}");
        check_name(&self.issuer, || field("issuer"))?;
        let keys = match (self.algorithm, self.keys, self.algorithms, self.jwks) {
            (Some(algorithm), Some(keys), None, None) => {
                Keys::Shared { algorithm, secrets: secrets(keys, at)? }
            }
            (None, None, Some(algorithms), Some(jwks)) => {
                let is_twice = |it| algorithms.iter().filter(|other| *other == it).count() > 1;
                if algorithms.is_empty() || algorithms.iter().any(is_twice) {
                    let problem = "must have one or more of RS256, ES256 and EdDSA, each once";
                    return Err(wrong(field("algorithms"), problem));
                }
                let jwks = address(&jwks).map_err(|problem| wrong(field("jwks"), problem))?;
                Keys::Published { jwks, algorithms }
            }
            _ => {
                let problem = "must have either algorithm and keys, or algorithms and jwks";
                return Err(SettingsError::Malformed {
                    at: at.to_owned(),
                    problem: problem.to_owned(),
                });
            }
        };
        let is_of_many = is_of_many_tenants(&self.issuer)
            || matches!(&keys, Keys::Published { jwks, .. } if is_of_many_tenants(jwks.as_str()));
        if self.trusts_email && is_of_many {
            let problem = "must be false for tokens that come from any directory of Entra ID, whose \
                           administrators can write any email address into them: name one \
                           directory in issuer and jwks";
            return Err(wrong(field("trusts_email"), problem));
        }
        if let Some(claim) = &self.account {
            check_claim(claim, || field("account"))?;
        }
        let subject = self.subject.map(|subject| subject.parse(&field("subject"))).transpose()?;
        Ok(Issuer {
            issuer: self.issuer,
            keys,
            trusts_email: self.trusts_email,
            subject,
            account: self.account,
        })
    }
}

impl SubjectForm {
    fn parse(self, at: &str) -> Result<Subject, SettingsError> {
        let claim = self.claim.unwrap_or_else(|| "sub".to_owned());
        check_claim(&claim, || format!("{at}.claim"))?;
        let column = || format!("{at}.column");
        let is_name = self.column.len() <= 50
            && self.column.starts_with(|first: char| first.is_ascii_lowercase())
            && self
                .column
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name {
            let problem = "must be the logical name of a column, such as externaluseridentifier";
            return Err(wrong(column(), problem));
        }
        if self.column.starts_with("emailaddress") {
            let problem = "must not be an email address: for that there is the claim email";
            return Err(wrong(column(), problem));
        }
        Ok(Subject { claim, column: self.column })
    }
}

impl Issuer {
    fn json(&self, with_secrets: bool) -> Value {
        let mut json = json!({ "issuer": self.issuer });
        match &self.keys {
            Keys::Shared { algorithm, secrets } => {
                let keys = secrets.iter().map(|key| match with_secrets {
                    true => json!({ "kid": key.kid, "secret": key.secret.expose_secret() }),
                    false => json!({ "kid": key.kid }),
                });
                json["algorithm"] = json!(algorithm);
                json["keys"] = keys.collect();
            }
            Keys::Published { jwks, algorithms } => {
                json["algorithms"] = json!(algorithms);
                json["jwks"] = jwks.as_str().into();
            }
        }
        json["trusts_email"] = self.trusts_email.into();
        if let Some(Subject { claim, column }) = &self.subject {
            json["subject"] = json!({ "claim": claim, "column": column });
        }
        if let Some(claim) = &self.account {
            json["account"] = claim.as_str().into();
        }
        json
    }
}

fn wrong(field: impl Into<String>, problem: &'static str) -> SettingsError {
    SettingsError::Field { field: field.into(), problem }
}

/// Says what is wrong with the JSON without quoting a value of it.
fn malformed(error: &serde_path_to_error::Error<serde_json::Error>) -> SettingsError {
    let mut at = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => at.push_str(&format!("[{index}]")),
            Segment::Map { key } if FIELDS.contains(&key.as_str()) => {
                let dot = if at.is_empty() { "" } else { "." };
                at.push_str(&format!("{dot}{key}"));
            }
            _ => break,
        }
    }
    let message = error.inner().to_string();
    // What serde says it expected is only what our types are made of.
    let expected = message.rsplit_once(", expected ").map_or("something else", |(_, it)| it);
    let problem = match message.strip_prefix("missing field ") {
        Some(name) => format!("lacks the field {}", name.trim_matches('`')),
        None if message.starts_with("unknown field ") => {
            format!("has a field that is not known; it may have {expected}")
        }
        None => format!("must be {expected}"),
    };
    let at = if at.is_empty() { "it".to_owned() } else { at };
    SettingsError::Malformed {
        at,
        problem: problem.replace('`', "").replace("a sequence", "a list"),
    }
}

fn check_name(name: &str, field: impl Fn() -> String) -> Result<(), SettingsError> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(wrong(field(), "must have 1 to 255 bytes, and no control characters"));
    }
    Ok(())
}

fn check_claim(claim: &str, field: impl Fn() -> String) -> Result<(), SettingsError> {
    check_name(claim, &field)?;
    if TAKEN.contains(&claim) {
        return Err(wrong(field(), "names a claim that has another meaning"));
    }
    Ok(())
}

fn secrets(keys: Vec<KeyForm>, at: &str) -> Result<Vec<SharedKey>, SettingsError> {
    if keys.is_empty() || keys.len() > MOST_SECRETS {
        return Err(wrong(format!("{at}.keys"), "must have one key, or two"));
    }
    let mut secrets: Vec<SharedKey> = Vec::new();
    for (index, KeyForm { kid, secret }) in keys.into_iter().enumerate() {
        let field = |name: &str| format!("{at}.keys[{index}].{name}");
        check_name(&kid, || field("kid"))?;
        if secrets.iter().any(|other| other.kid == kid) {
            return Err(wrong(field("kid"), "is the same as that of the other key"));
        }
        let text = secret.expose_secret();
        if text.len() < SHORTEST_SECRET || text.len() > LONGEST_SECRET {
            return Err(wrong(field("secret"), "must have 32 to 1024 bytes"));
        }
        if text.trim() != text {
            return Err(wrong(field("secret"), "must not begin or end with a space"));
        }
        secrets.push(SharedKey { kid, secret });
    }
    Ok(secrets)
}

/// The address of published keys. Whether HTTP to this machine is allowed, is decided when they are
/// fetched.
fn address(text: &str) -> Result<Url, &'static str> {
    if text.len() > LONGEST_URL {
        return Err("is too long");
    }
    let url =
        Url::parse(text).map_err(|_| "is not a web address like https://chat.example/keys")?;
    let is_local = url.scheme() == "http" && is_loopback(&url);
    if url.scheme() != "https" && !is_local {
        return Err("must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or a password");
    }
    if url.fragment().is_some() {
        return Err("must not have a part behind #");
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
