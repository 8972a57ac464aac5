//! The mail that brings a code.

use std::fmt;
use std::time::Duration;

use crate::Code;
use crate::address::is_line_break_or_control;
use crate::characters::is_unseen;

/// How long a code is valid. The texts say so in words.
pub const CODE_LIVES: Duration = Duration::from_secs(10 * 60);

/// The most characters of an administrator's own text, and of a company's name.
const LONGEST: usize = 2_000;
const LONGEST_NAME: usize = 100;

const CODE: &str = "{code}";
const COMPANY: &str = "{company}";

const ENGLISH: (&str, &str) = (
    "Your code for {company}",
    "Your code for {company}:\n\
     \n    {code}\n\
     \n\
     It is valid for ten minutes. Type it into the chat in which you asked for it, and tell it nobody \
     else, not on the phone either.\n\
     \n\
     If you did not ask for a code, you can ignore this mail.\n",
);

const GERMAN: (&str, &str) = (
    "Ihr Code für {company}",
    "Ihr Code für {company}:\n\
     \n    {code}\n\
     \n\
     Er gilt zehn Minuten. Geben Sie ihn in dem Chat ein, in dem Sie ihn angefordert haben, und sagen \
     Sie ihn sonst niemandem, auch nicht am Telefon.\n\
     \n\
     Wenn Sie keinen Code angefordert haben, können Sie diese E-Mail ignorieren.\n",
);

const CHANGED_ENGLISH: (&str, &str) = (
    "Your email address at {company}",
    "Your email address at {company} was changed in a chat. From now on, mails go to the new one.\n\
     \n\
     If you did not ask for that, please tell us at once.\n",
);

const CHANGED_GERMAN: (&str, &str) = (
    "Ihre E-Mail-Adresse bei {company}",
    "Ihre E-Mail-Adresse bei {company} wurde in einem Chat geändert. Von nun an gehen E-Mails an die \
     neue.\n\
     \n\
     Wenn Sie das nicht veranlasst haben, sagen Sie uns bitte sofort Bescheid.\n",
);

/// The language of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// The language of a tag such as `de-AT`: German if it begins so, English for all others.
    pub fn of_tag(tag: &str) -> Language {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        if first.eq_ignore_ascii_case("de") { Language::German } else { Language::English }
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Language::English => ENGLISH,
            Language::German => GERMAN,
        }
    }

    fn texts_of_change(self) -> (&'static str, &'static str) {
        match self {
            Language::English => CHANGED_ENGLISH,
            Language::German => CHANGED_GERMAN,
        }
    }
}

/// Why a text is no name of a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompanyError {
    /// It is empty.
    #[error("the name of the company is empty")]
    Empty,
    /// It is too long.
    #[error("the name of the company has more than {LONGEST_NAME} characters")]
    TooLong,
    /// It has a line break or another control character.
    #[error("the name of the company has a line break")]
    LineBreak,
    /// It has a link.
    #[error("the name of the company has a link: leave out http://, https:// and www.")]
    Link,
}

/// The name of the company or site whose chat it is, as visitors know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Company(String);

impl Company {
    /// Reads a name of one line.
    pub fn parse(text: &str) -> Result<Company, CompanyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CompanyError::Empty);
        }
        if text.chars().count() > LONGEST_NAME {
            return Err(CompanyError::TooLong);
        }
        if text.contains(is_line_break_or_control) {
            return Err(CompanyError::LineBreak);
        }
        if has_link(text) {
            return Err(CompanyError::Link);
        }
        Ok(Company(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no text for the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The code has no place in it.
    #[error("the text does not say where the code goes: write {CODE} there")]
    NoCode,
    /// It is too long.
    #[error("the text has more than {LONGEST} characters")]
    TooLong,
    /// It has a link.
    #[error(
        "the text has a link: leave out http://, https://, www. and mailto:, because visitors learn \
         not to follow links in mails with a code"
    )]
    Link,
    /// It has a placeholder that does not exist.
    #[error("the text has a word in braces other than {CODE} and {COMPANY}")]
    Placeholder,
    /// It has a control character.
    #[error("the text has a control character")]
    Control,
}

