//! The stack of open elements.

use std::collections::HashMap;

use super::super::elements::{
    self, FOREIGN, FORMATTING, HTML_WITHIN, MARKER, SCOPE, SPECIAL, Traits,
};
use super::names::{ADDRESS, DIV, ENDED, Id, P};

/// An open element.
#[derive(Default)]
pub(super) struct Open {
    pub(super) id: Id,
    pub(super) traits: Traits,
    /// Whether the element hides its content.
    pub(super) hides: bool,
    /// Whether the element breaks lines.
    pub(super) breaks: bool,
    /// Whether the element sets its own `visibility`.
    pub(super) says_visible: bool,
    /// Whether the elements around it were visible when it began.
    pub(super) was_visible: bool,
    /// The number of bytes that it added to the prefix of the lines.
    pub(super) indent: usize,
    /// For a numbered list: the number of the next item.
    pub(super) number: Option<i64>,
    /// For a table or a row: the number of characters that were written before it.
    pub(super) written: usize,
    /// For a part of a table around cells: whether it hides the cells of the table.
    pub(super) hides_cells: bool,
    /// The `visibility` that the cells of the table inherit from it.
    pub(super) cells_are_visible: Option<bool>,
    /// The number of elements that had begun before it.
    pub(super) order: usize,
    /// For a marker: the `lingering_unseen` of the stack around it.
    pub(super) lingering_unseen: usize,
    /// For a marker: the `reopened` of the stack around it.
    pub(super) reopened: Option<usize>,
}

/// A formatting element that ended with the block around it, and not with its own end tag. It goes
/// on after the block ("reconstruct the active formatting elements" in the standard).
struct Lingering {
    id: Id,
    order: usize,
    /// The number of markers around it. It ends with the innermost of these.
    markers: usize,
    is_unseen: bool,
}

/// The most elements of the same kind that linger (the standard's "Noah's Ark clause").
const MOST_LINGERING: usize = 3;

/// The places on the stack of all elements of one kind, the innermost last.
#[derive(Default)]
pub(super) struct Places(Vec<usize>);

impl Places {
    pub(super) fn last(&self) -> Option<usize> {
        self.0.last().copied()
    }

    fn remove(&mut self, place: usize) {
        if self.last() == Some(place) {
            self.0.pop();
        }
    }
}

/// The open elements, the innermost last, and whether they hide the text.
pub(super) struct Stack {
    open: Vec<Open>,
    /// For each id, the places of the open elements.
    places: Vec<Places>,
    /// The ids of unknown names. Only elements that hide something get one.
    others: HashMap<Vec<u8>, Id>,
    pub(super) special: Places,
    /// Special elements except `address`, `div` and `p`.
    pub(super) hard: Places,
    pub(super) scope: Places,
    foreign: Places,
    html_within: Places,
    /// Markers: formatting elements neither linger beyond them nor end inside them.
    pub(super) markers: Places,
    lingering: Vec<Lingering>,
    /// The number of lingering elements in the innermost marker that hide the text.
    lingering_unseen: usize,
    /// The number of elements that were open when the lingering elements began again. `None` if
    /// they have not begun again.
    reopened: Option<usize>,
    /// The number of elements that have begun so far.
    begun: usize,
    /// The number of open elements that hide their content.
    hiding: usize,
    is_visible: bool,
}

