//! The elements that the rules name, and groups of them.

use super::super::elements;

/// A name as a number: its place among those that are known, or one behind them.
pub(super) type Id = usize;

macro_rules! known {
    ($($constant:ident $name:literal,)*) => {
        $(pub(super) const $constant: Id = elements::known($name);)*
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
pub(super) const ENDED: Id = Id::MAX;

/// Headings: the end tag of any of them ends the others, too.
pub(super) const HEADINGS: [Id; 6] = [H1, H2, H3, H4, H5, H6];

/// What a table is made of but for its cells: what stands in them and in no cell is shown before the
/// table, and nothing that they say about being seen touches it.
pub(super) const AROUND_CELLS: [Id; 5] = [TABLE, TBODY, TFOOT, THEAD, TR];

/// Cells, and all that ends where a part of a table begins.
pub(super) const ROW_ENDS: [Id; 4] = [CAPTION, COLGROUP, TD, TH];
pub(super) const PART_ENDS: [Id; 5] = [CAPTION, COLGROUP, TD, TH, TR];
pub(super) const TABLE_PART_ENDS: [Id; 8] = [CAPTION, COLGROUP, TBODY, TD, TFOOT, TH, THEAD, TR];

/// What ends by itself where what it stands in ends.
pub(super) const IMPLIED: [Id; 6] = [DD, DT, LI, OPTGROUP, OPTION, P];
