//! Writes rows as JSON, with values, annotations, ETags and expanded rows.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::evaluate::{collection_rows, follow, passes};
use super::format::{self, Formatter};
use super::selection::{Expansion, Property, Selection};
use crate::data::{Column, ColumnKind, Reference, SingleNavigation, Table, Value};
use crate::message::{Annotations, Array, MetadataLevel, Object, PAGE_SIZE_LIMIT, quoted};
use crate::organization::{Row, Store};

/// The characters that must be encoded in a query string.
const QUERY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>');

/// Writes rows for one request.
pub(crate) struct Renderer<'a> {
    store: &'a Store,
    base: &'a str,
    annotations: Annotations,
    level: MetadataLevel,
    formatter: Formatter<'a>,
}

impl<'a> Renderer<'a> {
    /// `whole` has the names of all rows. `base` is the beginning of absolute links.
    pub(crate) fn new(
        store: &'a Store,
        whole: &'a Store,
        base: &'a str,
        annotations: Annotations,
        level: MetadataLevel,
    ) -> Self {
        Self { store, base, annotations, level, formatter: Formatter::new(whole) }
    }

    /// Writes `@odata.context`, unless the client wants no metadata.
    pub(crate) fn context(&self, object: &mut Object, fragment: &str) {
        if self.level != MetadataLevel::None {
            object.text("@odata.context", &format!("{}$metadata#{fragment}", self.base));
        }
    }

    /// Writes a row into an object that may already have a context.
    pub(crate) fn row(&self, object: &mut Object, row: &Row, selection: &Selection) {
        self.control(object, row);
        match &selection.columns {
            Some(columns) => {
                for column in columns {
                    self.column(object, row, column);
                }
            }
            // For all columns, those with a value come first, as in recorded answers.
            None => {
                let columns = selection.table.columns();
                let (empty, filled): (Vec<_>, Vec<_>) =
                    columns.iter().partition(|column| row.get(column.id).is_null());
                for column in filled.into_iter().chain(empty) {
                    self.column(object, row, column);
                }
            }
        }
        for expansion in &selection.expansions {
            self.expansion(object, row, selection.table, expansion);
        }
    }

    /// The absolute address of a row.
    pub(crate) fn address(&self, reference: Reference) -> String {
        format!("{}{}({})", self.base, reference.table.table().entity_set, reference.id)
    }

    /// `{"@odata.id": …}`
    pub(crate) fn reference(&self, reference: Reference) -> Object {
        let mut object = Object::new();
        object.text("@odata.id", &self.address(reference));
        object
    }

    /// Writes one column. Its annotations come first.
    pub(crate) fn column(&self, object: &mut Object, row: &Row, column: &Column) {
        let value = row.get(column.id);
        if !value.is_null() && self.annotations.any() {
            self.annotate(object, row, column, value, (&column.name, false));
        }
        object.raw(&column.name, &json_value(column, value));
    }

    /// Writes a value of a column under a name of FetchXML. If that is another name than the
    /// column's own, it is annotated with the column's.
    pub(crate) fn named(
        &self,
        object: &mut Object,
        row: &Row,
        column: &Column,
        value: &Value,
        name: &str,
        renamed: bool,
    ) {
        self.annotate(object, row, column, value, (name, renamed));
        object.raw(name, &json_value(column, value));
    }

    /// Writes the type, the address and the version of a row, as far as they are wanted.
    pub(crate) fn control(&self, object: &mut Object, row: &Row) {
        if self.level == MetadataLevel::None {
            return;
        }
        if self.level == MetadataLevel::Full {
            object.text("@odata.type", &format!("#{}", row.table.table().type_name()));
            object.text("@odata.id", &self.address(row.reference()));
        }
        object.text("@odata.etag", &row.etag());
        if self.level == MetadataLevel::Full {
            let set = &row.table.table().entity_set;
            object.text("@odata.editLink", &format!("{set}({})", row.id));
        }
    }

