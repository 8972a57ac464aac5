//! Reads the path of a URL: which rows, which column, or which function it names.

use uuid::Uuid;

use super::lexer::guid;
use super::options::decode;
use super::syntax::Literal;
use super::syntax_error::SyntaxError;
use super::{parser, text};
use crate::data::{
    CollectionNavigation, Column, Metadata, SingleNavigation, Table, is_not_emulated,
};
use crate::message::ApiError;

/// The thing that a path names.
#[derive(Debug)]
pub(crate) enum Resource {
    /// The list of entity sets.
    ServiceDocument,
    /// `$metadata`.
    MetadataDocument,
    /// `EntityDefinitions…` and related paths, split into segments.
    Definitions(Vec<Segment>),
    /// An unbound function or action, such as `WhoAmI`. It need not exist.
    Unbound(Call),
    /// Rows.
    Rows(RowsPath),
}

/// A path that starts at an entity set.
#[derive(Debug)]
pub(crate) struct RowsPath {
    /// The entity set.
    pub(crate) root: &'static Table,
    /// The key after the entity set.
    pub(crate) key: Option<Key>,
    /// The navigation properties that follow.
    pub(crate) steps: Vec<Step>,
    /// The end of the path.
    pub(crate) end: End,
}

/// A row's address within its entity set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Key {
    /// The primary key.
    Id(Uuid),
    /// Other columns in place of the primary key.
    Alternate(Vec<(String, Literal)>),
}

/// One step of a path.
#[derive(Debug)]
pub(crate) enum Step {
    /// To the row that a lookup points at.
    Single(&'static SingleNavigation),
    /// To a collection, or to one row of it.
    Collection(&'static CollectionNavigation, Option<Uuid>),
    /// From a base table to a derived one.
    Cast(&'static Table),
}

/// The end of a path.
#[derive(Debug)]
pub(crate) enum End {
    /// The row or rows themselves.
    Rows,
    /// `$count`.
    Count,
    /// `$ref`.
    Reference,
    /// A column.
    Column(&'static Column),
    /// A column's `$value`.
    ColumnValue(&'static Column),
    /// A bound function or action. Its name has no `Microsoft.Dynamics.CRM.`.
    Bound(Call),
}

/// A function or action with the arguments in its parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The name of the function or action.
    pub(crate) name: String,
    /// The names of the parameters, each with its value or alias, which is not parsed.
    pub(crate) arguments: Vec<(String, String)>,
}

/// A part of a path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The text before the parentheses.
    pub(crate) name: String,
    /// The text in the parentheses.
    pub(crate) inner: Option<String>,
}

impl RowsPath {
    /// The table of the rows at the end of the path.
    pub(crate) fn target(&self) -> &'static Table {
        self.steps.last().map_or(self.root, Step::table)
    }

    /// Whether the path ends at one row and not at a collection.
    pub(crate) fn is_single(&self) -> bool {
        let mut single = self.key.is_some();
        for step in &self.steps {
            single = match step {
                Step::Single(_) => single,
                Step::Collection(_, id) => id.is_some(),
                Step::Cast(_) => single,
            };
        }
        single
    }
}

impl Step {
    /// The table that the step leads to.
    pub(crate) fn table(&self) -> &'static Table {
        match self {
            Self::Single(navigation) => navigation.target.table(),
            Self::Collection(navigation, _) => navigation.target.table(),
            Self::Cast(table) => table,
        }
    }
}

impl Call {
    /// The value of a parameter, not parsed. An alias is looked up in the query options.
    pub(crate) fn argument<'a>(
        &'a self,
        name: &str,
        aliases: &'a std::collections::BTreeMap<String, String>,
    ) -> Option<&'a str> {
        let (_, value) = self.arguments.iter().find(|(parameter, _)| parameter == name)?;
        if value.starts_with('@') { aliases.get(value).map(String::as_str) } else { Some(value) }
    }
}

/// Bound functions and actions that clients often call without their full name.
const BOUND: [&str; 5] = [
    "QualifyLead",
    "RetrieveUserPrivileges",
    "RetrieveUserPrivilegeByPrivilegeName",
    "CalculatePrice",
    "PublishProductHierarchy",
];

/// Parses a path below `/api/data/v9.2/` as it is in the URL.
pub(crate) fn parse(path: &str) -> Result<Resource, ApiError> {
    // Web servers decode a path before they pass it on, so `%2F` and `%27` are a slash and a quote.
    let decoded = decode_path(path)?;
    let trimmed = decoded.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(Resource::ServiceDocument);
    }
    let mut segments =
        text::split(trimmed, '/').map(segment).collect::<Result<Vec<_>, _>>()?.into_iter();
    let Some(first) = segments.next() else { return Ok(Resource::ServiceDocument) };
    match first.name.as_str() {
        "$metadata" if first.inner.is_none() && segments.len() == 0 => {
            return Ok(Resource::MetadataDocument);
        }
        "EntityDefinitions"
        | "GlobalOptionSetDefinitions"
        | "RelationshipDefinitions"
        | "ManagedPropertyDefinitions" => {
            return Ok(Resource::Definitions(std::iter::once(first).chain(segments).collect()));
        }
        _ => {}
    }
    let Some(root) = Metadata::get().entity_set(&first.name) else {
        if is_not_emulated(&first.name) {
            return Err(not_emulated(&first.name));
        }
        if segments.next().is_some() {
            return Err(ApiError::unknown_segment(&first.name));
        }
        let call = call(first)?;
        if BOUND.contains(&call.name.as_str()) {
            return Err(unresolved());
        }
        return Ok(Resource::Unbound(call));
    };
    rows(root, first.inner, segments).map(Resource::Rows)
}

