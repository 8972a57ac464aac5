//! Queries in FetchXML, which can join tables where the Web API's own filters cannot.
//!
//! Sources: Microsoft's pages "Retrieve data using FetchXml", "Join tables", "Filter rows" and "Select
//! columns". A query in FetchXML is the GET of an entity set with `fetchXml`. Its rows are those that
//! OData answers, but columns without a value are absent, and a column of a joined table has the alias
//! that the query gives it.

use crate::filter::Pattern;
use crate::name::{Join, attribute};
use crate::query::{Options, Order};
use crate::{Comparison, Expand, Filter, Literal, Name, Table, TextFunction};

/// The beginning of the alias of each column of a joined table. `around` is that of the table to which
/// it is joined.
pub(crate) fn prefix(around: &str, position: usize) -> String {
    format!("{around}e{position}_")
}

/// How many rows more are asked for where a row may be found several times.
const SPARE: u32 = 5;

/// How many rows are asked for where this many are wanted.
pub(crate) fn rows(wanted: u32, may_repeat: bool) -> u32 {
    wanted + if may_repeat { SPARE } else { 0 }
}

/// How much room a query gets at once. A visitor's queries are nearly as long.
const ROOM: usize = 8192;

/// The path of a query below the service root, percent-encoded.
pub(crate) fn path(table: Table, options: &Options) -> String {
    let mut url = String::with_capacity(ROOM);
    url.push_str(table.entity_set);
    url.push_str("?fetchXml=");
    let mut writer = Writer { url };
    let may_repeat = options.expand.iter().any(|expand| expand.is_mostly_one);
    match options.top {
        Some(rows) => {
            let rows = self::rows(rows, may_repeat);
            writer.open("fetch", &[("top", &rows.to_string())]);
        }
        None => writer.open("fetch", &[]),
    }
    writer.open("entity", &[("name", table.logical_name)]);
    for column in &options.select {
        writer.empty("attribute", &[("name", attribute(column.as_str()))]);
    }
    // What belongs to one row must come together, also where others are equal otherwise.
    let by_key = Order::ascending(table.key);
    let by_key = Some(&by_key).filter(|by_key| may_repeat && !options.order.contains(by_key));
    for order in options.order.iter().chain(by_key) {
        let (column, descending) = match order {
            Order::Ascending(column) => (column, "false"),
            Order::Descending(column) => (column, "true"),
        };
        let column = attribute(column.as_str());
        writer.empty("order", &[("attribute", column), ("descending", descending)]);
    }
    if let Some(filter) = &options.filter {
        writer.conditions(filter, table.key);
    }
    writer.joined("", &options.expand);
    writer.close("entity");
    writer.close("fetch");
    writer.url
}

/// Writes XML to the end of a URL. What has a meaning in a URL is written percent-encoded, so nothing
/// is to be encoded afterwards.
struct Writer {
    url: String,
}

impl Writer {
    fn open(&mut self, element: &str, attributes: &[(&str, &str)]) {
        self.begin(element, attributes);
        self.url.push_str("%3E");
    }

    fn empty(&mut self, element: &str, attributes: &[(&str, &str)]) {
        self.begin(element, attributes);
        self.url.push_str("%2F%3E");
    }

    /// Writes the beginning of an element. Values are names and numbers, which stand in a URL and in XML
    /// as they are.
    fn begin(&mut self, element: &str, attributes: &[(&str, &str)]) {
        self.url.push_str("%3C");
        self.url.push_str(element);
        for (name, value) in attributes {
            let is_plain =
                |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
            debug_assert!(value.bytes().all(is_plain), "{value} is no name and no number");
            self.attribute(name, |url| url.push_str(value));
        }
    }

    fn attribute(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.url.push_str("%20");
        self.url.push_str(name);
        self.url.push_str("%3D%27");
        write(&mut self.url);
        self.url.push_str("%27");
    }

    fn close(&mut self, element: &str) {
        self.url.push_str("%3C%2F");
        self.url.push_str(element);
        self.url.push_str("%3E");
    }

    /// Joins the tables of these expansions, and shows their columns.
    fn joined(&mut self, around: &str, expand: &[Expand]) {
        for (position, Expand { related, is_mostly_one, options }) in expand.iter().enumerate() {
            debug_assert!(related.join.is_some(), "{} cannot be joined", related.name);
            let Some(join) = related.join else { continue };
            let prefix = prefix(around, position);
            // Only a query for a collection alone can do without the rows that have none.
            let kind = if join.is_collection && !is_mostly_one { "inner" } else { "outer" };
            self.link(join, kind);
            for column in &options.select {
                let alias = format!("{prefix}{column}");
                let name = attribute(column.as_str());
                self.empty("attribute", &[("name", name), ("alias", &alias)]);
            }
            if let Some(filter) = &options.filter {
                self.conditions(filter, join.from);
            }
            self.joined(&prefix, &options.expand);
            self.close("link-entity");
        }
    }

