//! Queries: which rows and columns to read.

use std::fmt::Write as _;
use std::sync::Arc;

use uuid::Uuid;

use crate::asked::Asked;
use crate::fetch;
use crate::name::Related;
use crate::{Filter, Name, Record, Table};

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
}

/// A read: of the rows of a table, or of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    table: Table,
    target: Target,
    options: Options,
}

/// Related rows to read along with a row.
///
/// Limits of Dataverse: at most 15 expansions in a query; `order_by` and `top` only on collections
/// of the first level.
#[derive(Clone, Debug, PartialEq)]
pub struct Expand {
    pub(crate) related: Related,
    pub(crate) is_mostly_one: bool,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) select: Vec<Name>,
    pub(crate) filter: Option<Filter>,
    pub(crate) order: Vec<Order>,
    pub(crate) top: Option<u32>,
    pub(crate) expand: Vec<Expand>,
    count: bool,
    /// Columns whose texts may be so long that a list of them makes the answer too large.
    long: Vec<Name>,
    /// Long columns that were not asked for, because the answer with them was too large.
    left_out: Arc<[Name]>,
}

/// Columns of several lines that most tables have, and that hold what somebody outside wrote, such
/// as the body of an email or a note. Other columns are long only where [`Query::select_long`] says
/// so.
const LONG: [&str; 2] = ["description", "notetext"];

impl Options {
    fn is_long(&self, column: &Name) -> bool {
        LONG.contains(&column.as_str()) || self.long.contains(column)
    }

    /// The same options without long columns; `None` if there are none.
    fn without_long(&self) -> Option<Options> {
        let expand: Vec<_> =
            self.expand.iter().map(|expand| (expand, expand.without_long())).collect();
        let (long, select): (Vec<_>, Vec<_>) =
            self.select.iter().cloned().partition(|column| self.is_long(column));
        // If no column were asked for, Dataverse would send all of them.
        let is_less = !long.is_empty() && !select.is_empty();
        if !is_less && expand.iter().all(|(_, shorter)| shorter.is_none()) {
            return None;
        }
        let (select, left_out) =
            if is_less { (select, long.into()) } else { (self.select.clone(), Arc::default()) };
        let expand = expand
            .into_iter()
            .map(|(expand, shorter)| shorter.unwrap_or_else(|| expand.clone()))
            .collect();
        Some(Options { select, left_out, expand, ..self.clone() })
    }

    /// What the rows of an answer remember of the query.
    fn asked(&self, key: Option<&'static str>) -> Arc<Asked> {
        let related = self.expand.iter();
        Arc::new(Asked {
            columns: self.select.clone(),
            key,
            related: related
                .map(|expand| (expand.related.name.clone(), expand.options.asked(None)))
                .collect(),
            left_out: Arc::clone(&self.left_out),
        })
    }

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

        /// Columns whose texts may be of any length. If the answer is too large, it is asked for
        /// once more without them; see [`Record::is_left_out`](crate::Record::is_left_out).
        /// `description` and `notetext` are such columns without being named.
        #[must_use]
        pub fn select_long<N: Into<Name>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
            let columns: Vec<Name> = columns.into_iter().map(Into::into).collect();
            self.options.long.extend(columns.iter().cloned());
            self.select(columns)
        }

        /// Only rows for which this filter holds, too.
        #[must_use]
        pub fn filter(mut self, filter: Filter) -> Self {
            // Dataverse refuses a condition without a column, such as one that always holds.
            if matches!(&filter, Filter::All(conditions) if conditions.is_empty()) {
                return self;
            }
            self.options.filter = Some(match self.options.filter.take() {
                Some(earlier) => earlier.and(filter),
                None => filter,
            });
            self
        }

        /// The order of the rows. A second call breaks the ties of the first.
        #[must_use]
        pub fn order_by(mut self, order: Order) -> Self {
            self.options.order.push(order);
            self
        }

        /// At most this many rows.
        #[must_use]
        pub fn top(mut self, rows: u32) -> Self {
            self.options.top = Some(rows);
            self
        }

        /// Reads these related rows along.
        #[must_use]
        pub fn expand(mut self, expand: Expand) -> Self {
            self.options.expand.push(expand);
            self
        }
    };
}

/// How many rows of a collection are read for each row, on average, if it is asked in FetchXML.
const RELATED: u32 = 20;

/// The most rows of a page. Source: Microsoft's page "Page results using FetchXml".
const MOST_ROWS: u32 = 5000;

impl Query {
    /// The rows of a table.
    pub fn rows(table: Table) -> Query {
        Query { table, target: Target::Rows, options: Options::default() }
    }

    /// The row with this id.
    pub fn row(table: Table, id: Uuid) -> Query {
        Query { table, target: Target::Row(id), options: Options::default() }
    }

    shared_options!();

