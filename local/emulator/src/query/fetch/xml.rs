//! Reads FetchXML.
//!
//! The text comes from outside, so it is bounded before it is understood: no document types (and so
//! no entities of its own), a limit on nodes, and a limit on nesting.

use roxmltree::{Document, Node, ParsingOptions};

use super::refusal;
use super::tree::{
    Aggregate, Attribute, Columns, Condition, DateGrouping, Entity, Extent, Fetch, Filter, Join,
    Link, Operand, Order, Quantifier, Role,
};
use crate::message::{ApiError, PAGE_SIZE_LIMIT};

type Result<T> = std::result::Result<T, ApiError>;

/// The most nodes. A URL is shorter than this many of the shortest.
const NODE_LIMIT: u32 = 50_000;
/// How deep elements may be nested. No source says what Dataverse allows.
const DEPTH_LIMIT: usize = 60;
/// The most joins (Microsoft's documentation, "Join tables using FetchXml").
const LINK_LIMIT: usize = 15;
/// The most conditions and joins together ("Filter rows using FetchXml").
const CONDITION_LIMIT: usize = 500;
/// The most values of a condition. The database takes 2,100 parameters.
const VALUE_LIMIT: usize = 2_000;
/// The most rows that are aggregated.
const AGGREGATE_LIMIT: usize = 50_000;

/// Parses a query.
pub fn parse(text: &str) -> Result<Fetch> {
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: NODE_LIMIT, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(text.trim(), options).map_err(|_| refusal::not_xml())?;
    Parser::default().fetch(Element(document.root_element()))
}

/// An element.
#[derive(Clone, Copy)]
struct Element<'a>(Node<'a, 'a>);

impl<'a> Element<'a> {
    fn name(self) -> &'a str {
        self.0.tag_name().name()
    }

    /// The elements inside. Text has no place among them.
    fn children(self) -> Result<Vec<Self>> {
        let stray = |node: &Node<'_, '_>| {
            node.is_text() && !node.text().unwrap_or_default().trim().is_empty()
        };
        if self.0.children().any(|node| stray(&node)) {
            return Err(refusal::unknown_element());
        }
        Ok(self.0.children().filter(Node::is_element).map(Element).collect())
    }

    fn text(self) -> Result<String> {
        if self.0.children().any(|node| node.is_element()) {
            return Err(refusal::unknown_element());
        }
        Ok(self.0.children().filter_map(|node| node.text()).collect())
    }

    /// Checks that the element has only these attributes. Dataverse itself may pass over others,
    /// but no source says so.
    fn only(self, known: &[&str]) -> Result<()> {
        match self.0.attributes().find(|attribute| !known.contains(&attribute.name())) {
            None => Ok(()),
            Some(attribute) => Err(ApiError::not_emulated(&format!(
                "the attribute '{}' of <{}> in FetchXML",
                attribute.name(),
                self.name()
            ))),
        }
    }

    fn get(self, name: &str) -> Option<&'a str> {
        self.0.attribute(name)
    }

    fn owned(self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn required(self, name: &str) -> Result<String> {
        let value = self.owned(name).filter(|value| !value.is_empty());
        value.ok_or_else(refusal::missing_attribute)
    }

    fn flag(self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(refusal::invalid_flag(name)),
        }
    }

    fn number(self, name: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.trim().parse() {
            Ok(0) => Err(refusal::not_above_zero()),
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(refusal::invalid_attribute_value()),
        }
    }

    /// An alias: letters, digits and underscores, and no digit first.
    fn alias(self) -> Result<Option<String>> {
        let Some(alias) = self.owned("alias").filter(|alias| !alias.is_empty()) else {
            return Ok(None);
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if alias.starts_with(|first: char| first.is_ascii_digit()) || !alias.chars().all(plain) {
            return Err(refusal::invalid_attribute_value());
        }
        Ok(Some(alias))
    }
}

/// The joins and conditions so far.
#[derive(Default)]
struct Parser {
    links: usize,
    conditions: usize,
    depth: usize,
}

