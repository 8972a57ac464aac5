//! Builds the tables from the facts in `data/`. Names become places, a derived table gets the
//! columns of its base, and every lookup gets the collection on its other side.

use std::collections::{HashMap, HashSet};

use super::column::{ChoiceOption, Column, ColumnKind, RequiredLevel};
use super::facts::{
    AppFacts, ColumnFacts, FactsError, KindFacts, ManyToManyFacts, NavigationFacts, OptionFacts,
    OwnerFacts, RequiredFacts, TableFacts,
};
use super::ids::{ColumnId, TableId};
use super::table::{
    App, CollectionNavigation, Ownership, Parties, Relationship, SingleNavigation, Table,
};

type Result<T> = std::result::Result<T, FactsError>;

/// The tables, in the order of their facts.
pub(super) fn tables(facts: Vec<TableFacts>, many: &[ManyToManyFacts]) -> Result<Vec<Table>> {
    let all = Facts::new(&facts)?;
    for relationship in many {
        for name in &relationship.tables {
            all.named(&relationship.name, name)?;
        }
    }
    (0..facts.len()).map(|index| all.table(index, many)).collect()
}

/// The facts of all tables. The facts of a base are repeated for its derived tables.
struct Facts<'f> {
    tables: &'f [TableFacts],
    ids: HashMap<&'f str, TableId>,
    /// The columns of each table. Those of its base come first, at the same places.
    columns: Vec<Vec<&'f ColumnFacts>>,
    places: Vec<HashMap<&'f str, ColumnId>>,
}

impl<'f> Facts<'f> {
    fn new(tables: &'f [TableFacts]) -> Result<Self> {
        let mut ids = HashMap::new();
        for (index, table) in tables.iter().enumerate() {
            let id = TableId(index.try_into().map_err(|_| FactsError::TooMany)?);
            if ids.insert(table.name.as_str(), id).is_some() {
                return Err(twice(table, &table.name));
            }
        }
        let mut facts = Self { tables, ids, columns: Vec::new(), places: Vec::new() };
        for (index, table) in tables.iter().enumerate() {
            once_each(table, table.columns.iter().map(|column| column.name.as_str()))?;
            once_each(table, table.navigations.iter().map(|link| link.name.as_str()))?;
            let lineage = facts.lineage(index)?;
            let columns = merged(&lineage, |of| &of.columns, |column| &column.name);
            let mut places = HashMap::new();
            for (place, column) in columns.iter().enumerate() {
                let place = ColumnId(place.try_into().map_err(|_| FactsError::TooMany)?);
                places.insert(column.name.as_str(), place);
            }
            facts.columns.push(columns);
            facts.places.push(places);
        }
        Ok(facts)
    }

    fn named(&self, table: &str, name: &str) -> Result<TableId> {
        self.ids
            .get(name)
            .copied()
            .ok_or_else(|| FactsError::NoTable { table: table.to_owned(), name: name.to_owned() })
    }

    fn place(&self, index: usize, name: &str) -> Result<ColumnId> {
        self.places[index].get(name).copied().ok_or_else(|| FactsError::NoColumn {
            table: self.tables[index].name.clone(),
            name: name.to_owned(),
        })
    }

