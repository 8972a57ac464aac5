//! Writes plain text in lines, without invisible characters, and no more of it than is needed.

use std::fmt::Write as _;

use super::characters::Sieve;
use super::mail::{Judge, LONGEST_HEADING, Verdict};

/// A state to return to if lines are left out: the bytes and the characters of the text, and the
/// number of breaks that followed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    text: usize,
    length: usize,
    breaks: u8,
}

/// Text while it is written, line by line. Breaks and spaces wait until a visible character follows
/// them. So no line ends with a space, there is never more than one empty line in a row, and the
/// text neither begins nor ends with spaces or empty lines.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    /// The number of characters of the text.
    length: usize,
    /// The number of characters that are needed. One more is written, to show that there is more.
    limit: usize,
    /// The number of line breaks that wait, at most two.
    breaks: u8,
    /// Whether a space waits.
    space: bool,
    /// Whether the separator between two cells waits.
    border: bool,
    /// Whether the current cell has no visible character yet.
    fresh_cell: bool,
    /// The spaces and tabs that wait, where they are kept unchanged.
    blank: String,
    /// The text at the beginning of each line: quotation marks (`> `) and indents.
    prefix: String,
    /// The text that the next line begins with, in place of the end of the prefix.
    marker: String,
    /// The number of bytes of the prefix that the marker replaces.
    place: usize,
    sieve: Sieve,
    /// The position of the first byte of the current line.
    line: usize,
    /// The state before the current line.
    before: Place,
    /// Says which lines of a mail stay.
    judge: Option<Judge<Place>>,
    /// For a long line, whether it stays. This is known before its end.
    judged: Option<Verdict<Place>>,
    /// Whether the next line may begin the mail that is answered.
    may_end: bool,
    dropped: bool,
    done: bool,
    #[cfg(test)]
    has_defect: bool,
}

/// The most bytes of a prefix. Without this limit, a thousand nested quotations would make every
/// line a thousand times as long.
const MOST_PREFIX: usize = 16;

impl Lines {
    /// Begins an empty text of which `limit` characters are needed.
    pub(super) fn new(limit: usize) -> Lines {
        Lines {
            text: String::new(),
            length: 0,
            limit,
            breaks: 0,
            space: false,
            border: false,
            fresh_cell: false,
            blank: String::new(),
            prefix: String::new(),
            marker: String::new(),
            place: 0,
            sieve: Sieve::default(),
            line: 0,
            before: Place::default(),
            judge: None,
            judged: None,
            may_end: false,
            dropped: false,
            done: false,
            #[cfg(test)]
            has_defect: false,
        }
    }

    /// Leaves out what a mail answers or forwards.
    pub(super) fn of_mail(mut self) -> Lines {
        self.judge = Some(Judge::default());
        self
    }

    /// Whether what a mail answers or forwards is left out.
    pub(super) fn are_of_mail(&self) -> bool {
        self.judge.is_some()
    }

    /// Says that the next line may begin the mail that is answered.
    pub(super) fn may_end(&mut self) {
        self.may_end = true;
    }

    /// Says that something was left out here.
    pub(super) fn leave_out(&mut self) {
        self.dropped = true;
    }

    /// Leaves out all that follows.
    pub(super) fn end_here(&mut self) {
        self.dropped = true;
        self.done = true;
    }

    /// Lines that panic.
    #[cfg(test)]
    pub(super) fn with_a_defect() -> Lines {
        Lines { has_defect: true, ..Lines::new(100) }
    }

    /// Whether more text would change nothing.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The number of characters written so far.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Returns the text, and whether lines were left out.
    pub(super) fn finish(mut self) -> (String, bool) {
        self.end_line();
        if let Some(above) = self.judge.as_mut().and_then(Judge::finish) {
            self.return_to(above);
        }
        (self.text, self.dropped)
    }

    /// Writes text as HTML shows it: spaces and line breaks in a row become one space.
    pub(super) fn flowing(&mut self, text: &str) {
        for one in text.chars() {
            for one in self.sieve.pass(one).into_iter().flatten() {
                if one.is_whitespace() {
                    self.space = true;
                } else {
                    self.show(one);
                }
            }
            if self.done {
                return;
            }
        }
    }

    /// Writes text with its spaces and line breaks unchanged.
    pub(super) fn as_it_is(&mut self, text: &str) {
        let mut characters = text.chars().peekable();
        while let Some(one) = characters.next() {
            for one in self.sieve.pass(one).into_iter().flatten() {
                match one {
                    '\r' if characters.peek() == Some(&'\n') => {}
                    '\n' | '\r' => self.new_line(),
                    '\u{a0}' => self.blank.push(' '),
                    one if one.is_whitespace() => self.blank.push(one),
                    one => self.show(one),
                }
            }
            if self.done {
                return;
            }
        }
    }

    /// Goes to the next line, also from an empty line.
    pub(super) fn new_line(&mut self) {
        self.break_with(self.breaks.saturating_add(1));
    }

    /// Goes to the beginning of a line, unless the text is there already.
    pub(super) fn own_line(&mut self) {
        self.break_with(self.breaks.max(1));
    }

    /// Goes to the beginning of a line, with an empty line before it.
    pub(super) fn own_paragraph(&mut self) {
        self.break_with(2);
    }

