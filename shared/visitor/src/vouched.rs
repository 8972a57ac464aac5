//! Whom a visitor token vouches for.

use std::fmt;

use uuid::Uuid;

use crate::Address;

/// Whom a visitor token vouches for: by an email address, by the key of a contact, or by both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Who vouches.
    pub issuer: String,
    /// The visitor's email address.
    pub email: Option<Address>,
    /// The contact that the visitor is.
    pub key: Option<ContactKey>,
    /// The account that the visitor speaks for.
    pub account: Option<Uuid>,
}

/// What a column of the visitor's contact holds.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactKey {
    /// The logical name of the column.
    pub column: String,
    /// The value. In the column `contactid` it is a GUID in lower case, with hyphens.
    pub value: String,
}

impl ContactKey {
    /// Whether the value that Dataverse has stored is this one, byte for byte. Dataverse's own
    /// comparison ignores case and accents.
    pub fn is(&self, stored: &str) -> bool {
        self.value == stored
    }
}

/// Shows nothing of the value.
impl fmt::Debug for ContactKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ContactKey").field("column", &self.column).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nobody() {
        let vouched = Vouched {
            issuer: "https://chat.example".to_owned(),
            email: Address::parse("maren@northwind.example").ok(),
            key: Some(ContactKey {
                column: "externaluseridentifier".into(),
                value: "u-4711".into(),
            }),
            account: None,
        };
        let shown = format!("{vouched:?}");
        assert!(!shown.contains("maren") && !shown.contains("4711"), "{shown}");
        assert!(shown.contains("externaluseridentifier"), "{shown}");
    }

    #[test]
    fn a_key_is_compared_byte_for_byte() {
        let key = ContactKey { column: "externaluseridentifier".into(), value: "Zoe".into() };
        assert!(key.is("Zoe"));
        for other in ["zoe", "Zoé", "Zoe ", ""] {
            assert!(!key.is(other), "{other}");
        }
    }
}
