//! Looks up the names of FetchXML in the metadata and checks the types.

use std::collections::HashSet;

use uuid::Uuid;

use super::operators;
use super::query::{Measure, MeasureKind, Node, Output, Place, Query, Shape, Sort, Source, Test};
use super::refusal;
use super::tree::{self, Aggregate, Columns, Entity, Fetch, Join, Link, Operand, Role};
use crate::data::{Column, ColumnKind, Metadata, Relationship, Table};
use crate::message::ApiError;
use crate::organization::Moment;
use crate::query::bind::unknown_attribute;
use crate::query::comparable::{Family, family};
use crate::query::filter::Filter;

type Result<T> = std::result::Result<T, ApiError>;

/// Binds a query to the table of the URL. `teams` are those of the caller.
pub(super) fn bind(
    fetch: &Fetch,
    table: &'static Table,
    moment: Moment,
    teams: &[Uuid],
) -> Result<Query> {
    let mut binder = Binder { moment, teams, sources: Vec::new(), unnamed: 0 };
    let root = binder.table(&fetch.entity.name)?;
    if root != table {
        return Err(refusal::other_entity());
    }
    binder.sources.push(Source { table: root, alias: None, test: Test::And(Vec::new()) });
    let joins = binder.declare(&fetch.entity, 0)?;
    let mut seen = HashSet::new();
    let aliases = binder.sources.iter().filter_map(|source| source.alias.as_deref());
    if aliases.into_iter().any(|alias| !seen.insert(alias)) {
        return Err(refusal::duplicate_alias());
    }
    binder.tests(&fetch.entity, 0, &joins)?;
    let narrow = narrowing(&mut binder.sources[0].test);
    let shape = binder.shape(fetch, &joins)?;
    let touched = binder.sources.iter().map(|source| source.table.id).collect();
    Ok(Query { sources: binder.sources, joins, narrow, shape, touched })
}

struct Binder<'a> {
    moment: Moment,
    teams: &'a [Uuid],
    sources: Vec<Source>,
    /// The joins without an alias so far. They get a number.
    unnamed: usize,
}

