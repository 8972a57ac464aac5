//! Checks text from callers before it goes into the CRM, and makes text from the CRM plain.

use std::borrow::Cow;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use dataverse::Record;
use serde::{Deserialize, Deserializer, Serialize};

mod characters;
mod detect;
mod elements;
mod email;
mod handed;
mod html;
mod lines;
mod mail;
mod spelling;
mod style;
mod tags;

pub use characters::{quoted, shown};
pub use email::EmailAddress;
pub use handed::QUOTES;
pub(crate) use handed::{Hyperlink, address, of_usual_width, undecorated};
use lines::Lines;
pub use spelling::{contains, equals, same_name, same_words, search_words, spellings};

/// Why a text from a caller is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is too long for the column. Dataverse counts UTF-16 code units.
    #[error("must have at most {limit} characters, and has {length}")]
    TooLong {
        /// The most characters that fit.
        limit: usize,
        /// The number of characters that the text has.
        length: usize,
    },
    /// It contains something that does not belong in a line.
    #[error("must not contain {what}")]
    Forbidden {
        /// What that is, in words.
        what: &'static str,
    },
    /// It is not an email address.
    #[error("must be one email address such as maria@example.com")]
    NotEmail,
}

/// The text without spaces around it, if it is not empty and fits.
fn checked(text: &str, limit: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    let length = text.encode_utf16().count();
    if length > limit {
        return Err(TextError::TooLong { limit, length });
    }
    Ok(text.to_owned())
}

/// Reads one line. Nobody sees a control character in a line, and looking for a name with one in it
/// finds nothing.
fn line(text: &str, limit: usize) -> Result<String, TextError> {
    let text = handed::said(text);
    let broken = |one: char| matches!(one, '\n' | '\r');
    if text.trim().contains(broken) {
        return Err(TextError::Forbidden { what: "line breaks" });
    }
    // What Word and others break lines with, `shown` makes a line feed.
    checked(&shown(&text).replace('\n', " "), limit)
}

/// Reads text of several lines, as programs for writing have it: with their own characters for a
/// line break, and with others that Dataverse, which keeps texts in XML, does not take.
fn paragraph(text: &str, limit: usize) -> Result<String, TextError> {
    let text = handed::said(text);
    let kept = text.chars().filter_map(|one| match one {
        '\n' | '\r' | '\t' => Some(one),
        '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{FFFE}' | '\u{FFFF}' => None,
        _ if one.is_control() => None,
        _ => Some(one),
    });
    checked(&kept.collect::<String>(), limit)
}

/// Reads a value, such as a code or an id, without what stands around it in a sentence.
fn bare(text: &str, limit: usize) -> Result<String, TextError> {
    line(undecorated(&line(text, usize::MAX)?), limit)
}

/// Reads a phone number.
fn phone(text: &str, limit: usize) -> Result<String, TextError> {
    line(&handed::number(text), limit)
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $read:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize)]
        pub struct $name<const LIMIT: usize>(String);

        impl<const LIMIT: usize> $name<LIMIT> {
            /// Takes a text if it fits, as the person meant it who wrote it: without spaces around
            /// it, and without the markup and the escapes of a chat.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                $read(text, LIMIT).map(Self)
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
    /// Text without line breaks that fits into a column of `LIMIT` characters.
    Line, line
}

text_type! {
    /// Text of one or more lines that fits into a column of `LIMIT` characters.
    Paragraph, paragraph
}

text_type! {
    /// A value of at most `LIMIT` characters that is not for a column: a code, an id.
    Bare, bare
}

text_type! {
    /// A phone number that fits into a column of `LIMIT` characters.
    Phone, phone
}

/// The most bytes of a text that are read. People write less. A longer text is marked as truncated.
const READ: usize = 256 * 1024;

/// Shown in place of a text that cannot be read. The rest of the answer is still shown.
pub const UNREADABLE: &str = "(this text cannot be shown)";

/// Shown in place of texts that made an answer of Dataverse too large. Then nobody knows whether
/// this record has a text.
pub const TOO_LARGE: &str = "(this text is too large to be shown)";