    /// The same rows, as far as this filter holds for them. Where one row is asked for by its id, it is
    /// found only if the filter holds.
    #[must_use]
    pub fn within(mut self, filter: Arc<Filter>) -> Query {
        if let Target::Row(id) = self.target {
            self.target = Target::Rows;
            let is_row = Filter::equals(self.table.key, id);
            self = self.filter(is_row).top(1);
        }
        self.filter(Filter::Shared(filter))
    }

    /// The table whose rows are asked for.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The same query, but of the row with this id.
    pub(crate) fn of_row(mut self, id: Uuid) -> Query {
        self.target = Target::Row(id);
        self
    }

    /// Whether one row is asked for by its id.
    pub(crate) fn is_of_row(&self) -> bool {
        matches!(self.target, Target::Row(_))
    }

    /// The same query without long columns; `None` if there are none.
    pub(crate) fn without_long(&self) -> Option<Query> {
        Some(Query { options: self.options.without_long()?, ..self.clone() })
    }

    /// Makes the rows of an answer those that the query asked for.
    pub(crate) fn mark(&self, records: &mut Vec<Record>) {
        if self.needs_fetch() {
            records.iter_mut().for_each(|record| record.unjoin("", &self.options.expand));
            // A row that has several of a collection was found several times.
            records.dedup_by(|row, before| {
                let is_same = row.id(self.table.key) == before.id(self.table.key);
                if is_same {
                    before.add_related(std::mem::take(row));
                }
                is_same
            });
            records.truncate(self.options.top.map_or(usize::MAX, |rows| rows as usize));
        }
        self.note(records);
    }

    /// Notes in rows what the query asked for.
    pub(crate) fn note(&self, records: &mut [Record]) {
        if !records.is_empty() {
            Record::note_asked(records, &self.options.asked(Some(self.table.key)));
        }
    }

    /// Whether only FetchXML can ask it.
    pub(crate) fn needs_fetch(&self) -> bool {
        self.options.filter.as_ref().is_some_and(Filter::needs_fetch)
    }

    /// The queries that find the same in FetchXML; `None` if one is enough. The first finds the rows, and
    /// each other one the rows of a collection that come along: joined to the first, they would repeat
    /// its rows, and count for `top`.
    pub(crate) fn parts(&self) -> Option<Vec<Query>> {
        if !self.needs_fetch() {
            return None;
        }
        let (collections, expand): (Vec<Expand>, Vec<Expand>) =
            self.options.expand.iter().cloned().partition(Expand::is_apart);
        if collections.is_empty() {
            return None;
        }
        let mut order = self.options.order.clone();
        // Rows that are equal otherwise come in the same order in all parts.
        order.push(Order::ascending(self.table.key));
        let options = Options { expand, order, ..self.options.clone() };
        let rest = collections.into_iter().map(|collection| Options {
            select: vec![self.table.key.into()],
            top: self.options.top.map(|rows| (rows * RELATED).min(MOST_ROWS)),
            expand: vec![collection],
            ..options.clone()
        });
        let parts: Vec<_> = rest.collect();
        let parts = std::iter::once(options).chain(parts);
        Some(parts.map(|options| Query { options, ..self.clone() }).collect())
    }

    /// Whether rows that are joined to these are missing, because the answer has as many rows as were
    /// asked for: this many, of which so many are left when those of one row are put together.
    pub(crate) fn is_cut(&self, found: usize, left: usize) -> bool {
        let Some(top) = self.options.top.filter(|_| self.needs_fetch()) else { return false };
        let expand = &self.options.expand;
        let is_part = expand.iter().any(Expand::is_apart);
        let may_repeat = expand.iter().any(|expand| expand.is_mostly_one);
        let asked = fetch::rows(top, may_repeat) as usize;
        found >= asked && (is_part || (may_repeat && left < top as usize))
    }

    /// The same rows, but only their keys.
    pub(crate) fn keys(&self) -> Query {
        let options = Options {
            select: vec![self.table.key.into()],
            expand: Vec::new(),
            ..self.options.clone()
        };
        Query { options, ..self.clone() }
    }

    /// The same columns and related rows of the rows with these ids.
    pub(crate) fn of_ids(&self, ids: &[Uuid]) -> Query {
        let is_one = ids.iter().map(|id| Filter::equals(self.table.key, *id));
        let filter = Some(Filter::any(is_one));
        let options = Options { filter, order: Vec::new(), top: None, ..self.options.clone() };
        Query { options, target: Target::Rows, ..self.clone() }
    }

    /// Asks for the number of all rows that match, and not for the rows: one of them comes along.
    #[must_use]
    pub fn count(mut self) -> Self {
        self.options.count = true;
        self
    }

    /// Whether the rows are only counted.
    pub(crate) fn only_counts(&self) -> bool {
        self.options.count
    }

