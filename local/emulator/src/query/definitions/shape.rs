//! `$select`, `$filter` and `$expand` on definitions, which are JSON and not rows.

use serde_json::{Map, Value};

use super::describe;
use crate::data::{Metadata, Table};
use crate::message::ApiError;
use crate::query::options::QueryOptions;
use crate::query::syntax::{Comparison, Expression, Literal, Operand};

/// Keeps the definitions that match the filter.
pub(super) fn filter(
    values: &mut Vec<Value>,
    kind: &str,
    options: &QueryOptions,
) -> Result<(), ApiError> {
    let Some(filter) = &options.filter else { return Ok(()) };
    let mut refused = Ok(());
    values.retain(|value| match passes(value, kind, filter) {
        Ok(passed) => passed,
        Err(error) => {
            refused = Err(error);
            false
        }
    });
    refused
}

/// Applies `$select` and `$expand`.
pub(super) fn shape(value: &mut Value, kind: &str, options: &QueryOptions) -> Result<(), ApiError> {
    let mut expanded = Vec::new();
    for expand in &options.expand {
        let (kind, mut found) =
            related(kind, value, &expand.name).ok_or_else(|| unknown(&expand.name, kind))?;
        if let Value::Array(values) = &mut found {
            filter(values, kind, &expand.options)?;
            for value in values {
                shape(value, kind, &expand.options)?;
            }
        } else if found.is_object() {
            shape(&mut found, kind, &expand.options)?;
        }
        expanded.push((expand.name.clone(), found));
    }
    let Value::Object(members) = value else { return Ok(()) };
    if let Some(names) = &options.select {
        let mut selected = Map::new();
        for name in names {
            let member = members.get(name).ok_or_else(|| unknown(name, kind))?;
            selected.insert(name.clone(), member.clone());
        }
        // The key and the type of a derived definition are always included.
        for name in ["@odata.type", "MetadataId"] {
            if let Some(member) = members.get(name) {
                selected.insert(name.to_owned(), member.clone());
            }
        }
        *members = selected;
    }
    members.retain(|name, _| !name.starts_with('#'));
    members.extend(expanded);
    Ok(())
}

/// The definitions that a navigation property of a definition leads to.
pub(super) fn related(kind: &str, value: &Value, name: &str) -> Option<(&'static str, Value)> {
    if kind == "EntityMetadata" {
        let table = table_of(value)?;
        return Some(match name {
            "Attributes" => ("AttributeMetadata", describe::columns(table).into()),
            "OneToManyRelationships" => {
                ("OneToManyRelationshipMetadata", describe::one_to_many(table).into())
            }
            "ManyToOneRelationships" => {
                ("OneToManyRelationshipMetadata", describe::many_to_one(table).into())
            }
            "ManyToManyRelationships" => {
                ("ManyToManyRelationshipMetadata", describe::many_to_many(table).into())
            }
            "Keys" => ("EntityKeyMetadata", Value::Array(Vec::new())),
            _ => return None,
        });
    }
    let table = Metadata::get().table(value.get("EntityLogicalName")?.as_str()?)?;
    let column = table.column_by_logical_name(value.get("LogicalName")?.as_str()?)?;
    match name {
        "OptionSet" => Some(("OptionSetMetadata", describe::option_set(table, column)?)),
        "GlobalOptionSet" => {
            describe::option_set(table, column)?;
            Some(("OptionSetMetadata", Value::Null))
        }
        _ => None,
    }
}

/// Removes repeated relationships: both tables of a relationship list it.
pub(super) fn distinct(values: Vec<Value>) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    values.into_iter().filter(|value| seen.insert(value["MetadataId"].to_string())).collect()
}

fn table_of(value: &Value) -> Option<&'static Table> {
    Metadata::get().table(value.get("LogicalName")?.as_str()?)
}

fn unknown(name: &str, kind: &str) -> ApiError {
    ApiError::odata(format!(
        "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{kind}'."
    ))
}

fn passes(value: &Value, kind: &str, filter: &Expression) -> Result<bool, ApiError> {
    Ok(match filter {
        Expression::And(parts) => {
            for part in parts {
                if !passes(value, kind, part)? {
                    return Ok(false);
                }
            }
            true
        }
        Expression::Or(parts) => {
            let mut any = false;
            for part in parts {
                any |= passes(value, kind, part)?;
            }
            any
        }
        Expression::Not(inner) => !passes(value, kind, inner)?,
        Expression::Compare(Operand::Path(path), comparison, Operand::Literal(literal)) => {
            let found = property(value, kind, path)?;
            let same = equal(found, literal);
            match comparison {
                Comparison::Equal => same,
                Comparison::NotEqual => !same,
                _ => return Err(unsupported()),
            }
        }
        Expression::Call(name, arguments) => {
            let [Operand::Path(path), Operand::Literal(Literal::Text(text))] = arguments.as_slice()
            else {
                return Err(unsupported());
            };
            let found = property(value, kind, path)?.as_str().unwrap_or_default();
            match name.as_str() {
                "contains" => found.contains(text.as_str()),
                "startswith" => found.starts_with(text.as_str()),
                "endswith" => found.ends_with(text.as_str()),
                _ => return Err(unsupported()),
            }
        }
        _ => return Err(unsupported()),
    })
}

fn property<'v>(value: &'v Value, kind: &str, path: &[String]) -> Result<&'v Value, ApiError> {
    let mut found = value;
    for name in path {
        found = found.get(name).ok_or_else(|| unknown(name, kind))?;
    }
    Ok(found)
}

fn equal(value: &Value, literal: &Literal) -> bool {
    match literal {
        Literal::Null => value.is_null(),
        Literal::Boolean(flag) => value == flag,
        Literal::Integer(number) => value == number,
        Literal::Text(text) => value == text.as_str(),
        Literal::Enumeration(_, member) => value == member.as_str(),
        Literal::Guid(id) => value == id.to_string().as_str(),
        _ => false,
    }
}

fn unsupported() -> ApiError {
    ApiError::odata("The filter is not supported for metadata.")
}