/// Plain text of limited length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text.
    pub text: String,
    /// `Some(true)` if the end is missing.
    pub truncated: Option<bool>,
}

impl Excerpt {
    /// The text in a column, turned into an excerpt by `read`. If the query left the column out
    /// because it was too large, the excerpt says so.
    pub fn of(
        record: &Record,
        column: &str,
        read: impl FnOnce(&str) -> Excerpt,
    ) -> Option<Excerpt> {
        if record.is_left_out(column) {
            return Some(Excerpt { text: TOO_LARGE.to_owned(), truncated: Some(true) });
        }
        record.text(column).map(read)
    }
}

/// A text of the CRM as plain text. It is cut after `limit` characters, at a space if one is near.
///
/// The result has no markup, and no text that markup or special characters hide from people
/// ([`shown`]). Only the part that is shown is read, and never more than 256 KB.
pub fn excerpt(text: &str, limit: usize) -> Excerpt {
    read(text, READ, Lines::new(limit), limit).0
}

/// The words that somebody wrote in an email, without the mail that it answers or forwards: an
/// [`excerpt`] without quoted lines, and without everything after "On … wrote:" and the like. If
/// nothing would be left, all of it is shown.
pub fn own_words(text: &str, limit: usize) -> Excerpt {
    own_words_of(text, limit, false)
}

/// The [`own_words`] of a mail with this subject. If it was forwarded, and a phone has added its name
/// and nobody a word, all of it is shown, too.
pub fn mail(subject: Option<&str>, text: &str, limit: usize) -> Excerpt {
    own_words_of(text, limit, subject.is_some_and(mail::is_forwarded))
}

fn own_words_of(text: &str, limit: usize, is_forwarded: bool) -> Excerpt {
    match read(text, READ, Lines::new(limit).of_mail(), limit) {
        (Excerpt { text: own, .. }, true) if mail::is_empty(&own, is_forwarded) => {
            excerpt(text, limit)
        }
        (own, _) => own,
    }
}

/// The first 256 KB of a text, without markup and without what is hidden from people. Plain text
/// stays as it is.
pub fn plain(text: &str) -> String {
    read(text, READ, Lines::new(usize::MAX), usize::MAX).0.text
}

/// Like [`plain`], but reads the whole text. Benchmarks use it to measure how the work grows.
#[doc(hidden)]
pub fn plain_in_full(text: &str) -> String {
    read(text, usize::MAX, Lines::new(usize::MAX), usize::MAX).0.text
}

/// Reads at most `most` bytes of a text. The second result says whether lines were left out.
fn read(text: &str, most: usize, mut lines: Lines, limit: usize) -> (Excerpt, bool) {
    let (beginning, rest) = text.split_at(text.floor_char_boundary(most));
    // If the reader has a defect, only this text may be lost.
    let was_read = panic::catch_unwind(AssertUnwindSafe(|| {
        if detect::is_html(beginning)? {
            html::read(beginning, &mut lines)?;
        } else {
            lines.as_it_is(beginning);
        }
        Ok::<_, tags::Stuck>((rest.is_empty() || lines.is_done(), lines.finish()))
    }));
    let Ok(Ok((is_whole, (text, has_dropped)))) = was_read else {
        return (Excerpt { text: UNREADABLE.to_owned(), truncated: None }, false);
    };
    let mut excerpt = cut(text, limit);
    if excerpt.truncated.is_none() && !is_whole {
        excerpt = Excerpt { text: excerpt.text + "…", truncated: Some(true) };
    }
    (excerpt, has_dropped)
}