impl Parser {
    fn fetch(&mut self, element: Element<'_>) -> Result<Fetch> {
        if element.name() != "fetch" {
            return Err(refusal::malformed());
        }
        if element.get("utc-offset").is_some() {
            return Err(refusal::utc_offset());
        }
        // `version`, `output-format` and `mapping` are left over from older versions. `options`,
        // `latematerialize` and `no-lock` are for the database and change no result.
        element.only(&[
            "version",
            "output-format",
            "mapping",
            "options",
            "latematerialize",
            "no-lock",
            "aggregate",
            "aggregatelimit",
            "count",
            "distinct",
            "page",
            "paging-cookie",
            "returntotalrecordcount",
            "top",
            "useraworderby",
        ])?;
        if !matches!(element.get("mapping"), None | Some("logical" | "internal")) {
            return Err(refusal::invalid_mapping());
        }
        element.flag("no-lock")?;
        element.flag("latematerialize")?;
        let limit = element.number("aggregatelimit")?.unwrap_or(AGGREGATE_LIMIT);
        let aggregate = element.flag("aggregate")?.then_some(limit.min(AGGREGATE_LIMIT));
        let total = element.flag("returntotalrecordcount")?;
        let extent = extent(element, total)?;
        let children = element.children()?;
        let entity = match children.as_slice() {
            [] => return Err(refusal::missing_element()),
            [entity] if entity.name() == "entity" => *entity,
            _ => return Err(refusal::unknown_element()),
        };
        entity.only(&["name"])?;
        Ok(Fetch {
            entity: self.entity(entity, aggregate.is_some(), true)?,
            extent,
            total,
            distinct: element.flag("distinct")?,
            aggregate,
            raw_order: element.flag("useraworderby")?,
        })
    }

    /// What is inside of an `entity` or a `link-entity`.
    fn entity(&mut self, element: Element<'_>, aggregate: bool, root: bool) -> Result<Entity> {
        self.nested(|parser| {
            let mut entity = Entity {
                name: element.required("name")?,
                columns: Columns::Named(Vec::new()),
                filters: Vec::new(),
                links: Vec::new(),
                orders: Vec::new(),
            };
            let mut none = false;
            for child in element.children()? {
                match child.name() {
                    "attribute" => {
                        let attribute = attribute(child, aggregate)?;
                        if let Columns::Named(columns) = &mut entity.columns {
                            columns.push(attribute);
                        }
                    }
                    "all-attributes" => {
                        child.only(&[])?;
                        entity.columns = Columns::All;
                    }
                    "no-attrs" => none = true,
                    "filter" => entity.filters.push(parser.filter(child)?),
                    "link-entity" => entity.links.push(parser.link(child, aggregate, join)?),
                    "order" => entity.orders.push(order(child, root)?),
                    _ => return Err(refusal::unknown_element()),
                }
            }
            // "The same as not adding any attribute elements": the documentation of all-attributes.
            let named_none =
                matches!(&entity.columns, Columns::Named(columns) if columns.is_empty());
            if root && named_none && !none && !aggregate {
                entity.columns = Columns::All;
            }
            Ok(entity)
        })
    }

    fn link<K>(
        &mut self,
        element: Element<'_>,
        aggregate: bool,
        kind: fn(Option<&str>) -> Result<K>,
    ) -> Result<Link<K>> {
        self.links += 1;
        if self.links > LINK_LIMIT {
            return Err(refusal::too_many_links());
        }
        self.count()?;
        element.only(&["name", "from", "to", "link-type", "alias", "intersect", "visible"])?;
        let (from, to) = match (element.owned("from"), element.owned("to")) {
            (Some(from), Some(to)) => (from, to),
            (None, None) => {
                return Err(ApiError::not_emulated("a <link-entity> without 'from' and 'to'"));
            }
            _ => return Err(refusal::one_sided_link()),
        };
        Ok(Link {
            from,
            to,
            alias: element.alias()?,
            kind: kind(element.get("link-type"))?,
            entity: self.entity(element, aggregate, false)?,
        })
    }

    fn filter(&mut self, element: Element<'_>) -> Result<Filter> {
        self.nested(|parser| {
            element.only(&["type", "hint", "isquickfindfields"])?;
            element.flag("isquickfindfields")?;
            let or = match element.get("type") {
                None | Some("and") => false,
                Some("or") => true,
                Some(_) => return Err(refusal::invalid_filter_type()),
            };
            let mut filter =
                Filter { or, conditions: Vec::new(), filters: Vec::new(), links: Vec::new() };
            for child in element.children()? {
                match child.name() {
                    "condition" => {
                        parser.count()?;
                        filter.conditions.push(condition(child)?);
                    }
                    "filter" => filter.filters.push(parser.filter(child)?),
                    "link-entity" => filter.links.push(parser.link(child, false, quantifier)?),
                    _ => return Err(refusal::unknown_element()),
                }
            }
            Ok(filter)
        })
    }

    fn count(&mut self) -> Result<()> {
        self.conditions += 1;
        if self.conditions > CONDITION_LIMIT {
            return Err(refusal::too_many_conditions());
        }
        Ok(())
    }

    fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(refusal::malformed());
        }
        let read = part(self);
        self.depth -= 1;
        read
    }
}

