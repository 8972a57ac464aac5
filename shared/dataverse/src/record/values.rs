//! The names and values of a row, kept as pieces of the answer that it came in.

use std::sync::Arc;

use serde_json::Value;

/// How many members an answer may have in all its rows. A page of 5,000 rows, the most that
/// Dataverse gives, has that many with 100 columns. A member of two bytes in JSON takes far more
/// memory.
pub(super) const MOST_MEMBERS: u32 = 500_000;

/// A row gets room for all its columns at once if no more members than this were read before it:
/// 200 rows of 32. Tools ask for fewer. In a longer answer, empty rows would take far too much
/// memory.
pub(super) const ROOMY: u32 = 6_400;

/// The texts of a row: its names and values. They are not copied one by one.
#[derive(Clone, Default)]
pub(super) struct Texts {
    /// The answer that the row came in. Most texts stay there.
    pub(super) answer: Arc<str>,
    /// The texts that do not stand like this in the answer: numbers, and texts with escapes.
    copied: String,
    /// How many members have been read of the answer so far.
    pub(super) members: u32,
}

/// A piece of the answer. Positions after the end of the answer are those of the copied texts.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    start: usize,
    end: usize,
}

impl Piece {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    /// The piece without its first bytes.
    pub(super) fn without_first(self, bytes: usize) -> Piece {
        Piece { start: (self.start + bytes).min(self.end), ..self }
    }
}

impl Texts {
    pub(super) fn of(answer: &Arc<str>) -> Texts {
        Texts { answer: Arc::clone(answer), ..Texts::default() }
    }

    pub(super) fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.members += 1;
        if self.members > MOST_MEMBERS {
            return Err(E::custom("more members than an answer may have"));
        }
        Ok(())
    }

    /// The piece for this text. A text that is not a part of the answer is copied.
    pub(super) fn keep(&mut self, text: &str) -> Piece {
        let first = text.as_bytes().first();
        let in_answer = first.and_then(|first| self.answer.as_bytes().element_offset(first));
        let start = in_answer.unwrap_or_else(|| {
            self.copied.push_str(text);
            self.answer.len() + self.copied.len() - text.len()
        });
        Piece { start, end: start + text.len() }
    }

    pub(super) fn get(&self, piece: Piece) -> &str {
        match piece.start.checked_sub(self.answer.len()) {
            None => &self.answer[piece.start..piece.end],
            Some(start) => &self.copied[start..start + piece.len()],
        }
    }
}

/// A column, or an annotation of one.
#[derive(Clone)]
pub(super) struct Column {
    pub(super) name: Piece,
    pub(super) value: Piece,
    pub(super) kind: Meaning,
}

/// What a column's text means.
#[derive(Clone, PartialEq)]
pub(super) enum Meaning {
    Null,
    Boolean(bool),
    Number,
    Text,
    /// Several values.
    List(Vec<Value>),
}

/// The value of a column.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) kind: &'a Meaning,
    pub(super) text: &'a str,
}

impl<'a> Cell<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        (*self.kind == Meaning::Text && !self.text.is_empty()).then_some(self.text)
    }

    pub(super) fn number(self) -> Option<&'a str> {
        (*self.kind == Meaning::Number).then_some(self.text)
    }

    pub(super) fn value(self) -> Value {
        match self.kind {
            Meaning::Null => Value::Null,
            Meaning::Boolean(flag) => (*flag).into(),
            Meaning::Number => self.text.parse().map_or(Value::Null, Value::Number),
            Meaning::Text => self.text.into(),
            Meaning::List(values) => values.clone().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_answer_is_not_copied() {
        let answer: Arc<str> = r#"{"name":"Ann"}"#.into();
        let mut texts = Texts::of(&answer);
        let pieces = [texts.keep(&answer[9..12]), texts.keep("Bo"), texts.keep("")];
        assert_eq!(pieces.map(|piece| texts.get(piece)), ["Ann", "Bo", ""]);
        assert_eq!(texts.copied, "Bo");
    }
}
