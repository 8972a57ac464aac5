//! What chats, mail programs and models put around a value, or into a text.

use std::borrow::Cow;

use html5gum::{Token, Tokenizer};
use percent_encoding::percent_decode_str;

use super::shown;

/// The quotation marks that programs and people put around a value.
pub const QUOTES: [(char, char); 12] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('“', '”'),
    ('„', '“'),
    ('„', '”'),
    ('‘', '’'),
    ('‚', '‘'),
    ('«', '»'),
    ('‹', '›'),
    ('「', '」'),
    ('『', '』'),
];

/// What else stands around a value: brackets, and the marks of bold and slanted words.
const AROUND: [(char, char); 10] = [
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('<', '>'),
    ('*', '*'),
    ('_', '_'),
    ('~', '~'),
    ('´', '´'),
    ('【', '】'),
    ('《', '》'),
];

/// What a list puts before a value.
const BULLETS: [char; 5] = ['•', '‣', '·', '▪', '–'];

/// The most bytes of a value that loses what stands around it. One mark goes at a time, so a long row of
/// marks would take long, and no value is that long.
const LONGEST: usize = 2000;

/// The marks that end a sentence or a part of one.
const ENDS: [char; 7] = ['.', ',', ';', ':', '!', '?', '…'];

/// A link, as chats, mail programs and models write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hyperlink<'a> {
    /// Where it leads.
    pub(crate) target: &'a str,
    /// The words that people see in its place.
    pub(crate) label: Option<&'a str>,
}

impl<'a> Hyperlink<'a> {
    /// The link that a text is, from its beginning to its end: `<target|label>` and `<target>` as in
    /// Slack and in mails, `[label](target)` as in Markdown, and `<a href="target">label</a>`.
    pub(crate) fn of(text: &'a str) -> Option<Hyperlink<'a>> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('[') {
            let (label, target) = rest.strip_suffix(')')?.split_once("](")?;
            // Behind the target, Markdown may have a title.
            let target = target.split_whitespace().next()?;
            let is_one = !label.contains(['[', ']']) && !target.contains(['(', '[', ')']);
            return is_one
                .then_some(Hyperlink { target: inside_angles(target), label: told(label) });
        }
        if let Some(link) = Hyperlink::anchor(text) {
            return Some(link);
        }
        let inside = text.strip_prefix('<')?.strip_suffix('>')?;
        let (target, label) = match inside.split_once('|') {
            Some((target, label)) => (target, told(label)),
            None => (inside, None),
        };
        let is_one = !inside.contains(['<', '>', '\n']);
        (is_one && leads(target)).then_some(Hyperlink { target: target.trim(), label })
    }

    fn anchor(text: &'a str) -> Option<Hyperlink<'a>> {
        let start = text.get(..3)?.eq_ignore_ascii_case("<a ");
        let end = text.len().checked_sub(4)?;
        let is_closed = text.get(end..)?.eq_ignore_ascii_case("</a>");
        if !start || !is_closed {
            return None;
        }
        let (tag, label) = text.get(..end)?.split_once('>')?;
        let (_, value) = tag.split_once("href=")?;
        let quote = value.chars().next().filter(|one| matches!(one, '"' | '\''))?;
        let target = value.get(1..)?.split(quote).next()?;
        (!label.contains('<')).then_some(Hyperlink { target, label: told(label) })
    }

    /// What a person would write for it: where it leads, after the words that say something else.
    fn plain(self) -> String {
        let target = bare_target(self.target);
        match self.label.filter(|label| !is_alike(label, &target)) {
            Some(label) => format!("{label} ({target})"),
            None => target.into_owned(),
        }
    }

    /// The number that it leads to: as people see it, if they see the number.
    pub(super) fn number(self) -> String {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let target = bare_target(self.target);
        match self.label {
            Some(label) if digits(label) == digits(&target) => label.to_owned(),
            _ => target.into_owned(),
        }
    }
}

fn told(label: &str) -> Option<&str> {
    Some(label.trim()).filter(|label| !label.is_empty())
}

fn inside_angles(text: &str) -> &str {
    text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text)
}

