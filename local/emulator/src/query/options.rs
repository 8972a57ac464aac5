//! Parses the query options of a URL.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::syntax::Expression;
use super::syntax_error::SyntaxError;
use super::{parser, text};

/// The query options of a URL: everything after the `?`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryOptions {
    /// `$select`.
    pub select: Option<Vec<String>>,
    /// `$filter`.
    pub filter: Option<Expression>,
    /// `$orderby`.
    pub order_by: Vec<Order>,
    /// `$top`.
    pub top: Option<u64>,
    /// `$count`.
    pub count: bool,
    /// `$expand`.
    pub expand: Vec<Expand>,
    /// `$apply`, not parsed.
    pub apply: Option<String>,
    /// `$skiptoken`.
    pub skip_token: Option<String>,
    /// `fetchXml`, not parsed.
    pub fetch_xml: Option<String>,
    /// Parameter aliases with their `@`, and their values, which are not parsed.
    pub aliases: BTreeMap<String, String>,
}

/// One item of `$orderby`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The property.
    pub path: Vec<String>,
    /// Whether the item has `desc`.
    pub descending: bool,
}

/// One item of `$expand`.
#[derive(Debug, Clone, PartialEq)]
pub struct Expand {
    /// The navigation property.
    pub name: String,
    /// Whether `/$ref` follows.
    pub reference_only: bool,
    /// The options in its parentheses.
    pub options: QueryOptions,
}

/// How deep `$expand` may be nested. Dataverse's own limit of 15 expands per query is checked
/// later, when names are looked up.
const EXPAND_DEPTH_LIMIT: usize = 20;

impl QueryOptions {
    /// Parses a query string as it is in the URL.
    pub fn parse(query: Option<&str>) -> Result<Self, SyntaxError> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if name.starts_with('@') {
                options.aliases.insert(name, value);
                continue;
            }
            once(&mut seen, &name)?;
            options.set(&name, &value, 0)?;
        }
        Ok(options)
    }

    /// The name of an option that is given beside `fetchXml` and `$count`.
    pub(super) fn other_than_count(&self) -> Option<&'static str> {
        let given = [
            (self.select.is_some(), "$select"),
            (self.filter.is_some(), "$filter"),
            (!self.order_by.is_empty(), "$orderby"),
            (self.top.is_some(), "$top"),
            (!self.expand.is_empty(), "$expand"),
            (self.apply.is_some(), "$apply"),
            (self.skip_token.is_some(), "$skiptoken"),
        ];
        given.iter().find(|(given, _)| *given).map(|(_, name)| *name)
    }

    fn set(&mut self, name: &str, value: &str, depth: usize) -> Result<(), SyntaxError> {
        match name {
            "$select" => self.select = Some(select(value)?),
            "$filter" => self.filter = Some(parser::filter(value)?),
            "$orderby" => self.order_by = order_by(value)?,
            "$top" => self.top = Some(top(value)?),
            "$expand" => self.expand = expand(value, depth)?,
            "$count" => {
                self.count = match value.trim() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(SyntaxError::InvalidOption {
                            option: "$count",
                            value: value.to_owned(),
                        });
                    }
                };
            }
            "$apply" if depth == 0 => self.apply = Some(value.to_owned()),
            "$skiptoken" if depth == 0 => self.skip_token = Some(value.to_owned()),
            "fetchXml" if depth == 0 => self.fetch_xml = Some(value.to_owned()),
            "$skip" => return Err(SyntaxError::Skip),
            _ => return Err(SyntaxError::UnsupportedOption(name.to_owned())),
        }
        Ok(())
    }
}

/// Decodes percent-encoding. A `+` is a space, as in every query string.
pub(super) fn decode(text: &str) -> Result<String, SyntaxError> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().map_err(|_| SyntaxError::Encoding)?;
    Ok(decoded.into_owned())
}

fn once(seen: &mut Vec<String>, name: &str) -> Result<(), SyntaxError> {
    if seen.iter().any(|other| other == name) {
        return Err(SyntaxError::RepeatedOption(name.to_owned()));
    }
    seen.push(name.to_owned());
    Ok(())
}

fn select(value: &str) -> Result<Vec<String>, SyntaxError> {
    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err(SyntaxError::InvalidOption { option: "$select", value: value.to_owned() });
    }
    Ok(names)
}

fn top(value: &str) -> Result<u64, SyntaxError> {
    value
        .trim()
        .parse()
        .map_err(|_| SyntaxError::InvalidOption { option: "$top", value: value.to_owned() })
}

fn order_by(value: &str) -> Result<Vec<Order>, SyntaxError> {
    let invalid = || SyntaxError::InvalidOption { option: "$orderby", value: value.to_owned() };
    text::split(value, ',')
        .map(|item| {
            let mut words = item.split_whitespace();
            let path = words.next().ok_or_else(invalid)?;
            let descending = match words.next() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(invalid()),
            };
            if words.next().is_some() || path.contains(['(', ')', '\'']) {
                return Err(invalid());
            }
            Ok(Order { path: path.split('/').map(str::to_owned).collect(), descending })
        })
        .collect()
}

fn expand(value: &str, depth: usize) -> Result<Vec<Expand>, SyntaxError> {
    if depth >= EXPAND_DEPTH_LIMIT {
        return Err(SyntaxError::TooDeep);
    }
    text::split(value, ',').map(|item| expand_item(item.trim(), depth)).collect()
}

fn expand_item(item: &str, depth: usize) -> Result<Expand, SyntaxError> {
    let invalid = || SyntaxError::InvalidOption { option: "$expand", value: item.to_owned() };
    let (path, inner) = match item.find('(') {
        None => (item, None),
        Some(open) => {
            let inner = item[open + 1..].strip_suffix(')').ok_or_else(invalid)?;
            (item[..open].trim_end(), Some(inner))
        }
    };
    let (name, reference_only) = match path.strip_suffix("/$ref") {
        Some(name) => (name, true),
        None => (path, false),
    };
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(invalid());
    }
    let mut options = QueryOptions::default();
    let mut seen = Vec::new();
    for part in inner.map(|inner| text::split(inner, ';')).into_iter().flatten() {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let (option, value) = part.split_once('=').ok_or_else(invalid)?;
        let option = option.trim();
        once(&mut seen, option)?;
        options.set(option, value.trim(), depth + 1)?;
    }
    Ok(Expand { name: name.to_owned(), reference_only, options })
}