impl Binder<'_> {
    fn table(&self, name: &str) -> Result<&'static Table> {
        let found = Metadata::get().table(name).filter(|table| {
            self.moment.apps.bring(table) && (table.is_addressable || table.is_activity)
        });
        match found {
            Some(table) => Ok(table),
            None if is_intersect(name) => {
                Err(ApiError::not_emulated(&format!("the intersect table '{name}' in FetchXML")))
            }
            None => Err(refusal::unknown_entity()),
        }
    }

    /// Adds the tables that are joined to this one, and those inside of them.
    fn declare(&mut self, entity: &Entity, parent: usize) -> Result<Vec<Node<Join>>> {
        entity.links.iter().map(|link| self.node(link, parent, link.kind != Join::Exists)).collect()
    }

    fn node<K: Copy>(&mut self, link: &Link<K>, parent: usize, named: bool) -> Result<Node<K>> {
        let table = self.table(&link.entity.name)?;
        let alias = match &link.alias {
            _ if !named => None,
            Some(alias) => Some(alias.clone()),
            None => {
                self.unnamed += 1;
                Some(format!("{}{}", table.name, self.unnamed))
            }
        };
        let shows = !matches!(&link.entity.columns, Columns::Named(list) if list.is_empty());
        if !named && (shows || !link.entity.orders.is_empty()) {
            return Err(refusal::malformed());
        }
        let source = self.sources.len();
        self.sources.push(Source { table, alias, test: Test::And(Vec::new()) });
        let from = column(table, &link.from)?;
        let to = Place { source: parent, column: column(self.sources[parent].table, &link.to)? };
        let joinable = |column: &Column| family(column) != Family::Other;
        if family(from) != family(to.column) || !joinable(from) {
            return Err(refusal::sql_error());
        }
        let inner = self.declare(&link.entity, source)?;
        Ok(Node { source, from, to, kind: link.kind, inner })
    }

    /// Binds the filters of a table and of the tables that are joined to it.
    fn tests<K>(&mut self, entity: &Entity, source: usize, joins: &[Node<K>]) -> Result<()> {
        let parts = entity.filters.iter().map(|filter| self.filter(filter, source));
        self.sources[source].test = Test::And(parts.collect::<Result<_>>()?);
        for (link, node) in entity.links.iter().zip(joins) {
            self.tests(&link.entity, node.source, &node.inner)?;
        }
        Ok(())
    }

    fn filter(&mut self, filter: &tree::Filter, source: usize) -> Result<Test> {
        let mut parts = Vec::new();
        for condition in &filter.conditions {
            parts.push(self.condition(condition, source)?);
        }
        for inner in &filter.filters {
            parts.push(self.filter(inner, source)?);
        }
        for link in &filter.links {
            let node = self.node(link, source, false)?;
            self.tests(&link.entity, node.source, &node.inner)?;
            parts.push(Test::Linked(Box::new(node)));
        }
        // Clients write filters without conditions, which are always true.
        let or = filter.or && !parts.is_empty();
        Ok(if or { Test::Or(parts) } else { Test::And(parts) })
    }

    fn condition(&self, condition: &tree::Condition, own: usize) -> Result<Test> {
        let source = match &condition.entity {
            None => own,
            Some(alias) => self.alias(alias, own).ok_or_else(refusal::unknown_alias)?,
        };
        let table = self.sources[source].table;
        let column = column(table, &condition.attribute)?;
        let left = Place { source, column };
        match &condition.operand {
            Operand::Values(values) => {
                let filter = operators::filter(
                    column,
                    &condition.operator,
                    values,
                    self.moment,
                    self.teams,
                )?;
                Ok(Test::Of(source, filter))
            }
            Operand::Column(name) => {
                let comparison = operators::of_columns(&condition.operator)
                    .ok_or_else(refusal::invalid_operator)?;
                let right = match name.split_once('.') {
                    None => Place { source, column: self::column(table, name)? },
                    Some((alias, name)) => {
                        let source = self.alias(alias, own).ok_or_else(refusal::unknown_alias)?;
                        let column = self::column(self.sources[source].table, name)?;
                        Place { source, column }
                    }
                };
                if family(left.column) != family(right.column) {
                    return Err(refusal::invalid_value());
                }
                Ok(Test::Columns(left, comparison, right))
            }
        }
    }

    /// The table that an alias names. The first table is named by its own name.
    fn alias(&self, alias: &str, own: usize) -> Option<usize> {
        let named = self.sources.iter().position(|it| it.alias.as_deref() == Some(alias));
        named.or_else(|| (own == 0 && self.sources[0].table.name == alias).then_some(0))
    }

    fn shape(&self, fetch: &Fetch, joins: &[Node<Join>]) -> Result<Shape> {
        if fetch.aggregate.is_some() {
            let mut measures = Vec::new();
            self.measures(&fetch.entity, 0, joins, &mut measures)?;
            unique(measures.iter().map(|measure: &Measure| measure.alias.as_str()))?;
            let mut order = Vec::new();
            order_of_groups(&fetch.entity, &measures, &mut order)?;
            return Ok(Shape::Groups { measures, order });
        }
        let mut outputs = Vec::new();
        self.outputs(&fetch.entity, 0, joins, Join::Inner, fetch.distinct, &mut outputs)?;
        unique(outputs.iter().map(|output: &Output| output.name.as_str()))?;
        let mut order = Vec::new();
        self.order_of_rows(&fetch.entity, 0, joins, &mut order)?;
        Ok(Shape::Rows { outputs, order })
    }

    /// The columns that are shown of a table and of those that are joined to it.
    fn outputs(
        &self,
        entity: &Entity,
        source: usize,
        joins: &[Node<Join>],
        join: Join,
        distinct: bool,
        outputs: &mut Vec<Output>,
    ) -> Result<()> {
        let table = self.sources[source].table;
        let mut named: Vec<(&'static Column, Option<&str>)> = match &entity.columns {
            Columns::All => table.columns().iter().map(|column| (column, None)).collect(),
            Columns::Named(attributes) => attributes
                .iter()
                .map(|attribute| Ok((column(table, &attribute.name)?, attribute.alias.as_deref())))
                .collect::<Result<_>>()?,
        };
        if source == 0 {
            // The key comes along, and with amounts their currency.
            if !distinct {
                named.push((table.key_column(), None));
            }
            let amounts = named.iter().any(|(it, _)| matches!(it.kind, ColumnKind::Money { .. }));
            named.extend(
                table
                    .column("_transactioncurrencyid_value")
                    .filter(|_| amounts)
                    .map(|currency| (currency, None)),
            );
        }
        let mut plain = HashSet::new();
        for (column, alias) in named {
            if alias.is_none() && !plain.insert(column.id) {
                continue;
            }
            let name = match (alias, self.sources[source].alias.as_deref()) {
                (Some(alias), _) => alias.to_owned(),
                (None, _) if join == Join::First => column.schema_name.clone(),
                (None, Some(link)) => format!("{link}.{}", column.logical_name),
                (None, None) => column.name.clone(),
            };
            let renamed = source > 0 || alias.is_some();
            outputs.push(Output { place: Place { source, column }, name, renamed });
        }
        for (link, node) in entity.links.iter().zip(joins) {
            let (source, inner) = (node.source, node.inner.as_slice());
            self.outputs(&link.entity, source, inner, node.kind, distinct, outputs)?;
        }
        Ok(())
    }

    /// The keys to sort by: those of the first table, then those of the joins.
    fn order_of_rows(
        &self,
        entity: &Entity,
        own: usize,
        joins: &[Node<Join>],
        found: &mut Vec<Sort<Place>>,
    ) -> Result<()> {
        for order in &entity.orders {
            if order.alias.is_some() {
                return Err(refusal::order_of_rows_by_alias());
            }
            let name = order.attribute.as_deref();
            let name = name.ok_or_else(refusal::order_of_rows_without_column)?;
            let source = match &order.entity {
                None => own,
                Some(alias) => self.alias(alias, own).ok_or_else(refusal::order_of_unknown_link)?,
            };
            let column = column(self.sources[source].table, name)?;
            let key = Place { source, column };
            found.push(Sort { key, descending: order.descending });
        }
        for (link, node) in entity.links.iter().zip(joins) {
            self.order_of_rows(&link.entity, node.source, &node.inner, found)?;
        }
        Ok(())
    }

    fn measures(
        &self,
        entity: &Entity,
        source: usize,
        joins: &[Node<Join>],
        found: &mut Vec<Measure>,
    ) -> Result<()> {
        let table = self.sources[source].table;
        let Columns::Named(attributes) = &entity.columns else {
            return Err(refusal::column_among_aggregates());
        };
        for attribute in attributes {
            let column = column(table, &attribute.name)?;
            let alias = attribute.alias.clone().ok_or_else(refusal::aggregate_without_alias)?;
            let kind = match attribute.role {
                Role::Grouped(by) => {
                    if by.is_some() && family(column) != Family::Time {
                        return Err(refusal::invalid_date_grouping());
                    }
                    MeasureKind::Group(by)
                }
                Role::Aggregated(aggregate) => {
                    check_aggregate(aggregate, column)?;
                    MeasureKind::Aggregate(aggregate)
                }
                Role::Shown => return Err(refusal::column_among_aggregates()),
            };
            found.push(Measure { place: Place { source, column }, alias, kind });
        }
        for (link, node) in entity.links.iter().zip(joins) {
            self.measures(&link.entity, node.source, &node.inner, found)?;
        }
        Ok(())
    }
}

