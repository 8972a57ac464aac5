//! Whom a mail goes to, and whom it comes from.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Host;

/// The longest address, and the longest part before its `@`.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// The longest name of a sender, in characters.
const LONGEST_NAME: usize = 100;

/// How many bytes of a name one encoded word holds. A word has at most 75 characters.
const IN_A_WORD: usize = 42;

/// Why a text is no address or no sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not one plain address.
    #[error("it is not one plain email address, such as name@example.com")]
    NotOne,
    /// The part before the `@` has characters that Amazon SES does not send to.
    #[error("the part before the @ has characters beyond ASCII, which Amazon SES does not send to")]
    NotAscii,
    /// The name has a line break or another control character, or is too long.
    #[error("the name before the address has a line break, or more than {LONGEST_NAME} characters")]
    Name,
}

/// One plain address, as Amazon SES wants it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// Reads exactly one address: no name, no list, no comment, nothing quoted. A domain beyond ASCII
    /// becomes Punycode.
    pub(crate) fn parse(text: &str) -> Result<Address, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NotOne)?;
        let is_odd =
            |one: char| one.is_whitespace() || one.is_control() || r#"()<>[]:;,\"@"#.contains(one);
        if local.is_empty() || local.len() > LONGEST_LOCAL || local.contains(is_odd) {
            return Err(AddressError::NotOne);
        }
        if !local.is_ascii() {
            return Err(AddressError::NotAscii);
        }
        if domain.contains(is_odd) || domain.contains('%') {
            return Err(AddressError::NotOne);
        }
        let domain = match Host::parse(domain) {
            Ok(Host::Domain(domain)) => domain,
            _ => return Err(AddressError::NotOne),
        };
        let address = format!("{local}@{domain}");
        if address.len() > LONGEST {
            return Err(AddressError::NotOne);
        }
        Ok(Address(address))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain.
    pub(crate) fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Whom mails come from: an address, or a name and an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: Address,
}

impl fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Reads `no-reply@example.com` or `Example Support <no-reply@example.com>`. A name may have any
    /// letters.
    pub fn parse(text: &str) -> Result<Sender, AddressError> {
        let text = text.trim_matches(' ');
        let Some(rest) = text.strip_suffix('>') else {
            return Ok(Sender { name: None, address: Address::parse(text)? });
        };
        let (name, address) = rest.rsplit_once('<').ok_or(AddressError::NotOne)?;
        let address = Address::parse(address)?;
        let name = name.trim_matches(' ');
        let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = quoted.unwrap_or(name);
        if name.chars().count() > LONGEST_NAME || name.contains(is_line_break_or_control) {
            return Err(AddressError::Name);
        }
        Ok(Sender { name: Some(name.to_owned()).filter(|name| !name.is_empty()), address })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The sender as it stands in a mail's header: a name beyond ASCII is encoded, another one is
    /// quoted.
    pub(crate) fn header(&self) -> String {
        let address = self.address.as_str();
        match &self.name {
            None => address.to_owned(),
            Some(name) if name.is_ascii() => {
                let name = name.replace('\\', r"\\").replace('"', "\\\"");
                format!("\"{name}\" <{address}>")
            }
            Some(name) => format!("{} <{address}>", encoded(name)),
        }
    }
}

/// Whether a character must not stand in a header: it would begin another one, or is a control
/// character.
pub(crate) fn is_line_break_or_control(one: char) -> bool {
    one.is_control() || matches!(one, '\u{2028}' | '\u{2029}')
}

/// A text as encoded words (RFC 2047), in which no character is cut apart.
fn encoded(text: &str) -> String {
    let mut words = vec![String::new()];
    for one in text.chars() {
        if words.last().is_none_or(|word| word.len() + one.len_utf8() > IN_A_WORD) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(one);
        }
    }
    let words = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<String, AddressError> {
        Address::parse(text).map(|address| address.0)
    }

    fn header(text: &str) -> Result<String, AddressError> {
        Sender::parse(text).map(|sender| sender.header())
    }

    #[test]
    fn one_plain_address_is_taken() {
        for one in ["maren.quist@northwind.example", "o'brien+x@a-b.example", "a@localhost"] {
            assert_eq!(address(one).as_deref(), Ok(one));
        }
        assert_eq!(address("Maren@Northwind.Example").unwrap(), "Maren@northwind.example");
        assert_eq!(address("post@müller.example").unwrap(), "post@xn--mller-kva.example");
        assert_eq!(Address::parse("a@b.example").unwrap().domain(), "b.example");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b.example",
            "a.example",
            "a@b@c.example",
            "a@b.example,c@d.example",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "A <a@b.example>",
            "<a@b.example>",
            "\"a b\"@c.example",
            "a b@c.example",
            " a@b.example",
            "a@b.example ",
            "a@b.example\n",
            "a@b.example\r\nBcc: c@d.example",
            "a\r\n@b.example",
            "a@b.example(comment)",
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            "a@b%2eexample",
            "a@b.example/",
            "a@b.example:25",
        ] {
            assert_eq!(address(text), Err(AddressError::NotOne), "{text:?}");
        }
        assert_eq!(address("mären@b.example"), Err(AddressError::NotAscii));
        assert!(address(&format!("{}@b.example", "a".repeat(65))).is_err());
        assert!(address(&format!("a@{}example", "b.".repeat(124))).is_err());
    }

    #[test]
    fn a_sender_may_have_a_name() {
        for (text, expected) in [
            ("no-reply@a.example", "no-reply@a.example"),
            ("<no-reply@a.example>", "no-reply@a.example"),
            ("Northwind <no-reply@a.example>", "\"Northwind\" <no-reply@a.example>"),
            ("\"Quist, Maren\" <m@a.example>", "\"Quist, Maren\" <m@a.example>"),
            ("A \"B\" C <m@a.example>", "\"A \\\"B\\\" C\" <m@a.example>"),
            ("Müller <m@müller.example>", "=?UTF-8?B?TcO8bGxlcg==?= <m@xn--mller-kva.example>"),
        ] {
            assert_eq!(header(text).as_deref(), Ok(expected), "{text}");
        }
        let long = header(&format!("{} <m@a.example>", "ü".repeat(100))).unwrap();
        assert!(long.split(' ').all(|word| word.len() <= 75), "{long}");
        assert_eq!(long.matches("=?UTF-8?B?").count(), 5);
    }

    #[test]
    fn a_sender_with_a_line_break_is_refused() {
        for text in ["A\r\nBcc: x@y.example <m@a.example>", "A\u{2028}B <m@a.example>"] {
            assert_eq!(header(text), Err(AddressError::Name), "{text:?}");
        }
        for text in ["m@a.example\n", "A <m@a.example>\n", "A <m@a.example\n>", "A m@a.example>"] {
            assert_eq!(header(text), Err(AddressError::NotOne), "{text:?}");
        }
        assert_eq!(header(&format!("{} <m@a.example>", "n".repeat(101))), Err(AddressError::Name));
    }
}
