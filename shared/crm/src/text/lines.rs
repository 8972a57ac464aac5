//! Writes plain text in lines, without what nobody sees, and no more of it than is wanted.

use std::fmt::Write as _;

use super::characters::Sieve;

/// Whether a line stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays.
    Keep,
    /// It is left out.
    Drop,
    /// It is left out, with everything after it.
    End,
}

/// Lines that are being written. Breaks and spaces wait until something is shown after them. So no
/// line ends with a space, no two empty lines follow each other, and the text neither begins nor
/// ends with spaces or empty lines.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    /// How many characters the text has.
    length: usize,
    /// How many characters are wanted. One more is written, to know that there is more.
    limit: usize,
    /// How many line breaks wait, at most two.
    breaks: u8,
    /// Whether a space waits.
    space: bool,
    /// Whether the border between two cells waits.
    border: bool,
    /// Whether nothing has been shown yet of the current cell.
    fresh_cell: bool,
    /// The spaces and tabs that wait, in text that keeps them as they are.
    blank: String,
    /// What lines begin with: marks of quotation, and indents.
    prefix: String,
    /// What the next line begins with, instead of the end of its prefix.
    marker: String,
    /// How many bytes of the prefix the marker replaces.
    place: usize,
    sieve: Sieve,
    /// The byte at which the current line begins.
    line: usize,
    /// What to go back to if the current line is left out: the bytes and characters of the text
    /// before its breaks, and how many breaks there were.
    before: (usize, usize, u8),
    judge: Option<fn(&str) -> Verdict>,
    /// Whether a long line stays, once that is known before its end.
    kept: Option<bool>,
    dropped: bool,
    done: bool,
}

/// The most bytes of a prefix. A thousand nested quotations would otherwise make each line a
/// thousand times as long.
const MOST_PREFIX: usize = 16;

/// The most bytes of a heading of a quoted mail. A longer line need not be read to its end.
pub(super) const LONGEST_HEADING: usize = 500;

impl Lines {
    /// No lines yet. `limit` is how many characters are wanted.
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
            before: (0, 0, 0),
            judge: None,
            kept: None,
            dropped: false,
            done: false,
        }
    }

    /// Leaves out the lines that `judge` does not keep.
    pub(super) fn kept_by(mut self, judge: fn(&str) -> Verdict) -> Lines {
        self.judge = Some(judge);
        self
    }

    /// Whether more of the text would change nothing.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// How many characters have been written.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The text, and whether lines were left out.
    pub(super) fn finish(mut self) -> (String, bool) {
        self.end_line();
        (self.text, self.dropped)
    }

    /// Writes text as HTML does: any run of spaces and line breaks becomes one space.
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

    /// Writes text with its spaces and line breaks.
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

    /// Goes to the next line, even from an empty one.
    pub(super) fn new_line(&mut self) {
        self.break_with(self.breaks.saturating_add(1));
    }

    /// Goes to the beginning of a line.
    pub(super) fn own_line(&mut self) {
        self.break_with(self.breaks.max(1));
    }

    /// Goes to the beginning of a line, and leaves an empty line before it.
    pub(super) fn own_paragraph(&mut self) {
        self.break_with(2);
    }

    /// Begins a row of a table. Paragraphs in its cells leave no line empty before it.
    pub(super) fn begin_row(&mut self) {
        self.break_with(1);
    }

    /// Ends a row of a table.
    pub(super) fn end_row(&mut self) {
        self.fresh_cell = false;
        self.break_with(1);
    }

    /// Begins a cell of a row, in the same line as the cell before it.
    pub(super) fn begin_cell(&mut self, is_first: bool) {
        if !is_first {
            self.fresh_cell = false;
            self.break_with(0);
            self.border = true;
        }
        self.fresh_cell = true;
    }

    /// Makes so many breaks wait, but none at the beginning of a cell.
    fn break_with(&mut self, breaks: u8) {
        self.space = false;
        self.blank.clear();
        self.sieve.interrupt();
        if !self.fresh_cell {
            self.breaks = breaks.min(2);
            self.border = false;
        }
    }

    /// Adds to what lines begin with. Returns how many bytes there was room for.
    pub(super) fn indent(&mut self, with: &str) -> usize {
        if self.prefix.len() + with.len() > MOST_PREFIX {
            return 0;
        }
        self.prefix.push_str(with);
        with.len()
    }

    /// Takes so many bytes off what lines begin with.
    pub(super) fn outdent(&mut self, by: usize) {
        self.prefix.truncate(self.prefix.len().saturating_sub(by));
        self.marker.clear();
    }

    /// Makes the next line begin with this marker, instead of the last `place` bytes of its prefix.
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
            self.before = (self.text.len(), self.length, self.breaks);
            if self.length > 0 {
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

    /// Whether the current line stays, however it goes on.
    fn stays(&mut self) -> bool {
        let Some(judge) = self.judge else { return true };
        match self.text.get(self.line..) {
            Some(line) if line.len() > LONGEST_HEADING => {
                *self.kept.get_or_insert_with(|| judge(line) == Verdict::Keep)
            }
            _ => false,
        }
    }

    fn begin_line(&mut self) {
        self.line = self.text.len();
        self.kept = None;
        let (prefix, marker) = (std::mem::take(&mut self.prefix), std::mem::take(&mut self.marker));
        let place = if marker.is_empty() { 0 } else { self.place };
        let indent = prefix.get(..prefix.len().saturating_sub(place)).unwrap_or_default();
        let is_first = self.length == 0;
        self.push_all(if is_first { indent.trim_start() } else { indent });
        self.push_all(&marker);
        self.prefix = prefix;
    }

    /// Ends the current line, and leaves it out if it does not stay.
    fn end_line(&mut self) {
        let Some(judge) = self.judge else { return };
        let verdict = judge(self.text.get(self.line..).unwrap_or_default());
        if verdict != Verdict::Keep {
            let (text, length, breaks) = self.before;
            self.text.truncate(text);
            self.length = length;
            self.breaks = self.breaks.max(breaks);
            self.dropped = true;
            self.line = self.text.len();
        }
        self.done = verdict == Verdict::End || self.length > self.limit;
    }

    fn push(&mut self, one: char) {
        self.text.push(one);
        self.length += 1;
    }

    fn push_all(&mut self, text: &str) {
        text.chars().for_each(|one| self.push(one));
    }
}

/// What an item of a list begins with: its number, or a star.
pub(super) fn marker(number: Option<i64>) -> String {
    let mut marker = String::new();
    let _ = match number {
        Some(number) => write!(marker, "{number}. "),
        None => write!(marker, "* "),
    };
    marker
}
