//! Reads the tags of HTML and the text between them, in a limited number of steps.

use std::borrow::Cow;

use html5gum::{Emitter, Error, State, Tokenizer};

use super::style::Style;

/// The error that the tokenizer took too many steps.
#[derive(Debug)]
pub(super) struct Stuck;

/// Receives the tags and the text in order.
pub(super) trait Reader {
    /// A start tag. Returns how the tokenizer must read the content of the element. `None` means as
    /// usual.
    fn start(&mut self, tag: Tag) -> Option<State>;
    /// An end tag.
    fn end(&mut self, tag: Tag);
    /// Text as bytes. It may end in the middle of a character, but no tag begins there.
    fn text(&mut self, bytes: &[u8]);
    /// A document type.
    fn doctype(&mut self) {}
    /// Whether SVG or MathML is being read.
    fn is_foreign(&self) -> bool {
        false
    }
    /// Whether the rest need not be read.
    fn is_done(&self) -> bool;
}

/// The most steps that the tokenizer may take per byte. It needs about two.
const STEPS: usize = 16;

/// Reads the HTML to its end, or until the reader is done.
pub(super) fn read(html: &str, reader: &mut impl Reader) -> Result<(), Stuck> {
    read_in(html, reader, html.len().saturating_mul(STEPS).saturating_add(1000))
}

/// Like [`read`], but with at most `steps` steps of the tokenizer.
fn read_in(html: &str, reader: &mut impl Reader, steps: usize) -> Result<(), Stuck> {
    let tags = Tags {
        reader,
        steps_left: steps,
        tag: Tag::default(),
        is_end: false,
        attribute: Vec::new(),
        value: Vec::new(),
        last_start: Vec::new(),
    };
    match Tokenizer::new_with_emitter(html, tags).next() {
        None | Some(Ok(End::Done)) => Ok(()),
        Some(Ok(End::Stuck)) => Err(Stuck),
    }
}

/// Why the tokenizer stops before the end of the HTML.
enum End {
    Done,
    Stuck,
}

/// The most bytes of a name that are kept. All names with a meaning are shorter.
const NAME: usize = 64;

/// A tag with the attributes that decide what is shown. If an attribute occurs twice, the first one
/// counts.
#[derive(Debug, Default)]
pub(super) struct Tag {
    /// The name, in lower case.
    pub(super) name: Vec<u8>,
    /// Whether it ends with `/>`.
    pub(super) closes_itself: bool,
    pub(super) is_hidden: bool,
    pub(super) is_open: bool,
    id: Option<Vec<u8>>,
    class: Option<Vec<u8>>,
    style: Option<Vec<u8>>,
    alt: Option<Vec<u8>>,
    start: Option<Vec<u8>>,
    number: Option<Vec<u8>>,
    encoding: Option<Vec<u8>>,
    /// Whether it has an attribute that only the HTML element `font` has.
    pub(super) is_of_font: bool,
    /// Whether any attribute has a value.
    pub(super) has_value: bool,
    /// Whether the last attribute is `hidden`.
    pub(super) ends_with_hidden: bool,
}

impl Tag {
    fn take(&mut self, attribute: &[u8], value: &mut Vec<u8>) {
        if attribute.is_empty() {
            return;
        }
        self.has_value |= !value.is_empty();
        self.ends_with_hidden = attribute == b"hidden";
        let place = match attribute {
            b"hidden" => return self.is_hidden = true,
            b"open" => return self.is_open = true,
            b"color" | b"face" | b"size" => return self.is_of_font = true,
            b"id" => &mut self.id,
            b"class" => &mut self.class,
            b"style" => &mut self.style,
            b"alt" => &mut self.alt,
            b"start" => &mut self.start,
            b"value" => &mut self.number,
            b"encoding" => &mut self.encoding,
            _ => return,
        };
        if place.is_none() {
            *place = Some(std::mem::take(value));
        }
    }

    /// What the style of the tag says about its visibility.
    pub(super) fn style(&self) -> Style {
        let style = self.style.as_deref();
        style.map(|style| Style::of(&String::from_utf8_lossy(style))).unwrap_or_default()
    }

    /// Its id and its classes, in lower case, with spaces between them.
    pub(super) fn names(&self) -> String {
        let names = [&self.id, &self.class].map(|names| names.as_deref().unwrap_or_default());
        String::from_utf8_lossy(&names.join(&b' ')).to_ascii_lowercase()
    }

