//! An email address that can be an identity.

use std::fmt;

/// The most bytes of an address: 64 before the `@`, and 255 after it.
const LONGEST: usize = 320;

/// What is only in an address if it is written in an unusual way, or if it is more than an address.
const REFUSED: &[u8] = b"\"<>()[]|:,;\\";

/// An email address that can be an identity.
///
/// It has ASCII characters only: others look like them (`а` and `a`, `＠` and `@`), and Dataverse
/// takes some for the same. A domain with other characters has a form in ASCII, which begins with
/// `xn--`.
#[derive(Clone)]
pub struct Address(String);

/// A text is not an email address that can be an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not an email address in ASCII characters, such as name@domain.example")]
pub struct InvalidAddress;

impl Address {
    /// Reads an address. Nothing is removed or replaced.
    pub fn parse(text: &str) -> Result<Address, InvalidAddress> {
        let (local, domain) = text.split_once('@').ok_or(InvalidAddress)?;
        let is_address = text.len() <= LONGEST
            && !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !REFUSED.contains(&byte));
        is_address.then(|| Address(text.to_owned())).ok_or(InvalidAddress)
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the address that Dataverse has stored is this one: byte for byte, but for the case of
    /// ASCII letters.
    ///
    /// Dataverse's own comparison ignores accents: it finds `maren.quist@nörthwind.example` for
    /// `maren.quist@northwind.example`. So a row that it finds is only the right one if this says so.
    pub fn is(&self, stored: &str) -> bool {
        self.0.eq_ignore_ascii_case(stored)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.is(&other.0)
    }
}

impl Eq for Address {}

/// Shows nothing of the address.
impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Address").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "maren.quist@northwind.example",
            "Maren.Quist@Northwind.Example",
            "o'brien+chat@northwind.example",
            "a@b",
            "a@xn--nrthwind-n4a.example",
            "a/b=c!#$%&*?^_`{}~@northwind.example",
            &format!("{}@{}", "a".repeat(64), "b".repeat(255)),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.as_str(), text);
            assert!(address.is(text), "{text}");
        }
    }

    #[test]
    fn no_addresses() {
        for text in [
            "",
            "@",
            "maren",
            "@northwind.example",
            "maren@",
            "maren@quist@northwind.example",
            "maren quist@northwind.example",
            " maren@northwind.example",
            "maren@northwind.example ",
            "maren@northwind.example\n",
            "maren@northwind.example\0",
            "maren@north\twind.example",
            "maren@northwind.example\u{7f}",
            "\"maren\"@northwind.example",
            "Maren <maren@northwind.example>",
            "<maren@northwind.example>",
            "maren(chat)@northwind.example",
            "maren@[127.0.0.1]",
            "maren|x@northwind.example",
            "mailto:maren@northwind.example",
            "a@northwind.example,b",
            "a@northwind.example;b",
            "maren\\x@northwind.example",
            "m\u{430}ren@northwind.example",
            "maren\u{ff20}northwind.example",
            "maren@n\u{f6}rthwind.example",
            "maren@no\u{308}rthwind.example",
            "maren@northwind\u{3002}example",
            "maren@northwind.example\u{200b}",
            &format!("{}@{}", "a".repeat(65), "b".repeat(255)),
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_case_of_ascii_letters_may_differ() {
        let address = Address::parse("maren.quist@northwind.example").unwrap();
        assert!(address.is("Maren.Quist@NORTHWIND.example"));
        assert_eq!(address, Address::parse("MAREN.QUIST@northwind.example").unwrap());
        // The last ones are equal after Unicode's lowercasing, or without accents.
        for stored in [
            "",
            "maren.quist@northwind.example ",
            "maren.quist@northwind.exampl",
            "maren.quist@northwind.examplе",
            "maren.quist@nörthwind.example",
            "máren.quist@northwind.example",
            "maren.quıst@northwind.example",
            "maren.quiſt@northwind.example",
            "maren.quist＠northwind.example",
        ] {
            assert!(!address.is(stored), "{stored}");
        }
        let kelvin = Address::parse("kim@northwind.example").unwrap();
        assert!(!kelvin.is("\u{212a}im@northwind.example"));
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let shown = format!("{:?}", Address::parse("maren@northwind.example").unwrap());
        assert_eq!(shown, "Address { .. }");
    }
}