/// An administrator's own text of the mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(String);

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Template").finish_non_exhaustive()
    }
}

impl Template {
    /// Reads a text with `{code}` and, if it likes, `{company}`.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let text = text.replace("\r\n", "\n");
        if text.chars().count() > LONGEST {
            return Err(TemplateError::TooLong);
        }
        if text.contains(|one: char| one.is_control() && one != '\n' && one != '\t') {
            return Err(TemplateError::Control);
        }
        if has_link(&text) {
            return Err(TemplateError::Link);
        }
        let mut pieces = Pieces(&text);
        if pieces.clone().any(|piece| matches!(piece, Piece::Unknown)) {
            return Err(TemplateError::Placeholder);
        }
        if !pieces.any(|piece| matches!(piece, Piece::Code)) {
            return Err(TemplateError::NoCode);
        }
        Ok(Template(text))
    }

    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The subject and the text of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    subject: String,
    text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mail").finish_non_exhaustive()
    }
}

impl Mail {
    /// The mail with a code in this language, or with this text. The subject is ours, and without the code: it is
    /// shown on locked screens.
    pub fn with_code(
        language: Language,
        company: &Company,
        code: &Code,
        own: Option<&Template>,
    ) -> Mail {
        let (subject, text) = language.texts();
        let text = own.map_or(text, Template::as_str);
        let code = Some(code);
        Mail { subject: filled(subject, company, code), text: filled(text, company, code) }
    }

    /// The mail to an address that was somebody's, in this language.
    pub fn of_changed_address(language: Language, company: &Company) -> Mail {
        let (subject, text) = language.texts_of_change();
        Mail { subject: filled(subject, company, None), text: filled(text, company, None) }
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A text with the code and the company in their places. What they say is not read again.
fn filled(text: &str, company: &Company, code: Option<&Code>) -> String {
    Pieces(text)
        .map(|piece| match piece {
            Piece::Plain(text) => text,
            Piece::Code => code.map(Code::expose).unwrap_or_default(),
            Piece::Company => company.as_str(),
            Piece::Unknown => "",
        })
        .collect()
}

/// A piece of a text.
enum Piece<'a> {
    Plain(&'a str),
    Code,
    Company,
    /// A word in braces that means nothing.
    Unknown,
}

/// The pieces of a text, in their order.
#[derive(Clone)]
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let brace = text.find('{').unwrap_or(text.len());
        if brace > 0 {
            let (plain, rest) = text.split_at(brace);
            self.0 = rest;
            return Some(Piece::Plain(plain));
        }
        let known = [(CODE, Piece::Code), (COMPANY, Piece::Company)];
        for (word, piece) in known {
            if let Some(rest) = text.strip_prefix(word) {
                self.0 = rest;
                return Some(piece);
            }
        }
        let inside = text[1..].split('}').next().unwrap_or_default();
        let is_closed = inside.len() + 1 < text.len();
        let is_word = inside.contains(char::is_alphanumeric)
            && inside.chars().all(|one| one.is_alphanumeric() || one == '_' || one.is_whitespace());
        if is_closed && is_word {
            self.0 = &text[inside.len() + 2..];
            return Some(Piece::Unknown);
        }
        let (plain, rest) = text.split_at(1);
        self.0 = rest;
        Some(Piece::Plain(plain))
    }
}

