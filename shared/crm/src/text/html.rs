//! Text out of HTML, in one pass whose work grows with the length of the HTML and with nothing else.
//!
//! The tokenizer is html5gum's, which follows the standard. What is shown follows the standard's
//! tree, as far as it decides what a person sees: which end tag ends what, what ends without one,
//! what is hidden. No tree is built. Each element is put on a stack once and taken off once, and
//! where the innermost of a name or of a kind stands is known without looking through it.

use std::collections::HashMap;

use html5gum::State;

use super::elements::{
    self, AS_IT_IS, ENDS_PARAGRAPH, FOREIGN, FORMATTING, HTML_WITHIN, LINE, MARKER, PARAGRAPH,
    SCOPE, SPECIAL, TABLE_PART, Traits, UNSEEN, VOID,
};
use super::lines::{Lines, marker};
use super::tags::{self, Reader, Stuck, Tag};

/// Writes what a person sees of the HTML, until the lines are done.
pub(super) fn read(html: &str, lines: &mut Lines) -> Result<(), Stuck> {
    tags::read(html, &mut Page::new(lines))
}

/// A name as a number: its place among those that are known, or one behind them.
type Id = usize;

macro_rules! known {
    ($($constant:ident $name:literal,)*) => {
        $(const $constant: Id = elements::known($name);)*
    };
}

known! {
    A "a",
    ADDRESS "address",
    ANNOTATION_XML "annotation-xml",
    APPLET "applet",
    BLOCKQUOTE "blockquote",
    BODY "body",
    BR "br",
    BUTTON "button",
    CAPTION "caption",
    COLGROUP "colgroup",
    DD "dd",
    DESC "desc",
    DIALOG "dialog",
    DIV "div",
    DT "dt",
    FOREIGNOBJECT "foreignobject",
    FORM "form",
    H1 "h1",
    H2 "h2",
    H3 "h3",
    H4 "h4",
    H5 "h5",
    H6 "h6",
    HEAD "head",
    HTML "html",
    IMG "img",
    LI "li",
    LISTING "listing",
    MARQUEE "marquee",
    MATH "math",
    NOBR "nobr",
    OBJECT "object",
    OL "ol",
    OPTGROUP "optgroup",
    OPTION "option",
    P "p",
    PRE "pre",
    TABLE "table",
    TBODY "tbody",
    TD "td",
    TEMPLATE "template",
    TEXTAREA "textarea",
    TFOOT "tfoot",
    TH "th",
    THEAD "thead",
    TITLE "title",
    TR "tr",
    UL "ul",
}

/// The id of an element whose end tag has come, but not that of a block within it.
const ENDED: Id = Id::MAX;

/// Headings: the end tag of any of them ends the others, too.
const HEADINGS: [Id; 6] = [H1, H2, H3, H4, H5, H6];

/// What a table is made of but for its cells: what stands in them and in no cell is shown before the
/// table, and nothing that they say about being seen touches it.
const AROUND_CELLS: [Id; 5] = [TABLE, TBODY, TFOOT, THEAD, TR];

/// Cells, and all that ends where a part of a table begins.
const ROW_ENDS: [Id; 4] = [CAPTION, COLGROUP, TD, TH];
const PART_ENDS: [Id; 5] = [CAPTION, COLGROUP, TD, TH, TR];
const TABLE_PART_ENDS: [Id; 8] = [CAPTION, COLGROUP, TBODY, TD, TFOOT, TH, THEAD, TR];

/// What ends by itself where what it stands in ends.
const IMPLIED: [Id; 6] = [DD, DT, LI, OPTGROUP, OPTION, P];

/// An element that is open.
struct Open {
    id: Id,
    traits: Traits,
    /// Whether nobody sees what is in it.
    hides: bool,
    /// Whether it breaks lines.
    breaks: bool,
    /// Whether it says itself that it is visible or not, and whether what stands around it is.
    says_visible: bool,
    was_visible: bool,
    /// How much it makes lines begin with.
    indent: usize,
    /// Of a list that counts, the next number.
    number: Option<i64>,
    /// How many characters had been written before a row.
    written: usize,
    /// Of what stands around cells: what it and what is around it say about them.
    hides_cells: bool,
    cells_are_visible: Option<bool>,
    /// How many elements had begun before it.
    order: usize,
    /// Of a marker: what was unseen around it of what lingers.
    lingering_unseen: usize,
    reopened: Option<usize>,
}

