//! The elements of HTML, and the effect of each on the text.

use html5gum::State;

/// Properties of an element, as bits.
pub(super) type Traits = u16;

/// It has no content and no end tag.
pub(super) const VOID: Traits = 1;
/// It starts on a new line, and so does the text after it.
pub(super) const LINE: Traits = 1 << 1;
/// It is a paragraph of its own.
pub(super) const PARAGRAPH: Traits = 1 << 2;
/// "Special" in the standard: the end tag of an outer element of another kind does not end it.
pub(super) const SPECIAL: Traits = 1 << 3;
/// It ends an open paragraph (`p`).
pub(super) const ENDS_PARAGRAPH: Traits = 1 << 4;
/// Its end tag ends only the element itself, and not the open blocks inside it ("formatting" in the
/// standard).
pub(super) const FORMATTING: Traits = 1 << 5;
/// An end tag inside it does not end elements outside it ("scope" in the standard).
pub(super) const SCOPE: Traits = 1 << 6;
/// Nobody sees its content.
pub(super) const UNSEEN: Traits = 1 << 7;
/// Spaces and line breaks in it count.
pub(super) const AS_IT_IS: Traits = 1 << 8;
/// It is a part of a table.
pub(super) const TABLE_PART: Traits = 1 << 9;
/// A text with this tag is HTML. Other tags do not tell: they may be words in angle brackets, or
/// elements that would swallow the rest of the text without an end tag.
pub(super) const TELLING: Traits = 1 << 10;
/// Other rules apply inside it: SVG and MathML.
pub(super) const FOREIGN: Traits = 1 << 11;
/// Inside SVG and MathML, its content is HTML again.
pub(super) const HTML_WITHIN: Traits = 1 << 12;

/// Formatting elements stop at its borders, in both directions ("marker" in the standard).
pub(super) const MARKER: Traits = 1 << 13;

/// An element that the standard knows.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) traits: Traits,
}

const BLOCK: Traits = LINE | SPECIAL | ENDS_PARAGRAPH;
const WIDE: Traits = PARAGRAPH | SPECIAL | ENDS_PARAGRAPH;

macro_rules! elements {
    ($($name:literal $traits:expr;)*) => {
        /// All elements, sorted by name.
        pub(super) const ALL: &[Element] = &[$(Element { name: $name, traits: $traits },)*];
    };
}

elements! {
    "a" FORMATTING | TELLING;
    "address" BLOCK;
    "annotation-xml" HTML_WITHIN;
    "applet" SPECIAL | SCOPE | MARKER;
    "area" VOID;
    "article" BLOCK;
    "aside" BLOCK;
    "b" FORMATTING | TELLING;
    "base" VOID;
    "basefont" VOID;
    "bgsound" VOID;
    "big" FORMATTING;
    "blockquote" WIDE | TELLING;
    "body" LINE | SPECIAL | TELLING;
    "br" VOID | TELLING;
    "button" SPECIAL;
    "caption" LINE | SPECIAL | SCOPE | MARKER | TABLE_PART;
    "center" BLOCK | TELLING;
    "code" FORMATTING | TELLING;
    "col" VOID | TABLE_PART;
    "colgroup" SPECIAL | TABLE_PART;
    "datalist" UNSEEN;
    "dd" BLOCK;
    "desc" HTML_WITHIN;
    "details" BLOCK;
    "dialog" BLOCK;
    "dir" WIDE;
    "div" BLOCK | TELLING;
    "dl" WIDE;
    "dt" BLOCK;
    "em" FORMATTING | TELLING;
    "embed" VOID;
    "fieldset" BLOCK;
    "figcaption" BLOCK;
    "figure" BLOCK;
    "font" FORMATTING | TELLING;
    "footer" BLOCK;
    "foreignobject" HTML_WITHIN;
    "form" BLOCK;
    "frame" VOID;
    "frameset" SPECIAL;
    "h1" WIDE | TELLING;
    "h2" WIDE | TELLING;
    "h3" WIDE | TELLING;
    "h4" WIDE | TELLING;
    "h5" WIDE | TELLING;
    "h6" WIDE | TELLING;
    "head" TELLING;
    "header" BLOCK;
    "hgroup" BLOCK;
    "hr" VOID | PARAGRAPH | ENDS_PARAGRAPH | TELLING;
    "html" SPECIAL | TELLING;
    "i" FORMATTING | TELLING;
    "iframe" SPECIAL | UNSEEN;
    "img" VOID | TELLING;
    "input" VOID;
    "keygen" VOID;
    "legend" LINE;
    "li" BLOCK | TELLING;
    "link" VOID | TELLING;
    "listing" WIDE | AS_IT_IS;
    "main" BLOCK;
    "marquee" SPECIAL | SCOPE | MARKER;
    "math" FOREIGN;
    "menu" WIDE;
    "meta" VOID | TELLING;
    "mi" HTML_WITHIN;
    "mn" HTML_WITHIN;
    "mo" HTML_WITHIN;
    "ms" HTML_WITHIN;
    "mtext" HTML_WITHIN;
    "nav" BLOCK;
    "nobr" FORMATTING;
    "noembed" SPECIAL | UNSEEN;
    "noframes" SPECIAL | UNSEEN;
    "noscript" SPECIAL | UNSEEN;
    "object" SPECIAL | SCOPE | MARKER;
    "ol" WIDE | TELLING;
    "optgroup" LINE;
    "option" LINE;
    "p" WIDE | TELLING;
    "param" VOID;
    "plaintext" WIDE | AS_IT_IS;
    "pre" WIDE | AS_IT_IS | TELLING;
    "s" FORMATTING;
    "script" SPECIAL | UNSEEN;
    "section" BLOCK;
    "select" SPECIAL;
    "small" FORMATTING;
    "source" VOID;
    "span" TELLING;
    "strike" FORMATTING;
    "strong" FORMATTING | TELLING;
    "style" SPECIAL | UNSEEN;
    "summary" BLOCK;
    "svg" FOREIGN;
    "table" LINE | SPECIAL | ENDS_PARAGRAPH | SCOPE | TELLING;
    "tbody" SPECIAL | TABLE_PART;
    "td" SPECIAL | SCOPE | MARKER | TABLE_PART | TELLING;
    "template" SPECIAL | SCOPE | MARKER | UNSEEN;
    "textarea" SPECIAL | AS_IT_IS;
    "tfoot" SPECIAL | TABLE_PART;
    "th" SPECIAL | SCOPE | MARKER | TABLE_PART | TELLING;
    "thead" SPECIAL | TABLE_PART;
    "title" SPECIAL | UNSEEN;
    "tr" SPECIAL | TABLE_PART | TELLING;
    "track" VOID;
    "tt" FORMATTING;
    "u" FORMATTING | TELLING;
    "ul" WIDE | TELLING;
    "wbr" VOID;
    "xmp" WIDE | AS_IT_IS;
}

