//! Text out of HTML, in one pass whose work grows with the length of the HTML and with nothing else.
//!
//! The tokenizer is html5gum's, which follows the standard. What is shown follows the standard's
//! tree, as far as it decides what a person sees: which end tag ends what, what ends without one,
//! what is hidden. No tree is built. Each element is put on a stack once and taken off once, and
//! where the innermost of a name or of a kind stands is known without looking through it.

use std::collections::HashMap;

use html5gum::{Emitter, Error, State, Tokenizer};

use super::elements::{
    self, AS_IT_IS, ENDS_PARAGRAPH, FOREIGN, FORMATTING, HTML_WITHIN, LINE, PARAGRAPH, SCOPE,
    SPECIAL, TABLE_PART, Traits, UNSEEN, VOID,
};
use super::lines::{Lines, marker};
use super::style::Style;

/// The tokenizer went on and on without an end.
#[derive(Debug)]
pub(super) struct Stuck;

/// Writes what a person sees of the HTML, until the lines are done.
pub(super) fn read(html: &str, lines: &mut Lines) -> Result<(), Stuck> {
    read_in(html, lines, html.len().saturating_mul(STEPS).saturating_add(1000))
}

/// As [`read`], in so many steps of the tokenizer.
fn read_in(html: &str, lines: &mut Lines, steps: usize) -> Result<(), Stuck> {
    match Tokenizer::new_with_emitter(html, Reader::new(lines, steps)).next() {
        None | Some(Ok(End::Done)) => Ok(()),
        Some(Ok(End::Stuck)) => Err(Stuck),
    }
}

/// Why the tokenizer is to stop before the end of the HTML.
enum End {
    Done,
    Stuck,
}

/// How many steps the tokenizer may take for a byte. It needs about two.
const STEPS: usize = 16;

/// Of an attribute's value, and of a name, so many bytes are looked at.
const VALUE: usize = 4096;
const NAME: usize = 64;

/// A name as a number: its place among those that are known, or one behind them.
type Id = usize;

macro_rules! known {
    ($($constant:ident $name:literal,)*) => {
        $(const $constant: Id = elements::known($name);)*
    };
}

known! {
    ADDRESS "address",
    BLOCKQUOTE "blockquote",
    BODY "body",
    BR "br",
    BUTTON "button",
    CAPTION "caption",
    DD "dd",
    DIALOG "dialog",
    DIV "div",
    DT "dt",
    HEAD "head",
    HTML "html",
    IMG "img",
    LI "li",
    LISTING "listing",
    OL "ol",
    OPTION "option",
    P "p",
    PRE "pre",
    TABLE "table",
    TBODY "tbody",
    TD "td",
    TEXTAREA "textarea",
    TFOOT "tfoot",
    TH "th",
    THEAD "thead",
    TR "tr",
    UL "ul",
}

/// The id of an element whose end tag has come, but not that of a block within it.
const ENDED: Id = Id::MAX;

/// A tag while it is read.
#[derive(Default)]
struct Tag {
    is_end: bool,
    closes_itself: bool,
    name: Vec<u8>,
    attribute: Vec<u8>,
    value: Vec<u8>,
    is_hidden: bool,
    is_open: bool,
    style: Option<Style>,
    alt: Option<String>,
    start: Option<i64>,
    number: Option<i64>,
}

impl Tag {
    /// The attribute has been read. The first of a name counts.
    fn end_attribute(&mut self) {
        let value = std::mem::take(&mut self.value);
        let text = || String::from_utf8_lossy(&value);
        match self.attribute.as_slice() {
            b"hidden" => self.is_hidden = true,
            b"open" => self.is_open = true,
            b"style" => self.style = self.style.or_else(|| Some(Style::of(&text()))),
            b"alt" => self.alt = self.alt.take().or_else(|| Some(text().into_owned())),
            b"start" => self.start = self.start.or_else(|| text().trim().parse().ok()),
            b"value" => self.number = self.number.or_else(|| text().trim().parse().ok()),
            _ => {}
        }
        self.attribute.clear();
    }
}

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
}

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

/// What the tokenizer tells of what it reads.
struct Reader<'a> {
    lines: &'a mut Lines,
    steps_left: usize,
    tag: Tag,
    /// The name of the last start tag: only its end tag ends what is read in another way.
    last_start: Vec<u8>,
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
    /// How many elements that are open hide what is in them.
    hiding: usize,
    is_visible: bool,
    as_it_is: usize,
    lists: usize,
    /// A line break at the beginning of `pre` does not count.
    skips_line_break: bool,
}