    /// The bases of a table, the uppermost first, and the table itself.
    fn lineage(&self, index: usize) -> Result<Vec<&'f TableFacts>> {
        let mut lineage = vec![&self.tables[index]];
        while let Some(base) = &lineage[0].base {
            let base = self.named(&self.tables[index].name, base)?;
            lineage.insert(0, &self.tables[base.index()]);
            if lineage.len() > self.tables.len() {
                return Err(twice(&self.tables[index], "the table among its own bases"));
            }
        }
        Ok(lineage)
    }

    fn derived(&self, name: &str) -> Vec<TableId> {
        let with_base = self.tables.iter().filter(|table| table.base.as_deref() == Some(name));
        with_base.filter_map(|table| self.ids.get(table.name.as_str()).copied()).collect()
    }

    fn table(&self, index: usize, many: &[ManyToManyFacts]) -> Result<Table> {
        let facts = &self.tables[index];
        let lineage = self.lineage(index)?;
        let single = self.single(index, &lineage)?;
        let collections = self.collections(facts, &lineage, many)?;
        let columns = self.columns[index].iter().zip(0u16..).map(|(column, place)| {
            let place = ColumnId(place);
            let targets = self.targets(single.iter().filter(|link| link.column == place));
            link_column(facts, column, place, targets, &self.places[index])
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let base = facts.base.as_deref().map(|base| self.named(&facts.name, base)).transpose()?;
        let primary_name = facts.primary_name.as_deref();
        Ok(Table {
            id: self.named(&facts.name, &facts.name)?,
            key: self.place(index, &facts.key)?,
            primary_name: primary_name.map(|name| self.place(index, name)).transpose()?,
            name: facts.name.clone(),
            schema_name: facts.schema.clone(),
            entity_set: facts.set.clone(),
            label: facts.label.clone(),
            plural_label: facts.plural.clone(),
            object_type_code: facts.code,
            ownership: match facts.owner {
                OwnerFacts::User => Ownership::User,
                OwnerFacts::Business => Ownership::Business,
                OwnerFacts::Organization => Ownership::Organization,
                OwnerFacts::None => Ownership::None,
            },
            app: match facts.app {
                None => App::Base,
                Some(AppFacts::Sales) => App::Sales,
                Some(AppFacts::Service) => App::Service,
                Some(AppFacts::Either) => App::SalesOrService,
            },
            privilege: facts.privilege.clone(),
            is_abstract: facts.is_abstract,
            is_activity: lineage.iter().any(|table| table.activity),
            is_part: facts.part,
            is_addressable: facts.addressable,
            parties: facts.parties.as_ref().map(|parties| Parties {
                masks: parties.masks.clone(),
                bare_addresses: parties.bare_addresses,
            }),
            base,
            derived: self.derived(&facts.name),
            column_names: names(&columns, |column| &column.name, |_, column| column.id),
            logical_names: names(&columns, |column| &column.logical_name, |_, column| column.id),
            single_names: names(&single, |link| &link.name, |place, _| place),
            collection_names: names(&collections, |link| &link.name, |place, _| place),
            columns,
            single,
            collections,
        })
    }

    fn single(&self, index: usize, lineage: &[&'f TableFacts]) -> Result<Vec<SingleNavigation>> {
        let links = merged(lineage, |table| &table.navigations, |link| &link.name);
        let single = links.into_iter().map(|link| {
            Ok(SingleNavigation {
                name: link.name.clone(),
                column: self.place(index, &link.column)?,
                target: self.named(&self.tables[index].name, &link.target)?,
                partner: link.partner.clone(),
            })
        });
        single.collect()
    }

    /// The collections of a table: one for each lookup that points at the table or its base, and
    /// one for each of its many-to-many relationships.
    fn collections(
        &self,
        facts: &TableFacts,
        lineage: &[&'f TableFacts],
        many: &[ManyToManyFacts],
    ) -> Result<Vec<CollectionNavigation>> {
        let mut collections = Vec::new();
        // A table that no URL can name needs none of these. Its derived tables have them.
        for aim in lineage.iter().filter(|_| facts.addressable) {
            for (index, other) in self.tables.iter().enumerate() {
                let leading = other.navigations.iter().filter(|link| link.target == aim.name);
                for NavigationFacts { name, column, partner, .. } in leading {
                    let Some(collection) = partner else { continue };
                    let lookup = self.place(index, column)?;
                    let relationship = Relationship::OneToMany { lookup, partner: name.clone() };
                    let target = self.named(&other.name, &other.name)?;
                    let name = collection.clone();
                    collections.push(CollectionNavigation { name, target, relationship });
                }
            }
        }
        for ManyToManyFacts { name, tables: [one, other] } in many {
            let target = match (*one == facts.name, *other == facts.name) {
                (true, _) => other,
                (_, true) => one,
                _ => continue,
            };
            collections.push(CollectionNavigation {
                name: name.clone(),
                target: self.named(name, target)?,
                relationship: Relationship::ManyToMany { name: name.clone() },
            });
        }
        Ok(collections)
    }

    /// The tables that a lookup may point at. An abstract table is listed as the tables that it
    /// stands for.
    fn targets<'l>(&self, links: impl Iterator<Item = &'l SingleNavigation>) -> Vec<TableId> {
        let mut targets = Vec::new();
        for link in links {
            let facts = &self.tables[link.target.index()];
            let meant =
                if facts.is_abstract { self.derived(&facts.name) } else { vec![link.target] };
            targets
                .extend(meant.into_iter().filter(|id| !targets.contains(id)).collect::<Vec<_>>());
        }
        targets
    }
}

fn twice(table: &TableFacts, name: &str) -> FactsError {
    FactsError::Twice { table: table.name.clone(), name: name.to_owned() }
}

fn once_each<'n>(table: &TableFacts, names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut seen = HashSet::new();
    names.into_iter().try_for_each(
        |name| {
            if seen.insert(name) { Ok(()) } else { Err(twice(table, name)) }
        },
    )
}

/// The items of all tables of a lineage, in order. If a derived table has an item with the same
/// name as its base, that item replaces the one of the base.
fn merged<'f, T>(
    lineage: &[&'f TableFacts],
    list: impl Fn(&'f TableFacts) -> &'f Vec<T>,
    name: impl Fn(&T) -> &String,
) -> Vec<&'f T> {
    let mut all: Vec<&T> = Vec::new();
    for table in lineage {
        for item in list(table) {
            match all.iter().position(|other| name(other) == name(item)) {
                Some(place) => all[place] = item,
                None => all.push(item),
            }
        }
    }
    all
}

fn link_column(
    table: &TableFacts,
    facts: &ColumnFacts,
    id: ColumnId,
    targets: Vec<TableId>,
    columns: &HashMap<&str, ColumnId>,
) -> Result<Column> {
    let logical_name = facts
        .name
        .strip_prefix('_')
        .and_then(|name| name.strip_suffix("_value"))
        .unwrap_or(&facts.name)
        .to_owned();
    let [low, high] = facts.range.unwrap_or_default();
    let options = || -> Vec<ChoiceOption> { facts.options.iter().map(option).collect() };
    // Microsoft publishes no range for most columns. These are the widest ranges of the types.
    let kind = match facts.kind {
        KindFacts::Guid => ColumnKind::Guid,
        KindFacts::Lookup => ColumnKind::Lookup { targets },
        KindFacts::String => ColumnKind::Text { max_length: facts.length, multiline: false },
        KindFacts::Memo => ColumnKind::Text { max_length: facts.length, multiline: true },
        KindFacts::Integer => ColumnKind::Integer {
            min: low.and_then(|low| i32::try_from(low).ok()).unwrap_or(i32::MIN),
            max: high.and_then(|high| i32::try_from(high).ok()).unwrap_or(i32::MAX),
        },
        KindFacts::BigInteger => ColumnKind::BigInteger,
        KindFacts::Decimal => ColumnKind::Decimal {
            min: low.unwrap_or(-100_000_000_000),
            max: high.unwrap_or(100_000_000_000),
        },
        KindFacts::Money => ColumnKind::Money {
            min: low.unwrap_or(-922_337_203_685_477),
            max: high.unwrap_or(922_337_203_685_477),
            base_of: facts.base_of.as_deref().and_then(|name| columns.get(name)).copied(),
        },
        KindFacts::Double => ColumnKind::Double,
        KindFacts::Boolean => {
            let [no, yes] = facts.labels.clone().unwrap_or_else(|| ["No".into(), "Yes".into()]);
            ColumnKind::Boolean { no, yes }
        }
        KindFacts::Choice => ColumnKind::Choice(options()),
        KindFacts::State => ColumnKind::State(options()),
        KindFacts::Status => ColumnKind::Status(options()),
        KindFacts::DateTime => ColumnKind::DateTime,
        KindFacts::Date => ColumnKind::Date,
        KindFacts::EntityName => ColumnKind::EntityName,
        KindFacts::Image => ColumnKind::Image,
    };
    if let ColumnKind::Status(options) = &kind
        && options.iter().any(|option| option.state.is_none())
    {
        return Err(FactsError::NoState { table: table.name.clone(), name: facts.name.clone() });
    }
    Ok(Column {
        id,
        schema_name: schema_name(&logical_name, &facts.label),
        indexed: facts.indexed
            || matches!(kind, ColumnKind::Lookup { .. })
            || logical_name == "stageid",
        name: facts.name.clone(),
        logical_name,
        label: facts.label.clone(),
        kind,
        required: match facts.required {
            None => RequiredLevel::None,
            Some(RequiredFacts::Recommended) => RequiredLevel::Recommended,
            Some(RequiredFacts::Application) => RequiredLevel::Application,
            Some(RequiredFacts::System) => RequiredLevel::System,
        },
        valid_for_create: facts.create.unwrap_or(true),
        valid_for_update: facts.update.unwrap_or(true),
    })
}

fn option(facts: &OptionFacts) -> ChoiceOption {
    match facts {
        OptionFacts::Plain(value, label) => {
            ChoiceOption { value: *value, label: label.clone(), state: None }
        }
        OptionFacts::Status(value, label, state) => {
            ChoiceOption { value: *value, label: label.clone(), state: Some(*state) }
        }
    }
}

/// The schema name. It differs from the logical name only in upper and lower case, but neither the
/// CSDL nor the published column facts contain it. If the label has the same letters, its capitals
/// are right ("First Name" for `firstname`). Otherwise only the first letter becomes a capital.
fn schema_name(logical_name: &str, label: &str) -> String {
    let spelled: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    for candidate in [spelled.clone(), format!("{spelled}Id")] {
        if candidate.eq_ignore_ascii_case(logical_name) {
            return candidate;
        }
    }
    if logical_name.starts_with("new_") {
        return logical_name.to_owned();
    }
    let mut letters = logical_name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// A name as a key that lives as long as the metadata, which is loaded once and never freed.
pub(super) fn interned(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

fn names<T, V>(
    items: &[T],
    name: impl Fn(&T) -> &String,
    value: impl Fn(usize, &T) -> V,
) -> HashMap<&'static str, V> {
    let places = items.iter().enumerate();
    places.map(|(place, item)| (interned(name(item)), value(place, item))).collect()
}
