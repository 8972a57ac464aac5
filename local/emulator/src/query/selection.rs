//! `$select`, `$expand` and `$orderby` after their names are looked up.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::bind::{Binder, unknown_property};
use super::evaluate::read;
use super::filter::{Filter, PropertyPath};
use super::options::{Expand, Order, QueryOptions};
use crate::data::{
    CollectionNavigation, Column, ColumnKind, Relationship, SingleNavigation, Table, TableId, Value,
};
use crate::message::ApiError;
use crate::organization::{Moment, Row, Store};

/// The most `$expand` items of one query, including nested ones.
const EXPAND_LIMIT: usize = 15;

/// The columns and related rows that an answer shows.
pub(crate) struct Selection {
    pub(crate) table: &'static Table,
    /// The columns. `None` means all.
    pub(crate) columns: Option<Vec<&'static Column>>,
    pub(crate) expansions: Vec<Expansion>,
    /// The text in parentheses after the entity set in the context.
    pub(crate) context: String,
}

/// One expanded navigation property.
pub(crate) struct Expansion {
    pub(crate) property: Property,
    pub(crate) reference_only: bool,
    pub(crate) selection: Selection,
    pub(crate) filter: Option<Filter>,
    pub(crate) order: Sorting,
    pub(crate) top: Option<usize>,
    /// The options of the link to the whole collection.
    pub(crate) link_options: Vec<(&'static str, String)>,
}

/// A navigation property of either kind.
#[derive(Clone, Copy)]
pub(crate) enum Property {
    Single(&'static SingleNavigation),
    Collection(&'static CollectionNavigation),
}

/// The sort keys from `$orderby`.
#[derive(Default)]
pub(crate) struct Sorting(Vec<(PropertyPath, bool)>);

/// Looks up the names in the options of a request, and collects the tables that are read.
pub(crate) struct Selector<'a> {
    moment: Moment,
    aliases: &'a BTreeMap<String, String>,
    expands: usize,
    /// Whether one of the expands has expands inside.
    nested: bool,
    touched: Vec<TableId>,
}

impl<'a> Selector<'a> {
    pub(crate) fn new(moment: Moment, aliases: &'a BTreeMap<String, String>) -> Self {
        Self { moment, aliases, expands: 0, nested: false, touched: Vec::new() }
    }

    /// Every table that the options read.
    pub(crate) fn touched(self) -> Vec<TableId> {
        self.touched
    }

    pub(crate) fn filter(
        &mut self,
        table: &'static Table,
        options: &QueryOptions,
    ) -> Result<Option<Filter>, ApiError> {
        let Some(expression) = &options.filter else { return Ok(None) };
        let mut binder = Binder::new(table, Some(self.aliases), self.moment);
        let filter = binder.filter(expression)?;
        self.touched.extend(binder.touched());
        Ok(Some(filter))
    }

    pub(crate) fn sorting(
        &mut self,
        table: &'static Table,
        order: &[Order],
    ) -> Result<Sorting, ApiError> {
        let mut binder = Binder::new(table, Some(self.aliases), self.moment);
        let keys = order.iter().map(|item| Ok((binder.property(&item.path)?, item.descending)));
        let keys = keys.collect::<Result<_, ApiError>>()?;
        self.touched.extend(binder.touched());
        Ok(Sorting(keys))
    }

    pub(crate) fn selection(
        &mut self,
        table: &'static Table,
        options: &QueryOptions,
    ) -> Result<Selection, ApiError> {
        self.nested = options.expand.iter().any(|expand| !expand.options.expand.is_empty());
        self.level(table, options, 0)
    }

    fn level(
        &mut self,
        table: &'static Table,
        options: &QueryOptions,
        depth: usize,
    ) -> Result<Selection, ApiError> {
        self.touched.push(table.id);
        let columns = options.select.as_deref().map(|names| columns(table, names)).transpose()?;
        let mut expansions = Vec::new();
        for expand in &options.expand {
            if expansions.iter().any(|other: &Expansion| other.name() == expand.name) {
                return Err(ApiError::odata(format!(
                    "The navigation property '{}' is expanded more than once.",
                    expand.name
                )));
            }
            expansions.push(self.expansion(table, expand, depth)?);
        }
        let context = context(options.select.as_deref(), &expansions);
        Ok(Selection { table, columns, expansions, context })
    }