impl<'a> Reader<'a> {
    fn new(lines: &'a mut Lines, steps_left: usize) -> Reader<'a> {
        Reader {
            lines,
            steps_left,
            tag: Tag::default(),
            last_start: Vec::new(),
            bytes: Vec::new(),
            open: Vec::new(),
            places: elements::ALL.iter().map(|_| Places::default()).collect(),
            others: HashMap::new(),
            special: Places::default(),
            hard: Places::default(),
            scope: Places::default(),
            foreign: Places::default(),
            html_within: Places::default(),
            hiding: 0,
            is_visible: true,
            as_it_is: 0,
            lists: 0,
            skips_line_break: false,
        }
    }

    fn is_seen(&self) -> bool {
        self.hiding == 0 && self.is_visible
    }

    fn last(&self, id: Id) -> Option<usize> {
        self.places.get(id).and_then(Places::last)
    }

    fn last_of(&self, ids: &[Id]) -> Option<usize> {
        ids.iter().filter_map(|id| self.last(*id)).max()
    }

    /// Whether what is read now is SVG or MathML.
    fn is_foreign(&self) -> bool {
        self.foreign.last() > self.html_within.last()
    }

    fn write(&mut self, text: &str) {
        let mut text = text;
        if std::mem::take(&mut self.skips_line_break) {
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        if self.as_it_is > 0 { self.lines.as_it_is(text) } else { self.lines.flowing(text) }
    }

    /// Text as bytes, which need not end where a character does.
    fn text(&mut self, bytes: &[u8]) {
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

    /// A start tag.
    fn begin(&mut self) -> Option<State> {
        let tag = std::mem::take(&mut self.tag);
        let place = elements::place(&tag.name);
        let traits = place.and_then(|place| elements::ALL.get(place)).map_or(0, |one| one.traits);
        self.skips_line_break = false;
        if self.is_foreign() && elements::breaks_out(&tag.name, traits) {
            while let Some(foreign) = self.foreign.last().filter(|_| self.is_foreign()) {
                self.close(foreign);
            }
        }
        let style = tag.style.unwrap_or_default();
        let mut hides = tag.is_hidden || style.is_none || traits & UNSEEN != 0;
        if self.is_foreign() {
            hides |= elements::is_unseen_in_foreign(&tag.name);
            if !tag.closes_itself {
                // Nothing there has a meaning for lines.
                let within = traits & (FOREIGN | HTML_WITHIN);
                self.put(place, &tag, hides, within);
            }
            return None;
        }
        let Some(id) = place else {
            self.put(None, &tag, hides, 0);
            return None;
        };
        match id {
            // A second one is no other element.
            HTML | HEAD | BODY if self.last(id).is_some() => return None,
            DIALOG => hides |= !tag.is_open,
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
            if self.is_seen() && !hides && style.is_visible != Some(false) {
                self.void(id, traits, &tag);
            }
            return None;
        }
        self.put(Some(id), &tag, hides, traits);
        elements::state(&tag.name)
    }

    fn void(&mut self, id: Id, traits: Traits, tag: &Tag) {
        match id {
            BR => self.lines.new_line(),
            IMG => self.lines.flowing(tag.alt.as_deref().unwrap_or_default()),
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
            OPTION => {
                let top = self.open.len().checked_sub(1);
                if let Some(top) = self.last(OPTION).filter(|option| Some(*option) == top) {
                    self.close(top);
                }
            }
            TD | TH => self.close_beyond(self.last(TABLE), &[TD, TH, CAPTION]),
            TR => self.close_beyond(self.last(TABLE), &[TD, TH, CAPTION, TR]),
            TBODY | THEAD | TFOOT => {
                let parts = [TD, TH, CAPTION, TR, TBODY, THEAD, TFOOT];
                self.close_beyond(self.last(TABLE), &parts);
            }
            _ => {}
        }
    }

    /// Ends the outermost of the innermost elements of these names, if it stands within another.
    fn close_beyond(&mut self, outer: Option<usize>, ids: &[Id]) {
        let innermost = ids.iter().filter_map(|id| self.last(*id));
        if let Some(place) = innermost.filter(|place| Some(*place) > outer).min() {
            self.close(place);
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
        let is_visible = tag.style.and_then(|style| style.is_visible);
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
        let breaks = !hides && self.hiding == 0;
        let mut open = Open {
            id,
            traits,
            hides,
            breaks,
            says_visible: is_visible.is_some(),
            was_visible: self.is_visible,
            indent: 0,
            number: (id == OL).then(|| tag.start.unwrap_or(1)),
            written: 0,
        };
        if breaks {
            self.lay_out(&mut open, tag);
        }
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
                let marker = marker(tag.number.or_else(|| self.next_number()));
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

    /// An end tag.
    fn end(&mut self) {
        let tag = std::mem::take(&mut self.tag);
        let place = elements::place(&tag.name);
        let traits = place.and_then(|place| elements::ALL.get(place)).map_or(0, |one| one.traits);
        let Some(id) = place.or_else(|| self.others.get(&tag.name).copied()) else { return };
        let Some(at) = self.last(id) else {
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
        } else if traits & FORMATTING != 0 && !beyond(scope) {
            self.end_alone(at);
        }
    }

    /// Ends an element, and all within it.
    fn close(&mut self, at: usize) {
        while self.open.len() > at {
            self.close_last();
        }
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
        ] {
            places.remove(at);
        }
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

    /// Ends an element, and nothing that is within it.
    fn end_alone(&mut self, at: usize) {
        let Some(open) = self.open.get_mut(at) else { return };
        let id = std::mem::replace(&mut open.id, ENDED);
        if std::mem::take(&mut open.hides) {
            self.hiding -= 1;
        }
        if std::mem::take(&mut open.says_visible) {
            self.is_visible = open.was_visible;
        }
        if let Some(places) = self.places.get_mut(id) {
            places.remove(at);
        }
    }
}

impl Emitter for Reader<'_> {
    type Token = End;

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.last_start = name.unwrap_or_default().to_vec();
    }

    fn emit_eof(&mut self) {}

    fn emit_error(&mut self, _: Error) {}

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    /// Comes after every step of the tokenizer.
    fn pop_token(&mut self) -> Option<End> {
        if self.lines.is_done() {
            return Some(End::Done);
        }
        match self.steps_left.checked_sub(1) {
            Some(left) => {
                self.steps_left = left;
                None
            }
            None => Some(End::Stuck),
        }
    }

    fn emit_string(&mut self, text: &[u8]) {
        self.text(text);
    }

    fn init_start_tag(&mut self) {
        self.tag = Tag::default();
    }

    fn init_end_tag(&mut self) {
        self.tag = Tag { is_end: true, ..Tag::default() };
    }

    fn init_comment(&mut self) {}

    fn emit_current_tag(&mut self) -> Option<State> {
        self.tag.end_attribute();
        self.bytes.clear();
        if self.tag.is_end {
            self.last_start.clear();
            self.end();
            return None;
        }
        self.last_start.clone_from(&self.tag.name);
        self.begin()
    }

    fn emit_current_comment(&mut self) {}

    fn emit_current_doctype(&mut self) {}

    fn set_self_closing(&mut self) {
        self.tag.closes_itself = true;
    }

    fn set_force_quirks(&mut self) {}

    fn push_tag_name(&mut self, name: &[u8]) {
        push(&mut self.tag.name, name, NAME);
    }

    fn push_comment(&mut self, _: &[u8]) {}

    fn push_doctype_name(&mut self, _: &[u8]) {}

    fn init_doctype(&mut self) {}

    fn init_attribute(&mut self) {
        self.tag.end_attribute();
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        push(&mut self.tag.attribute, name, NAME);
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        push(&mut self.tag.value, value, VALUE);
    }

    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.tag.is_end && !self.last_start.is_empty() && self.last_start == self.tag.name
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.is_foreign()
    }
}

/// Adds what there is room for.
fn push(to: &mut Vec<u8>, bytes: &[u8], most: usize) {
    let room = most.saturating_sub(to.len()).min(bytes.len());
    to.extend_from_slice(bytes.get(..room).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;

    #[track_caller]
    fn shows(html: &str, expected: &str) {
        assert_eq!(plain(html), expected, "{html}");
    }

    #[test]
    fn a_tokenizer_that_goes_on_and_on_is_stopped() {
        let html = "<p>so</p>".repeat(10);
        assert!(read_in(&html, &mut Lines::new(100), 1000).is_ok());
        assert!(read_in(&html, &mut Lines::new(100), 10).is_err());
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
        ] {
            shows(&format!("<i>yes{hidden} yes"), "yes yes");
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
            "<svg><style><p>yes</p>",
            "<svg><g hidden/></svg><b>yes",
            "<div hidden></div hidden>yes",
            "<font size=0 style=\"font-size:0;opacity:0;color:#fff\">yes</font>",
            "<b>yes</b></div></p></x></table>",
            "<dialog open>yes</dialog>",
        ] {
            shows(html, "yes");
        }
    }
}
