//! `RetrieveDuplicates`: the rows that are duplicates of a row, according to the published rules.
//! The row itself may exist or not.
//!
//! Microsoft's page on running duplicate detection shows the call: objects are aliases, their names
//! and texts are in single quotes, and the answer lists rows with all their columns. Everything
//! else is not verified: what is answered for a row without rules (here: an empty list), whether
//! full names are composed before they are compared (here: they are), and the code and status of
//! every refusal. `$metadata` says that `PagingInfo` is optional, the SDK says that it is required.
//! Here it is required, and so are both numbers in it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::functions::{takes, text_argument};
use crate::data::{Metadata, Table, Value};
use crate::message::{ApiError, ApiResponse};
use crate::organization::{DuplicateRules, Row};
use crate::query::options::QueryOptions;
use crate::query::reader::Reader;
use crate::query::resource::Call;
use crate::tables;
use crate::write::body::{Body, BodyReader, Purpose};
use crate::write::{compute, refusal};

/// The name of the function.
pub(crate) const RETRIEVE_DUPLICATES: &str = "RetrieveDuplicates";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PagingInfo {
    page_number: usize,
    count: usize,
    /// Read but ignored: the answer has no place for a count.
    #[serde(rename = "ReturnTotalRecordCount")]
    _return_total_record_count: Option<bool>,
    #[serde(rename = "PagingCookie")]
    _paging_cookie: Option<String>,
}

/// Answers the function.
pub(crate) fn retrieve(
    reader: &Reader<'_>,
    rules: &DuplicateRules,
    call: &Call,
) -> Result<ApiResponse, ApiError> {
    takes(call, &["BusinessEntity", "MatchingEntityName", "PagingInfo"])?;
    no_options(&reader.options)?;
    let row = business_entity(reader, object(reader, call, "BusinessEntity")?)?;
    let name = text_argument(reader.request, call, "MatchingEntityName")?;
    let matching = table_named(&name)?;
    let paging = paging(object(reader, call, "PagingInfo")?)?;
    reader.require(matching.id)?;
    let found = rules.duplicated(reader.store, &row, matching);
    let start = paging.page_number.saturating_sub(1).saturating_mul(paging.count);
    let page: Vec<_> = found.into_iter().skip(start).take(paging.count).collect();
    reader.list(matching, &page)
}

/// Refuses query options. `$metadata` does not call the function composable, so nothing can select
/// or filter its rows.
fn no_options(options: &QueryOptions) -> Result<(), ApiError> {
    let bare = QueryOptions { aliases: options.aliases.clone(), ..QueryOptions::default() };
    if *options == bare {
        return Ok(());
    }
    Err(ApiError::odata(
        "The query specified in the URI is not valid. Query options cannot be applied to the \
         requested resource.",
    ))
}

/// The row to compare. If the object names a key, it is the stored row with the object's values on
/// top.
fn business_entity(reader: &Reader<'_>, mut object: Map<String, Json>) -> Result<Row, ApiError> {
    let kind = object.remove("@odata.type");
    let name = kind.as_ref().and_then(Json::as_str).unwrap_or_default();
    let name = name.trim_start_matches('#').strip_prefix("Microsoft.Dynamics.CRM.");
    let table = table_named(name.unwrap_or_default())?;
    reader.require(table.id)?;
    let body = read(reader, table, &object)?;
    let mut row = match body.id {
        None => Row::new(table, Uuid::new_v4()),
        Some(id) => {
            let stored = reader.store.get(table, id);
            Row::clone(stored.ok_or_else(|| ApiError::no_such_row(&table.name, id))?)
        }
    };
    for (column, value) in body.values {
        row.set(column, value);
    }
    for link in body.links {
        row.set(link.navigation.column, link.to.map_or(Value::Null, Value::Reference));
    }
    compute(tables::rules().of(table), &mut row);
    Ok(row)
}

fn read(
    reader: &Reader<'_>,
    table: &'static Table,
    object: &Map<String, Json>,
) -> Result<Body, ApiError> {
    let apps = reader.moment.apps;
    BodyReader {
        entity_set: &table.entity_set,
        base: &reader.request.base,
        content_ids: &HashMap::new(),
        installed: &move |table: &Table| apps.bring(table),
        typed_owners: !reader.moment.habits.lack_typed_owners,
    }
    .object(table, Purpose::Create, object)
}

fn paging(object: Map<String, Json>) -> Result<PagingInfo, ApiError> {
    let paging: PagingInfo = serde_json::from_value(object.into()).map_err(|_| unresolved())?;
    if paging.page_number == 0 || paging.count == 0 { Err(unresolved()) } else { Ok(paging) }
}

fn table_named(name: &str) -> Result<&'static Table, ApiError> {
    let found = Metadata::get().table(name).filter(|table| !table.is_abstract);
    found.ok_or_else(|| {
        let message = format!(
            "The entity with a name = '{name}' with namemapping = 'Logical' was not found in the \
             MetadataCache."
        );
        refusal::bad_request(0x8004_0217, message)
    })
}

/// The object behind an alias. In a URL, OData allows objects only there.
fn object(reader: &Reader<'_>, call: &Call, name: &str) -> Result<Map<String, Json>, ApiError> {
    let text = call.argument(name, &reader.options.aliases).ok_or_else(unresolved)?;
    let json = serde_json::from_str(text).or_else(|_| serde_json::from_str(&double_quoted(text)));
    match json {
        Ok(Json::Object(object)) => Ok(object),
        _ => Err(unresolved()),
    }
}

fn unresolved() -> ApiError {
    ApiError::odata("Request message has unresolved parameters.")
}

/// Turns JSON with texts in single quotes into standard JSON.
fn double_quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => json.push('"'),
            '"' => json.push_str("\\\""),
            '\\' => match letters.next() {
                Some('\'') => json.push('\''),
                other => json.extend(['\\'].into_iter().chain(other)),
            },
            _ => json.push(letter),
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::double_quoted;

    #[test]
    fn single_quotes_become_double_ones() {
        assert_eq!(double_quoted(r#"{'a':'b'}"#), r#"{"a":"b"}"#);
        assert_eq!(double_quoted(r#"{'a':'O\'Rell "x" \\'}"#), r#"{"a":"O'Rell \"x\" \\"}"#);
    }
}
