//! The parts of a token: JSON objects whose members are read by name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Address, ContactKey, Issuer, Subject, TokenError, Vouched};

/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How long a token may still be valid. Longer ones would be as good as passwords, and a time in
/// milliseconds would never end.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The most characters of what says who the visitor's contact is.
const LONGEST_SUBJECT: usize = 200;

/// A JSON object in which each name stands once. With two of a name, whoever signed it may have
/// looked at the other one.
pub(crate) struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
                let mut object = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(Object(object))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Object {
    /// Reads a part of a token.
    pub(crate) fn decode(part: &str) -> Option<Object> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    }

    /// A member; `None` also if it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member that is a text, and not an empty one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A time, in seconds since 1970.
    fn time(&self, claim: &'static str) -> Result<Option<i64>, TokenError> {
        let read = |value: &Value| value.as_i64().ok_or(TokenError::NotWhole { claim });
        self.get(claim).map(read).transpose()
    }

    /// Whether the token is valid now.
    pub(crate) fn check_times(&self, now: Timestamp) -> Result<(), TokenError> {
        let now = now.as_second();
        let (skew, life) = (SKEW.as_secs(), LONGEST_LIFE.as_secs());
        let exp = self.time("exp")?.ok_or(TokenError::ExpiryMissing)?;
        if exp < now - skew {
            return Err(TokenError::Expired);
        }
        if exp > now + life + skew {
            return Err(TokenError::ExpiryTooFar);
        }
        if self.time("nbf")?.is_some_and(|nbf| nbf > now + skew) {
            return Err(TokenError::NotYetValid);
        }
        if self.time("iat")?.is_some_and(|iat| iat > now + skew) {
            return Err(TokenError::IssuedLater);
        }
        Ok(())
    }

    /// Whom the token vouches for, as its issuer may.
    pub(crate) fn vouched(&self, issuer: &Issuer) -> Result<Vouched, TokenError> {
        let key = match &issuer.subject {
            Some(subject) => self.key(subject)?,
            None => None,
        };
        let email = match self.get("email") {
            None if key.is_none() => {
                let subject = issuer.subject.as_ref().map(|subject| subject.claim.clone());
                return Err(TokenError::Nobody { subject });
            }
            None => None,
            Some(email) if self.vouches_for_email(issuer) => {
                let address = email.as_str().and_then(|email| Address::parse(email).ok());
                Some(address.ok_or(TokenError::EmailInvalid)?)
            }
            Some(_) if key.is_none() => return Err(TokenError::EmailNotVerified),
            Some(_) => None,
        };
        let account = issuer.account.as_ref().and_then(|claim| Some((claim, self.get(claim)?)));
        let account = account.map(|(claim, value)| {
            let id = value.as_str().and_then(guid);
            id.ok_or_else(|| TokenError::NotAGuid { claim: claim.clone() })
        });
        Ok(Vouched { issuer: issuer.issuer.clone(), email, key, account: account.transpose()? })
    }

    /// Whether the claim `email` says who the visitor is, and not only what the visitor has said.
    fn vouches_for_email(&self, issuer: &Issuer) -> bool {
        match self.get("email_verified") {
            None => issuer.trusts_email,
            Some(Value::Bool(is_verified)) => *is_verified,
            Some(Value::String(text)) => text == "true",
            Some(_) => false,
        }
    }

    fn key(&self, subject: &Subject) -> Result<Option<ContactKey>, TokenError> {
        let Subject { claim, column } = subject;
        let Some(value) = self.get(claim) else { return Ok(None) };
        let value = value
            .as_str()
            .filter(|text| !text.is_empty() && text.chars().count() <= LONGEST_SUBJECT)
            .filter(|text| !text.contains(char::is_control))
            .ok_or_else(|| TokenError::SubjectInvalid { claim: claim.clone() })?;
        let value = match column.as_str() {
            "contactid" => {
                let id =
                    guid(value).ok_or_else(|| TokenError::NotAGuid { claim: claim.clone() })?;
                id.hyphenated().to_string()
            }
            _ => value.to_owned(),
        };
        Ok(Some(ContactKey { column: column.clone(), value }))
    }
}

/// A GUID that can be the id of a row.
fn guid(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|id| !id.is_nil())
}
