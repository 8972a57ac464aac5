//! `EntityDefinitions` and related paths: they describe the tables as data. Clients use them to
//! learn entity set names, keys, columns, options and relationships.
//!
//! The organization has no choices that tables share, so `GlobalOptionSetDefinitions` is empty.
//! Tables and columns cannot be added.

mod describe;
mod members;
mod shape;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::options::QueryOptions;
use super::resource::Segment;
use crate::data::{Metadata, Table};
use crate::message::{ApiError, ApiRequest, ApiResponse};
use crate::organization::Apps;

/// The result of a path below `EntityDefinitions`.
enum Node {
    /// Definitions of this type.
    Many(&'static str, Vec<Value>),
    /// One definition of this type.
    One(&'static str, Value),
}

/// Answers a request for definitions.
pub(crate) fn answer(
    request: &ApiRequest,
    segments: &[Segment],
    apps: Apps,
) -> Result<ApiResponse, ApiError> {
    if request.method != Method::GET {
        return Err(ApiError::not_emulated("changes of definitions: tables and columns are fixed"));
    }
    let options = QueryOptions::parse(request.query.as_deref())?;
    if options.top.is_some() || !options.order_by.is_empty() || options.skip_token.is_some() {
        return Err(ApiError::odata(
            "The query parameters $top, $orderby and $skiptoken are not supported for metadata.",
        ));
    }
    let mut node: Option<Node> = None;
    for segment in segments {
        node = Some(match node {
            None => root(segment, apps)?,
            Some(node) => step(node, segment)?,
        });
    }
    let Some(node) = node else { return Err(ApiError::unknown_segment("")) };
    // The value of a property is no definition.
    let one = matches!(&node, Node::One(_, value) if value.get("value").is_none());
    let context = context(segments, &options, one);
    let context = format!("{}$metadata#{context}", request.base);
    match node {
        Node::Many(kind, mut values) => {
            shape::filter(&mut values, kind, &options)?;
            for value in &mut values {
                shape::shape(value, kind, &options)?;
            }
            let mut body = json!({ "@odata.context": context });
            if options.count {
                body["@odata.count"] = values.len().into();
            }
            body["value"] = values.into();
            Ok(ApiResponse::json(StatusCode::OK, &body))
        }
        Node::One(kind, mut value) => {
            shape::shape(&mut value, kind, &options)?;
            let mut body = json!({ "@odata.context": context });
            if let (Value::Object(body), Value::Object(value)) = (&mut body, value) {
                body.extend(value);
            }
            Ok(ApiResponse::json(StatusCode::OK, &body))
        }
    }
}

/// The part of the context after `#`, as in recorded answers:
/// `EntityDefinitions('account')/Attributes(LogicalName,OptionSet(Options))`. The key of a definition
/// that is itself answered is left out.
fn context(segments: &[Segment], options: &QueryOptions, one: bool) -> String {
    let mut context = String::new();
    for (place, segment) in segments.iter().enumerate() {
        if place > 0 {
            context.push('/');
        }
        context.push_str(&segment.name);
        let answered = segments[place + 1..].iter().all(|it| it.name.contains('.'));
        if let (Some(inner), false) = (&segment.inner, answered) {
            let key = inner.split_once('=').map_or(inner.as_str(), |(_, key)| key.trim());
            let named = key.starts_with('\'');
            let key = key.trim_matches('\'');
            // A name is quoted, and an id is not.
            context.push_str(&if named { format!("('{key}')") } else { format!("({key})") });
        }
    }
    let mut parts = options.select.clone().unwrap_or_default();
    parts.extend(options.expand.iter().map(|expand| {
        let inner = expand.options.select.as_deref().unwrap_or_default().join(",");
        format!("{}({inner})", expand.name)
    }));
    if !parts.is_empty() {
        context.push_str(&format!("({})", parts.join(",")));
    }
    if one {
        context.push_str("/$entity");
    }
    context
}

fn tables(apps: Apps) -> impl Iterator<Item = &'static Table> {
    let all = Metadata::get().tables().iter();
    all.filter(move |table| apps.bring(table) && table.is_addressable)
}

fn root(segment: &Segment, apps: Apps) -> Result<Node, ApiError> {
    let (kind, values) = match segment.name.as_str() {
        "EntityDefinitions" => ("EntityMetadata", tables(apps).map(describe::table).collect()),
        "RelationshipDefinitions" => {
            let values = tables(apps).flat_map(|table| {
                let owned = describe::many_to_many(table).into_iter();
                describe::one_to_many(table).into_iter().chain(owned)
            });
            ("RelationshipMetadataBase", shape::distinct(values.collect()))
        }
        "GlobalOptionSetDefinitions" => ("OptionSetMetadataBase", Vec::new()),
        _ => return Err(ApiError::unknown_segment(&segment.name)),
    };
    keyed(kind, values, segment)
}

/// Follows one segment of a path from a definition.
fn step(node: Node, segment: &Segment) -> Result<Node, ApiError> {
    let unknown = || ApiError::unknown_segment(&segment.name);
    if let Some(cast) = segment.name.strip_prefix("Microsoft.Dynamics.CRM.") {
        let wanted = format!("#Microsoft.Dynamics.CRM.{cast}");
        let kind = describe::attribute_type(cast).ok_or_else(unknown)?;
        return match node {
            Node::Many(_, mut values) => {
                values.retain(|value| value["@odata.type"] == wanted.as_str());
                keyed(kind, values, segment)
            }
            Node::One(_, value) if value["@odata.type"] == wanted.as_str() => {
                Ok(Node::One(kind, value))
            }
            Node::One(..) => Err(unknown()),
        };
    }
    let Node::One(kind, value) = node else { return Err(unknown()) };
    match shape::related(kind, &value, &segment.name) {
        Some((kind, Value::Array(values))) => keyed(kind, values, segment),
        Some((kind, value)) => Ok(Node::One(kind, value)),
        // A plain property.
        None => match value.get(&segment.name) {
            Some(value) if segment.inner.is_none() && !segment.name.starts_with('@') => {
                Ok(Node::One(kind, json!({ "value": value })))
            }
            _ => Err(unknown()),
        },
    }
}

/// All definitions, or the one that the parentheses name by its id or name.
fn keyed(kind: &'static str, values: Vec<Value>, segment: &Segment) -> Result<Node, ApiError> {
    let Some(inner) = segment.inner.as_deref() else { return Ok(Node::Many(kind, values)) };
    let (property, wanted) = match inner.split_once('=') {
        None => ("MetadataId", inner.trim().to_ascii_lowercase()),
        Some((property, value)) => (property.trim(), value.trim().trim_matches('\'').to_owned()),
    };
    if !matches!(property, "MetadataId" | "LogicalName" | "SchemaName" | "Name") {
        return Err(ApiError::odata("Bad Request - Error in query syntax."));
    }
    let found = values.into_iter().find(|value| value[property] == wanted.as_str());
    found.map(|value| Node::One(kind, value)).ok_or_else(|| missing(kind, &wanted))
}

fn missing(kind: &str, name: &str) -> ApiError {
    let (code, message) = if kind == "EntityMetadata" {
        (
            0x8004_1102,
            format!("The entity with a name = '{name}' was not found in the MetadataCache."),
        )
    } else {
        (0x8004_1103, format!("Could not find '{name}'. The specified attribute does not exist."))
    };
    ApiError::new(StatusCode::NOT_FOUND, code, message)
}