/// A formatting element that ended with the block it stands in, and not by its own end tag: it goes
/// on behind the block ("reconstruct the active formatting elements" in the standard).
struct Lingering {
    id: Id,
    order: usize,
    /// How many markers it stands in: it ends with the innermost.
    markers: usize,
    is_unseen: bool,
}

/// So many elements of a kind linger at most (the standard's "Noah's Ark clause").
const MOST_LINGERING: usize = 3;

/// Between a formatting element and the block that outlives it, so many elements are looked at: where
/// there are more, the outer ones go on to hide what they hide.
const MOST_BETWEEN: usize = 32;

/// Where elements of one kind stand on the stack, the innermost last.
#[derive(Default)]
struct Places(Vec<usize>);

impl Places {
    fn last(&self) -> Option<usize> {
        self.0.last().copied()
    }

    fn remove(&mut self, place: usize) {
        if self.last() == Some(place) {
            self.0.pop();
        }
    }
}

/// What is open of a page.
struct Page<'a> {
    lines: &'a mut Lines,
    /// The beginning of a character whose other bytes are still to come.
    bytes: Vec<u8>,
    open: Vec<Open>,
    /// By their ids.
    places: Vec<Places>,
    /// Ids of names that are not known. Only those are kept that hide something.
    others: HashMap<Vec<u8>, Id>,
    special: Places,
    /// Special elements but for `address`, `div` and `p`.
    hard: Places,
    scope: Places,
    foreign: Places,
    html_within: Places,
    /// Formatting elements do not linger beyond these, nor are they ended within them.
    markers: Places,
    lingering: Vec<Lingering>,
    /// How many of those that stand in no marker but the innermost nobody sees.
    lingering_unseen: usize,
    /// How many elements were open when these began again, where they have.
    reopened: Option<usize>,
    /// How many elements have begun.
    begun: usize,
    /// How many elements that are open hide what is in them.
    hiding: usize,
    is_visible: bool,
    as_it_is: usize,
    lists: usize,
    /// A line break at the beginning of `pre` does not count.
    skips_line_break: bool,
}