    fn link(&mut self, Join { table, from, to, .. }: Join, kind: &str) {
        let link = [("name", table), ("from", from), ("to", to), ("link-type", kind)];
        self.open("link-entity", &link);
    }

    /// Writes what must hold of a row. `key` is a column of it that always has a value.
    fn conditions(&mut self, filter: &Filter, key: &str) {
        let mut all = Vec::new();
        flatten(filter, &mut all);
        let is_own = |filter: &&Filter| !matches!(filter, Filter::Some(..) | Filter::Through(..));
        if all.iter().any(is_own) {
            self.open("filter", &[("type", "and")]);
            for filter in all.iter().copied().filter(is_own) {
                self.condition(filter, key, true);
            }
            self.close("filter");
        }
        for filter in all {
            match filter {
                Filter::Some(related, filter) => self.exists(related.join, "exists", filter),
                Filter::Through(link, filter) => self.exists(Some(link.join()), "inner", filter),
                _ => {}
            }
        }
    }

    /// Writes that there is a joined row for which the filter holds.
    fn exists(&mut self, join: Option<Join>, kind: &str, filter: &Filter) {
        debug_assert!(join.is_some(), "a collection without its columns cannot be joined");
        let Some(join) = join else { return };
        self.link(join, kind);
        self.conditions(filter, join.from);
        self.close("link-entity");
    }

    /// Writes a condition of a filter, or that it does not hold.
    fn condition(&mut self, filter: &Filter, key: &str, holds: bool) {
        let any = if holds { "any" } else { "not%20any" };
        match filter {
            Filter::All(filters) => self.group(filters, "and", key, holds),
            Filter::Any(filters) => self.group(filters, "or", key, holds),
            Filter::Not(filter) => self.condition(filter, key, !holds),
            Filter::Shared(filter) => self.condition(filter, key, holds),
            Filter::Some(related, filter) => self.exists(related.join, any, filter),
            Filter::Through(link, filter) => self.exists(Some(link.join()), any, filter),
            Filter::Caller(column) => {
                let operator = if holds { "eq-userid" } else { "ne-userid" };
                self.test(column, operator, Nulls::DoNotMatter);
            }
            Filter::Match(function, column, Pattern(text)) => {
                let (before, after) = match function {
                    TextFunction::Contains => (ANYTHING, ANYTHING),
                    TextFunction::StartsWith => ("", ANYTHING),
                    TextFunction::EndsWith => (ANYTHING, ""),
                };
                let (operator, nulls) =
                    if holds { ("like", Nulls::DoNotMatter) } else { ("not-like", Nulls::Out) };
                self.test_of(column, operator, nulls, |url| {
                    url.push_str(before);
                    text.write_in_xml(url);
                    url.push_str(after);
                });
            }
            Filter::Compare(column, comparison, value) => {
                let comparison = if holds { *comparison } else { opposite(*comparison) };
                if *value == Literal::Null {
                    let is_null = comparison == Comparison::Equal;
                    let operator = if is_null { "null" } else { "not-null" };
                    return self.test(column, operator, Nulls::DoNotMatter);
                }
                // What `ne` says of a row without a value is not written down anywhere.
                let (operator, nulls) = match comparison {
                    Comparison::Equal => ("eq", Nulls::DoNotMatter),
                    Comparison::NotEqual if holds => ("ne", Nulls::In),
                    Comparison::NotEqual => ("ne", Nulls::Out),
                    Comparison::Greater => ("gt", Nulls::DoNotMatter),
                    Comparison::GreaterOrEqual => ("ge", Nulls::DoNotMatter),
                    Comparison::Less => ("lt", Nulls::DoNotMatter),
                    Comparison::LessOrEqual => ("le", Nulls::DoNotMatter),
                };
                self.test_of(column, operator, nulls, |url| value.write_in_xml(url));
            }
        }
    }

    fn group(&mut self, filters: &[Filter], word: &str, key: &str, holds: bool) {
        let is_and = (word == "and") == holds;
        if filters.is_empty() {
            // All of nothing always holds, and any of nothing never.
            let operator = if is_and { "not-null" } else { "null" };
            return self.empty("condition", &[("attribute", key), ("operator", operator)]);
        }
        self.open("filter", &[("type", if is_and { "and" } else { "or" })]);
        for filter in filters {
            self.condition(filter, key, holds);
        }
        self.close("filter");
    }

