//! The paging cookie of FetchXML: XML that names the first and the last row of a page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use roxmltree::Document;
use uuid::Uuid;

use super::join::{Tuple, read};
use super::query::{Node, Place, Query, Shape, Sort, Source};
use super::refusal;
use super::tree::Join;
use crate::message::ApiError;
use crate::query::render::bare_value;

/// The end of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie {
    /// The number of that page.
    pub(super) page: usize,
    /// The key of its last row.
    pub(super) last: Uuid,
}

/// Whether the rows of this query can be found again by the key of the first table: it is shown,
/// and no join makes several rows of one. Then there is a cookie.
pub(super) fn has_cookie(query: &Query, distinct: bool) -> bool {
    let Shape::Rows { order, .. } = &query.shape else { return false };
    let once = |node: &Node<Join>| match node.kind {
        Join::Exists | Join::First => true,
        Join::Inner | Join::Outer => is_key(&query.sources[node.source], node),
    };
    !distinct && order.iter().all(|sort| sort.key.source == 0) && every(&query.joins, &once)
}

fn is_key(source: &Source, node: &Node<Join>) -> bool {
    node.from.id == source.table.key
}

fn every(joins: &[Node<Join>], once: &impl Fn(&Node<Join>) -> bool) -> bool {
    joins.iter().all(|node| once(node) && every(&node.inner, once))
}

impl Cookie {
    /// Reads a cookie of a query with this order.
    pub(super) fn parse(
        text: &str,
        order: &[Sort<Place>],
        table: &Source,
    ) -> Result<Self, ApiError> {
        let invalid = |_| refusal::invalid_cookie();
        let document = Document::parse(text).map_err(invalid)?;
        let root = document.root_element();
        let page = root.attribute("page").and_then(|page| page.parse().ok());
        let page = page.filter(|page| root.has_tag_name("cookie") && *page > 0);
        let page = page.ok_or_else(refusal::invalid_cookie)?;
        let columns: Vec<_> = root.children().filter(roxmltree::Node::is_element).collect();
        let names: Vec<&str> = columns.iter().map(|it| it.tag_name().name()).collect();
        if names != names_of(order, table) {
            return Err(refusal::cookie_of_other_order());
        }
        let last = columns.last().and_then(|column| column.attribute("last"));
        let last = last.and_then(|id| Uuid::try_parse(id).ok());
        Ok(Self { page, last: last.ok_or_else(refusal::cookie_of_other_order)? })
    }
}

/// The columns of the order, and the key.
fn names_of<'t>(order: &[Sort<Place>], table: &'t Source) -> Vec<&'t str> {
    let key = table.table.key_column();
    let sorted = order.iter().map(|sort| sort.key.column.logical_name.as_str());
    let mut names: Vec<&str> = sorted.filter(|name| *name != key.logical_name).collect();
    names.push(&key.logical_name);
    names
}

/// The characters that stay as they are. Dataverse encodes in small letters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The annotation with the cookie of a page, and the number of the page that follows. Its inner
/// cookie is encoded twice, as in recorded answers.
pub(super) fn annotation(
    page: usize,
    following: usize,
    order: &[Sort<Place>],
    table: &Source,
    [first, last]: [&Tuple<'_>; 2],
) -> String {
    let mut inner = format!("<cookie page=\"{page}\">");
    let key = Place { source: 0, column: table.table.key_column() };
    let sorted = order.iter().map(|sort| sort.key).filter(|it| it.column.id != key.column.id);
    for place in sorted.chain([key]) {
        let shown = |tuple: &Tuple<'_>| {
            let value = read(tuple, place);
            let text =
                if value.is_null() { String::new() } else { bare_value(place.column, value) };
            if value.as_id().is_some() {
                format!("{{{}}}", text.to_uppercase())
            } else {
                escaped(&text)
            }
        };
        let (name, last, first) = (&place.column.logical_name, shown(last), shown(first));
        inner.push_str(&format!("<{name} last=\"{last}\" first=\"{first}\" />"));
    }
    inner.push_str("</cookie>");
    let once = lower(&utf8_percent_encode(&inner, ENCODED).to_string());
    let twice = lower(&percent_encode(once.as_bytes(), ENCODED).to_string());
    format!("<cookie pagenumber=\"{following}\" pagingcookie=\"{twice}\" istracking=\"False\" />")
}

/// Writes the percent-encoded characters in small letters.
fn lower(encoded: &str) -> String {
    let mut rest = 0;
    encoded
        .chars()
        .map(|letter| {
            if letter == '%' {
                rest = 2;
                letter
            } else if rest > 0 {
                rest -= 1;
                letter.to_ascii_lowercase()
            } else {
                letter
            }
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
