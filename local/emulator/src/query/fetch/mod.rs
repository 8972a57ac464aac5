//! Answers queries in FetchXML. The text is read into a tree, its names are looked up, rows are
//! joined and tested, and then sorted, cut and written, or made into groups.

mod aggregate;
mod bind;
mod cookie;
mod join;
mod operators;
mod query;
mod refusal;
#[cfg(test)]
mod tests;
mod tree;
mod xml;

use std::collections::HashSet;

use uuid::Uuid;

use self::cookie::Cookie;
use self::join::{Joiner, Tuple, read};
use self::query::{Output, Place, Query, Shape, Sort};
use self::tree::{Extent, Fetch};
use super::reader::Reader;
use super::resource::{End, RowsPath};
use crate::data::Table;
use crate::message::{ApiError, ApiResponse, Array, Object, PAGE_SIZE_LIMIT};
use crate::organization::{Row, platform};

/// The most rows that can be reached by the numbers of pages alone.
const LIMIT_WITHOUT_COOKIE: usize = 50_000;

/// One page of a result.
struct Page<T> {
    rows: Vec<T>,
    number: usize,
    more: bool,
}

/// Answers a GET of rows with `fetchXml`.
pub(crate) fn answer(
    reader: &Reader<'_>,
    path: &RowsPath,
    text: &str,
) -> Result<ApiResponse, ApiError> {
    let plain = path.key.is_none() && path.steps.is_empty() && matches!(path.end, End::Rows);
    if !plain {
        return Err(ApiError::not_emulated("fetchXml on anything but an entity set"));
    }
    if let Some(option) = reader.options.other_than_count() {
        return Err(ApiError::not_emulated(&format!("{option} together with fetchXml")));
    }
    if reader.preferences.page_size.is_some() {
        return Err(ApiError::not_emulated("odata.maxpagesize together with fetchXml"));
    }
    reader.require(path.root.id)?;
    let mut fetch = xml::parse(text)?;
    let teams = platform::teams_of(reader.store, reader.moment.user);
    let query = bind::bind(&fetch, path.root, reader.moment, &teams)?;
    reader.require_all(query.touched.iter().copied())?;
    if reader.options.count {
        if matches!(fetch.extent, Extent::Top(_)) {
            return Err(refusal::top_with_paging("returntotalrecordcount"));
        }
        fetch.total = true;
    }
    let tuples = Joiner::new(reader.store, &query).rows()?;
    match &query.shape {
        Shape::Rows { outputs, order } => rows(reader, &fetch, &query, outputs, order, tuples),
        Shape::Groups { .. } => groups(reader, &fetch, &query, tuples),
    }
}

fn rows(
    reader: &Reader<'_>,
    fetch: &Fetch,
    query: &Query,
    outputs: &[Output],
    order: &[Sort<Place>],
    mut tuples: Vec<Tuple<'_>>,
) -> Result<ApiResponse, ApiError> {
    let table = query.sources[0].table;
    join::sort(reader.store, &mut tuples, order, fetch.raw_order);
    if fetch.distinct {
        let mut seen = HashSet::new();
        tuples.retain(|tuple| {
            let shown = outputs.iter().map(|output| {
                aggregate::comparable(output.place.column, read(tuple, output.place))
            });
            seen.insert(shown.collect::<Vec<_>>())
        });
    }
    let total = tuples.len();
    let cookie = match &fetch.extent {
        Extent::Page { cookie: Some(text), .. } => {
            Some(Cookie::parse(text, order, &query.sources[0])?)
        }
        _ => None,
    };
    let same = |tuple: &Tuple<'_>, last: Uuid| tuple[0].is_some_and(|row| row.id == last);
    let page = page(tuples, &fetch.extent, cookie, same)?;

    let renderer = reader.renderer();
    let mut object = Object::new();
    renderer.context(&mut object, &format!("{}{}", table.entity_set, context(outputs, table)));
    reader.write_counts(&mut object, fetch.total.then_some(total));
    if reader.preferences.annotations.fetch_xml_paging_cookie
        && cookie::has_cookie(query, fetch.distinct)
        && matches!(fetch.extent, Extent::Page { .. })
        && let (Some(first), Some(last)) = (page.rows.first(), page.rows.last())
    {
        let following = if page.more { page.number + 1 } else { page.number };
        let annotation =
            cookie::annotation(page.number, following, order, &query.sources[0], [first, last]);
        object.text("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie", &annotation);
    }
    write_more(reader, &mut object, page.more);
    let mut array = Array::new();
    for tuple in &page.rows {
        let mut inner = Object::new();
        if let (false, Some(row)) = (fetch.distinct, tuple[0]) {
            renderer.control(&mut inner, row);
        }
        for output in outputs {
            let value = read(tuple, output.place);
            if let (false, Some(row)) = (value.is_null(), tuple[output.place.source]) {
                let Output { place, name, renamed } = output;
                renderer.named(&mut inner, row, place.column, value, name, *renamed);
            }
        }
        array.push(&inner.finish());
    }
    object.raw("value", &array.finish());
    Ok(reader.json(object))
}