    fn expansion(
        &mut self,
        table: &'static Table,
        expand: &Expand,
        depth: usize,
    ) -> Result<Expansion, ApiError> {
        self.expands += 1;
        if self.expands > EXPAND_LIMIT {
            return Err(ApiError::odata(format!(
                "The number of expand operations in the query exceeds the limit of {EXPAND_LIMIT}."
            )));
        }
        let mut binder = Binder::new(table, None, self.moment);
        let property = if let Some(navigation) = binder.single(table, &expand.name) {
            Property::Single(navigation)
        } else if let Some(navigation) = binder.collection(table, &expand.name) {
            Property::Collection(navigation)
        } else if table.column(&expand.name).is_some() {
            return Err(ApiError::odata(format!(
                "Property '{}' on type '{}' is not a navigation property or complex property. Only \
                 navigation properties can be expanded.",
                expand.name,
                table.type_name()
            )));
        } else {
            return Err(unknown_property(&expand.name, table));
        };
        let options = &expand.options;
        self.check_options(property, expand, depth)?;
        let target = match property {
            Property::Single(navigation) => navigation.target.table(),
            Property::Collection(navigation) => navigation.target.table(),
        };
        binder = Binder::new(target, None, self.moment);
        let filter = options.filter.as_ref().map(|filter| binder.filter(filter)).transpose()?;
        let order =
            options.order_by.iter().map(|item| Ok((binder.property(&item.path)?, item.descending)));
        let order = Sorting(order.collect::<Result<_, ApiError>>()?);
        self.touched.extend(binder.touched());
        let mut selection = self.level(target, options, depth + 1)?;
        // The rows of a collection of the queried row itself carry the lookup that leads back.
        if depth == 0
            && let Property::Collection(navigation) = property
            && let Relationship::OneToMany { lookup, .. } = navigation.relationship
            && let Some(columns) = &mut selection.columns
            && !columns.iter().any(|column| column.id == lookup)
        {
            columns.push(target.at(lookup));
        }
        let top = options.top.map(|top| usize::try_from(top).unwrap_or(usize::MAX));
        let link_options = link_options(options);
        let reference_only = expand.reference_only;
        Ok(Expansion { property, reference_only, selection, filter, order, top, link_options })
    }

