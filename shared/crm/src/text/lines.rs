//! A text as it is written for a reader: lines without what nobody sees, and no more of it than is
//! asked for.

use std::fmt::Write as _;

use super::characters::Sieve;

/// What becomes of a line that has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays.
    Keep,
    /// It is left out.
    Drop,
    /// It is left out, and all that would follow it.
    End,
}

/// Lines that are written from left to right. Breaks and spaces wait until something is shown
/// behind them: no line ends with a space, no two empty ones follow each other, and neither stands
/// at the beginning or the end.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    /// How many characters the text has.
    length: usize,
    /// One more than this is enough, to know that there is more.
    limit: usize,
    /// Line breaks that wait, two at most.
    breaks: u8,
    /// Whether a space waits.
    space: bool,
    /// Whether the border between two cells waits.
    border: bool,
    /// Whether nothing has been shown yet of the cell that began.
    fresh_cell: bool,
    /// Spaces and tabs that wait where they are kept as they are.
    blank: String,
    /// What lines begin with: quotation marks of the mail that is replied to, and indents.
    prefix: String,
    /// What the next line begins with in place of the end of its prefix.
    marker: String,
    /// How much of the prefix that stands in place of.
    place: usize,
    sieve: Sieve,
    /// Where the line that is written began; and before its breaks, where those began, with the
    /// length and the breaks then.
    line: usize,
    before: (usize, usize, u8),
    judge: Option<fn(&str) -> Verdict>,
    /// What has been judged of a long line before its end.
    kept: Option<bool>,
    dropped: bool,
    done: bool,
}

/// What lines begin with has at most so many bytes: a thousand quotations within each other would
/// make each line a thousand times as long.
const MOST_PREFIX: usize = 16;

/// A line of more bytes is no heading of a quoted mail, and need not be read to its end.
pub(super) const LONGEST_HEADING: usize = 500;

impl Lines {
    /// Nothing yet. What is beyond the limit need not be written.
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

    /// Only the lines that this keeps.
    pub(super) fn kept_by(mut self, judge: fn(&str) -> Verdict) -> Lines {
        self.judge = Some(judge);
        self
    }

    /// Whether more of the text would change nothing.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// How many characters there are.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The text, and whether lines of it were left out.
    pub(super) fn finish(mut self) -> (String, bool) {
        self.end_line();
        (self.text, self.dropped)
    }

    /// Writes text as HTML means it: spaces and line breaks in rows are one space.
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

    /// Writes text whose spaces and line breaks mean something.
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

    /// Goes to the next line, also from an empty one.
    pub(super) fn new_line(&mut self) {
        self.break_with(self.breaks.saturating_add(1));
    }

    /// Goes to the beginning of a line.
    pub(super) fn own_line(&mut self) {
        self.break_with(self.breaks.max(1));
    }

    /// Leaves a line empty.
    pub(super) fn own_paragraph(&mut self) {
        self.break_with(2);
    }

    /// A row of a table begins. The paragraphs in its cells leave no line empty before it.
    pub(super) fn begin_row(&mut self) {
        self.break_with(1);
    }

    /// A row of a table is at its end.
    pub(super) fn end_row(&mut self) {
        self.fresh_cell = false;
        self.break_with(1);
    }

    /// A cell of a row begins, in the line of the one before it if there is one.
    pub(super) fn begin_cell(&mut self, is_first: bool) {
        if !is_first {
            self.fresh_cell = false;
            self.break_with(0);
            self.border = true;
        }
        self.fresh_cell = true;
    }

    /// At the beginning of a cell nothing breaks the row.
    fn break_with(&mut self, breaks: u8) {
        self.space = false;
        self.blank.clear();
        self.sieve.interrupt();
        if !self.fresh_cell {
            self.breaks = breaks.min(2);
            self.border = false;
        }
    }

    /// Lines begin with this, too; tells how much of it there was room for.
    pub(super) fn indent(&mut self, with: &str) -> usize {
        if self.prefix.len() + with.len() > MOST_PREFIX {
            return 0;
        }
        self.prefix.push_str(with);
        with.len()
    }

    /// Lines begin with so much less.
    pub(super) fn outdent(&mut self, by: usize) {
        self.prefix.truncate(self.prefix.len().saturating_sub(by));
        self.marker.clear();
    }

    /// The next line begins with this, in place of so much of the end of what lines begin with.
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

    /// Whether the line that is written stays, whatever it ends with.
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

    /// Has the line that is written judged.
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

/// What an item of a list begins with; a number where the list counts.
pub(super) fn marker(number: Option<i64>) -> String {
    let mut marker = String::new();
    let _ = match number {
        Some(number) => write!(marker, "{number}. "),
        None => write!(marker, "* "),
    };
    marker
}
