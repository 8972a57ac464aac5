//! Email addresses from callers.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{TextError, checked, handed};

/// The most characters of an address. Columns for addresses hold no more.
const LIMIT: usize = 100;

/// The marks that may stand in the part before the `@`, without quotation marks (RFC 5322, 3.2.3).
const MARKS: &str = "!#$%&'*+-/=?^_`{}~.";

/// Whether a text can stand before the `@`: letters and digits of any language, and some marks.
fn is_local(text: &str) -> bool {
    let is_one = |one: char| one.is_alphanumeric() || MARKS.contains(one);
    !text.is_empty() && text.chars().all(is_one)
}

/// Whether a text can stand behind the `@`: two labels at least, of letters, digits and hyphens.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|one| one.is_alphanumeric() || one == '-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

/// An email address.
///
/// It is for looking up and for writing. What says who a visitor is, is read byte for byte elsewhere.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Takes a text that is one address: some characters, `@`, and a domain. What a chat, a mail
    /// program or a sentence puts around it is removed: a link, the person's name, quotation marks,
    /// punctuation.
    pub fn parse(text: &str) -> Result<EmailAddress, TextError> {
        let text = checked(&handed::address(text), LIMIT)?;
        let parts = text.split_once('@');
        let is_address = parts.is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        if is_address { Ok(EmailAddress(text)) } else { Err(TextError::NotEmail) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

crate::plain_schema!(EmailAddress, "string");

impl fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EmailAddress").finish_non_exhaustive()
    }
}

impl From<EmailAddress> for serde_json::Value {
    fn from(email: EmailAddress) -> serde_json::Value {
        email.0.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn email_addresses() {
        for text in ["a@b.co", "o'brien+x@sub.example.org", " a@b.co ", "<mailto:a@b.co|a@b.co>"] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a b@c.de",
            "a@.de",
            "a@b .de",
            "a@b@c.de",
            "a@b.co,c@d.co",
            "a@b.co; c@d.co",
            "a|b@c.de",
            "a@b.co <c>",
            "x [a@b.co] y",
            "<mailto:|>",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_one_address_and_stays(
            text in "([<>\\[\\]()|'\"`{}*_#@a-c. &;%1-4F]|@x\\.de|mailto:|\\PC){0,20}"
        ) {
            if let Ok(address) = EmailAddress::parse(&text) {
                let marks = ['<', '>', '[', ']', '(', ')', '|', ':', ',', ';', '"', '\\'];
                prop_assert!(!address.as_str().contains(marks));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
