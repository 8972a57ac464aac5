//! Filters, which always escape their values.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::name::{Link, Name, Related};

/// The characters that are encoded inside a literal: all that may have a meaning in a URL.
const LITERAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A string.
    Text(Text),
    /// The type of a row: the table's logical name, and its number, which FetchXML wants.
    Type(&'static str, u32),
    /// An id, written without quotation marks, as Dataverse wants it.
    Id(Uuid),
    /// A whole number, or the value of a choice.
    Integer(i64),
    /// An amount.
    Decimal(Decimal),
    /// Yes or no.
    Boolean(bool),
    /// A day.
    Date(Date),
    /// A point in time.
    Time(Timestamp),
    /// The absence of a value.
    Null,
}

impl Literal {
    /// Writes the value to the end of a URL, percent-encoded.
    fn write(&self, url: &mut String) {
        let mut write = |value: &dyn std::fmt::Display| {
            // Writing to a String cannot fail.
            let _ = write!(url, "{value}");
        };
        match self {
            Literal::Text(text) => url.push_str(&text.0),
            Literal::Type(name, _) => {
                url.push_str("%27");
                url.push_str(name);
                url.push_str("%27");
            }
            Literal::Id(id) => write(id),
            Literal::Integer(number) => write(number),
            Literal::Decimal(number) => write(number),
            Literal::Boolean(flag) => write(flag),
            Literal::Date(date) => write(date),
            Literal::Time(time) => url.extend(utf8_percent_encode(&time.to_string(), LITERAL)),
            Literal::Null => url.push_str("null"),
        }
    }

    /// Writes the value to the end of a URL, as it stands in an attribute of FetchXML.
    pub(crate) fn write_in_xml(&self, url: &mut String) {
        match self {
            Literal::Text(text) => text.write_in_xml(url),
            // Only the number of a type is documented.
            Literal::Type(_, number) => Literal::Integer((*number).into()).write(url),
            Literal::Boolean(flag) => url.push(if *flag { '1' } else { '0' }),
            other => other.write(url),
        }
    }
}

/// A text as it stands in a URL: in quotation marks, with those inside doubled, percent-encoded.
/// This is done once, though the text may stand in many places of a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Text(String);

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        // With room for the quotation marks and a few encoded characters.
        let mut encoded = String::with_capacity(text.len() + 12);
        encoded.push_str("%27");
        for (position, part) in text.split('\'').enumerate() {
            if position > 0 {
                encoded.push_str("%27%27");
            }
            encoded.extend(utf8_percent_encode(part, LITERAL));
        }
        encoded.push_str("%27");
        Text(encoded)
    }
}

impl Text {
    /// Writes the text to the end of a URL, as it stands in an attribute in single quotation marks in
    /// XML. A character that XML cannot have stands nowhere in Dataverse, so what takes its place is not
    /// found either.
    pub(crate) fn write_in_xml(&self, url: &mut String) {
        let inside = self.0.strip_prefix("%27").and_then(|rest| rest.strip_suffix("%27"));
        let mut rest = inside.unwrap_or_default();
        while let Some(at) = rest.find('%') {
            let (plain, encoded) = rest.split_at(at);
            url.push_str(plain);
            let meaning = IN_XML.iter().find(|(code, _)| encoded.starts_with(code));
            let (code, written) = match meaning {
                Some((code, written)) => (*code, *written),
                None => {
                    // A percent sign is never without its two digits.
                    let code = encoded.get(..3).unwrap_or(encoded);
                    let is_control = code.starts_with("%0") || code.starts_with("%1");
                    (code, if is_control { REPLACEMENT } else { code })
                }
            };
            url.push_str(written);
            rest = encoded.strip_prefix(code).unwrap_or_default();
        }
        url.push_str(rest);
    }
}

/// What takes the place of a character that XML cannot have, percent-encoded.
const REPLACEMENT: &str = "%EF%BF%BD";

/// Characters of a [`Text`] that are written in another way in XML.
const IN_XML: [(&str, &str); 10] = [
    ("%27%27", "%26apos%3B"),
    ("%26", "%26amp%3B"),
    ("%3C", "%26lt%3B"),
    ("%3E", "%26gt%3B"),
    ("%22", "%26quot%3B"),
    ("%09", "%26%239%3B"),
    ("%0A", "%26%2310%3B"),
    ("%0D", "%26%2313%3B"),
    ("%EF%BF%BE", REPLACEMENT),
    ("%EF%BF%BF", REPLACEMENT),
];