/// The beginnings of what a link leads to.
const SCHEMES: [&str; 6] = ["mailto:", "tel:", "callto:", "sms:", "https://", "http://"];

/// Those of them that lead to a person.
const OF_PEOPLE: [&str; 4] = ["mailto:", "tel:", "callto:", "sms:"];

fn has_scheme(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| without_prefix(text, scheme).is_some())
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let begins = text.get(..prefix.len())?.eq_ignore_ascii_case(prefix);
    if begins { text.get(prefix.len()..) } else { None }
}

/// Whether a text in angle brackets leads somewhere, and is no word of a language with tags.
fn leads(target: &str) -> bool {
    let target = target.trim();
    has_scheme(target) || (target.contains('@') && !target.contains(char::is_whitespace))
}

/// The address or the number of a link without its scheme, and without what a mail is to hold; the
/// whole of an address in the web.
pub(super) fn bare_target(target: &str) -> Cow<'_, str> {
    let bare = OF_PEOPLE.iter().find_map(|scheme| without_prefix(target, scheme));
    match bare {
        Some(bare) => {
            let bare = bare.split_once('?').map_or(bare, |(bare, _)| bare);
            percent_decode_str(bare).decode_utf8().unwrap_or(Cow::Borrowed(bare))
        }
        None => Cow::Borrowed(target),
    }
}

fn is_alike(label: &str, target: &str) -> bool {
    let bare = |text: &str| {
        let text = ["https://", "http://"]
            .iter()
            .find_map(|scheme| without_prefix(text, scheme))
            .unwrap_or(text);
        let kept = text.trim_end_matches('/').chars();
        kept.filter(|one| !one.is_whitespace()).collect::<String>().to_lowercase()
    };
    bare(label) == bare(target)
}

/// A text as the person meant it who wrote it: with the links of a chat's markup as a person would
/// write them, and with the characters that a chat escapes (`&amp;`) as they are.
pub(super) fn said(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&', '[']) {
        return Cow::Borrowed(text);
    }
    if let Some(link) = Hyperlink::of(text).filter(|link| has_scheme(link.target)) {
        return Cow::Owned(decoded(&link.plain()).into_owned());
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, from) = rest.split_at(start);
        plain.push_str(before);
        // A tag ends before the next one begins.
        let end = from.char_indices().skip(1).find(|(_, one)| matches!(one, '<' | '>' | '\n'));
        let Some((end, last)) = end else {
            rest = from;
            break;
        };
        let whole = if last == '>' { from.get(..=end) } else { None };
        let link = whole.and_then(Hyperlink::of).filter(|link| has_scheme(link.target));
        match link {
            Some(link) => {
                plain.push_str(&link.plain());
                rest = from.get(end + 1..).unwrap_or_default();
            }
            None => {
                plain.push_str(from.get(..end).unwrap_or_default());
                rest = from.get(end..).unwrap_or_default();
                if last != '<' {
                    plain.push(last);
                    rest = from.get(end + 1..).unwrap_or_default();
                }
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(decoded(&plain).into_owned())
}

/// The most bytes of the name of a character, with `&` and `;`.
const LONGEST_NAME: usize = 34;

/// The text with named characters (`&amp;`, `&#39;`) as these characters. It is done once: `&amp;lt;`
/// becomes `&lt;`.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, from) = rest.split_at(start);
        decoded.push_str(before);
        let inside = |one: char| one.is_ascii_alphanumeric() || one == '#';
        let end = from.char_indices().skip(1).find(|(_, one)| !inside(*one));
        let name = end.filter(|(end, one)| *one == ';' && *end < LONGEST_NAME);
        let name = name.and_then(|(end, _)| from.get(..=end));
        match name.and_then(|name| Some((name, character(name)?))) {
            Some((name, character)) => {
                decoded.push_str(&character);
                rest = from.get(name.len()..).unwrap_or_default();
            }
            None => {
                decoded.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The character of this name in HTML, such as `&amp;`.
fn character(name: &str) -> Option<String> {
    let mut read = String::new();
    for Ok(token) in Tokenizer::new(name) {
        if let Token::String(text) = token {
            read.push_str(&String::from_utf8_lossy(&text.value));
        }
    }
    (!read.is_empty() && !read.ends_with(';')).then_some(read)
}

/// The text with the letters, digits and signs of full width, which East Asian keyboards type, as
/// those of ASCII.
pub(crate) fn of_usual_width(text: &str) -> Cow<'_, str> {
    let usual = |one: char| match one {
        '\u{3000}' => ' ',
        '\u{3001}' => ',',
        '\u{3002}' | '\u{ff61}' => '.',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(one) - 0xff01 + 0x21).unwrap_or(one),
        _ => one,
    };
    if text.chars().all(|one| usual(one) == one) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(usual).collect())
}

/// The value without quotation marks, brackets and marks of bold words around it, without the `#`
/// before a number, and without the punctuation of the sentence that it stood in.
pub(crate) fn undecorated(mut text: &str) -> &str {
    if text.len() > LONGEST {
        return text;
    }
    loop {
        let barer = barer(text);
        if barer == text {
            return text;
        }
        text = barer;
    }
}

/// The value without the outermost of what stands around it.
fn barer(text: &str) -> &str {
    let bare = text.trim().trim_start_matches('#').trim_end_matches(ENDS).trim();
    if bare == text { inside(text).unwrap_or(text) } else { bare }
}

/// What is inside of a pair of marks that stand around a whole text, and nowhere in it. They may be
/// doubled, as in `**bold**`.
fn inside(text: &str) -> Option<&str> {
    QUOTES.iter().chain(&AROUND).find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        let core = inner.trim_start_matches(*open).trim_end_matches(*close);
        (!core.contains([*open, *close])).then_some(inner)
    })
}

