//! Begins and ends elements, and updates the stack and the lines.

use super::super::elements::{FORMATTING, MARKER, SPECIAL, TABLE_PART, Traits};
use super::super::lines::{Lines, marker};
use super::super::tags::Tag;
use super::layout::Layout;
use super::names::*;
use super::stack::{Open, Stack};

/// The most elements that are checked between a formatting element and the block inside it that
/// stays open. If there are more, the outer ones still hide their content.
const MOST_BETWEEN: usize = 32;

/// A page while it is read.
pub(super) struct Page<'a> {
    pub(super) stack: Stack,
    pub(super) layout: Layout<'a>,
    /// The element of a mail that holds the mail that is answered: its place, and the number of
    /// elements that had begun before it.
    pub(super) quote: Option<(usize, usize)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(lines: &'a mut Lines) -> Page<'a> {
        Page { stack: Stack::new(), layout: Layout::new(lines), quote: None }
    }

    /// Whether the text that comes now is of the mail that is answered.
    pub(super) fn is_quoted(&self) -> bool {
        self.quote
            .is_some_and(|(at, order)| self.stack.get(at).is_some_and(|open| open.order == order))
    }

    /// Puts an element on the stack, and breaks the line if the element does so.
    pub(super) fn put(&mut self, place: Option<Id>, tag: &Tag, hides: bool, traits: Traits) {
        let mut hides = hides;
        let mut is_visible = tag.style().is_visible;
        let id = match place.or_else(|| self.stack.other(&tag.name)) {
            Some(id) => id,
            None if hides || is_visible.is_some() => self.stack.add_other(&tag.name),
            None => return,
        };
        let around = self.stack.last_of(&AROUND_CELLS).and_then(|around| self.stack.get(around));
        let (mut hides_cells, mut cells_are_visible) = (false, None);
        if traits & TABLE_PART != 0 && id != COLGROUP {
            hides_cells = around.is_some_and(|around| around.hides_cells);
            cells_are_visible = around.and_then(|around| around.cells_are_visible);
        }
        if traits & SPECIAL == 0 || matches!(id, APPLET | MARQUEE | OBJECT) {
            self.stack.reopen();
        }
        hides |= traits & MARKER != 0 && self.stack.reopened_hides();
        let breaks = !hides && !hides_cells && !self.stack.hides();
        if AROUND_CELLS.contains(&id) && traits != 0 {
            hides_cells |= std::mem::take(&mut hides);
            cells_are_visible = is_visible.take().or(cells_are_visible);
        } else {
            hides |= hides_cells;
            is_visible = is_visible.or(cells_are_visible);
        }
        let mut open = Open {
            id,
            traits,
            hides,
            breaks,
            number: (id == OL).then(|| tag.start().unwrap_or(1)),
            hides_cells,
            cells_are_visible,
            ..Open::default()
        };
        if breaks {
            self.lay_out(&mut open, tag);
        }
        self.layout.begin(&open);
        self.stack.push(open, is_visible);
    }

    /// Changes the lines for a visible element that begins.
    fn lay_out(&mut self, open: &mut Open, tag: &Tag) {
        self.layout.break_line(open.traits);
        match open.id {
            BLOCKQUOTE => open.indent = self.layout.lines.indent("> "),
            LI => {
                let marker = marker(tag.number().or_else(|| self.next_number()));
                open.indent = self.layout.lines.indent(&" ".repeat(marker.len()));
                self.layout.lines.mark(marker, open.indent);
            }
            TABLE => open.written = self.layout.lines.length(),
            TR => {
                self.layout.lines.begin_row();
                open.written = self.layout.lines.length();
            }
            TD | TH => {
                let row = self.stack.last_of(&[TR, TABLE]).and_then(|row| self.stack.get(row));
                let written = row.map_or(0, |row| row.written);
                self.layout.lines.begin_cell(self.layout.lines.length() <= written);
            }
            _ => {}
        }
    }

    /// The number of the next item, if the list has numbers. The largest number is used again.
    fn next_number(&mut self) -> Option<i64> {
        let list = self.stack.last_of(&[OL, UL]).and_then(|list| self.stack.get_mut(list))?;
        let number = list.number?;
        list.number = Some(number.saturating_add(1));
        Some(number)
    }

    /// Ends an element and everything inside it.
    pub(super) fn close(&mut self, at: usize) {
        self.close_above(at);
        self.close_last();
        // Elements whose end tag came earlier end now if this was the last block inside them.
        while self.stack.innermost().is_some_and(|open| open.id == ENDED) {
            self.close_last();
        }
    }

    /// Ends everything inside an element.
    fn close_above(&mut self, at: usize) {
        while self.stack.len() > at + 1 {
            self.stack.linger();
            self.close_last();
        }
    }

    fn close_last(&mut self) {
        if let Some(open) = self.stack.pop() {
            self.layout.end(&open);
        }
    }

    /// Ends the innermost element if it has one of these ids.
    pub(super) fn close_last_of(&mut self, ids: &[Id]) {
        if let Some(last) = self.stack.last_of(ids).filter(|last| self.stack.is_last(*last)) {
            self.close(last);
        }
    }

    /// Takes the innermost element of each id, and ends the outermost of these that stand inside
    /// `outer`.
    pub(super) fn close_beyond(&mut self, outer: Option<usize>, ids: &[Id]) {
        let innermost = ids.iter().filter_map(|id| self.stack.last(*id));
        if let Some(place) = innermost.filter(|place| Some(*place) > outer).min() {
            self.close(place);
        }
    }

    /// Ends the parts of the innermost table with these ids, and the content outside of its cells.
    pub(super) fn close_in_table(&mut self, ids: &[Id]) {
        self.close_beyond(self.stack.last(TABLE), ids);
        if let Some(around) = self.stack.last_of(&AROUND_CELLS) {
            self.close_above(around);
        }
    }

    /// Ends the innermost element in [`Stack::hard`] if it has one of these ids.
    pub(super) fn close_innermost(&mut self, ids: &[Id]) {
        if let Some(place) =
            self.stack.last_of(ids).filter(|place| self.stack.hard.last() == Some(*place))
        {
            self.close(place);
        }
    }

    /// Handles the end tag of a formatting element: ends the last one that began with this id.
    /// Everything inside it ends with it, unless blocks inside it stay open: then it ends without
    /// them (the standard's "adoption agency"). With `gone`, it ends even if it stands outside of a
    /// table around the tag.
    pub(super) fn end_formatting(&mut self, id: Id, gone: bool) {
        let marker = self.stack.markers.last();
        let at = self.stack.last(id).filter(|at| Some(*at) > marker);
        let order = at.and_then(|at| self.stack.get(at)).map(|open| open.order);
        if self.stack.end_lingering(id, order) {
            return;
        }
        let Some(at) = at else { return };
        if Some(at) > self.stack.special.last() {
            self.close(at);
        } else if Some(at) > self.stack.scope.last() {
            self.stack.end_alone(at);
            self.end_between(at);
        } else if gone {
            self.stack.forget(at);
        }
    }

    /// After a formatting element ended without the blocks inside it: ends the other elements
    /// inside it, except blocks and formatting elements around the innermost block.
    fn end_between(&mut self, at: usize) {
        let Some(block) = self.stack.special.last() else { return };
        for between in block.saturating_sub(MOST_BETWEEN).max(at + 1)..block {
            if self.stack.get(between).is_some_and(|open| open.traits & (FORMATTING | SPECIAL) == 0)
            {
                self.stack.end_alone(between);
            }
        }
        self.close_above(block);
    }

    /// Ends a form. If other elements inside it stay open, it ends together with them.
    pub(super) fn end_form(&mut self, at: usize) {
        while self.stack.innermost().is_some_and(|open| IMPLIED.contains(&open.id)) {
            self.close_last();
        }
        if self.stack.is_last(at) { self.close(at) } else { self.stack.forget(at) }
    }
}
