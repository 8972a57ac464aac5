//! Splits an expression of the query language into tokens.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::syntax_error::SyntaxError;

/// The smallest parts of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, a keyword or a qualified name: `fullname`, `eq`, `Microsoft.Dynamics.CRM.Today`.
    Name(String),
    /// A parameter alias, with its `@`.
    Alias(String),
    /// Text in single quotes, unescaped.
    Text(String),
    /// A name that is directly followed by quoted text: `guid'…'`, `Some.Enumeration'Member'`.
    Prefixed(String, String),
    /// Text in double quotes, as in the lists that Dataverse functions take.
    JsonText(String),
    Guid(Uuid),
    Integer(i64),
    Decimal(Decimal),
    Double(f64),
    DateTime(Timestamp),
    Date(Date),
    /// `( ) , / : = [ ] ;` or `-`
    Symbol(char),
}

/// A token and where it starts.
pub(super) type Placed = (usize, Token);

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    while let Some(token) = lexer.next()? {
        found.push(token);
    }
    Ok(found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Placed>, SyntaxError> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let token = match first {
            '\'' => Token::Text(self.quoted()?),
            '"' => Token::JsonText(self.double_quoted()?),
            '(' | ')' | ',' | '/' | ':' | '=' | '[' | ']' | ';' => {
                self.at += 1;
                Token::Symbol(first)
            }
            '@' => {
                let length = 1 + name_length(&rest[1..]);
                if length == 1 {
                    return Err(self.error(start));
                }
                self.at += length;
                Token::Alias(rest[..length].to_owned())
            }
            _ => match self.literal(rest) {
                Some(token) => token,
                None => self.name(rest).ok_or_else(|| self.error(start))?,
            },
        };
        Ok(Some((start, token)))
    }

    /// A number, a date or an id. It starts like one of these and ends at the end of the word.
    fn literal(&mut self, rest: &str) -> Option<Token> {
        let first = rest.chars().next()?;
        if !(first.is_ascii_hexdigit() || first == '-' || first == '+') {
            return None;
        }
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | ':')))
            .unwrap_or(rest.len());
        let word = &rest[..length];
        let token = if let Some(guid) = guid(word) {
            Token::Guid(guid)
        } else if first.is_ascii_digit() || first == '-' || first == '+' {
            number(word).or_else(|| date(word))?
        } else {
            return None;
        };
        self.at += length;
        Some(token)
    }

    fn name(&mut self, rest: &str) -> Option<Token> {
        let length = name_length(rest);
        if length == 0 {
            return None;
        }
        let name = rest[..length].to_owned();
        self.at += length;
        if rest[length..].starts_with('\'')
            && let Ok(text) = self.quoted()
        {
            return Some(Token::Prefixed(name, text));
        }
        Some(Token::Name(name))
    }

    /// A text in single quotes. Two quotes stand for one.
    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut text = String::new();
        let mut letters = self.text[start + 1..].char_indices().peekable();
        while let Some((offset, letter)) = letters.next() {
            if letter != '\'' {
                text.push(letter);
            } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
                text.push('\'');
            } else {
                self.at = start + 1 + offset + 1;
                return Ok(text);
            }
        }
        // The OData library names the position at which the quote is missing: the end.
        let position = self.text.chars().count();
        Err(SyntaxError::Unterminated { position, text: self.text.to_owned() })
    }

    /// A text in double quotes, as in JSON.
    fn double_quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut values =
            serde_json::Deserializer::from_str(&self.text[start..]).into_iter::<String>();
        match values.next() {
            Some(Ok(text)) => {
                self.at = start + values.byte_offset();
                Ok(text)
            }
            _ => Err(SyntaxError::Unterminated { position: start, text: self.text.to_owned() }),
        }
    }

    fn error(&self, position: usize) -> SyntaxError {
        SyntaxError::Unexpected { position, text: self.text.to_owned() }
    }
}

/// The length of a name: letters, digits, `_` and the dots of qualified names. `$` starts system
/// names such as `$it`.
fn name_length(text: &str) -> usize {
    let starts = text.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$'));
    if !starts {
        return 0;
    }
    text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.')))
        .unwrap_or(text.len())
}

/// An id without quotes: 36 characters with hyphens. OData does not allow braces and other
/// spellings.
pub(crate) fn guid(word: &str) -> Option<Uuid> {
    if word.len() != 36 {
        return None;
    }
    Uuid::try_parse(word).ok()
}

fn number(word: &str) -> Option<Token> {
    if word.contains([':', 'T']) {
        return None;
    }
    if let Ok(number) = word.parse::<i64>() {
        return Some(Token::Integer(number));
    }
    if word.contains(['e', 'E']) {
        return word.parse().ok().filter(|number: &f64| number.is_finite()).map(Token::Double);
    }
    // OData allows a suffix for the type: 1.5M, 2.0d, 7L.
    let plain = word.strip_suffix(['m', 'M', 'd', 'D', 'f', 'F']).unwrap_or(word);
    if let Some(whole) = word.strip_suffix(['l', 'L']) {
        return whole.parse().ok().map(Token::Integer);
    }
    plain.parse::<Decimal>().ok().map(Token::Decimal)
}

fn date(word: &str) -> Option<Token> {
    if word.len() == 10 {
        return word.parse::<Date>().ok().map(Token::Date);
    }
    word.parse::<Timestamp>().ok().map(Token::DateTime)
}