/// An email address without what stands around it: a link's markup, the name of the person, quotation
/// marks, punctuation, and characters that nobody sees. What is left may be no address.
pub(crate) fn address(text: &str) -> String {
    if text.len() > LONGEST {
        return text.to_owned();
    }
    let mut text = decoded(text).into_owned();
    loop {
        // Markdown puts a backslash before what would be a mark. No address has one.
        let clean = of_usual_width(&shown(&text)).replace('\\', "");
        let clean = clean.trim().trim_start_matches(BULLETS);
        let bare = match Hyperlink::of(clean) {
            Some(link) if link.target.contains('@') => link.target,
            Some(Hyperlink { label: Some(label), .. }) => label,
            _ => named(clean).unwrap_or_else(|| barer(clean)),
        };
        let bare = bare_target(bare).into_owned();
        let barest = if bare == text { trimmed(&bare).to_owned() } else { bare };
        if barest == text {
            return barest;
        }
        text = barest;
    }
}

/// The address without a mark whose other half is missing. No address begins or ends so.
fn trimmed(address: &str) -> &str {
    let address = address.trim_start_matches(['"', '“', '„', '«', '‘', '`', '<', '(', '[']);
    address.trim_end_matches(['"', '“', '”', '»', '’', '\'', '`', '>', ')', ']'])
}

/// The address in `Name <address>`, in `Name (address)`, in `address (Name)` and in `Name: address`.
fn named(text: &str) -> Option<&str> {
    let text = text.trim();
    let label_and_rest = text.split_once(':').filter(|(label, _)| !is_scheme(label));
    if let Some((label, rest)) = label_and_rest
        && let rest = rest.trim_start_matches(['*', ' '])
        && !label.contains(['@', '<', '[', '('])
        && rest.contains('@')
        && !rest.trim().contains(char::is_whitespace)
    {
        return Some(rest);
    }
    let inside = |open, close| text.strip_suffix(close)?.rsplit_once(open);
    let is_address = |text: &str| text.contains('@') && !text.trim().contains(char::is_whitespace);
    if let Some((_, address)) = inside('<', '>') {
        // Chats write what a link shows behind where it leads.
        let address = address.split_once('|').map_or(address, |(target, _)| target);
        return Some(address).filter(|text| is_address(text));
    }
    let (before, after) = inside('(', ')')?;
    [after, before].into_iter().find(|text| is_address(text))
}