fn groups(
    reader: &Reader<'_>,
    fetch: &Fetch,
    query: &Query,
    tuples: Vec<Tuple<'_>>,
) -> Result<ApiResponse, ApiError> {
    let Shape::Groups { measures, order } = &query.shape else { return Err(refusal::malformed()) };
    if fetch.aggregate.is_some_and(|limit| tuples.len() > limit) {
        return Err(refusal::too_many_to_aggregate());
    }
    let sources = query.sources.len();
    let groups = aggregate::groups(reader.store, tuples, sources, measures, order, fetch.raw_order);
    let total = groups.len();
    let page = page(groups, &fetch.extent, None, |_, _| false)?;
    let renderer = reader.renderer();
    let mut object = Object::new();
    renderer.context(&mut object, &query.sources[0].table.entity_set);
    reader.write_counts(&mut object, fetch.total.then_some(total));
    write_more(reader, &mut object, page.more);
    let mut array = Array::new();
    for group in &page.rows {
        let mut inner = Object::new();
        for (measure, value) in measures.iter().zip(&group.values) {
            if value.is_null() {
                continue;
            }
            let place = measure.place;
            let nothing = Row::new(query.sources[place.source].table, Uuid::nil());
            let row = group.first[place.source].map_or(&nothing, |row| &**row);
            renderer.named(&mut inner, row, place.column, value, &measure.alias, true);
        }
        array.push(&inner.finish());
    }
    object.raw("value", &array.finish());
    Ok(reader.json(object))
}

fn write_more(reader: &Reader<'_>, object: &mut Object, more: bool) {
    if reader.preferences.annotations.more_records {
        object.raw("@Microsoft.Dynamics.CRM.morerecords", &more.to_string());
    }
}

/// Cuts a page out of a sorted result. `is_last` tells the last row of the page before.
fn page<T>(
    mut rows: Vec<T>,
    extent: &Extent,
    cookie: Option<Cookie>,
    is_last: impl Fn(&T, Uuid) -> bool,
) -> Result<Page<T>, ApiError> {
    let (number, size) = match extent {
        Extent::Top(top) => {
            rows.truncate(*top);
            return Ok(Page { rows, number: 1, more: false });
        }
        Extent::Page { number, size, .. } => {
            (*number, size.unwrap_or(PAGE_SIZE_LIMIT).min(PAGE_SIZE_LIMIT))
        }
    };
    let before = (number - 1).saturating_mul(size);
    let start = match cookie.filter(|cookie| number > 1 && cookie.page == number - 1) {
        // If the last row is gone or no longer matches, the number of the page is used.
        Some(cookie) => rows.iter().position(|row| is_last(row, cookie.last)).map(|at| at + 1),
        None if before.saturating_add(size) > LIMIT_WITHOUT_COOKIE => {
            return Err(refusal::page_without_cookie());
        }
        None => None,
    };
    rows.drain(..start.unwrap_or(before).min(rows.len()));
    let more = rows.len() > size;
    rows.truncate(size);
    Ok(Page { rows, number, more })
}

/// The names in the parentheses of the context: the columns of the table by their logical names,
/// and the lookups among them once more with parentheses, as in recorded answers.
fn context(outputs: &[Output], table: &Table) -> String {
    let own = || outputs.iter().filter(|output| output.place.source == 0).map(|it| it.place.column);
    let all = own().count() >= table.columns().len();
    if all {
        return String::new();
    }
    let plain = own().map(|column| column.logical_name.clone());
    let lookups = own().filter(|it| it.is_lookup()).map(|it| format!("{}()", it.logical_name));
    let mut names: Vec<String> = Vec::new();
    for name in plain.chain(lookups) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!("({})", names.join(","))
}