fn rows(
    root: &'static Table,
    inner: Option<String>,
    segments: impl Iterator<Item = Segment>,
) -> Result<RowsPath, ApiError> {
    let key = inner.map(|inner| key(root, &inner)).transpose()?;
    let mut path = RowsPath { root, key, steps: Vec::new(), end: End::Rows };
    for segment in segments {
        path.end = match path.end {
            End::Rows => after_rows(&mut path, segment)?,
            End::Column(column) if segment.name == "$value" && segment.inner.is_none() => {
                End::ColumnValue(column)
            }
            _ => return Err(ApiError::unknown_segment(&segment.name)),
        };
    }
    Ok(path)
}

fn after_rows(path: &mut RowsPath, segment: Segment) -> Result<End, ApiError> {
    let table = path.target();
    let single = path.is_single();
    let plain = segment.inner.is_none();
    match segment.name.as_str() {
        "$count" if plain && !single => return Ok(End::Count),
        "$ref" if plain && !path.steps.is_empty() => return Ok(End::Reference),
        _ => {}
    }
    if let Some(name) = segment.name.strip_prefix("Microsoft.Dynamics.CRM.") {
        if let Some(derived) = Metadata::get().table(name) {
            if !table.covers(derived.id) || !plain {
                return Err(ApiError::unknown_segment(&segment.name));
            }
            path.steps.push(Step::Cast(derived));
            return Ok(End::Rows);
        }
        if is_not_emulated(name) {
            return Err(not_emulated(name));
        }
        let call = call(Segment { name: name.to_owned(), ..segment })?;
        return Ok(End::Bound(call));
    }
    if !single {
        return Err(unknown(&segment.name));
    }
    if let Some(navigation) = table.collection_navigation(&segment.name) {
        let id = match segment.inner {
            None => None,
            Some(inner) => match key(navigation.target.table(), &inner)? {
                Key::Id(id) => Some(id),
                Key::Alternate(_) => return Err(wrong_key(navigation.target.table())),
            },
        };
        path.steps.push(Step::Collection(navigation, id));
        return Ok(End::Rows);
    }
    if plain {
        if let Some(navigation) = table.single_navigation(&segment.name) {
            path.steps.push(Step::Single(navigation));
            return Ok(End::Rows);
        }
        if let Some(column) = table.column(&segment.name) {
            return Ok(End::Column(column));
        }
    }
    Err(unknown(&segment.name))
}

/// What the emulator says of a name that Dataverse has.
fn not_emulated(name: &str) -> ApiError {
    ApiError::not_emulated(&format!("'{name}', which Dataverse may have"))
}

fn unknown(name: &str) -> ApiError {
    if BOUND.contains(&name) { unresolved() } else { ApiError::unknown_segment(name) }
}

/// The refusal of a bound action that is called without its full name, as in Microsoft's
/// documentation of Web API actions.
fn unresolved() -> ApiError {
    ApiError::odata("Request message has unresolved parameters.")
}

fn segment(text: &str) -> Result<Segment, SyntaxError> {
    if text.is_empty() {
        return Err(SyntaxError::Path);
    }
    match text.find('(') {
        None => Ok(Segment { name: text.to_owned(), inner: None }),
        Some(open) => {
            let inner = text[open + 1..].strip_suffix(')').ok_or(SyntaxError::Path)?;
            Ok(Segment { name: text[..open].to_owned(), inner: Some(inner.to_owned()) })
        }
    }
}

/// Decodes a path. In a path, `+` is a plus.
fn decode_path(text: &str) -> Result<String, SyntaxError> {
    decode(&text.replace('+', "%2B"))
}

fn call(segment: Segment) -> Result<Call, ApiError> {
    let mut arguments = Vec::new();
    let inner = segment.inner.unwrap_or_default();
    if !inner.trim().is_empty() {
        for argument in text::split(&inner, ',') {
            let (name, value) = argument.split_once('=').ok_or(SyntaxError::Path)?;
            arguments.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(Call { name: segment.name, arguments })
}

/// The key in the parentheses after an entity set.
pub(crate) fn key(table: &Table, inner: &str) -> Result<Key, ApiError> {
    if let Some(id) = guid(inner.trim()) {
        return Ok(Key::Id(id));
    }
    let mut columns = Vec::new();
    for part in text::split(inner, ',') {
        let equals = text::outside(part, '=').ok_or(SyntaxError::Path)?;
        let (name, value) = (part[..equals].trim(), part[equals + 1..].trim());
        let literal = parser::literal(value)?;
        if name == table.key_column().name {
            return match literal {
                Literal::Guid(id) if inner == part => Ok(Key::Id(id)),
                _ => Err(SyntaxError::Path.into()),
            };
        }
        columns.push((name.to_owned(), literal));
    }
    Ok(Key::Alternate(columns))
}

/// The refusal of a key. The organization has no alternate keys, as Dataverse has none out of the
/// box.
pub(crate) fn wrong_key(table: &Table) -> ApiError {
    ApiError::odata(format!(
        "The number of keys specified in the URI does not match number of key properties for the \
         resource '{}'.",
        table.type_name()
    ))
}