/// Whether this is the table that connects the two sides of a many-to-many relationship.
fn is_intersect(name: &str) -> bool {
    Metadata::get().tables().iter().flat_map(Table::collection_navigations).any(|navigation| {
        matches!(&navigation.relationship, Relationship::ManyToMany { name: relationship }
            if relationship.trim_end_matches("_association") == name)
    })
}

fn order_of_groups(
    entity: &Entity,
    measures: &[Measure],
    found: &mut Vec<Sort<usize>>,
) -> Result<()> {
    for order in &entity.orders {
        if order.attribute.is_some() {
            return Err(refusal::order_of_aggregates_by_column());
        }
        let alias = order.alias.as_deref();
        let alias = alias.ok_or_else(refusal::order_of_aggregates_without_alias)?;
        let key = measures.iter().position(|measure| measure.alias == alias);
        let key = key.ok_or_else(refusal::unknown_alias)?;
        found.push(Sort { key, descending: order.descending });
    }
    entity.links.iter().try_for_each(|link| order_of_groups(&link.entity, measures, found))
}

/// Refuses an aggregate that cannot be made of a column of this type.
fn check_aggregate(aggregate: Aggregate, column: &Column) -> Result<()> {
    let number = family(column) == Family::Number && column.options().is_empty();
    let (name, fits) = match aggregate {
        Aggregate::Count | Aggregate::CountColumn { .. } => return Ok(()),
        Aggregate::Average => ("avg", number),
        Aggregate::Sum => ("sum", number),
        Aggregate::Largest => ("max", number || family(column) == Family::Time),
        Aggregate::Smallest => ("min", number || family(column) == Family::Time),
    };
    if fits { Ok(()) } else { Err(refusal::aggregate_of_type(name, column.edm_type())) }
}