/// A text that a [`TextFunction`] looks for. Characters that would be wildcards mean themselves.
///
/// Dataverse passes it to SQL's `LIKE`, so `%`, `_` and `[` are wildcards unless they stand in
/// brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(pub(crate) Text);

impl From<&str> for Pattern {
    fn from(text: &str) -> Pattern {
        Pattern(without_wildcards(text).as_str().into())
    }
}

fn without_wildcards(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' | '_' | '[' => escaped.extend(['[', character, ']']),
            other => escaped.push(other),
        }
    }
    escaped
}

impl From<&str> for Literal {
    fn from(text: &str) -> Literal {
        Literal::Text(text.into())
    }
}

impl From<String> for Literal {
    fn from(text: String) -> Literal {
        text.as_str().into()
    }
}

macro_rules! literal_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Literal {
            fn from(value: $from) -> Literal {
                Literal::$variant(value.into())
            }
        })*
    };
}

literal_from! {
    Uuid => Id, i64 => Integer, i32 => Integer, Decimal => Decimal, bool => Boolean,
    Date => Date, Timestamp => Time,
}

/// A condition on rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// `column operator value`
    Compare(Name, Comparison, Literal),
    /// `function(column,'text')`
    Match(TextFunction, Name, Pattern),
    /// Every one holds.
    All(Vec<Filter>),
    /// At least one holds.
    Any(Vec<Filter>),
    /// The filter does not hold.
    Not(Box<Filter>),
    /// Some row of a collection satisfies the filter.
    Some(Related, Box<Filter>),
    /// The row that a lookup points at satisfies the filter: `customerid_contact/emailaddress1 eq '…'`.
    Through(Link, Box<Filter>),
    /// The column holds the id of the user who asks.
    Caller(Name),
    /// A filter that several queries have.
    Shared(Arc<Filter>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// How text is looked for in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFunction {
    /// `contains`
    Contains,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
}

impl Filter {
    /// The column has this value.
    pub fn equals(column: impl Into<Name>, value: impl Into<Literal>) -> Filter {
        Filter::Compare(column.into(), Comparison::Equal, value.into())
    }

    /// The column has another value, or none.
    pub fn not_equals(column: impl Into<Name>, value: impl Into<Literal>) -> Filter {
        Filter::Compare(column.into(), Comparison::NotEqual, value.into())
    }

    /// The column's value compares with this value in this way.
    pub fn compare(
        column: impl Into<Name>,
        comparison: Comparison,
        value: impl Into<Literal>,
    ) -> Filter {
        Filter::Compare(column.into(), comparison, value.into())
    }

    /// The column has no value.
    pub fn is_null(column: impl Into<Name>) -> Filter {
        Filter::Compare(column.into(), Comparison::Equal, Literal::Null)
    }

    /// The column's text contains this text, literally: `%`, `_` and `[` have no special meaning.
    pub fn contains(column: impl Into<Name>, text: &str) -> Filter {
        Filter::Match(TextFunction::Contains, column.into(), text.into())
    }

    /// The column's text starts with this text, literally.
    pub fn starts_with(column: impl Into<Name>, text: &str) -> Filter {
        Filter::Match(TextFunction::StartsWith, column.into(), text.into())
    }

    /// The column's text ends with this text, literally.
    pub fn ends_with(column: impl Into<Name>, text: &str) -> Filter {
        Filter::Match(TextFunction::EndsWith, column.into(), text.into())
    }

    /// Every one of these holds.
    pub fn all(filters: impl IntoIterator<Item = Filter>) -> Filter {
        Filter::All(filters.into_iter().collect())
    }

    /// At least one of these holds.
    pub fn any(filters: impl IntoIterator<Item = Filter>) -> Filter {
        Filter::Any(filters.into_iter().collect())
    }

    /// Some row of the collection satisfies the filter.
    pub fn some(collection: impl Into<Related>, filter: Filter) -> Filter {
        Filter::Some(collection.into(), Box::new(filter))
    }

    /// The column holds the id of the user who asks.
    pub fn is_caller(column: impl Into<Name>) -> Filter {
        Filter::Caller(column.into())
    }

    /// Both filters hold.
    #[must_use]
    pub fn and(self, other: Filter) -> Filter {
        Filter::All(vec![self, other])
    }

    /// One of the two filters holds, or both.
    #[must_use]
    pub fn or(self, other: Filter) -> Filter {
        match self {
            Filter::Any(mut filters) => {
                filters.push(other);
                Filter::Any(filters)
            }
            filter => Filter::Any(vec![filter, other]),
        }
    }

    /// The same condition on the row that a lookup points at.
    #[must_use]
    pub fn through(self, link: Link) -> Filter {
        Filter::Through(link, Box::new(self))
    }

