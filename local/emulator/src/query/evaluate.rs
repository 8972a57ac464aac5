//! Decides whether a row matches a filter.

use std::cmp::Ordering;
use std::sync::Arc;

use super::filter::{Filter, PropertyPath, TimeSpan};
use super::syntax::Comparison;
use crate::data::{CollectionNavigation, Relationship, SingleNavigation, Value};
use crate::organization::{Row, Store};

/// Whether the last of `rows` matches. The rows before it belong to outer scopes.
pub(crate) fn passes<'s>(store: &'s Store, rows: &mut Vec<&'s Row>, filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| passes(store, rows, part)),
        Filter::Or(parts) => parts.iter().any(|part| passes(store, rows, part)),
        Filter::Not(inner) => !passes(store, rows, inner),
        Filter::Constant(constant) => *constant,
        Filter::Compare(path, comparison, value) => {
            compares(read(store, rows, path), *comparison, value)
        }
        Filter::CompareProperties(left, comparison, right) => {
            let right = read(store, rows, right);
            let left = read(store, rows, left);
            // Two columns without a value are not equal: this is a comparison as in SQL, and no
            // question for null.
            !(left.is_null() && right.is_null()) && compares(left, *comparison, right)
        }
        Filter::Like(path, pattern) => {
            read(store, rows, path).as_text().is_some_and(|text| pattern.matches(text))
        }
        Filter::Within(path, span) => within(read(store, rows, path), *span),
        Filter::Lambda { scope, collection, all, body } => {
            let Some(row) = rows.get(*scope).copied() else { return false };
            let mut found = collection_rows(store, row, collection).into_iter();
            let Some(body) = body else { return found.next().is_some() };
            let mut test = |row: &'s Arc<Row>| {
                rows.push(row);
                let passed = passes(store, rows, body);
                rows.pop();
                passed
            };
            if *all { found.all(&mut test) } else { found.any(&mut test) }
        }
    }
}

/// The value at the end of a path. It is null if a lookup on the way is empty.
pub(crate) fn read<'s>(store: &'s Store, rows: &[&'s Row], path: &PropertyPath) -> &'s Value {
    let Some(mut row) = rows.get(path.scope).copied() else { return &Value::Null };
    for navigation in &path.steps {
        match follow(store, row, navigation) {
            Some(next) => row = next,
            None => return &Value::Null,
        }
    }
    row.get(path.column.id)
}

/// The row that a single-valued navigation property leads to.
pub(crate) fn follow<'s>(
    store: &'s Store,
    row: &Row,
    navigation: &SingleNavigation,
) -> Option<&'s Arc<Row>> {
    let target = navigation.target.table();
    match row.get(navigation.column) {
        Value::Reference(reference) if target.covers(reference.table) => store.follow(*reference),
        Value::Guid(id) => store.get(target, *id),
        _ => None,
    }
}

/// The rows of a collection, in the order of their keys.
pub(crate) fn collection_rows<'s>(
    store: &'s Store,
    row: &Row,
    collection: &CollectionNavigation,
) -> Vec<&'s Arc<Row>> {
    let target = collection.target.table();
    let ids = match &collection.relationship {
        Relationship::OneToMany { lookup, .. } => {
            store.ids_by_index(target, *lookup, &Value::Guid(row.id)).unwrap_or_default()
        }
        Relationship::ManyToMany { name } => store.linked(name, row.id),
    };
    ids.into_iter().filter_map(|id| store.get(target, id)).collect()
}

/// Compares two values. `ne` is true for a row without a value, because Dataverse asks its database
/// for "other than, or null".
pub(crate) fn compares(left: &Value, comparison: Comparison, right: &Value) -> bool {
    if left.is_null() || right.is_null() {
        let both = left.is_null() && right.is_null();
        return match comparison {
            Comparison::Equal => both,
            Comparison::NotEqual => !both,
            _ => false,
        };
    }
    let Some(order) = left.compare(right) else { return comparison == Comparison::NotEqual };
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
    }
}

fn within(value: &Value, span: TimeSpan) -> bool {
    let after = |time| value.compare(&Value::DateTime(time)).is_some_and(|o| o != Ordering::Less);
    let before = |time| value.compare(&Value::DateTime(time)) == Some(Ordering::Less);
    !value.is_null() && span.from.is_none_or(after) && span.to.is_none_or(before)
}