    /// The style as it was written.
    pub(super) fn style_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.style.as_deref().unwrap_or_default())
    }

    /// Whether it has a style that is not empty.
    pub(super) fn is_styled(&self) -> bool {
        self.style.as_ref().is_some_and(|style| !style.is_empty())
    }

    /// The text that stands for a picture.
    pub(super) fn alt(&self) -> String {
        String::from_utf8_lossy(self.alt.as_deref().unwrap_or_default()).into_owned()
    }

    /// The number of the first item of a list.
    pub(super) fn start(&self) -> Option<i64> {
        number(self.start.as_deref())
    }

    /// The number of an item.
    pub(super) fn number(&self) -> Option<i64> {
        number(self.number.as_deref())
    }

    /// Whether the tag says that its content is HTML.
    pub(super) fn is_of_html(&self) -> bool {
        self.encoding.as_deref().is_some_and(|encoding| {
            encoding.eq_ignore_ascii_case(b"text/html")
                || encoding.eq_ignore_ascii_case(b"application/xhtml+xml")
        })
    }
}

fn number(text: Option<&[u8]>) -> Option<i64> {
    std::str::from_utf8(text?).ok()?.trim().parse().ok()
}

/// Builds the tags from the parts that the tokenizer gives.
struct Tags<'a, R> {
    reader: &'a mut R,
    steps_left: usize,
    /// The tag that is being read. `attribute` and `value` belong to its current attribute.
    tag: Tag,
    is_end: bool,
    attribute: Vec<u8>,
    value: Vec<u8>,
    /// The name of the last start tag. Content such as a script's ends only with the end tag of
    /// this name.
    last_start: Vec<u8>,
}

impl<R> Tags<'_, R> {
    fn begin(&mut self, is_end: bool) {
        self.tag = Tag::default();
        self.is_end = is_end;
        self.attribute.clear();
        self.value.clear();
    }

    fn end_attribute(&mut self) {
        self.tag.take(&self.attribute, &mut self.value);
        self.attribute.clear();
        self.value.clear();
    }
}

impl<R: Reader> Emitter for Tags<'_, R> {
    type Token = End;

    fn set_last_start_tag(&mut self, name: Option<&[u8]>) {
        self.last_start = name.unwrap_or_default().to_vec();
    }

    fn emit_eof(&mut self) {}

    fn emit_error(&mut self, _: Error) {}

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    /// The tokenizer calls this after every step.
    fn pop_token(&mut self) -> Option<End> {
        if self.reader.is_done() {
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
        self.reader.text(text);
    }

    fn init_start_tag(&mut self) {
        self.begin(false);
    }

    fn init_end_tag(&mut self) {
        self.begin(true);
    }

    fn init_comment(&mut self) {}

    fn emit_current_tag(&mut self) -> Option<State> {
        self.end_attribute();
        let tag = std::mem::take(&mut self.tag);
        if self.is_end {
            self.last_start.clear();
            self.reader.end(tag);
            return None;
        }
        self.last_start.clone_from(&tag.name);
        self.reader.start(tag)
    }

    fn emit_current_comment(&mut self) {}

    fn emit_current_doctype(&mut self) {
        self.reader.doctype();
    }

    fn set_self_closing(&mut self) {
        self.tag.closes_itself = true;
    }

    fn set_force_quirks(&mut self) {}

    fn push_tag_name(&mut self, name: &[u8]) {
        push(&mut self.tag.name, name);
    }

    fn push_comment(&mut self, _: &[u8]) {}

    fn push_doctype_name(&mut self, _: &[u8]) {}

    fn init_doctype(&mut self) {}

    fn init_attribute(&mut self) {
        self.end_attribute();
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        push(&mut self.attribute, name);
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        self.value.extend_from_slice(value);
    }

    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}

    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        self.is_end && !self.last_start.is_empty() && self.last_start == self.tag.name
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.reader.is_foreign()
    }
}

/// Adds as many bytes as fit.
fn push(to: &mut Vec<u8>, bytes: &[u8]) {
    let room = NAME.saturating_sub(to.len()).min(bytes.len());
    to.extend_from_slice(bytes.get(..room).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts tags, and is done after five.
    #[derive(Default)]
    struct Counter(usize);

    impl Reader for Counter {
        fn start(&mut self, _: Tag) -> Option<State> {
            self.0 += 1;
            None
        }

        fn end(&mut self, _: Tag) {
            self.0 += 1;
        }

        fn text(&mut self, _: &[u8]) {}

        fn is_done(&self) -> bool {
            self.0 == 5
        }
    }

    #[test]
    fn a_tokenizer_that_goes_on_and_on_is_stopped() {
        let html = "<p>so".repeat(4);
        assert!(read_in(&html, &mut Counter::default(), 1000).is_ok());
        assert!(read_in(&html, &mut Counter::default(), 5).is_err());
    }

    #[test]
    fn what_need_not_be_read_is_not() {
        let mut counter = Counter::default();
        assert!(read(&"<p>so</p>".repeat(1000), &mut counter).is_ok());
        assert_eq!(counter.0, 5);
    }
}