/// The place of an element in [`ALL`]. The name must be in lower case.
pub(super) fn place(name: &[u8]) -> Option<usize> {
    ALL.binary_search_by(|element| element.name.as_bytes().cmp(name)).ok()
}

/// The place of an element that the code names. It must be in [`ALL`].
pub(super) const fn known(name: &str) -> usize {
    let mut place = 0;
    while place < ALL.len() {
        if is_same(ALL[place].name.as_bytes(), name.as_bytes()) {
            return place;
        }
        place += 1;
    }
    panic!("there is no such element")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Whether the element belongs only to HTML, so that it ends an SVG or MathML around it.
pub(super) fn breaks_out(name: &[u8], is_of_font: bool) -> bool {
    const THESE: [&[u8]; 44] = [
        b"b",
        b"big",
        b"blockquote",
        b"body",
        b"br",
        b"center",
        b"code",
        b"dd",
        b"div",
        b"dl",
        b"dt",
        b"em",
        b"embed",
        b"h1",
        b"h2",
        b"h3",
        b"h4",
        b"h5",
        b"h6",
        b"head",
        b"hr",
        b"i",
        b"img",
        b"li",
        b"listing",
        b"menu",
        b"meta",
        b"nobr",
        b"ol",
        b"p",
        b"pre",
        b"ruby",
        b"s",
        b"small",
        b"span",
        b"strong",
        b"strike",
        b"sub",
        b"sup",
        b"table",
        b"tt",
        b"u",
        b"ul",
        b"var",
    ];
    THESE.contains(&name) || (name == b"font" && is_of_font)
}

/// Whether nobody sees the content of this element of SVG or MathML.
pub(super) fn is_unseen_in_foreign(name: &[u8]) -> bool {
    const UNSEEN: [&[u8]; 7] =
        [b"clippath", b"defs", b"desc", b"marker", b"mask", b"metadata", b"symbol"];
    UNSEEN.contains(&name)
}

/// How the tokenizer must read the content of the element. `None` means as usual.
pub(super) fn state(name: &[u8]) -> Option<State> {
    Some(match name {
        b"script" => State::ScriptData,
        b"iframe" | b"noembed" | b"noframes" | b"noscript" | b"style" | b"xmp" => State::RawText,
        b"textarea" | b"title" => State::RcData,
        b"plaintext" => State::PlainText,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_are_in_order() {
        assert!(ALL.is_sorted_by(|one, next| one.name < next.name));
        for element in ALL {
            assert!(place(element.name.as_bytes()).is_some(), "{}", element.name);
        }
        assert!(place(b"o:p").is_none());
    }
}