    fn test(&mut self, column: &Name, operator: &str, nulls: Nulls) {
        self.within(column, nulls, |writer, column| {
            writer.empty("condition", &[("attribute", column), ("operator", operator)]);
        });
    }

    fn test_of(
        &mut self,
        column: &Name,
        operator: &str,
        nulls: Nulls,
        value: impl FnOnce(&mut String),
    ) {
        self.within(column, nulls, |writer, column| {
            writer.begin("condition", &[("attribute", column), ("operator", operator)]);
            writer.attribute("value", value);
            writer.url.push_str("%2F%3E");
        });
    }

    /// Writes a test of a column, and around it what holds of a row without a value.
    fn within(&mut self, column: &Name, nulls: Nulls, test: impl FnOnce(&mut Writer, &str)) {
        let column = attribute(column.as_str());
        let around = match nulls {
            Nulls::DoNotMatter => None,
            Nulls::In => Some(("or", "null")),
            Nulls::Out => Some(("and", "not-null")),
        };
        let Some((word, also)) = around else { return test(self, column) };
        self.open("filter", &[("type", word)]);
        self.empty("condition", &[("attribute", column), ("operator", also)]);
        test(self, column);
        self.close("filter");
    }
}

/// `LIKE`'s sign for any characters.
const ANYTHING: &str = "%25";

/// What a condition says of a row whose column has no value.
#[derive(Clone, Copy)]
enum Nulls {
    /// Dataverse says by itself that it does not hold.
    DoNotMatter,
    /// It holds.
    In,
    /// It does not hold.
    Out,
}

