//! Email addresses from callers.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{TextError, checked, handed};

/// The most characters of an address. Columns for addresses hold no more.
const LIMIT: usize = 100;

/// What is in no address, or in one that is written in an unusual way. With it, a text is more than
/// one address.
const REFUSED: [char; 11] = ['<', '>', '[', ']', '(', ')', '|', ':', ',', ';', '"'];

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
        let is_address = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !domain.contains('@')
                && !text.contains(|one: char| one.is_whitespace() || REFUSED.contains(&one))
        });
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
            "mail: a@b.co",
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
                prop_assert!(!address.as_str().contains(REFUSED));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
