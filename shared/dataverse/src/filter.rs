//! Filters, which always escape their values.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::{Timestamp, civil::Date};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::Name;

/// The characters that are encoded inside a literal: all that may have a meaning in a URL.
const LITERAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A string.
    Text(Text),
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
            Literal::Id(id) => write(id),
            Literal::Integer(number) => write(number),
            Literal::Decimal(number) => write(number),
            Literal::Boolean(flag) => write(flag),
            Literal::Date(date) => write(date),
            Literal::Time(time) => url.extend(utf8_percent_encode(&time.to_string(), LITERAL)),
            Literal::Null => url.push_str("null"),
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

/// A text that a [`TextFunction`] looks for. Characters that would be wildcards mean themselves.
///
/// Dataverse passes it to SQL's `LIKE`, so `%`, `_` and `[` are wildcards unless they stand in
/// brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Text);

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
///
/// Paths may go through single-valued navigation properties: `customerid_contact/emailaddress1`.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// `path operator value`
    Compare(Path, Comparison, Literal),
    /// `function(path,'text')`
    Match(TextFunction, Path, Pattern),
    /// Every one holds.
    All(Vec<Filter>),
    /// At least one holds.
    Any(Vec<Filter>),
    /// The filter does not hold.
    Not(Box<Filter>),
    /// Some row of a collection satisfies the filter, whose paths are relative to that row.
    Some(Name, Box<Filter>),
    /// The column holds the id of the user who asks.
    Caller(Name),
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

/// A column of the row, or of a row that a lookup points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The lookup that leads to another row.
    through: Option<&'static str>,
    column: Cow<'static, str>,
}

impl From<&'static str> for Path {
    fn from(path: &'static str) -> Path {
        Path { through: None, column: Cow::Borrowed(path) }
    }
}

impl Path {
    fn below(self, navigation: &'static str) -> Path {
        let column = match self.through {
            Some(inner) => Cow::Owned(format!("{inner}/{}", self.column)),
            None => self.column,
        };
        Path { through: Some(navigation), column }
    }

    /// Whether the path leads to another row.
    fn leads_away(&self) -> bool {
        self.through.is_some() || self.column.contains('/')
    }

    /// Writes the path. Inside a lambda, it starts at the lambda's variable.
    fn write(&self, url: &mut String, variable: Option<usize>) {
        if let Some(through) = self.through {
            write_path(url, variable, through);
            url.push('/');
            url.push_str(&self.column);
        } else {
            write_path(url, variable, &self.column);
        }
    }
}

impl From<Name> for Path {
    fn from(name: Name) -> Path {
        Path { through: None, column: name.into() }
    }
}

impl Filter {
    /// The column has this value.
    pub fn equals(path: impl Into<Path>, value: impl Into<Literal>) -> Filter {
        Filter::Compare(path.into(), Comparison::Equal, value.into())
    }

    /// The column has another value, or none.
    pub fn not_equals(path: impl Into<Path>, value: impl Into<Literal>) -> Filter {
        Filter::Compare(path.into(), Comparison::NotEqual, value.into())
    }

    /// The column's value compares with this value in this way.
    pub fn compare(
        path: impl Into<Path>,
        comparison: Comparison,
        value: impl Into<Literal>,
    ) -> Filter {
        Filter::Compare(path.into(), comparison, value.into())
    }

    /// The column has no value.
    pub fn is_null(path: impl Into<Path>) -> Filter {
        Filter::Compare(path.into(), Comparison::Equal, Literal::Null)
    }

    /// The column's text contains this text, literally: `%`, `_` and `[` have no special meaning.
    pub fn contains(path: impl Into<Path>, text: &str) -> Filter {
        Filter::Match(TextFunction::Contains, path.into(), text.into())
    }

    /// The column's text starts with this text, literally.
    pub fn starts_with(path: impl Into<Path>, text: &str) -> Filter {
        Filter::Match(TextFunction::StartsWith, path.into(), text.into())
    }