/// The conditions that must all hold.
fn flatten<'a>(filter: &'a Filter, all: &mut Vec<&'a Filter>) {
    match filter {
        Filter::All(filters) => filters.iter().for_each(|filter| flatten(filter, all)),
        Filter::Any(filters) if filters.len() == 1 => {
            filters.iter().for_each(|filter| flatten(filter, all));
        }
        Filter::Shared(filter) => flatten(filter, all),
        filter => all.push(filter),
    }
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use crate::name::{Collection, Link};
    use crate::{Expand, Filter, Order, Query, Table};

    const MAIL: Table = Table { logical_name: "email", entity_set: "emails", key: "activityid" };
    const CONTACT: Table =
        Table { logical_name: "contact", entity_set: "contacts", key: "contactid" };
    const PARTIES: Collection = Collection {
        navigation: "email_activity_parties",
        table: "activityparty",
        from: "activityid",
        to: "activityid",
    };
    const PARTY: Link =
        Link { column: "_partyid_value", navigation: "partyid_contact", to: CONTACT };

    fn xml(query: &Query) -> String {
        let path = query.path();
        let (set, text) = path.split_once("?fetchXml=").unwrap();
        assert_eq!(set, "emails");
        percent_decode_str(text).decode_utf8().unwrap().into_owned()
    }

    fn by_address(address: &str) -> Filter {
        Filter::some(PARTIES, Filter::equals("emailaddress1", address).through(PARTY))
    }

    #[test]
    fn a_whole_query() {
        let query = Query::rows(MAIL)
            .select(["subject", "_regardingobjectid_value"])
            .filter(by_address("o'neil@x.example"))
            .filter(!Filter::is_null("senton"))
            .order_by(Order::descending("senton"))
            .top(4);
        assert_eq!(
            xml(&query),
            "<fetch top='4'><entity name='email'><attribute name='subject'/>\
             <attribute name='regardingobjectid'/><order attribute='senton' descending='true'/>\
             <filter type='and'><condition attribute='senton' operator='not-null'/></filter>\
             <link-entity name='activityparty' from='activityid' to='activityid' link-type='exists'>\
             <link-entity name='contact' from='contactid' to='partyid' link-type='inner'>\
             <filter type='and'><condition attribute='emailaddress1' operator='eq' \
             value='o&apos;neil@x.example'/></filter></link-entity></link-entity></entity></fetch>"
        );
    }

    #[test]
    fn what_is_only_one_of_several_conditions_is_asked_in_the_filter() {
        let filter = Filter::any([by_address("a@x.example"), Filter::equals("statecode", 1)]);
        let text = xml(&Query::rows(MAIL).filter(filter));
        assert!(
            text.contains(
                "<filter type='or'><link-entity name='activityparty' from='activityid' \
                 to='activityid' link-type='any'><link-entity name='contact' from='contactid' \
                 to='partyid' link-type='inner'>"
            ),
            "{text}"
        );
    }

    #[test]
    fn rows_without_a_value_count_as_in_other_queries() {
        let of = |filter: Filter| {
            let text = xml(&Query::rows(MAIL).filter(filter.and(by_address("a"))));
            let (_, rest) = text.split_once("<filter type='and'>").unwrap();
            rest.split_once("<link-entity").unwrap().0.replace("</filter>", "")
        };
        let null = "<condition attribute='subject' operator='null'/>";
        let not_null = "<condition attribute='subject' operator='not-null'/>";
        let (ne, not_like) = (
            "<condition attribute='subject' operator='ne' value='a'/>",
            "<condition attribute='subject' operator='not-like' value='%a%'/>",
        );
        let is_a = || Filter::equals("subject", "a");
        assert_eq!(of(Filter::not_equals("subject", "a")), format!("<filter type='or'>{null}{ne}"));
        assert_eq!(of(!is_a()), format!("<filter type='and'>{not_null}{ne}"));
        assert_eq!(
            of(!Filter::contains("subject", "a")),
            format!("<filter type='and'>{not_null}{not_like}")
        );
        let is_b = Filter::equals("subject", "b");
        let expected = format!(
            "<filter type='and'><filter type='and'>{not_null}{ne}<filter type='and'>{not_null}{}",
            ne.replace("'a'", "'b'")
        );
        assert_eq!(of(!Filter::any([is_a(), is_b])), expected);
        assert_eq!(of(Filter::any([])), "<condition attribute='activityid' operator='null'/>");
    }

    #[test]
    fn what_is_mostly_one_is_joined_to_the_rows_themselves() {
        let sender = Expand::new(PARTIES).select(["_partyid_value"]).mostly_one();
        let query = Query::rows(MAIL)
            .filter(by_address("a"))
            .order_by(Order::descending("senton"))
            .top(3)
            .expand(sender);
        assert_eq!(query.parts(), None);
        let text = xml(&query);
        let (before, _) = text.split_once("<link-entity").unwrap();
        assert_eq!(
            before,
            "<fetch top='8'><entity name='email'><order attribute='senton' descending='true'/>\
             <order attribute='activityid' descending='false'/>"
        );
        assert!(
            text.contains(
                "link-type='outer'><attribute name='partyid' alias='e0__partyid_value'/>"
            )
        );
    }

    #[test]
    fn what_is_expanded_is_joined() {
        let parties = Expand::new(PARTIES)
            .select(["_partyid_value"])
            .expand(Expand::new(PARTY).select(["fullname"]));
        let query = Query::rows(MAIL)
            .select(["subject"])
            .filter(by_address("a"))
            .order_by(Order::ascending("subject"))
            .top(3)
            .expand(parties);
        let parts = query.parts().unwrap();
        let texts: Vec<_> = parts.iter().map(xml).collect();
        assert!(
            texts[0].starts_with("<fetch top='3'>") && !texts[0].contains("alias"),
            "{texts:?}"
        );
        assert!(
            texts[1].contains(
                "link-type='inner'><attribute name='partyid' alias='e0__partyid_value'/>\
                 <link-entity name='contact' from='contactid' to='partyid' link-type='outer'>\
                 <attribute name='fullname' alias='e0_e0_fullname'/></link-entity></link-entity>"
            ),
            "{texts:?}"
        );
        assert_eq!(texts.len(), 2);
        // A query that OData can ask has no parts.
        assert_eq!(Query::rows(MAIL).parts(), None);
    }

    proptest! {
        #[test]
        fn any_text_stays_inside_its_value(text in any::<String>()) {
            let xml = xml(&Query::rows(MAIL).filter(by_address(&text)));
            let (_, rest) = xml.split_once("operator='eq' value='").unwrap();
            let (value, rest) = rest.split_once('\'').unwrap();
            let end = "/></filter></link-entity></link-entity></entity></fetch>";
            prop_assert_eq!(rest, end);
            prop_assert!(!value.contains(['<', '>', '"']), "{value}");
            let mut read = value.to_owned();
            for (escape, character) in [
                ("&lt;", "<"), ("&gt;", ">"), ("&apos;", "'"), ("&quot;", "\""), ("&#9;", "\t"),
                ("&#10;", "\n"), ("&#13;", "\r"), ("&amp;", "&"),
            ] {
                read = read.replace(escape, character);
            }
            let is_none = |one: char| one < ' ' && !matches!(one, '\t' | '\n' | '\r')
                || matches!(one, '\u{fffe}' | '\u{ffff}');
            prop_assert_eq!(read, text.replace(is_none, "\u{fffd}"));
        }
    }
}
