//! The stack of the elements that are open.

use std::collections::HashMap;

use super::super::elements::{
    self, FOREIGN, FORMATTING, HTML_WITHIN, MARKER, SCOPE, SPECIAL, Traits,
};
use super::names::{ADDRESS, DIV, ENDED, Id, P};

/// An element that is open.
#[derive(Default)]
pub(super) struct Open {
    pub(super) id: Id,
    pub(super) traits: Traits,
    /// Whether it hides what is in it.
    pub(super) hides: bool,
    /// Whether it breaks lines.
    pub(super) breaks: bool,
    /// Whether it has a `visibility` of its own.
    pub(super) says_visible: bool,
    /// Whether the elements around it are visible.
    pub(super) was_visible: bool,
    /// How many bytes it adds to what lines begin with.
    pub(super) indent: usize,
    /// The next number, of a list that counts.
    pub(super) number: Option<i64>,
    /// How many characters had been written before it, of a table or a row.
    pub(super) written: usize,
    /// Whether it hides the cells of its table, of a part of a table around cells.
    pub(super) hides_cells: bool,
    /// The `visibility` that it gives to the cells of its table.
    pub(super) cells_are_visible: Option<bool>,
    /// How many elements had begun before it.
    pub(super) order: usize,
    /// The `lingering_unseen` of the stack around it, of a marker.
    pub(super) lingering_unseen: usize,
    /// The `reopened` of the stack around it, of a marker.
    pub(super) reopened: Option<usize>,
}

/// A formatting element that ended with the block around it, and not by its own end tag. It goes on
/// after the block ("reconstruct the active formatting elements" in the standard).
struct Lingering {
    id: Id,
    order: usize,
    /// How many markers it stands in. It ends with the innermost.
    markers: usize,
    is_unseen: bool,
}

/// At most so many elements of a kind linger (the standard's "Noah's Ark clause").
const MOST_LINGERING: usize = 3;

/// The places on the stack of the elements of one kind, the innermost last.
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

/// The elements that are open, the innermost last, and what they hide.
pub(super) struct Stack {
    open: Vec<Open>,
    /// The places of the elements with each id.
    places: Vec<Places>,
    /// The ids of unknown names. Only names of elements that hide something have one.
    others: HashMap<Vec<u8>, Id>,
    pub(super) special: Places,
    /// Special elements except `address`, `div` and `p`.
    pub(super) hard: Places,
    pub(super) scope: Places,
    foreign: Places,
    html_within: Places,
    /// Formatting elements neither linger beyond these nor end within them.
    pub(super) markers: Places,
    lingering: Vec<Lingering>,
    /// How many elements that linger in the innermost marker hide what comes.
    lingering_unseen: usize,
    /// How many elements were open when those began again; `None` if they have not.
    reopened: Option<usize>,
    /// How many elements have begun.
    begun: usize,
    /// How many open elements hide what is in them.
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

    /// Whether anybody sees what comes now.
    pub(super) fn is_seen(&self) -> bool {
        self.hiding == 0 && self.is_visible && self.lingering_unseen == 0
    }

    /// Whether an element that is open hides what comes now.
    pub(super) fn hides(&self) -> bool {
        self.hiding > 0
    }

    /// Whether elements that linger began again and hide what comes now.
    pub(super) fn reopened_hides(&self) -> bool {
        self.lingering_unseen > 0 && self.reopened.is_some()
    }

    /// Whether the element is the innermost.
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

    /// The outermost element of the SVG or MathML that is read now.
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

    /// Puts an element on the stack, with its own `visibility`, if it has one.
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

    /// Lets the innermost element linger if it is a formatting element.
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

    /// Lets the elements that linger begin again.
    pub(super) fn reopen(&mut self) {
        if self.lingering_unseen > 0 && self.reopened.is_none() {
            self.reopened = Some(self.open.len());
        }
    }

    /// Of the elements with this id that linger, ends the one that began last, if it began after
    /// `order`. Returns whether there was one.
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

    /// Ends an element, but not what is within it, which it no longer hides.
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

    /// Keeps tags from ending the element from now on: it ends with what is within it.
    pub(super) fn forget(&mut self, at: usize) {
        let Some(open) = self.open.get_mut(at) else { return };
        let id = std::mem::replace(&mut open.id, ENDED);
        if let Some(places) = self.places.get_mut(id) {
            places.remove(at);
        }
    }
}