    /// Whether only FetchXML can say it: a condition on the rows of a collection is about a row that one
    /// of them points at, or a collection is reached through a lookup. Microsoft's page on filters of the
    /// Web API only has conditions on a collection's own columns, and some organizations refuse others.
    pub(crate) fn needs_fetch(&self) -> bool {
        fn search(filter: &Filter, is_away: bool) -> bool {
            match filter {
                Filter::Compare(..) | Filter::Match(..) | Filter::Caller(_) => false,
                Filter::All(filters) | Filter::Any(filters) => {
                    filters.iter().any(|filter| search(filter, is_away))
                }
                Filter::Not(filter) => search(filter, is_away),
                Filter::Shared(filter) => search(filter, is_away),
                Filter::Some(_, filter) | Filter::Through(_, filter) => {
                    is_away || search(filter, true)
                }
            }
        }
        // From the row itself, one lookup after another can be followed.
        match self {
            Filter::Through(_, filter) if !filter.leads_to_collection() => filter.needs_fetch(),
            Filter::All(filters) | Filter::Any(filters) => filters.iter().any(Filter::needs_fetch),
            Filter::Not(filter) => filter.needs_fetch(),
            Filter::Shared(filter) => filter.needs_fetch(),
            filter => search(filter, false),
        }
    }

    fn leads_to_collection(&self) -> bool {
        match self {
            Filter::Compare(..) | Filter::Match(..) | Filter::Caller(_) => false,
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().any(Filter::leads_to_collection)
            }
            Filter::Not(filter) | Filter::Through(_, filter) => filter.leads_to_collection(),
            Filter::Shared(filter) => filter.leads_to_collection(),
            Filter::Some(..) => true,
        }
    }

    /// Writes the filter to the end of a URL, percent-encoded.
    pub(crate) fn write(&self, url: &mut String) {
        Writer { url, prefix: String::new(), depth: 0 }.filter(self);
    }
}

impl std::ops::Not for Filter {
    type Output = Filter;

    fn not(self) -> Filter {
        Filter::Not(Box::new(self))
    }
}

/// Writes a filter to the end of a URL.
struct Writer<'a> {
    url: &'a mut String,
    /// What stands before a column: the variable of the lambda around it, and lookups on the way.
    prefix: String,
    /// How many lambdas stand around. Variables are named after it.
    depth: usize,
}