fn extent(element: Element<'_>, total: bool) -> Result<Extent> {
    let (size, number) = (element.number("count")?, element.number("page")?);
    let Some(top) = element.number("top")? else {
        let cookie = element.owned("paging-cookie").filter(|cookie| !cookie.is_empty());
        return Ok(Extent::Page { number: number.unwrap_or(1), size, cookie });
    };
    let paging = [
        (number.is_some(), "page"),
        (size.is_some(), "count"),
        (total, "returntotalrecordcount"),
        (element.get("paging-cookie").is_some(), "paging-cookie"),
    ];
    if let Some((_, attribute)) = paging.iter().find(|(given, _)| *given) {
        return Err(refusal::top_with_paging(attribute));
    }
    if top > PAGE_SIZE_LIMIT { Err(refusal::over_paging_limit()) } else { Ok(Extent::Top(top)) }
}

fn attribute(element: Element<'_>, aggregate: bool) -> Result<Attribute> {
    element.only(&[
        "name",
        "alias",
        "aggregate",
        "groupby",
        "distinct",
        "dategrouping",
        "usertimezone",
    ])?;
    if !element.children()?.is_empty() {
        return Err(refusal::unknown_element());
    }
    let name = element.required("name")?;
    let alias = element.alias()?;
    let grouped = element.flag("groupby")?;
    element.flag("usertimezone")?;
    let distinct = element.flag("distinct")?;
    let role = match (element.get("aggregate"), grouped) {
        (Some(_), true) => return Err(refusal::group_and_aggregate()),
        (Some(function), false) => Role::Aggregated(function_named(function, distinct)?),
        (None, true) => Role::Grouped(element.get("dategrouping").map(date_grouping).transpose()?),
        (None, false) => Role::Shown,
    };
    match (aggregate, role) {
        (true, Role::Shown) => return Err(refusal::column_among_aggregates()),
        (true, _) if alias.is_none() => return Err(refusal::aggregate_without_alias()),
        (false, Role::Grouped(_) | Role::Aggregated(_)) => {
            return Err(refusal::invalid_aggregate());
        }
        _ => {}
    }
    Ok(Attribute { name, alias, role })
}

fn function_named(name: &str, distinct: bool) -> Result<Aggregate> {
    Ok(match name {
        "avg" => Aggregate::Average,
        "count" => Aggregate::Count,
        "countcolumn" => Aggregate::CountColumn { distinct },
        "max" => Aggregate::Largest,
        "min" => Aggregate::Smallest,
        "sum" => Aggregate::Sum,
        _ => return Err(refusal::invalid_aggregate()),
    })
}

fn date_grouping(name: &str) -> Result<DateGrouping> {
    Ok(match name {
        "day" => DateGrouping::Day,
        "week" => DateGrouping::Week,
        "month" => DateGrouping::Month,
        "quarter" => DateGrouping::Quarter,
        "year" => DateGrouping::Year,
        "fiscal-period" | "fiscal-year" => {
            return Err(ApiError::not_emulated("grouping by fiscal periods"));
        }
        _ => return Err(refusal::invalid_date_grouping()),
    })
}

fn order(element: Element<'_>, root: bool) -> Result<Order> {
    element.only(&["attribute", "alias", "descending", "entityname"])?;
    let entity = element.owned("entityname");
    // A table of a join sorts by its own columns.
    if entity.is_some() && !root {
        return Err(refusal::order_of_unknown_link());
    }
    Ok(Order {
        attribute: element.owned("attribute"),
        alias: element.owned("alias"),
        entity,
        descending: element.flag("descending")?,
    })
}

fn condition(element: Element<'_>) -> Result<Condition> {
    element.only(&[
        "attribute",
        "entityname",
        "operator",
        "value",
        "valueof",
        "uiname",
        "uitype",
        "uihidden",
    ])?;
    let mut values: Vec<String> = element.owned("value").into_iter().collect();
    for child in element.children()? {
        if child.name() != "value" {
            return Err(refusal::unknown_element());
        }
        child.only(&["uiname", "uitype"])?;
        values.push(child.text()?);
        if values.len() > VALUE_LIMIT {
            return Err(refusal::too_many_values());
        }
    }
    let operand = match element.owned("valueof") {
        Some(column) if values.is_empty() => Operand::Column(column),
        Some(_) => return Err(refusal::bad_condition()),
        None => Operand::Values(values),
    };
    Ok(Condition {
        attribute: element.required("attribute")?,
        entity: element.owned("entityname"),
        operator: element.required("operator")?,
        operand,
    })
}

fn join(name: Option<&str>) -> Result<Join> {
    Ok(match name {
        None | Some("inner" | "natural") => Join::Inner,
        Some("outer") => Join::Outer,
        Some("exists" | "in") => Join::Exists,
        Some("matchfirstrowusingcrossapply") => Join::First,
        Some(_) => return Err(refusal::invalid_link_type()),
    })
}

fn quantifier(name: Option<&str>) -> Result<Quantifier> {
    Ok(match name {
        Some("any" | "not all") => Quantifier::Any,
        Some("not any") => Quantifier::NotAny,
        Some("all") => Quantifier::All,
        _ => return Err(refusal::invalid_link_type()),
    })
}