fn unique<'n>(names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(refusal::duplicate_alias());
        }
    }
    Ok(())
}

/// The column with this logical name. The name of a lookup in OData is no name here.
fn column(table: &'static Table, name: &str) -> Result<&'static Column> {
    if let Some(column) = table.column_by_logical_name(name) {
        return Ok(column);
    }
    let helped = name.strip_suffix("yominame").or_else(|| name.strip_suffix("name"));
    let helper = helped.and_then(|of| table.column_by_logical_name(of)).is_some_and(|of| {
        of.is_lookup() || !of.options().is_empty() || matches!(of.kind, ColumnKind::Boolean { .. })
    });
    if helper {
        return Err(ApiError::not_emulated(&format!("the column '{name}', the name of another")));
    }
    Err(unknown_attribute(name, table))
}

/// Takes the conditions of the first table alone out of its test, so that an index may answer them.
fn narrowing(test: &mut Test) -> Filter {
    let mut alone = Vec::new();
    take_alone(test, &mut alone);
    Filter::And(alone)
}

fn take_alone(test: &mut Test, alone: &mut Vec<Filter>) {
    let Test::And(parts) = test else { return };
    for part in std::mem::take(parts) {
        match part {
            Test::Of(0, filter) => alone.push(filter),
            mut part @ Test::And(_) => {
                take_alone(&mut part, alone);
                parts.push(part);
            }
            part => match plain(part) {
                Ok(filter) => alone.push(filter),
                Err(part) => parts.push(part),
            },
        }
    }
}

/// A test as a filter of the first table, if it is one.
fn plain(test: Test) -> std::result::Result<Filter, Test> {
    if !is_plain(&test) {
        return Err(test);
    }
    match test {
        Test::Of(_, filter) => Ok(filter),
        Test::And(parts) => {
            Ok(Filter::And(parts.into_iter().filter_map(|it| plain(it).ok()).collect()))
        }
        Test::Or(parts) => {
            Ok(Filter::Or(parts.into_iter().filter_map(|it| plain(it).ok()).collect()))
        }
        other => Err(other),
    }
}

fn is_plain(test: &Test) -> bool {
    match test {
        Test::Of(source, _) => *source == 0,
        Test::And(parts) | Test::Or(parts) => parts.iter().all(is_plain),
        Test::Columns(..) | Test::Linked(_) => false,
    }
}