impl Writer<'_> {
    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::Compare(column, comparison, value) => {
                self.column(column.as_str());
                self.url.push_str(match comparison {
                    Comparison::Equal => "%20eq%20",
                    Comparison::NotEqual => "%20ne%20",
                    Comparison::Greater => "%20gt%20",
                    Comparison::GreaterOrEqual => "%20ge%20",
                    Comparison::Less => "%20lt%20",
                    Comparison::LessOrEqual => "%20le%20",
                });
                value.write(self.url);
            }
            Filter::Match(function, column, Pattern(text)) => {
                self.url.push_str(match function {
                    TextFunction::Contains => "contains(",
                    TextFunction::StartsWith => "startswith(",
                    TextFunction::EndsWith => "endswith(",
                });
                self.column(column.as_str());
                self.url.push(',');
                self.url.push_str(&text.0);
                self.url.push(')');
            }
            // An empty list becomes a condition that is always, or never, true.
            Filter::All(filters) if filters.is_empty() => self.url.push_str("true%20eq%20true"),
            Filter::Any(filters) if filters.is_empty() => self.url.push_str("true%20eq%20false"),
            Filter::All(filters) => self.joined(filters, "%20and%20"),
            Filter::Any(filters) => self.joined(filters, "%20or%20"),
            Filter::Not(filter) => {
                self.url.push_str("not%20(");
                self.filter(filter);
                self.url.push(')');
            }
            Filter::Shared(filter) => self.filter(filter),
            Filter::Some(collection, filter) => {
                self.column(collection.name.as_str());
                let depth = self.depth;
                // Writing to a String cannot fail.
                let _ = write!(self.url, "/any(x{depth}:");
                Writer { url: self.url, prefix: format!("x{depth}/"), depth: depth + 1 }
                    .filter(filter);
                self.url.push(')');
            }
            Filter::Through(link, filter) => {
                let length = self.prefix.len();
                self.prefix.push_str(link.navigation);
                self.prefix.push('/');
                self.filter(filter);
                self.prefix.truncate(length);
            }
            // Its parameter is the name of a column, and cannot be a path.
            Filter::Caller(column) => {
                self.url.push_str("Microsoft.Dynamics.CRM.EqualUserId(PropertyName=%27");
                self.url.push_str(column.as_str());
                self.url.push_str("%27)");
            }
        }
    }

    fn column(&mut self, name: &str) {
        self.url.push_str(&self.prefix);
        self.url.push_str(name);
    }

    fn joined(&mut self, filters: &[Filter], word: &str) {
        if let [only] = filters {
            return self.filter(only);
        }
        self.url.push('(');
        for (position, filter) in filters.iter().enumerate() {
            if position > 0 {
                self.url.push_str(word);
            }
            self.filter(filter);
        }
        self.url.push(')');
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;
    use crate::Table;

    const CUSTOMER: Link = Link {
        column: "_customerid_value",
        navigation: "customerid_contact",
        to: Table { logical_name: "contact", entity_set: "contacts", key: "contactid" },
    };

    fn encoded(filter: &Filter) -> String {
        let mut text = String::new();
        filter.write(&mut text);
        text
    }

    fn plain(filter: &Filter) -> String {
        percent_decode_str(&encoded(filter)).decode_utf8().unwrap().into_owned()
    }

    #[test]
    fn the_user_who_asks() {
        assert_eq!(
            plain(&Filter::is_caller("systemuserid")),
            "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='systemuserid')"
        );
    }

    #[test]
    fn reads_as_one_would_write_it() {
        let id = Uuid::from_u128(1);
        let filter = Filter::all([
            Filter::any([
                Filter::equals("_customerid_value", id),
                Filter::equals("emailaddress1", "a@b.example").through(CUSTOMER),
            ]),
            Filter::equals("statecode", 0),
            !Filter::is_null("title"),
        ]);
        assert_eq!(
            plain(&filter),
            "((_customerid_value eq 00000000-0000-0000-0000-000000000001 \
             or customerid_contact/emailaddress1 eq 'a@b.example') \
             and statecode eq 0 and not (title eq null))"
        );
    }

    #[test]
    fn lambda_paths_start_at_the_variable() {
        let filter = Filter::some(
            "activitypointer_activity_parties",
            Filter::equals("_partyid_value", Uuid::nil())
                .and(Filter::some("inner", Filter::contains("subject", "x"))),
        );
        assert_eq!(
            plain(&filter),
            "activitypointer_activity_parties/any(x0:(x0/_partyid_value eq \
             00000000-0000-0000-0000-000000000000 and x0/inner/any(x1:contains(x1/subject,'x'))))"
        );
    }

    #[test]
    fn through_a_lookup() {
        let contact = Filter::any([
            Filter::equals("emailaddress1", "a@b.example"),
            !Filter::contains("lastname", "x"),
        ]);
        assert_eq!(
            plain(&contact.through(CUSTOMER)),
            "(customerid_contact/emailaddress1 eq 'a@b.example' \
             or not (contains(customerid_contact/lastname,'x')))"
        );
    }

    #[test]
    fn quotes_and_wildcards_mean_themselves() {
        assert_eq!(plain(&Filter::equals("lastname", "O'Brien")), "lastname eq 'O''Brien'");
        assert_eq!(plain(&Filter::equals("name", "100%")), "name eq '100%'");
        assert_eq!(
            plain(&Filter::contains("name", "50%_[x]'")),
            "contains(name,'50[%][_][[]x]''')"
        );
    }

    /// Decodes the text as a server does, and returns what stands between the outer quotes.
    fn read_back(encoded: &str) -> String {
        let decoded = percent_decode_str(encoded).decode_utf8().unwrap().into_owned();
        let literal = decoded.strip_prefix("name eq '").unwrap().strip_suffix('\'').unwrap();
        let without_pairs = literal.replace("''", "");
        assert!(!without_pairs.contains('\''), "an unpaired quote ends the literal: {decoded}");
        literal.replace("''", "'")
    }

    proptest! {
        #[test]
        fn any_text_stays_inside_its_literal(text in any::<String>()) {
            let encoded = encoded(&Filter::equals("name", text.as_str()));
            prop_assert!(encoded.is_ascii());
            for reserved in ['&', '+', '#', '?', '\'', ' ', '"', '/', ';', ','] {
                prop_assert!(!encoded.contains(reserved), "{encoded}");
            }
            prop_assert_eq!(read_back(&encoded), text);
        }

        #[test]
        fn no_wildcard_is_left_bare(text in "[%_\\[\\]^a-c']{0,12}") {
            let escaped = without_wildcards(&text);
            let bare = escaped.replace("[%]", "").replace("[_]", "").replace("[[]", "");
            prop_assert!(!bare.contains(['%', '_', '[']), "{escaped}");
        }
    }
}
