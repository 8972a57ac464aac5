//! The elements that the rules mention, and groups of them.

use super::super::elements;

/// A name as a number: its place among the known elements, or a larger number.
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

/// The id of an element whose end tag was read while a block inside it stays open.
pub(super) const ENDED: Id = Id::MAX;

/// Headings. The end tag of any of them ends any other.
pub(super) const HEADINGS: [Id; 6] = [H1, H2, H3, H4, H5, H6];

/// The parts of a table around its cells. Text in these parts but outside of a cell is shown before
/// the table, so these parts do not hide it.
pub(super) const AROUND_CELLS: [Id; 5] = [TABLE, TBODY, TFOOT, THEAD, TR];

/// The elements that end where a cell begins, where a row begins, and where another part of a table
/// begins.
pub(super) const ROW_ENDS: [Id; 4] = [CAPTION, COLGROUP, TD, TH];
pub(super) const PART_ENDS: [Id; 5] = [CAPTION, COLGROUP, TD, TH, TR];
pub(super) const TABLE_PART_ENDS: [Id; 8] = [CAPTION, COLGROUP, TBODY, TD, TFOOT, TH, THEAD, TR];

/// Elements that need no end tag: they end with the element around them.
pub(super) const IMPLIED: [Id; 6] = [DD, DT, LI, OPTGROUP, OPTION, P];