/// Cuts a plain text after `limit` characters, at a space if one is near.
fn cut(text: String, limit: usize) -> Excerpt {
    let Some((cut, _)) = text.char_indices().nth(limit) else {
        return Excerpt { text, truncated: None };
    };
    let kept = &text[..cut];
    let at_space = kept.rfind(char::is_whitespace).filter(|position| *position > cut * 3 / 4);
    let kept = kept[..at_space.unwrap_or(cut)].trim_end();
    Excerpt { text: format!("{kept}…"), truncated: Some(true) }
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
        assert_eq!(Line::<10>::parse("a\u{8}b\u{b}c\u{200b}").unwrap().as_str(), "ab c");
        let pasted = "a\u{b}b\u{c}c\u{8}d\u{85}e\u{2028}f\r\ng\u{FFFE}\u{0}";
        assert_eq!(Paragraph::<20>::parse(pasted).unwrap().as_str(), "a\nb\ncd\ne\nf\r\ng");
        assert_eq!(Paragraph::<10>::parse("\u{0}"), Err(TextError::Empty));
        // One emoji is two UTF-16 code units, as Dataverse counts.
        assert!(Line::<4>::parse("🙂🙂").is_ok());
        assert_eq!(Line::<4>::parse("🙂🙂!"), Err(TextError::TooLong { limit: 4, length: 5 }));
    }

    #[test]
    fn html_becomes_text_and_text_stays() {
        assert_eq!(plain("<div data-wrapper=\"true\"><p>Hello <b>you</b></p></div>"), "Hello you");
        assert_eq!(plain("one<br>two &amp; three"), "one\ntwo & three");
        for text in [
            "if a <b then c",
            "x < y > z",
            "<maria@example.com> wrote",
            "a & b",
            "Dear <name>, <address>",
            "<note hidden in the drawer> <x>",
            "  ",
        ] {
            assert_eq!(plain(text), text.trim());
        }
        assert_eq!(plain(" a \r\n\n\n\tb\u{a0}c\rd"), "a\n\n\tb c\nd");
        assert_eq!(plain("<script>alert(1)</script><p>ok</p>"), "ok");
        assert_eq!(plain("ok <script>alert(1)</script>"), "ok");
        assert_eq!(plain("<!-- hidden --> ok"), "ok");
        assert_eq!(plain("<blockquote>ok</blockquote>"), "> ok");
        assert_eq!(plain("ok<img src='https://tracker.example/1.gif'>"), "ok");
        assert_eq!(plain("ok<section>so</section>"), "ok\nso");
        assert_eq!(plain("ok<x class=y hidden>no</x>"), "ok");
    }

    /// Each of these texts once made a function hang or fail.
    #[test]
    fn no_text_stops_the_reader() {
        for (html, expected) in [
            ("<table><td><ul><pre>\t</pre>", ""),
            (
                "<table><tr><td>hello world</td><td><ul><li><pre>\t</pre></ul></td></tr></table>",
                "hello world",
            ),
            ("<table><tr>", ""),
            ("<table><td colspan=100><th rowspan=1000>", ""),
            (&"<td colspan=18446744073709551615>x</td>".repeat(5), "x x x x x"),
            (
                &format!("<table>{}", "<td colspan=18446744073709551615>x</td>".repeat(3)),
                "x | x | x",
            ),
        ] {
            assert_eq!(plain(html), expected, "{html}");
        }
    }

    #[test]
    fn a_defect_of_the_reader_costs_one_text() {
        for text in ["one line", "one<br>two"] {
            let (read, _) = read(text, READ, Lines::with_a_defect(), 100);
            assert_eq!(read, Excerpt { text: UNREADABLE.to_owned(), truncated: None });
        }
    }

    #[test]
    fn no_more_is_read_than_is_shown_and_never_more_than_a_limit() {
        let long = format!("a{}", "é".repeat(READ));
        assert_eq!(plain(&long).len(), 256 * 1024 - 1 + "…".len());
        assert_eq!(excerpt(&long, 10).text.chars().count(), 11);
        // Hidden text may be long, too.
        let late = format!("<p><style>{}</style>late", " ".repeat(READ));
        let unread = Excerpt { text: "…".to_owned(), truncated: Some(true) };
        assert_eq!(excerpt(&late, 10), unread);
        assert_eq!(own_words(&late, 10), unread);
        assert!(plain_in_full(&late).ends_with("late"));
    }

    #[test]
    fn a_reply_is_shown_without_what_it_replies_to() {
        let own = |text: &str| own_words(text, 1000).text;
        for (text, expected) in [
            ("Yes.\n\nOn 4 Sep, support wrote:\nShall we?", "Yes."),
            ("Yes.\n> Shall we?\n> We could.", "Yes."),
            ("> Shall we?\n\nYes.\n\n> We could.\n\nNo.", "Yes.\n\nNo."),
            ("Yes.\n-----Original Message-----\nFrom: support", "Yes."),
            ("On Monday we wrote: no", "On Monday we wrote: no"),
            ("> all of it", "> all of it"),
            ("On 4 Sep, support wrote:\nall of it", "On 4 Sep, support wrote:\nall of it"),
            ("a > b\nc", "a > b\nc"),
        ] {
            assert_eq!(own(text), expected);
        }
        let quoted = format!("> {}\nYes.\n", "word ".repeat(1000));
        assert_eq!(own_words(&quoted, 20), Excerpt { text: "Yes.".into(), truncated: None });
        let long = format!("Yes {}\n> quoted\n", "word ".repeat(1000));
        assert_eq!(own_words(&long, 13).text, "Yes word word…");
        let heading = format!("Yes.\nOn {} wrote:\nno", "4 ".repeat(100));
        assert_eq!(own_words(&heading, 20), Excerpt { text: "Yes.".into(), truncated: None });
    }

    #[test]
    fn an_html_reply_keeps_its_own_words() {
        let html = "<html><head><style>p{margin:0}</style><script>x()</script></head><body>\
            <p>Hello &ndash; Zo&euml;</p><blockquote>On 4 Sep, support wrote:<br>No.</blockquote>\
            <img src=\"https://tracker.example/open.gif\" width=\"1\" alt=\"\"></body></html>";
        assert_eq!(own_words(html, 1000).text, "Hello – Zoë");
    }

    #[test]
    fn excerpts_are_cut_at_a_space() {
        let long = "word ".repeat(50);
        let cut = excerpt(&long, 22);
        assert_eq!(cut.text, "word word word word…");
        assert_eq!(cut.truncated, Some(true));
        assert_eq!(excerpt("short", 22), Excerpt { text: "short".into(), truncated: None });
    }

    /// Nasty texts that look like HTML.
    fn html() -> impl Strategy<Value = String> {
        let name = prop::sample::select(elements::ALL);
        let attribute = prop::sample::select(vec![
            "",
            " hidden",
            " style=display:none",
            " style='visibility:hidden'",
            " style=visibility:visible",
            " start=9223372036854775807",
            " alt=x",
            "/",
        ]);
        let tag = (name, any::<bool>(), attribute).prop_map(|(element, is_end, attribute)| {
            format!("<{}{}{attribute}>", if is_end { "/" } else { "" }, element.name)
        });
        let text = prop::sample::select(vec![
            "a",
            " ",
            "\n",
            "&amp;",
            "&#0;",
            "\u{200d}",
            "\u{e0041}",
            "<!--",
            "-->",
            "<![CDATA[",
            "é",
            "> ",
        ]);
        prop::collection::vec(prop_oneof![tag, text.prop_map(str::to_owned)], 0..60)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn an_excerpt_is_never_longer_than_asked(text in "\\PC{0,80}", limit in 1usize..40) {
            prop_assert!(excerpt(&text, limit).text.chars().count() <= limit + 1);
        }

        #[test]
        fn an_excerpt_is_the_beginning_of_the_whole(text in html(), limit in 1usize..40) {
            prop_assert_eq!(excerpt(&text, limit), cut(plain(&text), limit));
        }

        #[test]
        fn every_text_can_be_read(text in html()) {
            let plain = plain(&text);
            prop_assert_ne!(plain.as_str(), UNREADABLE);
            prop_assert_eq!(shown(&plain), plain.as_str());
            prop_assert_eq!(plain.trim(), plain.as_str());
            prop_assert!(!plain.contains("\n\n\n"));
        }

        #[test]
        fn plain_never_panics(text in "(<[a-z/!]{0,6}[ >]|[a-z &;<>]{0,5}){0,20}") {
            let _ = plain(&text);
        }
    }
}