    fn annotate(
        &self,
        object: &mut Object,
        row: &Row,
        column: &Column,
        value: &Value,
        (name, renamed): (&str, bool),
    ) {
        let mut write = |annotation: &str, text: &str| {
            object.text(&format!("{name}@{annotation}"), text);
        };
        if renamed && self.annotations.attribute_name {
            write("OData.Community.Display.V1.AttributeName", &column.logical_name);
        }
        if self.annotations.formatted_value
            && let Some(text) = self.formatter.formatted(row, column, value)
        {
            write("OData.Community.Display.V1.FormattedValue", &text);
        }
        let Some(reference) = value.as_reference() else { return };
        if !renamed
            && self.annotations.associated_navigation_property
            && let Some(navigation) = associated_navigation(row, column, reference)
        {
            write("Microsoft.Dynamics.CRM.associatednavigationproperty", &navigation.name);
        }
        if self.annotations.lookup_logical_name {
            let table = &reference.table.table().name;
            write("Microsoft.Dynamics.CRM.lookuplogicalname", table);
        }
    }

    fn expansion(&self, object: &mut Object, row: &Row, table: &Table, expansion: &Expansion) {
        match expansion.property {
            Property::Single(navigation) => {
                let found = follow(self.store, row, navigation).filter(|found| {
                    expansion
                        .filter
                        .as_ref()
                        .is_none_or(|filter| passes(self.store, &mut vec![&***found], filter))
                });
                match found {
                    None => object.raw(&navigation.name, "null"),
                    Some(found) if expansion.reference_only => {
                        let reference = self.reference(found.reference());
                        object.raw(&navigation.name, &reference.finish());
                    }
                    Some(found) => {
                        let mut inner = Object::new();
                        self.row(&mut inner, found, &expansion.selection);
                        object.raw(&navigation.name, &inner.finish());
                    }
                }
            }
            Property::Collection(collection) => {
                let mut rows = collection_rows(self.store, row, collection);
                if let Some(filter) = &expansion.filter {
                    rows.retain(|row| passes(self.store, &mut vec![&***row], filter));
                }
                expansion.order.sort(self.store, &mut rows);
                rows.truncate(expansion.top.unwrap_or(PAGE_SIZE_LIMIT).min(PAGE_SIZE_LIMIT));
                let mut array = Array::new();
                for row in rows {
                    let mut inner = Object::new();
                    self.row(&mut inner, row, &expansion.selection);
                    array.push(&inner.finish());
                }
                object.raw(&collection.name, &array.finish());
                // Dataverse writes this link even if there is nothing more to read.
                let mut link =
                    format!("{}{}({})/{}", self.base, table.entity_set, row.id, collection.name);
                for (index, (option, value)) in expansion.link_options.iter().enumerate() {
                    link.push_str(if index == 0 { "?" } else { "&" });
                    link.push_str(option);
                    link.push('=');
                    link.extend(utf8_percent_encode(value, QUERY));
                }
                object.text(&format!("{}@odata.nextLink", collection.name), &link);
            }
        }
    }
}

/// The navigation property that the value of a lookup belongs to. In recorded answers, the lookups
/// to the users who created and changed a row have none.
fn associated_navigation(
    row: &Row,
    column: &Column,
    reference: Reference,
) -> Option<&'static SingleNavigation> {
    if matches!(
        column.logical_name.as_str(),
        "createdby" | "modifiedby" | "createdonbehalfby" | "modifiedonbehalfby"
    ) {
        return None;
    }
    let table = row.table.table();
    let fitting = || {
        table.single_navigations().iter().filter(|navigation| {
            navigation.column == column.id && navigation.target.table().covers(reference.table)
        })
    };
    // An activity has the inherited name and its own name. Its own name is the one to bind.
    fitting().find(|n| n.name.ends_with(&format!("_{}", table.name))).or_else(|| fitting().next())
}

/// A value as JSON. Amounts and decimals have the same zeros as in recorded answers.
pub(crate) fn json_value(column: &Column, value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::BigInteger(number) => number.to_string(),
        Value::Decimal(number) => {
            let places = if column.name == "exchangerate" { 12 } else { 10 };
            let mut number = number.round_dp(places);
            number.rescale(places);
            number.to_string()
        }
        Value::Double(number) => serde_json::Number::from_f64(*number)
            .map_or_else(|| "null".to_owned(), |number| number.to_string()),
        Value::Text(text) => quoted(text),
        Value::Guid(id) => quoted(&id.to_string()),
        Value::Reference(reference) => quoted(&reference.id.to_string()),
        Value::DateTime(time) => quoted(&format::date_time(*time)),
        Value::Date(day) => quoted(&day.to_string()),
    }
}

/// A value as plain text, as in `$value`.
pub(crate) fn bare_value(column: &Column, value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        _ if matches!(column.kind, ColumnKind::Image) => String::new(),
        value => json_value(column, value).trim_matches('"').to_owned(),
    }
}
