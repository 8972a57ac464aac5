//! Parses and links `data/metadata.json`.

use super::{
    App, ChoiceOption, CollectionNavigation, Column, ColumnId, ColumnKind, Metadata, Ownership,
    Relationship, RequiredLevel, SingleNavigation, Table, TableId,
};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Document {
    tables: Vec<TableFacts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFacts {
    name: String,
    schema: String,
    label: String,
    plural: String,
    code: i32,
    set: String,
    key: String,
    primary_name: Option<String>,
    base: Option<String>,
    #[serde(default, rename = "abstract")]
    is_abstract: bool,
    owner: OwnerFacts,
    app: Option<AppFacts>,
    privilege: String,
    columns: Vec<ColumnFacts>,
    single: Vec<SingleFacts>,
    collections: Vec<CollectionFacts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OwnerFacts {
    User,
    Business,
    Organization,
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AppFacts {
    Sales,
    Service,
    Either,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnFacts {
    name: String,
    #[serde(rename = "type")]
    kind: KindFacts,
    label: String,
    length: Option<u32>,
    #[serde(default)]
    options: Vec<OptionFacts>,
    labels: Option<[String; 2]>,
    range: Option<[Option<i64>; 2]>,
    base_of: Option<String>,
    required: Option<RequiredFacts>,
    create: Option<bool>,
    update: Option<bool>,
    #[serde(default)]
    indexed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindFacts {
    Guid,
    Lookup,
    String,
    Memo,
    Integer,
    BigInteger,
    Decimal,
    Money,
    Double,
    Boolean,
    Choice,
    State,
    Status,
    DateTime,
    Date,
    EntityName,
    Image,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RequiredFacts {
    Recommended,
    Application,
    System,
}

/// `[value, label]`, or `[value, label, state]` for a status reason.
#[derive(Deserialize)]
#[serde(untagged)]
enum OptionFacts {
    Plain(i32, String),
    Status(i32, String, i32),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SingleFacts {
    name: String,
    column: String,
    target: String,
    partner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectionFacts {
    name: String,
    target: String,
    partner: Option<String>,
    many_to_many: Option<String>,
}

/// The data file is part of the program, and a test loads it: a fault in it is a fault of the
/// build, not something that can happen to a user.
#[expect(clippy::expect_used, reason = "the file is embedded and a test loads it")]
pub(super) fn embedded() -> Metadata {
    let text = include_str!("../../data/metadata.json");
    let document: Document = serde_json::from_str(text).expect("metadata.json is well-formed");
    link(document).expect("metadata.json is consistent")
}

type Result<T> = std::result::Result<T, String>;

fn link(document: Document) -> Result<Metadata> {
    let ids: HashMap<String, TableId> = document
        .tables
        .iter()
        .zip(0u8..)
        .map(|(table, index)| (table.name.clone(), TableId(index)))
        .collect();
    let bases: Vec<Option<TableId>> = document
        .tables
        .iter()
        .map(|table| table.base.as_deref().map(|base| named(&ids, base)).transpose())
        .collect::<Result<_>>()?;
    let derived = |id: TableId| -> Vec<TableId> {
        (0u8..).zip(&bases).filter(|(_, b)| **b == Some(id)).map(|(i, _)| TableId(i)).collect()
    };
    let abstracts: Vec<bool> = document.tables.iter().map(|table| table.is_abstract).collect();
    let columns_of: Vec<HashMap<String, ColumnId>> =
        document.tables.iter().map(|table| column_ids(&table.columns)).collect();
    let partners: Vec<HashMap<String, ColumnId>> = document
        .tables
        .iter()
        .zip(&columns_of)
        .map(|(table, columns)| {
            let column =
                |facts: &SingleFacts| Some((facts.name.clone(), *columns.get(&facts.column)?));
            table.single.iter().filter_map(column).collect()
        })
        .collect();

    let mut tables = Vec::with_capacity(document.tables.len());
    for (facts, index) in document.tables.into_iter().zip(0u8..) {
        let id = TableId(index);
        let columns = &columns_of[id.index()];
        let column = |name: &str| {
            columns.get(name).copied().ok_or_else(|| format!("{}.{name} is no column", facts.name))
        };
        let single = facts
            .single
            .iter()
            .map(|navigation| {
                Ok(SingleNavigation {
                    name: navigation.name.clone(),
                    column: column(&navigation.column)?,
                    target: named(&ids, &navigation.target)?,
                    partner: navigation.partner.clone(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let collections = facts
            .collections
            .iter()
            .map(|navigation| collection(navigation, &ids, &partners))
            .collect::<Result<Vec<_>>>()?;
        let mut linked = Vec::with_capacity(facts.columns.len());
        for column_facts in &facts.columns {
            let place = column(&column_facts.name)?;
            let mut targets = Vec::new();
            for navigation in single.iter().filter(|navigation| navigation.column == place) {
                let all = if abstracts[navigation.target.index()] {
                    derived(navigation.target)
                } else {
                    vec![navigation.target]
                };
                targets
                    .extend(all.into_iter().filter(|t| !targets.contains(t)).collect::<Vec<_>>());
            }
            linked.push(link_column(column_facts, place, targets, columns)?);
        }
        tables.push(Table {
            id,
            key: column(&facts.key)?,
            primary_name: facts.primary_name.as_deref().map(column).transpose()?,
            schema_name: facts.schema,
            entity_set: facts.set,
            label: facts.label,
            plural_label: facts.plural,
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
            privilege: facts.privilege,
            is_abstract: facts.is_abstract,
            base: bases[id.index()],
            derived: derived(id),
            name: facts.name,
            column_names: index_by(&linked, |column| &column.name, |column| column.id),
            logical_names: index_by(&linked, |column| &column.logical_name, |column| column.id),
            single_names: positions(&single, |navigation| &navigation.name),
            collection_names: positions(&collections, |navigation| &navigation.name),
            columns: linked,
            single,
            collections,
        });
    }
    let by_name = index_by(&tables, |table| &table.name, |table| table.id);
    let by_entity_set = tables
        .iter()
        .filter(|table| table.name != "principal")
        .map(|table| (interned(&table.entity_set), table.id))
        .collect();
    Ok(Metadata { tables, by_name, by_entity_set })
}

fn named(ids: &HashMap<String, TableId>, name: &str) -> Result<TableId> {
    ids.get(name).copied().ok_or_else(|| format!("{name} is no table"))
}

fn column_ids(columns: &[ColumnFacts]) -> HashMap<String, ColumnId> {
    columns.iter().zip(0u16..).map(|(c, i)| (c.name.clone(), ColumnId(i))).collect()
}

fn collection(
    facts: &CollectionFacts,
    ids: &HashMap<String, TableId>,
    partners: &[HashMap<String, ColumnId>],
) -> Result<CollectionNavigation> {
    let target = named(ids, &facts.target)?;
    let relationship = match (&facts.partner, &facts.many_to_many) {
        (Some(partner), None) => Relationship::OneToMany {
            lookup: *partners[target.index()]
                .get(partner)
                .ok_or_else(|| format!("{} has no partner {partner}", facts.name))?,
            partner: partner.clone(),
        },
        (None, Some(name)) => Relationship::ManyToMany { name: name.clone() },
        _ => return Err(format!("{} needs a partner or many_to_many", facts.name)),
    };
    Ok(CollectionNavigation { name: facts.name.clone(), target, relationship })
}

fn link_column(
    facts: &ColumnFacts,
    id: ColumnId,
    targets: Vec<TableId>,
    columns: &HashMap<String, ColumnId>,
) -> Result<Column> {
    let logical_name = facts
        .name
        .strip_prefix('_')
        .and_then(|name| name.strip_suffix("_value"))
        .unwrap_or(&facts.name)
        .to_owned();
    let [low, high] = facts.range.unwrap_or_default();
    let options = || -> Vec<ChoiceOption> { facts.options.iter().map(option).collect() };
    // Microsoft publishes no range for most columns; these are the widest the types allow.
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
            base_of: facts.base_of.as_ref().and_then(|name| columns.get(name)).copied(),
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
        return Err(format!("a status reason of {} names no state", facts.name));
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

/// Schema names differ from logical names in letter case only, and neither the CSDL nor the
/// published column facts carry them. Where the label spells the name, its capitals are right
/// ("First Name" for `firstname`); elsewhere a leading capital has to do.
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

/// Names as keys that live as long as the metadata: the metadata is loaded once and never freed.
fn interned(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

fn index_by<T, V>(
    items: &[T],
    name: impl Fn(&T) -> &String,
    value: impl Fn(&T) -> V,
) -> HashMap<&'static str, V> {
    items.iter().map(|item| (interned(name(item)), value(item))).collect()
}

fn positions<T>(items: &[T], name: impl Fn(&T) -> &String) -> HashMap<&'static str, usize> {
    items.iter().enumerate().map(|(index, item)| (interned(name(item)), index)).collect()
}