impl Stack {
    pub(super) fn new() -> Stack {
        Stack {
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
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Open> {
        self.open.get(at)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Open> {
        self.open.get_mut(at)
    }

    pub(super) fn innermost(&self) -> Option<&Open> {
        self.open.last()
    }

    /// The place of the innermost element, and the number of elements that had begun before it.
    pub(super) fn innermost_place(&self) -> Option<(usize, usize)> {
        let open = self.open.last()?;
        Some((self.open.len() - 1, open.order))
    }

    /// Whether people see the text that comes now.
    pub(super) fn is_seen(&self) -> bool {
        self.hiding == 0 && self.is_visible && self.lingering_unseen == 0
    }

    /// Whether an open element hides the text that comes now.
    pub(super) fn hides(&self) -> bool {
        self.hiding > 0
    }

    /// Whether lingering elements have begun again and hide the text that comes now.
    pub(super) fn reopened_hides(&self) -> bool {
        self.lingering_unseen > 0 && self.reopened.is_some()
    }

    /// Whether the element is the innermost one.
    pub(super) fn is_last(&self, at: usize) -> bool {
        at + 1 == self.open.len()
    }

    /// The innermost element with this id.
    pub(super) fn last(&self, id: Id) -> Option<usize> {
        self.places.get(id).and_then(Places::last)
    }

    /// The innermost element with one of these ids.
    pub(super) fn last_of(&self, ids: &[Id]) -> Option<usize> {
        ids.iter().filter_map(|id| self.last(*id)).max()
    }

    /// The outermost element of the SVG or MathML around the current text.
    pub(super) fn foreign_root(&self) -> Option<usize> {
        self.foreign.last().filter(|_| self.foreign.last() > self.html_within.last())
    }

    /// The id of an unknown name, if it has one.
    pub(super) fn other(&self, name: &[u8]) -> Option<Id> {
        self.others.get(name).copied()
    }

    /// Gives an id to an unknown name.
    pub(super) fn add_other(&mut self, name: &[u8]) -> Id {
        let id = self.places.len();
        self.places.push(Places::default());
        self.others.insert(name.to_vec(), id);
        id
    }

    /// Puts an element on the stack. `is_visible` is the `visibility` that it sets itself.
    pub(super) fn push(&mut self, mut open: Open, is_visible: Option<bool>) {
        open.order = self.begun;
        open.says_visible = is_visible.is_some();
        open.was_visible = self.is_visible;
        if open.traits & MARKER != 0 {
            open.lingering_unseen = std::mem::take(&mut self.lingering_unseen);
            open.reopened = self.reopened.take();
        }
        self.begun += 1;
        let at = self.open.len();
        if let Some(places) = self.places.get_mut(open.id) {
            places.0.push(at);
        }
        for (of, places) in [
            (SPECIAL, &mut self.special),
            (SCOPE, &mut self.scope),
            (FOREIGN, &mut self.foreign),
            (HTML_WITHIN, &mut self.html_within),
            (MARKER, &mut self.markers),
        ] {
            if open.traits & of != 0 {
                places.0.push(at);
            }
        }
        if open.traits & SPECIAL != 0 && !matches!(open.id, ADDRESS | DIV | P) {
            self.hard.0.push(at);
        }
        self.hiding += usize::from(open.hides);
        self.is_visible = is_visible.unwrap_or(self.is_visible);
        self.open.push(open);
    }

    /// Takes the innermost element off the stack.
    pub(super) fn pop(&mut self) -> Option<Open> {
        let open = self.open.pop()?;
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
        Some(open)
    }

    /// Makes the innermost element linger if it is a formatting element.
    pub(super) fn linger(&mut self) {
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

    /// Makes the lingering elements begin again.
    pub(super) fn reopen(&mut self) {
        if self.lingering_unseen > 0 && self.reopened.is_none() {
            self.reopened = Some(self.open.len());
        }
    }

    /// Ends the lingering element with this id that began last, if it began after `order`. Returns
    /// whether there was one.
    pub(super) fn end_lingering(&mut self, id: Id, order: Option<usize>) -> bool {
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
        let Some(place) = lingers else { return false };
        let one = self.lingering.remove(place);
        self.lingering_unseen -= usize::from(one.is_unseen);
        true
    }

    /// Ends an element but not its content, which it no longer hides.
    pub(super) fn end_alone(&mut self, at: usize) {
        self.forget(at);
        let Some(open) = self.open.get_mut(at) else { return };
        if std::mem::take(&mut open.hides) {
            self.hiding -= 1;
        }
        if std::mem::take(&mut open.says_visible) {
            self.is_visible = open.was_visible;
        }
    }

    /// Makes the element ignore end tags from now on: it ends together with its content.
    pub(super) fn forget(&mut self, at: usize) {
        let Some(open) = self.open.get_mut(at) else { return };
        let id = std::mem::replace(&mut open.id, ENDED);
        if let Some(places) = self.places.get_mut(id) {
            places.remove(at);
        }
    }
}