/// Whether this is the scheme of a link to a person.
fn is_scheme(text: &str) -> bool {
    let is_it =
        |scheme: &str| scheme.split(':').next() == Some(text.trim().to_lowercase().as_str());
    SCHEMES.iter().any(|scheme| is_it(scheme))
}

/// The number in `Phone: number`, and in `Name <tel:number>`.
fn of_label(text: &str) -> Option<&str> {
    let has_digit = |text: &str| text.contains(|one: char| one.is_ascii_digit());
    if let Some((_, link)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        return Some(link.split_once('|').map_or(link, |(target, _)| target));
    }
    let (label, number) = text.split_once(':')?;
    (!label.contains(['<', '[', '('])
        && !is_scheme(label)
        && !has_digit(label)
        && has_digit(number))
    .then_some(number.trim())
}

/// A phone number without what stands around it.
pub(super) fn number(text: &str) -> String {
    if text.len() > LONGEST {
        return text.to_owned();
    }
    let mut text = decoded(text).into_owned();
    loop {
        let clean = of_usual_width(&shown(&text)).into_owned();
        let bare = match Hyperlink::of(&clean) {
            Some(link) => link.number(),
            None => {
                let bare = clean.trim().trim_start_matches(BULLETS).trim_end_matches(ENDS).trim();
                let bare = of_label(bare).unwrap_or(bare);
                // Brackets around a whole number are the chat's; around a part, they are its own.
                bare_target(inside(bare).unwrap_or(bare)).into_owned()
            }
        };
        if bare == text {
            return bare;
        }
        text = bare;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_loses_what_stands_around_it() {
        for text in [
            "a@x.example",
            " a@x.example\n",
            "mailto:a@x.example",
            "MAILTO:a@x.example?subject=Hello",
            "<mailto:a@x.example|a@x.example>",
            "<mailto:a@x.example|Anna>",
            "[a@x.example](mailto:a@x.example)",
            "[Anna](mailto:a@x.example \"Anna\")",
            "[a@x.example](https://mail.example/to)",
            "<a href=\"mailto:a@x.example\">Anna</a>",
            "<a@x.example>",
            "&lt;a@x.example&gt;",
            "Anna Ek <a@x.example>",
            "\"Ek, Anna\" <a@x.example>,",
            "Anna <mailto:a@x.example|a@x.example>",
            "Anna Ek (a@x.example)",
            "a@x.example (Anna Ek)",
            "a@x.example.",
            "a@x.example;",
            "(a@x.example)!",
            "'a@x.example'",
            "`a@x.example`",
            "“a@x.example”",
            "**a@x.example**",
            "a\u{200b}@x.exa\u{ad}mple\u{feff}",
            "\u{202a}a@x.example\u{202c}",
            "ａ＠ｘ．ｅｘａｍｐｌｅ",
            "a@x。example",
            "mailto:a%40x.example",
            "‹a@x.example›",
            "「a@x.example」",
            "• a@x.example",
            "\\<a@x.example\\>",
            "Email: a@x.example",
            "**Email:** a@x.example",
        ] {
            assert_eq!(address(text), "a@x.example", "{text}");
        }
        assert_eq!(address("O'Brien+x_y@x.example"), "O'Brien+x_y@x.example");
        assert_eq!(address("mailto:o%27brien@x.example"), "o'brien@x.example");
    }

    #[test]
    fn a_number_loses_what_stands_around_it() {
        for (text, expected) in [
            ("<tel:+12065550120|+1 206 555 0120>", "+1 206 555 0120"),
            ("<tel:+12065550120|call me>", "+12065550120"),
            ("<+1 206 555 0120>", "+1 206 555 0120"),
            ("&lt;+1 206 555 0120&gt;", "+1 206 555 0120"),
            ("**+1 206 555 0120**", "+1 206 555 0120"),
            ("[+1 206 555 0120]", "+1 206 555 0120"),
            ("callto:+12065550120", "+12065550120"),
            ("sms:+12065550120", "+12065550120"),
            ("Phone: +1 206 555 0120", "+1 206 555 0120"),
            ("Maren <tel:+12065550120>", "+12065550120"),
            ("(206) 555-0120", "(206) 555-0120"),
            ("[(206) 555-0120](tel:2065550120)", "(206) 555-0120"),
            ("tel:+1-206-555-0120", "+1-206-555-0120"),
            ("tel:%2B12065550120", "+12065550120"),
            ("\u{202a}+1 206 555 0120\u{202c}.", "+1 206 555 0120"),
            ("＋１ ２０６", "+1 206"),
            ("`0120`", "0120"),
            ("(206) 555-0120", "(206) 555-0120"),
            ("ask at the desk", "ask at the desk"),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn a_chats_markup_becomes_what_a_person_writes() {
        for (text, expected) in [
            ("Smith &amp; Sons", "Smith & Sons"),
            (
                "a &lt; b &gt; c &quot;d&quot; &#39;e&#x27; Z&uuml;rich",
                "a < b > c \"d\" 'e' Zürich",
            ),
            ("&amp;lt;", "&lt;"),
            ("R&D; AT&T &nothing; & &; &#", "R&D; AT&T &nothing; & &; &#"),
            ("<https://x.example|x.example>", "https://x.example"),
            ("<https://x.example/>", "https://x.example/"),
            ("[x.example](https://x.example)", "https://x.example"),
            ("[The form](https://x.example/f)", "The form (https://x.example/f)"),
            (
                "see <https://x.example/f|the form>, or <mailto:a@x.example|a@x.example>",
                "see the form (https://x.example/f), or a@x.example",
            ),
            ("<https://x.example?a=1&amp;b=2>", "https://x.example?a=1&b=2"),
            ("call <tel:+1206|+1 206> now", "call +1206 now"),
            ("if a <b then c> d", "if a <b then c> d"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
            ("[a-z]", "[a-z]"),
            ("< < <https://x.example>", "< < https://x.example"),
            ("<https://x.example\n>", "<https://x.example\n>"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_loses_its_decoration() {
        for text in [
            "CAS-1",
            "#CAS-1",
            "`CAS-1`",
            "\"CAS-1\",",
            "(CAS-1).",
            "**CAS-1**",
            "«CAS-1»!",
            "# CAS-1 ",
            "{CAS-1}",
            "'#CAS-1'?",
        ] {
            assert_eq!(undecorated(text), "CAS-1", "{text}");
        }
        for text in ["\"Big\" or \"small\"", "a_b", "(a) and (b)", "[", "''x"] {
            assert_eq!(undecorated(text), text);
        }
    }

    proptest! {
        #[test]
        fn an_ordinary_address_stays(
            address in "[A-Za-z0-9][A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{0,20}[A-Za-z0-9]@[a-z0-9]{1,9}(\\.[a-z]{2,5}){1,2}"
        ) {
            prop_assert_eq!(super::address(&address), address);
        }

        #[test]
        fn twice_is_the_same(text in "\\PC{0,20}|([<>\\[\\]()|'\"`{}*_#@a-c. &;%1-4F]|mailto:|tel:|\\PC){0,20}") {
            let once = address(&text);
            if !once.contains('&') {
                prop_assert_eq!(address(&once), once);
            }
            let once = number(&text);
            if !once.contains('&') {
                prop_assert_eq!(number(&once), once);
            }
            let once = undecorated(&text);
            prop_assert_eq!(undecorated(once), once);
            let once = of_usual_width(&text);
            prop_assert_eq!(of_usual_width(&once), once.as_ref());
        }

        #[test]
        fn plain_text_stays(text in "[^<&\\[]{0,40}") {
            prop_assert_eq!(said(&text), text.as_str());
        }

        #[test]
        fn no_text_stops_it(text in "([<>\\[\\]()|&;#a-c\n]|https://|mailto:|&amp;|\\PC){0,30}") {
            let _ = said(&text);
        }
    }
}