/// Whether a text has something that mail programs make a link of, however it is disguised.
fn has_link(text: &str) -> bool {
    let folded: String = text
        .chars()
        .filter(|one| !is_unseen(*one))
        .map(|one| match u32::from(one) {
            // The wide forms of ASCII.
            wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xff01 + 0x21).unwrap_or(one),
            _ => one,
        })
        .flat_map(char::to_lowercase)
        .collect();
    ["://", "http:", "https:", "www.", "mailto:"].iter().any(|link| folded.contains(link))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail(language: Language, own: Option<&str>) -> Mail {
        let own = own.map(|own| Template::parse(own).unwrap());
        let company = Company::parse("Müller & {code} GmbH").unwrap();
        Mail::with_code(language, &company, &Code::read("123456").unwrap(), own.as_ref())
    }

    #[test]
    fn the_texts_say_what_they_must() {
        for (language, minutes, nobody, ignore) in [
            (Language::English, "ten minutes", "nobody", "ignore"),
            (Language::German, "zehn Minuten", "niemandem", "ignorieren"),
        ] {
            let mail = mail(language, None);
            for part in ["Müller & {code} GmbH", "\n    123456\n", minutes, nobody, ignore] {
                assert!(mail.text().contains(part), "{part} in {}", mail.text());
            }
            assert!(mail.subject().ends_with("Müller & {code} GmbH"));
            assert!(!mail.subject().contains("123456"));
            assert!(!has_link(mail.text()));
            // An administrator may begin with ours.
            assert!(Template::parse(language.texts().1).is_ok());
        }
        assert_eq!(CODE_LIVES.as_secs(), 600);
    }

    #[test]
    fn an_administrator_may_have_other_words() {
        let own = mail(Language::German, Some("Hallo von {company}:\r\n{code} {code} { } {a,b"));
        assert_eq!(own.text(), "Hallo von Müller & {code} GmbH:\n123456 123456 { } {a,b");
        assert!(own.subject().starts_with("Ihr Code"));
    }

    #[test]
    fn a_text_that_could_not_be_sent_is_refused() {
        for (text, error) in [
            ("", TemplateError::NoCode),
            ("Your code: code", TemplateError::NoCode),
            ("{company}", TemplateError::NoCode),
            ("{Code}", TemplateError::Placeholder),
            ("{code} {name}", TemplateError::Placeholder),
            ("{ code }", TemplateError::Placeholder),
            ("{code} https://a.example", TemplateError::Link),
            ("{code} HTTP://a.example", TemplateError::Link),
            ("{code} www.a.example", TemplateError::Link),
            ("{code} WWW.a.example", TemplateError::Link),
            ("{code} h\u{200b}ttps:/\u{2060}/a.example", TemplateError::Link),
            ("{code} ｈｔｔｐｓ：／／a.example", TemplateError::Link),
            ("{code} ftp://a.example", TemplateError::Link),
            ("{code} mailto:a@b.example", TemplateError::Link),
            ("{code}\u{7}", TemplateError::Control),
            ("{code}\0", TemplateError::Control),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text:?}");
        }
        let longest = format!("{{code}}{}", "ä".repeat(1994));
        assert!(Template::parse(&longest).is_ok());
        assert_eq!(Template::parse(&format!("{longest}ä")), Err(TemplateError::TooLong));
        let error = TemplateError::NoCode.to_string();
        assert_eq!(error, "the text does not say where the code goes: write {code} there");
    }

    #[test]
    fn a_company_has_a_name_of_one_line() {
        for (text, error) in [
            ("", CompanyError::Empty),
            (" \n", CompanyError::Empty),
            ("A\nB", CompanyError::LineBreak),
            ("A\u{2028}B", CompanyError::LineBreak),
            ("www.a.example", CompanyError::Link),
            (&"a".repeat(101), CompanyError::TooLong),
        ] {
            assert_eq!(Company::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Company::parse(" shop.example ").unwrap().as_str(), "shop.example");
    }

    #[test]
    fn the_language_is_that_of_the_tag() {
        for tag in ["de", "de-AT", "DE_ch"] {
            assert_eq!(Language::of_tag(tag), Language::German, "{tag}");
        }
        for tag in ["en", "en-US", "fr", "", "den", "nl-DE"] {
            assert_eq!(Language::of_tag(tag), Language::English, "{tag}");
        }
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let own = Template::parse("{code}").unwrap();
        let mail = mail(Language::English, None);
        assert_eq!(format!("{own:?} {mail:?}"), "Template(..) Mail { .. }");
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_nothing_is_lost(text in "([{}a-z :]|\\PC|\\{code\\}){0,40}") {
            let plain: String = Pieces(&text).map(|piece| match piece {
                Piece::Plain(text) => text,
                Piece::Code => CODE,
                Piece::Company => COMPANY,
                Piece::Unknown => "",
            }).collect();
            if Template::parse(&text).is_ok() {
                prop_assert_eq!(plain, text);
            }
        }
    }
}