    /// Begins a row of a table. Paragraphs in its cells do not make empty lines.
    pub(super) fn begin_row(&mut self) {
        self.break_with(1);
    }

    /// Ends a row of a table.
    pub(super) fn end_row(&mut self) {
        self.fresh_cell = false;
        self.break_with(1);
    }

    /// Begins a cell of a row, on the same line as the cell before it.
    pub(super) fn begin_cell(&mut self, is_first: bool) {
        if !is_first {
            self.fresh_cell = false;
            self.break_with(0);
            self.border = true;
        }
        self.fresh_cell = true;
    }

    /// Sets the number of waiting line breaks, at most two. At the beginning of a cell, it does
    /// nothing to them.
    fn break_with(&mut self, breaks: u8) {
        self.space = false;
        self.blank.clear();
        self.sieve.interrupt();
        if !self.fresh_cell {
            self.breaks = breaks.min(2);
            self.border = false;
        }
    }

    /// Adds to the prefix of the lines. Returns the number of bytes that it added: all or none.
    pub(super) fn indent(&mut self, with: &str) -> usize {
        if self.prefix.len() + with.len() > MOST_PREFIX {
            return 0;
        }
        self.prefix.push_str(with);
        with.len()
    }

    /// Takes the last `by` bytes off the prefix of the lines.
    pub(super) fn outdent(&mut self, by: usize) {
        self.prefix.truncate(self.prefix.len().saturating_sub(by));
        self.marker.clear();
    }

    /// Makes the next line begin with this marker, in place of the last `place` bytes of its
    /// prefix.
    pub(super) fn mark(&mut self, marker: String, place: usize) {
        self.marker = marker;
        self.place = place;
    }

    fn show(&mut self, one: char) {
        if self.length == 0 {
            (self.breaks, self.space, self.border) = (0, false, false);
            self.blank.clear();
            self.begin_line();
        } else if self.breaks > 0 {
            self.end_line();
            if self.done {
                return;
            }
            self.before = Place { text: self.text.len(), length: self.length, breaks: self.breaks };
            if self.length == 0 {
                // All lines before it were left out.
                self.blank.clear();
            } else {
                for _ in 0..self.breaks {
                    self.push('\n');
                }
            }
            self.begin_line();
        } else if self.border {
            self.push_all(" | ");
        } else if self.space && self.blank.is_empty() {
            self.push(' ');
        }
        (self.breaks, self.space, self.border, self.fresh_cell) = (0, false, false, false);
        if !self.blank.is_empty() {
            let blank = std::mem::take(&mut self.blank);
            self.push_all(&blank);
        }
        self.push(one);
        self.done = self.length > self.limit && self.stays();
    }

    /// Whether it is certain that the current line stays.
    fn stays(&mut self) -> bool {
        let Some(judge) = &mut self.judge else { return true };
        match self.text.get(self.line..) {
            Some(line) if line.len() > LONGEST_HEADING => {
                let verdict = self.judged.get_or_insert_with(|| judge.line(line, self.before));
                *verdict == Verdict::Keep && !judge.is_waiting()
            }
            _ => false,
        }
    }

    fn begin_line(&mut self) {
        if std::mem::take(&mut self.may_end)
            && let Some(judge) = &mut self.judge
        {
            judge.mark();
        }
        self.line = self.text.len();
        self.judged = None;
        let (prefix, marker) = (std::mem::take(&mut self.prefix), std::mem::take(&mut self.marker));
        let place = if marker.is_empty() { 0 } else { self.place };
        let indent = prefix.get(..prefix.len().saturating_sub(place)).unwrap_or_default();
        let is_first = self.length == 0;
        self.push_all(if is_first { indent.trim_start() } else { indent });
        self.push_all(&marker);
        self.prefix = prefix;
    }

    /// Ends the current line, and removes what does not stay.
    fn end_line(&mut self) {
        let Some(judge) = &mut self.judge else { return };
        if self.text.len() <= self.line {
            return;
        }
        let line = self.text.get(self.line..).unwrap_or_default();
        let verdict = self.judged.take().unwrap_or_else(|| judge.line(line, self.before));
        let is_waiting = judge.is_waiting();
        match verdict {
            Verdict::Keep => {}
            Verdict::Drop => self.return_to(self.before),
            Verdict::DropFrom(above) | Verdict::EndAt(above) => self.return_to(above),
        }
        let ends = matches!(verdict, Verdict::EndAt(_));
        self.done |= ends || (self.length > self.limit && !is_waiting);
    }

    /// Removes everything behind a place.
    fn return_to(&mut self, place: Place) {
        self.text.truncate(place.text);
        self.length = place.length;
        self.breaks = self.breaks.max(place.breaks);
        self.dropped = true;
        self.line = self.text.len();
    }

    fn push(&mut self, one: char) {
        #[cfg(test)]
        assert!(!self.has_defect, "a defect");
        self.text.push(one);
        self.length += 1;
    }

    fn push_all(&mut self, text: &str) {
        text.chars().for_each(|one| self.push(one));
    }
}

/// The beginning of a list item: its number, or a star.
pub(super) fn marker(number: Option<i64>) -> String {
    let mut marker = String::new();
    let _ = match number {
        Some(number) => write!(marker, "{number}. "),
        None => write!(marker, "* "),
    };
    marker
}