    /// The column's text ends with this text, literally.
    pub fn ends_with(path: impl Into<Path>, text: &str) -> Filter {
        Filter::Match(TextFunction::EndsWith, path.into(), text.into())
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
    pub fn some(collection: impl Into<Name>, filter: Filter) -> Filter {
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

    /// The same condition on the row that a lookup points at: `emailaddress1 eq '…'` through
    /// `customerid_contact` becomes `customerid_contact/emailaddress1 eq '…'`.
    #[must_use]
    pub fn through(self, navigation: &'static str) -> Filter {
        match self {
            Filter::Compare(path, comparison, value) => {
                Filter::Compare(path.below(navigation), comparison, value)
            }
            Filter::Match(function, path, text) => {
                Filter::Match(function, path.below(navigation), text)
            }
            Filter::All(filters) => {
                Filter::All(filters.into_iter().map(|filter| filter.through(navigation)).collect())
            }
            Filter::Any(filters) => {
                Filter::Any(filters.into_iter().map(|filter| filter.through(navigation)).collect())
            }
            Filter::Not(filter) => Filter::Not(Box::new(filter.through(navigation))),
            // Dataverse refuses a lambda on a collection that is reached through a lookup.
            some @ Filter::Some(..) => some,
            // Its parameter is the name of a column, and cannot be a path.
            caller @ Filter::Caller(_) => caller,
        }
    }

    /// Whether a condition on the rows of a collection is about a row that one of them points at.
    pub(crate) fn has_path_in_lambda(&self) -> bool {
        fn search(filter: &Filter, in_lambda: bool) -> bool {
            match filter {
                Filter::Compare(path, ..) | Filter::Match(_, path, _) => {
                    in_lambda && path.leads_away()
                }
                Filter::All(filters) | Filter::Any(filters) => {
                    filters.iter().any(|filter| search(filter, in_lambda))
                }
                Filter::Not(filter) => search(filter, in_lambda),
                Filter::Some(_, filter) => search(filter, true),
                Filter::Caller(_) => false,
            }
        }
        search(self, false)
    }

    /// Writes the filter to the end of a URL, percent-encoded.
    pub(crate) fn write(&self, url: &mut String) {
        self.write_in(url, None, 0);
    }
}

impl std::ops::Not for Filter {
    type Output = Filter;

    fn not(self) -> Filter {
        Filter::Not(Box::new(self))
    }
}

impl Filter {
    /// Writes the filter. Inside a lambda, paths start at its variable, which is named after how
    /// many lambdas stand around it.
    fn write_in(&self, url: &mut String, variable: Option<usize>, depth: usize) {
        match self {
            Filter::Compare(path, comparison, value) => {
                path.write(url, variable);
                url.push_str(match comparison {
                    Comparison::Equal => "%20eq%20",
                    Comparison::NotEqual => "%20ne%20",
                    Comparison::Greater => "%20gt%20",
                    Comparison::GreaterOrEqual => "%20ge%20",
                    Comparison::Less => "%20lt%20",
                    Comparison::LessOrEqual => "%20le%20",
                });
                value.write(url);
            }
            Filter::Match(function, path, Pattern(text)) => {
                url.push_str(match function {
                    TextFunction::Contains => "contains(",
                    TextFunction::StartsWith => "startswith(",
                    TextFunction::EndsWith => "endswith(",
                });
                path.write(url, variable);
                url.push(',');
                url.push_str(&text.0);
                url.push(')');
            }
            // An empty list becomes a condition that is always, or never, true.
            Filter::All(filters) if filters.is_empty() => url.push_str("true%20eq%20true"),
            Filter::Any(filters) if filters.is_empty() => url.push_str("true%20eq%20false"),
            Filter::All(filters) => write_joined(url, filters, "%20and%20", variable, depth),
            Filter::Any(filters) => write_joined(url, filters, "%20or%20", variable, depth),
            Filter::Not(filter) => {
                url.push_str("not%20(");
                filter.write_in(url, variable, depth);
                url.push(')');
            }
            Filter::Some(collection, filter) => {
                write_path(url, variable, collection.as_str());
                // Writing to a String cannot fail.
                let _ = write!(url, "/any(x{depth}:");
                filter.write_in(url, Some(depth), depth + 1);
                url.push(')');
            }
            Filter::Caller(column) => {
                url.push_str("Microsoft.Dynamics.CRM.EqualUserId(PropertyName=%27");
                url.push_str(column.as_str());
                url.push_str("%27)");
            }
        }
    }
}

fn write_path(url: &mut String, variable: Option<usize>, path: &str) {
    if let Some(variable) = variable {
        let _ = write!(url, "x{variable}/");
    }
    url.push_str(path);
}

fn write_joined(
    url: &mut String,
    filters: &[Filter],
    word: &str,
    variable: Option<usize>,
    depth: usize,
) {
    if let [only] = filters {
        return only.write_in(url, variable, depth);
    }
    url.push('(');
    for (position, filter) in filters.iter().enumerate() {
        if position > 0 {
            url.push_str(word);
        }
        filter.write_in(url, variable, depth);
    }
    url.push(')');
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

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
                Filter::equals("customerid_contact/emailaddress1", "a@b.example"),
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
            plain(&contact.through("customerid_contact")),
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
