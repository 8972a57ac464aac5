//! Writes the text of a page, and decides where lines break.

use super::super::elements::{AS_IT_IS, LINE, PARAGRAPH, Traits};
use super::super::lines::Lines;
use super::names::{LI, LISTING, OL, PRE, TEXTAREA, TR, UL};
use super::stack::Open;

/// Writes the text into `lines`.
pub(super) struct Layout<'a> {
    pub(super) lines: &'a mut Lines,
    /// The first bytes of a character whose other bytes are not read yet.
    bytes: Vec<u8>,
    /// The number of open elements in which spaces and line breaks count.
    as_it_is: usize,
    /// The number of open lists.
    lists: usize,
    /// Whether the next line break is skipped, because it is the first thing in a `pre`.
    skips_line_break: bool,
}

impl<'a> Layout<'a> {
    pub(super) fn new(lines: &'a mut Lines) -> Layout<'a> {
        Layout { lines, bytes: Vec::new(), as_it_is: 0, lists: 0, skips_line_break: false }
    }

    /// To call at every start tag.
    pub(super) fn start_tag(&mut self) {
        self.bytes.clear();
        self.skips_line_break = false;
    }

    /// To call at every end tag.
    pub(super) fn end_tag(&mut self) {
        self.bytes.clear();
    }

    /// To call when an element begins.
    pub(super) fn begin(&mut self, open: &Open) {
        self.as_it_is += usize::from(open.traits & AS_IT_IS != 0);
        self.lists += usize::from(matches!(open.id, OL | UL));
        self.skips_line_break = matches!(open.id, PRE | LISTING | TEXTAREA);
    }

    /// To call when an element ends.
    pub(super) fn end(&mut self, open: &Open) {
        self.as_it_is -= usize::from(open.traits & AS_IT_IS != 0);
        self.lists -= usize::from(matches!(open.id, OL | UL));
        self.skips_line_break = false;
        if open.indent > 0 || open.id == LI {
            self.lines.outdent(open.indent);
        }
        if open.breaks {
            match open.id {
                TR => self.lines.end_row(),
                _ => self.break_line(open.traits),
            }
        }
    }

    /// Breaks the line where an element with these traits begins or ends.
    pub(super) fn break_line(&mut self, traits: Traits) {
        if traits & PARAGRAPH != 0 && self.lists == 0 {
            self.lines.own_paragraph();
        } else if traits & (PARAGRAPH | LINE) != 0 {
            self.lines.own_line();
        }
    }

    /// Writes text as bytes. It may end in the middle of a character.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        let mut whole;
        let mut rest = bytes;
        if !self.bytes.is_empty() {
            whole = std::mem::take(&mut self.bytes);
            whole.extend_from_slice(bytes);
            rest = &whole;
        }
        for chunk in rest.utf8_chunks() {
            if !chunk.valid().is_empty() {
                self.write(chunk.valid());
            }
            // Only an unfinished character at the end is kept: at most three bytes.
            self.bytes.clear();
            self.bytes.extend_from_slice(chunk.invalid());
        }
    }

    fn write(&mut self, text: &str) {
        let mut text = text;
        if std::mem::take(&mut self.skips_line_break) {
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        if self.as_it_is > 0 { self.lines.as_it_is(text) } else { self.lines.flowing(text) }
    }
}