impl<'a> Page<'a> {
    fn new(lines: &'a mut Lines) -> Page<'a> {
        Page {
            lines,
            bytes: Vec::new(),
            open: Vec::new(),
            places: elements::ALL.iter().map(|_| Places::default()).collect(),
            others: HashMap::new(),
            special: Places::default(),
            hard: Places::default(),
            scope: Places::default(),
            foreign: Places::default(),
            html_within: Places::default(),
            markers: Places::default(),
            lingering: Vec::new(),
            lingering_unseen: 0,
            reopened: None,
            begun: 0,
            hiding: 0,
            is_visible: true,
            as_it_is: 0,
            lists: 0,
            skips_line_break: false,
        }
    }

    fn is_seen(&self) -> bool {
        self.hiding == 0 && self.is_visible && self.lingering_unseen == 0
    }

    /// Whether the element is the innermost.
    fn is_last(&self, at: usize) -> bool {
        at + 1 == self.open.len()
    }

    fn last(&self, id: Id) -> Option<usize> {
        self.places.get(id).and_then(Places::last)
    }

    fn last_of(&self, ids: &[Id]) -> Option<usize> {
        ids.iter().filter_map(|id| self.last(*id)).max()
    }

    /// The outermost element of the SVG or MathML that is read now.
    fn foreign_root(&self) -> Option<usize> {
        self.foreign.last().filter(|_| self.foreign.last() > self.html_within.last())
    }

    fn write(&mut self, text: &str) {
        let mut text = text;
        if std::mem::take(&mut self.skips_line_break) {
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        if self.as_it_is > 0 { self.lines.as_it_is(text) } else { self.lines.flowing(text) }
    }

    /// A start tag in SVG or MathML. Nothing there has a meaning for lines.
    fn start_foreign(&mut self, root: usize, place: Option<Id>, tag: &Tag, hides: bool) {
        let hides = hides || elements::is_unseen_in_foreign(&tag.name);
        if tag.closes_itself {
            return;
        }
        let is_of = |id: Id| self.open.get(root).is_some_and(|root| root.id == id);
        let begins_html = match place {
            Some(DESC | FOREIGNOBJECT | TITLE) => !is_of(MATH),
            Some(ANNOTATION_XML) => is_of(MATH) && tag.is_of_html(),
            Some(id) => is_of(MATH) && elements::ALL[id].traits & HTML_WITHIN != 0,
            None => false,
        };
        let traits = if begins_html { HTML_WITHIN | SPECIAL | SCOPE } else { 0 };
        self.put(place, tag, hides, traits);
    }

    fn void(&mut self, id: Id, traits: Traits, tag: &Tag) {
        match id {
            BR => self.lines.new_line(),
            IMG => self.lines.flowing(&tag.alt()),
            _ => self.break_line(traits),
        }
    }

    /// Ends the elements that a start tag ends without their end tags.
    fn end_what_ends_here(&mut self, id: Id, traits: Traits) {
        if traits & ENDS_PARAGRAPH != 0 {
            let outer = self.scope.last().max(self.last(BUTTON));
            self.close_beyond(outer, &[P]);
        }
        match id {
            LI => self.close_innermost(&[LI]),
            DD | DT => self.close_innermost(&[DD, DT]),
            A => self.end_formatting(A, true),
            NOBR if self.last(NOBR) > self.scope.last() => self.end_formatting(NOBR, false),
            BUTTON => self.close_beyond(self.scope.last(), &[BUTTON]),
            OPTION => self.close_last_of(&[OPTION]),
            OPTGROUP => {
                self.close_last_of(&[OPTION]);
                self.close_last_of(&[OPTGROUP]);
            }
            TABLE => {
                // In a table and in no cell a table ends the one around it.
                let outer = self
                    .last(TABLE)
                    .filter(|outer| self.last_of(&[TD, TH, CAPTION, TEMPLATE]) < Some(*outer));
                if let Some(outer) = outer {
                    self.close(outer);
                }
            }
            TD | TH => self.close_in_table(&ROW_ENDS),
            TR => self.close_in_table(&PART_ENDS),
            TBODY | THEAD | TFOOT | CAPTION | COLGROUP => self.close_in_table(&TABLE_PART_ENDS),
            _ if HEADINGS.contains(&id) => self.close_last_of(&HEADINGS),
            _ => {}
        }
    }

    /// Ends the innermost element if it is one of these.
    fn close_last_of(&mut self, ids: &[Id]) {
        if let Some(last) = self.last_of(ids).filter(|last| self.is_last(*last)) {
            self.close(last);
        }
    }

    /// Ends the outermost of the innermost elements of these names, if it stands within another.
    fn close_beyond(&mut self, outer: Option<usize>, ids: &[Id]) {
        let innermost = ids.iter().filter_map(|id| self.last(*id));
        if let Some(place) = innermost.filter(|place| Some(*place) > outer).min() {
            self.close(place);
        }
    }

    /// Ends the parts of these names of the innermost table, and all that stands in no cell of it.
    fn close_in_table(&mut self, ids: &[Id]) {
        self.close_beyond(self.last(TABLE), ids);
        if let Some(around) = self.last_of(&AROUND_CELLS) {
            self.close_above(around);
        }
    }

    /// Ends an element of these names if it is the innermost that is special, but for a few.
    fn close_innermost(&mut self, ids: &[Id]) {
        if let Some(place) = self.last_of(ids).filter(|place| self.hard.last() == Some(*place)) {
            self.close(place);
        }
    }

    /// Puts an element on the stack, and breaks the line where it does.
    fn put(&mut self, place: Option<Id>, tag: &Tag, hides: bool, traits: Traits) {
        let mut hides = hides;
        let mut is_visible = tag.style().is_visible;
        let id = match place {
            Some(id) => id,
            None => match self.others.get(&tag.name) {
                Some(id) => *id,
                None if hides || is_visible.is_some() => {
                    let id = self.places.len();
                    self.places.push(Places::default());
                    self.others.insert(tag.name.clone(), id);
                    id
                }
                None => return,
            },
        };
        let around = self.last_of(&AROUND_CELLS).and_then(|around| self.open.get(around));
        let (mut hides_cells, mut cells_are_visible) = (false, None);
        if traits & TABLE_PART != 0 && id != COLGROUP {
            hides_cells = around.is_some_and(|around| around.hides_cells);
            cells_are_visible = around.and_then(|around| around.cells_are_visible);
        }
        if traits & SPECIAL == 0 || matches!(id, APPLET | MARQUEE | OBJECT) {
            self.reopen();
        }
        hides |= traits & MARKER != 0 && self.lingering_unseen > 0 && self.reopened.is_some();
        let breaks = !hides && !hides_cells && self.hiding == 0;
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
            says_visible: is_visible.is_some(),
            was_visible: self.is_visible,
            indent: 0,
            number: (id == OL).then(|| tag.start().unwrap_or(1)),
            written: 0,
            hides_cells,
            cells_are_visible,
            order: self.begun,
            lingering_unseen: 0,
            reopened: None,
        };
        if breaks {
            self.lay_out(&mut open, tag);
        }
        if traits & MARKER != 0 {
            open.lingering_unseen = std::mem::take(&mut self.lingering_unseen);
            open.reopened = self.reopened.take();
        }
        self.begun += 1;
        let at = self.open.len();
        self.open.push(open);
        if let Some(places) = self.places.get_mut(id) {
            places.0.push(at);
        }
        for (of, places) in [
            (SPECIAL, &mut self.special),
            (SCOPE, &mut self.scope),
            (FOREIGN, &mut self.foreign),
            (HTML_WITHIN, &mut self.html_within),
            (MARKER, &mut self.markers),
        ] {
            if traits & of != 0 {
                places.0.push(at);
            }
        }
        if traits & SPECIAL != 0 && !matches!(id, ADDRESS | DIV | P) {
            self.hard.0.push(at);
        }
        self.hiding += usize::from(hides);
        self.is_visible = is_visible.unwrap_or(self.is_visible);
        self.as_it_is += usize::from(traits & AS_IT_IS != 0);
        self.lists += usize::from(matches!(id, OL | UL));
        self.skips_line_break = matches!(id, PRE | LISTING | TEXTAREA);
    }

    /// What an element that is seen does to the lines when it begins.
    fn lay_out(&mut self, open: &mut Open, tag: &Tag) {
        self.break_line(open.traits);
        match open.id {
            BLOCKQUOTE => open.indent = self.lines.indent("> "),
            LI => {
                let marker = marker(tag.number().or_else(|| self.next_number()));
                open.indent = self.lines.indent(&" ".repeat(marker.len()));
                self.lines.mark(marker, open.indent);
            }
            TABLE => open.written = self.lines.length(),
            TR => {
                self.lines.begin_row();
                open.written = self.lines.length();
            }
            TD | TH => {
                let row = self.last_of(&[TR, TABLE]).and_then(|row| self.open.get(row));
                let written = row.map_or(0, |row| row.written);
                self.lines.begin_cell(self.lines.length() <= written);
            }
            _ => {}
        }
    }

    /// The number of the next item, where the list counts. One that cannot count on stays.
    fn next_number(&mut self) -> Option<i64> {
        let list = self.last_of(&[OL, UL]).and_then(|list| self.open.get_mut(list))?;
        let number = list.number?;
        list.number = Some(number.saturating_add(1));
        Some(number)
    }

    fn break_line(&mut self, traits: Traits) {
        if traits & PARAGRAPH != 0 && self.lists == 0 {
            self.lines.own_paragraph();
        } else if traits & (PARAGRAPH | LINE) != 0 {
            self.lines.own_line();
        }
    }

    /// Ends the formatting element of this name that began last, by its end tag: with all within it,
    /// or alone where blocks within it stay open (the standard's "adoption agency"). One that is
    /// `gone` must be, even where it stands outside a table.
    fn end_formatting(&mut self, id: Id, gone: bool) {
        let marker = self.markers.last();
        let at = self.last(id).filter(|at| Some(*at) > marker);
        let order = at.and_then(|at| self.open.get(at)).map(|open| open.order);
        let here = self.markers.0.len();
        let lingers = self
            .lingering
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, one)| one.markers == here)
            .filter(|(_, one)| one.id == id)
            .max_by_key(|(_, one)| one.order)
            .filter(|(_, one)| Some(one.order) > order)
            .map(|(place, _)| place);
        if let Some(place) = lingers {
            let one = self.lingering.remove(place);
            self.lingering_unseen -= usize::from(one.is_unseen);
            return;
        }
        let Some(at) = at else { return };
        if Some(at) > self.special.last() {
            self.close(at);
        } else if Some(at) > self.scope.last() {
            self.end_alone(at);
            self.end_between(at);
        } else if gone {
            self.forget(at);
        }
    }

    /// Ends what stands within a formatting element that ended alone, but for blocks and other
    /// formatting elements that hold blocks.
    fn end_between(&mut self, at: usize) {
        let Some(block) = self.special.last() else { return };
        for between in block.saturating_sub(MOST_BETWEEN).max(at + 1)..block {
            if self.open.get(between).is_some_and(|open| open.traits & (FORMATTING | SPECIAL) == 0)
            {
                self.end_alone(between);
            }
        }
        self.close_above(block);
    }

    /// What lingers begins again.
    fn reopen(&mut self) {
        if self.lingering_unseen > 0 && self.reopened.is_none() {
            self.reopened = Some(self.open.len());
        }
    }

    /// Ends an element, and all within it.
    fn close(&mut self, at: usize) {
        self.close_above(at);
        self.close_last();
        // What ended alone, and had only this within it.
        while self.open.last().is_some_and(|open| open.id == ENDED) {
            self.close_last();
        }
    }

    /// Ends all within an element.
    fn close_above(&mut self, at: usize) {
        while self.open.len() > at + 1 {
            self.linger();
            self.close_last();
        }
    }

    /// The innermost element lingers, if it is a formatting element.
    fn linger(&mut self) {
        let Some(open) = self.open.last() else { return };
        if open.traits & FORMATTING == 0 || open.id == ENDED {
            return;
        }
        let is_unseen = open.hides || (open.says_visible && !self.is_visible);
        let one =
            Lingering { id: open.id, order: open.order, markers: self.markers.0.len(), is_unseen };
        let alike = |other: &Lingering| other.id == one.id && other.is_unseen == is_unseen;
        let here = self.lingering.iter().enumerate().rev();
        let here = here.take_while(|(_, other)| other.markers == one.markers);
        let (mut count, mut first) = (0, None);
        for (place, _) in here.filter(|(_, other)| alike(other)) {
            count += 1;
            first = Some(place);
        }
        if let Some(first) = first.filter(|_| count >= MOST_LINGERING) {
            self.lingering.remove(first);
        } else {
            self.lingering_unseen += usize::from(is_unseen);
        }
        self.lingering.push(one);
    }

    fn close_last(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let at = self.open.len();
        if let Some(places) = self.places.get_mut(open.id) {
            places.remove(at);
        }
        for places in [
            &mut self.special,
            &mut self.hard,
            &mut self.scope,
            &mut self.foreign,
            &mut self.html_within,
            &mut self.markers,
        ] {
            places.remove(at);
        }
        if open.traits & MARKER != 0 {
            let markers = self.markers.0.len();
            while self.lingering.last().is_some_and(|one| one.markers > markers) {
                self.lingering.pop();
            }
            self.lingering_unseen = open.lingering_unseen;
            self.reopened = open.reopened;
        }
        self.reopened = self.reopened.filter(|reopened| *reopened <= self.open.len());
        self.hiding -= usize::from(open.hides);
        self.is_visible = open.was_visible;
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

    /// Ends an element, and nothing that is within it. That is no longer hidden by it.
    fn end_alone(&mut self, at: usize) {
        self.forget(at);
        let Some(open) = self.open.get_mut(at) else { return };
        if std::mem::take(&mut open.hides) {
            self.hiding -= 1;
        }
        if std::mem::take(&mut open.says_visible) {
            self.is_visible = open.was_visible;
        }
    }

    /// Ends a form, or lets it end with what is still open within it.
    fn end_form(&mut self, at: usize) {
        while self.open.last().is_some_and(|open| IMPLIED.contains(&open.id)) {
            self.close_last();
        }
        if self.is_last(at) { self.close(at) } else { self.forget(at) }
    }

    /// No tag ends the element from now on: it ends with what is within it.
    fn forget(&mut self, at: usize) {
        let Some(open) = self.open.get_mut(at) else { return };
        let id = std::mem::replace(&mut open.id, ENDED);
        if let Some(places) = self.places.get_mut(id) {
            places.remove(at);
        }
    }
}

