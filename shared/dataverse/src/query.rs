//! What to read.

use std::fmt::Write as _;

use uuid::Uuid;

use crate::{Filter, Name, Table};

/// Whether rows come smallest or largest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest, or earliest, first.
    Ascending(Name),
    /// Largest, or latest, first.
    Descending(Name),
}

impl Order {
    /// Smallest, or earliest, first.
    pub fn ascending(column: impl Into<Name>) -> Order {
        Order::Ascending(column.into())
    }

    /// Largest, or latest, first.
    pub fn descending(column: impl Into<Name>) -> Order {
        Order::Descending(column.into())
    }

    fn write(&self, url: &mut String) {
        match self {
            Order::Ascending(column) => url.push_str(column.as_str()),
            Order::Descending(column) => {
                url.push_str(column.as_str());
                url.push_str("%20desc");
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Target {
    Rows,
    Row(Uuid),
    Related(Uuid, Name),
}

/// A read: of the rows of a table, of one row, or of the rows related to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    table: Table,
    target: Target,
    options: Options,
}

/// Related rows that come along.
///
/// Limits of Dataverse: at most 15 expansions in a query; `order_by` and `top` only on collections
/// of the first level.
#[derive(Clone, Debug, PartialEq)]
pub struct Expand {
    navigation: Name,
    options: Options,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Options {
    select: Vec<Name>,
    filter: Option<Filter>,
    order: Vec<Order>,
    top: Option<u32>,
    expand: Vec<Expand>,
    count: bool,
}

impl Options {
    /// Writes the options to the end of a URL: `first` before the first, `next` before the others.
    fn write(&self, url: &mut String, first: &str, next: &str) {
        let mut separator = first;
        let mut begin = |url: &mut String, option: &str| {
            url.push_str(std::mem::replace(&mut separator, next));
            url.push_str(option);
        };
        if !self.select.is_empty() {
            begin(url, "$select=");
            with_commas(url, &self.select, |url, name| url.push_str(name.as_str()));
        }
        if let Some(filter) = &self.filter {
            begin(url, "$filter=");
            filter.write(url);
        }
        if !self.order.is_empty() {
            begin(url, "$orderby=");
            with_commas(url, &self.order, |url, order| order.write(url));
        }
        if let Some(top) = self.top {
            begin(url, "$top=");
            // Writing to a String cannot fail.
            let _ = write!(url, "{top}");
        }
        if !self.expand.is_empty() {
            begin(url, "$expand=");
            with_commas(url, &self.expand, |url, expand| expand.write(url));
        }
        if self.count {
            begin(url, "$count=true");
        }
    }
}

fn with_commas<T>(url: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            url.push(',');
        }
        write(url, item);
    }
}

macro_rules! shared_options {
    () => {
        /// The columns to read. Without them Dataverse sends every column of the row.
        #[must_use]
        pub fn select<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
            for column in columns.into_iter().map(Into::into) {
                if !self.options.select.contains(&column) {
                    self.options.select.push(column);
                }
            }
            self
        }

        /// Only rows for which this holds.
        #[must_use]
        pub fn filter(mut self, filter: Filter) -> Self {
            self.options.filter = Some(match self.options.filter.take() {
                Some(earlier) => earlier.and(filter),
                None => filter,
            });
            self
        }

        /// In this order; a second call breaks the ties of the first.
        #[must_use]
        pub fn order_by(mut self, order: Order) -> Self {
            self.options.order.push(order);
            self
        }

        /// At most so many rows.
        #[must_use]
        pub fn top(mut self, rows: u32) -> Self {
            self.options.top = Some(rows);
            self
        }

        /// With these related rows.
        #[must_use]
        pub fn expand(mut self, expand: Expand) -> Self {
            self.options.expand.push(expand);
            self
        }
    };
}

impl Query {
    /// The rows of a table.
    pub fn rows(table: Table) -> Query {
        Query { table, target: Target::Rows, options: Options::default() }
    }

    /// The row with this id.
    pub fn row(table: Table, id: Uuid) -> Query {
        Query { table, target: Target::Row(id), options: Options::default() }
    }

    /// The rows that a collection-valued navigation property of one row leads to.
    pub fn related(table: Table, id: Uuid, navigation: impl Into<Name>) -> Query {
        Query { table, target: Target::Related(id, navigation.into()), options: Options::default() }
    }

    shared_options!();

    /// With the number of all rows that match, up to 5,000.
    #[must_use]
    pub fn count(mut self) -> Self {
        self.options.count = true;
        self
    }

    /// The path and query below the service root, percent-encoded.
    pub(crate) fn path(&self) -> String {
        let set = self.table.entity_set;
        self.with_options(match &self.target {
            Target::Rows => set.to_owned(),
            Target::Row(id) => format!("{set}({id})"),
            Target::Related(id, navigation) => format!("{set}({id})/{navigation}"),
        })
    }

    /// The same for a new row of the table, whose answer shall be as this query's.
    pub(crate) fn path_of_create(&self) -> String {
        self.with_options(self.table.entity_set.to_owned())
    }

    fn with_options(&self, mut path: String) -> String {
        path.reserve(512);
        self.options.write(&mut path, "?", "&");
        path
    }
}

impl Expand {
    /// Rows by way of this navigation property.
    pub fn new(navigation: impl Into<Name>) -> Expand {
        Expand { navigation: navigation.into(), options: Options::default() }
    }

    shared_options!();

    fn write(&self, url: &mut String) {
        url.push_str(self.navigation.as_str());
        if self.options != Options::default() {
            self.options.write(url, "(", ";");
            url.push(')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTACTS: Table =
        Table { logical_name: "contact", entity_set: "contacts", key: "contactid" };

    #[test]
    fn a_whole_query() {
        let query = Query::rows(CONTACTS)
            .select(["fullname", "emailaddress1"])
            .filter(Filter::equals("emailaddress1", "o'neil@x.example"))
            .filter(Filter::equals("statecode", 0))
            .order_by(Order::descending("modifiedon"))
            .order_by(Order::ascending("fullname"))
            .top(4)
            .expand(Expand::new("ownerid"))
            .expand(
                Expand::new("incident_customer_contacts")
                    .select(["title"])
                    .filter(Filter::equals("statecode", 0))
                    .order_by(Order::descending("createdon"))
                    .top(5),
            )
            .count();
        assert_eq!(
            query.path(),
            "contacts?$select=fullname,emailaddress1\
             &$filter=(emailaddress1%20eq%20%27o%27%27neil%40x.example%27%20and%20statecode%20eq%200)\
             &$orderby=modifiedon%20desc,fullname&$top=4\
             &$expand=ownerid,incident_customer_contacts($select=title;$filter=statecode%20eq%200;\
             $orderby=createdon%20desc;$top=5)&$count=true"
        );
    }

    #[test]
    fn one_row_and_its_related_rows() {
        let id = Uuid::nil();
        assert_eq!(
            Query::row(CONTACTS, id).select(["fullname"]).path(),
            "contacts(00000000-0000-0000-0000-000000000000)?$select=fullname"
        );
        assert_eq!(
            Query::related(CONTACTS, id, "Contact_Annotation").path(),
            "contacts(00000000-0000-0000-0000-000000000000)/Contact_Annotation"
        );
    }
}