    /// The path and query below the service root, percent-encoded.
    pub(crate) fn path(&self) -> String {
        if self.needs_fetch() {
            return fetch::path(self.table, &self.options);
        }
        let set = self.table.entity_set;
        self.with_options(match &self.target {
            Target::Rows => set.to_owned(),
            Target::Row(id) => format!("{set}({id})"),
        })
    }

    /// The path for creating a row of the table. Its answer has the columns of this query.
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
    /// The rows that this navigation property leads to.
    pub fn new(navigation: impl Into<Related>) -> Expand {
        Expand { related: navigation.into(), is_mostly_one: false, options: Options::default() }
    }

    /// Says that a row hardly ever has several of these. In FetchXML, they are then joined to the rows
    /// themselves, which takes no further query.
    #[must_use]
    pub fn mostly_one(self) -> Expand {
        Expand { is_mostly_one: true, ..self }
    }

    /// Whether FetchXML asks for them in a query of their own.
    fn is_apart(&self) -> bool {
        !self.is_mostly_one && self.related.join.is_some_and(|join| join.is_collection)
    }

    shared_options!();

    fn without_long(&self) -> Option<Expand> {
        Some(Expand { options: self.options.without_long()?, ..self.clone() })
    }

    fn write(&self, url: &mut String) {
        url.push_str(self.related.name.as_str());
        if self.options != Options::default() {
            self.options.write(url, "(", ";");
            url.push(')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;

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
    fn what_is_long_can_be_left_out() {
        let query = Query::rows(CONTACTS)
            .select(["fullname", "description"])
            .select_long(["new_story"])
            .expand(Expand::new("notes").select(["subject", "notetext"]));
        let shorter = query.without_long().unwrap();
        assert_eq!(shorter.path(), "contacts?$select=fullname&$expand=notes($select=subject)");
        // The second time, there is nothing left to leave out.
        assert_eq!(shorter.without_long(), None);
        let text = r#"{"contactid": "x", "fullname": "a", "notes": [{"subject": "b"}]}"#;
        let mut row = Record::read(text).unwrap();
        shorter.note(std::slice::from_mut(&mut row));
        assert!(row.is_left_out("description") && row.is_left_out("new_story"));
        assert!(!row.is_left_out("fullname"));
        assert!(row.many("notes")[0].is_left_out("notetext"));
        // Without any column, all of them would come.
        assert_eq!(Query::rows(CONTACTS).select(["description"]).without_long(), None);
    }

    #[test]
    fn what_was_not_asked_for_is_not_read() {
        let query = Query::rows(CONTACTS)
            .select(["fullname"])
            .expand(Expand::new("notes").select(["subject"]));
        let text = r#"{"@odata.etag": "1", "contactid": "x", "notes": [{"subject": "b"}]}"#;
        let mut row = Record::read(text).unwrap();
        query.note(std::slice::from_mut(&mut row));
        // A column that the query asked for and that has no value reads as `None`.
        assert_eq!(row.text("fullname"), None);
        assert_eq!((row.etag(), row.text("contactid")), (Some("1"), Some("x")));
        assert_eq!(row.many("notes")[0].text("subject"), Some("b"));
        let panics = |read: &(dyn Fn() + std::panic::RefUnwindSafe)| {
            assert_eq!(std::panic::catch_unwind(read).is_err(), cfg!(debug_assertions));
        };
        panics(&|| drop(row.text("jobtitle").map(str::to_owned)));
        panics(&|| drop(row.label("jobtitle").map(str::to_owned)));
        panics(&|| drop(row.many("tasks").to_vec()));
        panics(&|| drop(row.many("notes")[0].text("notetext").map(str::to_owned)));
    }

    #[test]
    fn what_odata_cannot_ask_is_seen() {
        let contacts = |filter| Query::rows(CONTACTS).filter(filter);
        let of_party = |filter| Filter::some("parties", filter);
        let own = Filter::equals("_partyid_value", Uuid::nil());
        assert!(!contacts(of_party(own.clone())).needs_fetch());
        let employer =
            Link { column: "_partyid_value", navigation: "partyid_contact", to: CONTACTS };
        let through = Filter::equals("emailaddress1", "a").through(employer);
        assert!(contacts(of_party(own.clone().and(through.clone()))).needs_fetch());
        assert!(contacts(of_party(of_party(own.clone()))).needs_fetch());
        assert!(
            contacts(Filter::any([own.clone(), of_party(own).through(employer)])).needs_fetch()
        );
        assert!(!contacts(through.clone()).needs_fetch());
        assert!(!contacts(through.through(employer)).needs_fetch());
    }

    #[test]
    fn one_row() {
        let id = Uuid::nil();
        assert_eq!(
            Query::row(CONTACTS, id).select(["fullname"]).path(),
            "contacts(00000000-0000-0000-0000-000000000000)?$select=fullname"
        );
    }
}
