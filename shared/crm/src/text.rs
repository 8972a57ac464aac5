//! Text from callers, checked before it goes in; text from the CRM, made plain before it goes out.

use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;

/// Why a text is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing in it.
    #[error("must not be empty")]
    Empty,
    /// It is longer than the column. Dataverse counts UTF-16 code units.
    #[error("must have at most {limit} characters, and has {length}")]
    TooLong {
        /// How many fit.
        limit: usize,
        /// How many there are.
        length: usize,
    },
    /// It has a character that Dataverse refuses, or that has no place in a line.
    #[error("must not contain {what}")]
    Forbidden {
        /// Which one.
        what: &'static str,
    },
    /// It is no email address.
    #[error("must be an email address such as maria@example.com")]
    NotEmail,
}

fn checked(text: &str, limit: usize, lines: bool) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    let length = text.encode_utf16().count();
    if length > limit {
        return Err(TextError::TooLong { limit, length });
    }
    for character in text.chars() {
        match character {
            '\n' | '\r' if !lines => return Err(TextError::Forbidden { what: "line breaks" }),
            '\n' | '\r' | '\t' => {}
            _ if character.is_control() => {
                return Err(TextError::Forbidden { what: "control characters" });
            }
            // XML, in which Dataverse keeps it, has no place for these two.
            '\u{FFFE}' | '\u{FFFF}' => {
                return Err(TextError::Forbidden { what: "characters that are not text" });
            }
            _ => {}
        }
    }
    Ok(text.to_owned())
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $lines:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize)]
        pub struct $name<const LIMIT: usize>(String);

        impl<const LIMIT: usize> $name<LIMIT> {
            /// Takes a text if it fits. Spaces around it are dropped.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                checked(text, LIMIT, $lines).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de, const LIMIT: usize> Deserialize<'de> for $name<LIMIT> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        $crate::plain_schema!($name <const LIMIT: usize>, "string");

        impl<const LIMIT: usize> fmt::Debug for $name<LIMIT> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl<const LIMIT: usize> From<$name<LIMIT>> for serde_json::Value {
            fn from(text: $name<LIMIT>) -> serde_json::Value {
                text.0.into()
            }
        }
    };
}

text_type! {
    /// Text without line breaks that fits into a column of so many characters.
    Line, false
}

text_type! {
    /// Text of one or more lines that fits into a column of so many characters.
    Paragraph, true
}

/// An email address.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Takes what looks like one: something, `@`, a domain. Spaces around it are dropped.
    pub fn parse(text: &str) -> Result<EmailAddress, TextError> {
        let text = checked(text, 100, false)?;
        match text.rsplit_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && domain.contains('.')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
                    && !text.contains(char::is_whitespace) =>
            {
                Ok(EmailAddress(text))
            }
            _ => Err(TextError::NotEmail),
        }
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

/// The text with the apostrophe that was typed, and with the one that may stand in the CRM: phones
/// type another one (’) than keyboards ('), and Dataverse tells them apart.
pub fn apostrophes(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    for other in [text.replace(['‘', '’'], "'"), text.replace('\'', "’")] {
        if !forms.contains(&other) {
            forms.push(other);
        }
    }
    forms
}

/// The text as it counts where two are compared: in whatever case, width and spacing.
pub fn same_words(text: &str) -> String {
    let folded = text.nfkc().collect::<String>().to_lowercase();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Plain text of limited length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text.
    pub text: String,
    /// `Some(true)` where the end is missing.
    pub truncated: Option<bool>,
}

/// The text of the CRM, plain, and cut after so many characters, at a space if one is near.
pub fn excerpt(text: &str, limit: usize) -> Excerpt {
    cut(plain(text), limit)
}

/// Text that is plain already, cut after so many characters, at a space if one is near.
pub fn cut(text: String, limit: usize) -> Excerpt {
    let Some((cut, _)) = text.char_indices().nth(limit) else {
        return Excerpt { text, truncated: None };
    };
    let kept = &text[..cut];
    let at_space = kept.rfind(char::is_whitespace).filter(|position| *position > cut * 3 / 4);
    let kept = kept[..at_space.unwrap_or(cut)].trim_end();
    Excerpt { text: format!("{kept}…"), truncated: Some(true) }
}