impl Reader for Page<'_> {
    fn start(&mut self, tag: Tag) -> Option<State> {
        self.bytes.clear();
        self.skips_line_break = false;
        let place = elements::place(&tag.name);
        let traits = place.map_or(0, |place| elements::ALL[place].traits);
        if self.is_foreign() && elements::breaks_out(&tag.name, tag.is_of_font) {
            while let Some(root) = self.foreign_root() {
                self.close(root);
            }
        }
        let is_displayed = tag.style().is_displayed;
        let mut hides = traits & UNSEEN != 0 || !is_displayed.unwrap_or(!tag.is_hidden);
        if let Some(root) = self.foreign_root() {
            self.start_foreign(root, place, &tag, hides);
            return None;
        }
        let Some(id) = place else {
            self.put(None, &tag, hides, 0);
            return None;
        };
        match id {
            // A second one is no other element.
            HTML | HEAD | BODY if self.last(id).is_some() => return None,
            FORM if self.last(FORM).is_some() && self.last(TEMPLATE).is_none() => return None,
            // In a table and in no cell it has nothing within it.
            FORM if self.last_of(&AROUND_CELLS).is_some_and(|last| self.is_last(last)) => {
                return None;
            }
            DIALOG => hides |= !tag.is_open && is_displayed != Some(true),
            COLGROUP => hides = false,
            _ => {}
        }
        self.end_what_ends_here(id, traits);
        if traits & TABLE_PART != 0 && self.last(TABLE).is_none() {
            // It is no part of anything, and is not there but for the gap that it leaves.
            if self.is_seen() {
                if id == TR { self.lines.own_line() } else { self.lines.flowing(" ") }
            }
            return None;
        }
        if traits & VOID != 0 {
            if self.is_seen() && !hides && tag.style().is_visible != Some(false) {
                self.void(id, traits, &tag);
            }
            return None;
        }
        self.put(Some(id), &tag, hides, traits);
        elements::state(&tag.name)
    }

    fn end(&mut self, tag: Tag) {
        self.bytes.clear();
        let place = elements::place(&tag.name);
        let traits = place.map_or(0, |place| elements::ALL[place].traits);
        if matches!(place, Some(BR | P)) {
            while let Some(root) = self.foreign_root() {
                self.close(root);
            }
        }
        let Some(id) = place.or_else(|| self.others.get(&tag.name).copied()) else { return };
        if let Some(root) = self.foreign_root()
            && let Some(at) = self.last(id).filter(|at| *at >= root)
        {
            return self.close(at);
        }
        if traits & FORMATTING != 0 {
            return self.end_formatting(id, false);
        }
        let at = if HEADINGS.contains(&id) { self.last_of(&HEADINGS) } else { self.last(id) };
        let table = self.last(TABLE);
        if matches!(id, TR | TBODY) && table > at && self.last_of(&[TD, TH]) > table {
            // There is one without a tag.
            return self.close_in_table(&PART_ENDS);
        }
        let Some(at) = at else {
            // The standard makes elements of these two.
            if matches!(id, BR | P) && self.is_seen() {
                self.void(id, traits, &tag);
            }
            return;
        };
        let beyond = |outer: Option<usize>| outer > Some(at);
        let scope = self.scope.last();
        if matches!(id, HTML | HEAD | BODY) {
            // What follows is put into them all the same.
        } else if traits & TABLE_PART != 0 {
            if !beyond(self.last(TABLE)) {
                self.close(at);
            }
        } else if id == TABLE {
            self.close(at);
        } else if id == FORM {
            if !beyond(scope) {
                self.end_form(at);
            }
        } else if traits & SPECIAL != 0 {
            let outer = match id {
                LI => scope.max(self.last_of(&[OL, UL])),
                P => scope.max(self.last(BUTTON)),
                _ => scope,
            };
            if !beyond(outer) {
                self.close(at);
            }
        } else if !beyond(self.special.last()) {
            self.close(at);
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        self.reopen();
        if !self.is_seen() || bytes.is_empty() {
            return;
        }
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
            // At most three bytes, at the end.
            self.bytes.clear();
            self.bytes.extend_from_slice(chunk.invalid());
        }
    }

    fn is_foreign(&self) -> bool {
        self.foreign_root().is_some()
    }

    fn is_done(&self) -> bool {
        self.lines.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;

    #[track_caller]
    fn shows(html: &str, expected: &str) {
        assert_eq!(plain(html), expected, "{html}");
    }

    #[test]
    fn lines_are_where_blocks_are() {
        shows("<div>one</div><div>two <b>bold</b> </div> three", "one\ntwo bold\nthree");
        shows("<p>one</p>\n\n<p>two\n three</p>", "one\n\ntwo three");
        shows("one<br>two<br/><br>three<br>", "one\ntwo\n\nthree");
        shows("<h1>Title</h1>text<hr>end", "Title\n\ntext\n\nend");
        shows("a<span> </span>b<div><div><br></div></div>&nbsp;<p> c", "a b\n\nc");
        shows("<p>x<div>y</p>z</div>", "x\n\ny\n\nz");
        shows("Zo&euml; &ndash; 5&nbsp;&lt;&#x20AC;&#8364 <br>&amp;copy;", "Zoë – 5 <€€\n&copy;");
    }

    #[test]
    fn lists_are_marked_and_counted() {
        shows("<ul><li>a<li>b<ul><li>c</ul><li></ul>d", "* a\n* b\n  * c\n\nd");
        shows("<ol start=9><li><p>a</p><p>b</p></li><li>c</ol>", "9. a\n   b\n10. c");
        shows("<ol><li value=7>a<li value=x>b</ol>", "7. a\n1. b");
        shows(
            "<ol start=\"9223372036854775807\"><li>a</li><li>b</li></ol>",
            "9223372036854775807. a\n9223372036854775807. b",
        );
        shows("<ol start=99999999999999999999><li>a</ol>", "1. a");
        shows("<ul><li hidden>no<li>yes</ul>", "* yes");
        shows(&format!("{}x<li>y", "<ul><li>".repeat(1000)), "* x\n                * y");
    }

    #[test]
    fn rows_are_lines() {
        shows(
            "<table><tr><th>Part<th>Count<tr><td><p>Pump</p></td><td><p>2</p></td></tr></table>end",
            "Part | Count\nPump | 2\nend",
        );
        shows("<table><tr><td> &nbsp; <td><div>only</div><td></table>", "only");
        shows("<table><tr><td><table><tr><td>a<tr><td>b</table><td>c</table>", "a\nb | c");
        shows("<td>a</td><td>b</td>", "a b");
    }

    #[test]
    fn what_is_replied_to_is_marked() {
        shows(
            "<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d",
            "> a\n> b\n\n> > c\n\nd",
        );
        let deep = format!("{}x", "<blockquote>".repeat(1000));
        shows(&deep, "> > > > > > > > x");
    }

    #[test]
    fn preformatted_text_is_as_it_was() {
        shows("<pre>\n  a\n\n\n    b \t</pre>c", "a\n\n    b\n\nc");
        shows("x<pre>  a\n\tb</pre>", "x\n\n  a\n\tb");
        shows("<p>x</p><textarea>\n a &lt;b>\n</textarea>", "x\n\n a <b>");
        shows("<xmp><b>not bold</b></xmp><br>", "<b>not bold</b>");
    }

    #[test]
    fn pictures_say_what_they_are_and_code_is_not_shown() {
        shows(
            "ok<img src='https://tracker.example/1.gif' alt=''> <img alt=\"a &amp; b\">",
            "ok a & b",
        );
        shows("<head><title>t</title><style>p{}</style></head><script>\"<b>\"</script>ok", "ok");
        shows("<script><!--<script></script></script>ok", "ok");
        shows("a<!-- b --><![if !mso]>c<![endif]><!doctype x>", "ac");
        shows("<iframe>a</iframe><noembed>b</noembed><noframes>c</noframes><b>d", "d");
    }

    #[test]
    fn what_is_hidden_is_not_shown() {
        for hidden in [
            "<div style=\"display:none\">no</div>",
            "<span style='color:red; DISPLAY : None !important'>no</span>",
            "<u style=visibility:hidden>no<b>no</b></u>",
            "<section hidden>no<section>no</section>no</section>",
            "<p hidden=until-found>no</p>",
            "<noscript><p>no</p></noscript>",
            "<template><div>no</div></template>",
            "<x-y hidden>no<x-y>no</x-y>no</x-y>",
            "<svg><defs><text>no</text></defs><g hidden><text>no</text></g></svg>",
            "<dialog>no</dialog>",
            "<b><div hidden></b>no</div>",
            "<span><div hidden></span>no</div>",
            "<div hidden><table><tr><td>no</div>no</table></div>",
            "<img hidden alt=no><br hidden><!-- no -->",
            "<ul hidden><li>no</ul>",
            "<div style=\"display:&#110;one\">no</div>",
            // A formatting element goes on behind the block in which it began.
            "<p><u hidden></p>no<div>no</div></u>",
            "<p><u style=visibility:hidden></p>no<div>no</div></u>",
            "<p><u hidden><u></p>no</u>no</u>",
            "<p><u hidden></p><u>no</u>no</u>",
            "<b><i hidden></b>no</i>",
            "<span><i hidden></span>no<table><td>no</i>no</table>no</i>",
            "<u><p><u hidden></p>no</u></u>",
            "<p><u hidden><u a><u b><u c></p>no</u>no</u>no</u>no</u>",
            // SVG and MathML end with what the standard lists, and hold HTML in places.
            "<svg hidden><section>no</section><article>no</article><font>no</font></svg>",
            "<math hidden><mi><p>no</p></mi><a>no</a></math>",
            "<math hidden><annotation-xml encoding=text/html><p>no</p></annotation-xml></math>",
            "<svg><foreignObject hidden><p>no</p>no</foreignObject></svg>",
            "<svg><desc><p>no</p></desc><title><p>no</p></title></svg>",
            "<svg><mi><g hidden>no</g></mi></svg>",
            // A style as browsers read it, however long it is.
            "<i style='d\\69splay:n\\6f ne'>no</i>",
            "<i style=\"content:'/*';display:none\">no</i>",
            &format!("<i style='{}display:none'>no</i>", "color:red;".repeat(1000)),
            "<i style='display:none;display:nonsense'>no</i>",
            // A form within a form is none, and ends with what is in it.
            "<form hidden>no<form>no</form></form>",
            "<form hidden><div></form>no</div>",
            // What hides a table hides its cells.
            "<table hidden><caption>no</caption><tbody><tr><td>no<table><tr><td>no</table></table>",
            "<table style=visibility:hidden><tr><td>no</table>",
            "<table><tbody hidden><tr><td>no</table>",
            "<noscript style=display:block>no</noscript>",
        ] {
            let html = format!("<i>yes{hidden} yes");
            assert_eq!(plain(&html).split_whitespace().collect::<Vec<_>>(), ["yes"; 2], "{html}");
        }
        shows("<div style=visibility:hidden>no<b style=visibility:visible>yes</b>no</div>", "yes");
    }

    #[test]
    fn what_is_seen_is_shown_though_tags_are_missing() {
        for html in [
            "<p hidden>no<p>yes",
            "<div><span hidden>no</div>yes",
            "<table><tr><td hidden>no<td>yes</table>",
            "<table><tr hidden><td>no<tr><td>yes</table>",
            "<menu><li hidden>no</menu>yes",
            "<dl><dt hidden>no<dd>yes</dl>",
            "<div><b hidden><p></b>yes</p></div>",
            "<td hidden>yes</td>",
            "<br hidden><img style=display:none>yes",
            "<svg hidden><p>yes",
            "<br><svg><style><p>yes</p>",
            "<svg><g hidden/></svg><b>yes",
            "<div hidden></div hidden>yes",
            "<font size=0 style=\"font-size:0;opacity:0;color:#fff\">yes</font>",
            "<b>yes</b></div></p></x></table>",
            "<dialog open>yes</dialog>",
            "<dialog style=display:block>yes</dialog>",
            "<p hidden style='display:block'>yes</p>",
            "<p hidden style='display:nonsense'>no</p>yes",
            // What lingers ends with its own end tag, or with the cell it began in.
            "<p><u hidden></p>no</u>yes",
            "<p><b hidden>no</p></b>yes",
            "<table><td><p><u hidden></p>no</td><td>yes</table>",
            "<table><td><u hidden></table>yes",
            "<p><u hidden></p><table><td>yes</table></u>",
            "<p><u hidden></p>no<table><td>no</table></u>yes",
            "<p><u hidden></p>no</p><p><table><td>no</table></u>yes",
            "<p><u hidden></p><div>no</div><table><td>yes</table>",
            "<table><i hidden><tr><td>yes</table>",
            "<b><span hidden><div></b>yes</div>",
            "<b><div><span hidden></b>yes</div>",
            "<b hidden><p></b>yes</p>",
            "<u hidden>no<table><td></u>no</table></u>yes",
            // What ends the one before it.
            "<a hidden>no<a>yes</a>",
            "<p><a hidden>no</p><a>yes</a>",
            "<a hidden>no<table><a>no</table><a>yes",
            "<table hidden><b>yes</b><table><tr hidden></table>",
            "<table hidden><table><td>yes</table>",
            "<nobr hidden>no<nobr>yes",
            "<button hidden>no<p>no<button>yes",
            "<h1 hidden>no</h2>yes",
            "<h1 hidden>no<h2>yes</h2>",
            "<select><optgroup hidden><option>no<optgroup><option>yes</select>",
            "<table><caption hidden>no<tr><td>yes</table>",
            "<table><colgroup hidden>yes",
            // What stands in a table and in no cell is shown before it.
            "<table hidden>yes</table>",
            "<table hidden><tr hidden><b>yes</b></table>",
            "<table style=visibility:hidden>yes</table>",
            "<table style=visibility:hidden><tr><td>no<td style=visibility:visible>yes</table>",
            "<form><form hidden>yes</form>",
            "<table><form hidden>yes</table>",
            "<table><td hidden>no</tr><td>yes</table>",
            "<table><div hidden></tr>no</div></table>yes",
            "<form hidden><p></form>yes",
            "<form hidden><div></form></div>yes",
            // SVG and MathML end here.
            "<svg hidden><font color=red>yes</font>",
            "<svg hidden></p>yes",
            "<svg hidden><sub>yes</sub>",
            "<math hidden><annotation-xml><p>yes</p>",
            "<svg><g hidden></svg>yes",
            // Styles that are wrong.
            "<i style=\"content:';display:none;'\">yes</i>",
            "<i style='display:none !foo'>yes</i>",
            "<i style='display:\u{a0}none'>yes</i>",
        ] {
            shows(html, "yes");
        }
    }
}