    /// Checks the options of an expanded property against the limits of Dataverse.
    fn check_options(
        &self,
        property: Property,
        expand: &Expand,
        depth: usize,
    ) -> Result<(), ApiError> {
        let options = &expand.options;
        if options.count || options.apply.is_some() || options.skip_token.is_some() {
            return Err(ApiError::odata("The query parameter $count is not supported in $expand."));
        }
        if let Property::Collection(collection) = property {
            if expand.reference_only {
                return Err(ApiError::odata(
                    "Expand with $ref is only supported on lookup type navigation property.",
                ));
            }
            let many_to_many = matches!(collection.relationship, Relationship::ManyToMany { .. });
            if many_to_many && (depth > 0 || !options.expand.is_empty()) {
                return Err(ApiError::odata(
                    "Nested expand is not supported on many-to-many relationships.",
                ));
            }
        }
        // Only a collection of the queried row itself can be sorted and cut, and only if no expand
        // of the query has expands inside.
        let sorted = !options.order_by.is_empty() || options.top.is_some();
        if sorted && (self.nested || matches!(property, Property::Single(_))) {
            return Err(ApiError::odata(
                "Only $select and $filter clause can be provided while doing $expand on many-to-one \
                 relationship or nested one-to-many relationship.",
            ));
        }
        Ok(())
    }
}

/// The selected columns, and those that are always included: the key, and the currency of amounts.
fn columns(table: &'static Table, names: &[String]) -> Result<Vec<&'static Column>, ApiError> {
    let mut columns: Vec<&'static Column> = Vec::with_capacity(names.len() + 2);
    for name in names {
        let column = table.column(name).ok_or_else(|| unknown_property(name, table))?;
        if !columns.iter().any(|other| other.id == column.id) {
            columns.push(column);
        }
    }
    let mut brought = vec![table.key];
    if columns.iter().any(|column| matches!(column.kind, ColumnKind::Money { .. })) {
        brought.extend(table.column("_transactioncurrencyid_value").map(|column| column.id));
    }
    // A user is an owner, so both keys are included.
    if let Some(base) = table.base.filter(|base| !base.table().is_addressable) {
        brought.push(base.table().key);
    }
    for id in brought {
        if !columns.iter().any(|other| other.id == id) {
            columns.push(table.at(id));
        }
    }
    Ok(columns)
}

fn context(select: Option<&[String]>, expansions: &[Expansion]) -> String {
    let mut parts: Vec<String> = select.unwrap_or_default().to_vec();
    for expansion in expansions {
        let name = expansion.name();
        if expansion.reference_only {
            parts.push(format!("{name}/$ref"));
        } else {
            let inner = &expansion.selection.context;
            parts.push(if inner.is_empty() {
                format!("{name}()")
            } else {
                format!("{name}{inner}")
            });
        }
    }
    if parts.is_empty() { String::new() } else { format!("({})", parts.join(",")) }
}

fn link_options(options: &QueryOptions) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let Some(select) = &options.select {
        found.push(("$select", select.join(",")));
    }
    if let Some(filter) = &options.filter {
        found.push(("$filter", filter.to_string()));
    }
    if !options.order_by.is_empty() {
        let items = options.order_by.iter().map(|item| {
            format!("{}{}", item.path.join("/"), if item.descending { " desc" } else { "" })
        });
        found.push(("$orderby", items.collect::<Vec<_>>().join(",")));
    }
    found
}

impl Expansion {
    fn name(&self) -> &'static str {
        match self.property {
            Property::Single(navigation) => &navigation.name,
            Property::Collection(navigation) => &navigation.name,
        }
    }
}

impl Sorting {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values by which a row is sorted. A lookup is sorted by the name of the row that it
    /// points at.
    pub(crate) fn keys(&self, store: &Store, row: &Row) -> Vec<Value> {
        let key = |path: &PropertyPath| match read(store, &[row], path) {
            Value::Reference(reference) => {
                store.follow(*reference).and_then(|row| row.name()).map_or(Value::Null, Value::text)
            }
            value => value.clone(),
        };
        self.0.iter().map(|(path, _)| key(path)).collect()
    }

    /// Compares two rows by their keys. If the keys are equal, it compares their ids.
    pub(crate) fn compare(
        &self,
        left: &(Vec<Value>, Uuid),
        right: &(Vec<Value>, Uuid),
    ) -> Ordering {
        let keys = self.0.iter().zip(left.0.iter().zip(&right.0));
        for ((_, descending), (left, right)) in keys {
            let order = left.sort_order(right);
            if order != Ordering::Equal {
                return if *descending { order.reverse() } else { order };
            }
        }
        left.1.cmp(&right.1)
    }

    /// Sorts rows.
    pub(crate) fn sort(&self, store: &Store, rows: &mut [&Arc<Row>]) {
        if !self.is_empty() {
            rows.sort_by_cached_key(|row| Sorted {
                sorting: self,
                keys: (self.keys(store, row), row.id),
            });
        }
    }
}

/// The keys of a row, with the order to compare them in.
struct Sorted<'a> {
    sorting: &'a Sorting,
    keys: (Vec<Value>, Uuid),
}

impl Ord for Sorted<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sorting.compare(&self.keys, &other.keys)
    }
}

impl PartialOrd for Sorted<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sorted<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sorted<'_> {}