/// The text without markup. What is plain already stays as it is.
pub fn plain(text: &str) -> String {
    let text = if looks_like_html(text) {
        html2text::config::plain_no_decorate()
            .no_table_borders()
            .no_link_wrapping()
            .string_from_read(text.as_bytes(), 10_000)
            .map_or_else(|_| Cow::Borrowed(text), Cow::Owned)
    } else {
        Cow::Borrowed(text)
    };
    // Empty lines in rows come from layout, not from people.
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n").trim().replace('\u{a0}', " ")
}

/// Whether a text is HTML, and not one that merely has a `<` in it.
fn looks_like_html(text: &str) -> bool {
    const TAGS: [&str; 40] = [
        "!doctype",
        "html",
        "head",
        "body",
        "div",
        "p",
        "br",
        "span",
        "a",
        "b",
        "i",
        "u",
        "ul",
        "ol",
        "li",
        "table",
        "tr",
        "td",
        "th",
        "font",
        "style",
        "strong",
        "em",
        "img",
        "meta",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "pre",
        "code",
        "center",
        "blockquote",
        "script",
        "iframe",
        "title",
        "link",
    ];
    if text.contains("<!--") && text.contains("-->") {
        return true;
    }
    text.match_indices('<').any(|(position, _)| {
        let after = text[position + 1..].trim_start_matches('/');
        let end = after.find(|next: char| !next.is_ascii_alphanumeric() && next != '!');
        let (name, rest) = after.split_at(end.unwrap_or(after.len()));
        let ends_well = rest.starts_with(['>', ' ', '/', '\n', '\r', '\t']) && rest.contains('>');
        ends_well && TAGS.iter().any(|tag| tag.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_checked_and_trimmed() {
        assert_eq!(Line::<10>::parse("  O'Brien ").unwrap().as_str(), "O'Brien");
        assert_eq!(Line::<10>::parse(" \t"), Err(TextError::Empty));
        assert_eq!(Line::<10>::parse("a\nb"), Err(TextError::Forbidden { what: "line breaks" }));
        assert!(Paragraph::<10>::parse("a\nb").is_ok());
        let control = Err(TextError::Forbidden { what: "control characters" });
        assert_eq!(Paragraph::<10>::parse("a\u{8}b"), control);
        // One emoji is two UTF-16 code units, as Dataverse counts.
        assert!(Line::<4>::parse("🙂🙂").is_ok());
        assert_eq!(Line::<4>::parse("🙂🙂!"), Err(TextError::TooLong { limit: 4, length: 5 }));
    }

    #[test]
    fn email_addresses() {
        for text in ["a@b.co", "o'brien+x@sub.example.org", " a@b.co "] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
        for text in ["", "a", "a@b", "@b.co", "a b@c.de", "a@.de", "a@b.", "a@b .de"] {
            assert!(EmailAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_apostrophe_is_an_apostrophe() {
        assert_eq!(apostrophes("O’Rell"), ["O’Rell", "O'Rell"]);
        assert_eq!(apostrophes("O'Rell"), ["O'Rell", "O’Rell"]);
        assert_eq!(apostrophes("Orell"), ["Orell"]);
    }

    #[test]
    fn html_becomes_text_and_text_stays() {
        assert_eq!(plain("<div data-wrapper=\"true\"><p>Hello <b>you</b></p></div>"), "Hello you");
        assert_eq!(plain("one<br>two &amp; three"), "one\ntwo & three");
        for text in ["if a <b then c", "x < y > z", "<maria@example.com> wrote", "a & b"] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain("<script>alert(1)</script><p>ok</p>"), "ok");
        assert_eq!(plain("ok <script>alert(1)</script>"), "ok");
        assert_eq!(plain("<!-- hidden --> ok"), "ok");
        assert_eq!(plain("<blockquote>ok</blockquote>"), "> ok");
        assert_eq!(plain("ok<img src='https://tracker.example/1.gif'>"), "ok");
    }

    #[test]
    fn excerpts_are_cut_at_a_space() {
        let long = "word ".repeat(50);
        let cut = excerpt(&long, 22);
        assert_eq!(cut.text, "word word word word…");
        assert_eq!(cut.truncated, Some(true));
        assert_eq!(excerpt("short", 22), Excerpt { text: "short".into(), truncated: None });
    }

    proptest! {
        #[test]
        fn an_excerpt_is_never_longer_than_asked(text in "\\PC{0,80}", limit in 1usize..40) {
            prop_assert!(excerpt(&text, limit).text.chars().count() <= limit + 1);
        }

        #[test]
        fn plain_never_panics(text in "(<[a-z/!]{0,6}[ >]|[a-z &;<>]{0,5}){0,20}") {
            let _ = plain(&text);
        }
    }
}
