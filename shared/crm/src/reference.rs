//! References: how people name a record, and how the record is found.

use dataverse::{Filter, InstanceUrl, Link, Name, Order, Page, Query, Record, Table};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::lead;
use crate::tables::choices::STATE;
use crate::text::{EmailAddress, Hyperlink, Line, TextError, undecorated};

mod account;
mod kinds;
mod merged;
mod named;
mod owner;
mod page;
mod whose;

pub use account::{by_domain, web_domain};
pub use kinds::{
    AccountRef, CaseRef, ContactRef, LeadRef, OpportunityRef, PriceListRef, ProductRef, UserRef,
    any_email,
};
pub(crate) use merged::can_be_merged;
pub use merged::{Merged, as_masters, in_use, without_merged};
pub use named::Named;
pub use owner::{Owner, OwnerRef};
pub use whose::Whose;

/// The most characters of a reference. No column that names a record holds more.
const LIMIT: usize = 300;

/// The most records that are shown to choose from.
const CANDIDATES: usize = 3;

/// One more record than are shown to choose from: enough to know whether there are several.
pub const ENOUGH: u32 = CANDIDATES as u32 + 1;

/// Why a text refers to no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text itself is not accepted.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It looks like an id but is not one.
    #[error("looks like an id but is not a GUID such as 5b4ced1c-88e1-4e11-904c-6045bd05e9d4")]
    NotGuid,
    /// It is the address of a record in another table.
    #[error("is the address of another kind of record")]
    OtherTable,
    /// It is neither an id nor an email address.
    #[error("must be a GUID or an email address")]
    NotOwner,
}

/// The forms of a reference.
#[derive(Clone, PartialEq, Eq)]
pub enum Handle {
    /// The id of the record.
    Id(Uuid),
    /// The ids of several records, each of which may be meant.
    Ids(Vec<Uuid>),
    /// A value that the record has in one of these columns.
    Columns(Vec<Name>, String),
    /// What people say.
    Said(Said),
}

/// What people say for a record.
#[derive(Clone, PartialEq, Eq)]
pub enum Said {
    /// An email address.
    Email(String),
    /// A name, a number or a domain: anything else.
    Name(String),
}

impl Handle {
    /// Reads the text that a caller gave for a record of one of these tables, whatever a chat or a
    /// sentence has put around it.
    fn parse(text: &str, tables: &[Table]) -> Result<Handle, ReferenceError> {
        let text = Line::<LIMIT>::parse(linked(text))?;
        let bare = undecorated(text.as_str());
        if let Some(page) = page::RecordPage::of(bare) {
            return page.id(tables).map(Handle::Id);
        }
        if let Ok(id) = Uuid::parse_str(bare) {
            return Ok(Handle::Id(id));
        }
        if is_meant_as_guid(bare) {
            return Err(ReferenceError::NotGuid);
        }
        Ok(match EmailAddress::parse(text.as_str()) {
            Ok(email) => Handle::Said(Said::Email(email.as_str().to_owned())),
            // What stands around a name may be a part of it: the query tries both.
            Err(_) => Handle::Said(Said::Name(text.as_str().to_owned())),
        })
    }
}

/// What a link says of a record: the record's address or an email address, or else the words that people
/// see.
fn linked(text: &str) -> &str {
    match Hyperlink::of(text) {
        Some(Hyperlink { target, .. }) if target.contains('@') => target,
        Some(Hyperlink { target, .. }) if page::RecordPage::of(target).is_some() => target,
        Some(Hyperlink { label: Some(label), .. }) => label,
        Some(Hyperlink { target, .. }) => target,
        None => text,
    }
}

/// Whether the text has five groups of letters and digits. Nobody has such a name.
fn is_meant_as_guid(bare: &str) -> bool {
    bare.len() >= 30
        && bare.split('-').count() == 5
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A record of one table, as a person names it.
pub trait Reference: Sized {
    /// The table of the record.
    const TABLE: Table;
    /// The word for such a record in sentences.
    const NOUN: &'static str;
    /// The word for several of them.
    const PLURAL: &'static str;
    /// The column with the name of the record.
    const NAME_COLUMN: &'static str;
    /// More columns. They tell records with the same name apart.
    const DETAIL_COLUMNS: &'static [&'static str];
    /// The word for what the caller gave, if it is neither an id nor an email address.
    const SAID: &'static str = "name";
    /// The advice to the caller if no record is found by what people say.
    const NOT_FOUND: &'static str;
    /// The same for an id.
    const NO_SUCH_ID: &'static str = Self::NOT_FOUND;
    /// The same for an email address.
    const NO_SUCH_EMAIL: &'static str = Self::NOT_FOUND;

    /// The form in which the caller named the record.
    fn handle(&self) -> &Handle;

    /// The reference to any of several records of these ids.
    fn of_ids(ids: Vec<Uuid>) -> Self;

    /// A filter for the rows of the table that the reference may mean.
    fn filter(&self) -> Filter;

    /// The advice to the caller if no record is found. It is about what the caller gave, and nothing
    /// else.
    fn next_step(&self) -> &'static str {
        match self.handle() {
            Handle::Id(_) | Handle::Ids(_) => Self::NO_SUCH_ID,
            Handle::Said(Said::Email(_)) => Self::NO_SUCH_EMAIL,
            Handle::Columns(..) | Handle::Said(Said::Name(_)) => Self::NOT_FOUND,
        }
    }

    /// The id, if the caller gave one.
    fn id(&self) -> Option<Uuid> {
        match self.handle() {
            Handle::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// Rows of another table that point at the record by any of these lookups. If the id is known,
    /// they are found by the column, otherwise through the navigation property.
    fn at(&self, lookups: &[Link]) -> Filter {
        Filter::any(lookups.iter().flat_map(|link| match self.handle() {
            Handle::Id(id) => vec![Filter::equals(link.column, *id)],
            Handle::Ids(ids) => ids.iter().map(|id| Filter::equals(link.column, *id)).collect(),
            Handle::Columns(..) | Handle::Said(_) => vec![self.filter().through(*link)],
        }))
    }

    /// A query for the record, with enough rows to know whether there are several.
    fn query(&self) -> Query {
        let can_be_merged = merged::can_be_merged(Self::TABLE);
        let query = match self.id() {
            Some(id) => Query::row(Self::TABLE, id),
            None => {
                let query = Query::rows(Self::TABLE).filter(self.filter()).top(ENOUGH);
                // What was merged is inactive, and must not keep out its master.
                if can_be_merged { query.order_by(Order::ascending(STATE)) } else { query }
            }
        };
        let master = can_be_merged.then_some(Merged::COLUMN);
        query
            .select([Self::NAME_COLUMN])
            .select(Self::DETAIL_COLUMNS.iter().copied())
            .select(master)
    }

    /// A query for records with a longer name, if the caller may mean one of those.
    fn siblings(&self) -> Option<Query> {
        None
    }

    /// Whether the caller gave exactly the name of this record, and not a shorter form of it.
    fn is_exact(&self, _record: &Record) -> bool {
        true
    }

    /// The only record in the result of [`Reference::query`], or an error if there are none or
    /// several.
    fn one(&self, page: Page, instance: &InstanceUrl) -> Result<Record, Unresolved> {
        let mut records = merged::without_merged::<Self>(page.records);
        if records.len() > 1 {
            return Err(ambiguous::<Self>(&records, false, instance));
        }
        records.pop().ok_or(Unresolved::NotFound {
            noun: Self::NOUN,
            by: match self.handle() {
                Handle::Id(_) | Handle::Ids(_) => "id",
                Handle::Columns(..) => "identity",
                Handle::Said(Said::Email(_)) => "email address",
                Handle::Said(Said::Name(_)) => Self::SAID,
            },
            next_step: self.next_step(),
        })
    }
}

fn ambiguous<R: Reference>(
    records: &[Record],
    similar: bool,
    instance: &InstanceUrl,
) -> Unresolved {
    Unresolved::Ambiguous {
        noun: R::NOUN,
        plural: R::PLURAL,
        similar,
        more: records.len() > CANDIDATES,
        candidates: records
            .iter()
            .take(CANDIDATES)
            .filter_map(|record| Candidate::of::<R>(record, instance))
            .collect(),
    }
}

/// A description of a record. Looking for it gives one record or an error.
pub trait Sought {
    /// A query for the record, with enough rows to know whether there are several.
    fn query(&self) -> Query;

    /// A query for other records that the caller may mean.
    fn siblings(&self) -> Option<Query>;

    /// The record that the caller means, among the results of the two queries.
    fn found(
        &self,
        records: Page,
        siblings: Page,
        instance: &InstanceUrl,
    ) -> Result<Record, Unresolved>;

    /// Whether the record that was found was merged into another one.
    fn merged(&self, record: &Record) -> Option<Merged>;
}

impl<R: Reference> Sought for R {
    fn merged(&self, record: &Record) -> Option<Merged> {
        Merged::of(self, record)
    }

    fn query(&self) -> Query {
        Reference::query(self)
    }

    fn siblings(&self) -> Option<Query> {
        Reference::siblings(self)
    }

    fn found(
        &self,
        mut records: Page,
        siblings: Page,
        instance: &InstanceUrl,
    ) -> Result<Record, Unresolved> {
        records.records = merged::without_merged::<R>(records.records);
        let exact = matches!(records.records.as_slice(), [only] if self.is_exact(only));
        if exact || siblings.records.is_empty() {
            return self.one(records, instance);
        }
        let mut all = records.records.clone();
        let is_new = |record: &Record, all: &[Record]| {
            all.iter().all(|known| known.id(R::TABLE.key) != record.id(R::TABLE.key))
        };
        for sibling in siblings.records {
            if is_new(&sibling, &all) {
                all.push(sibling);
            }
        }
        let all = merged::without_merged::<R>(all);
        if all.len() == records.records.len() {
            return self.one(records, instance);
        }
        Err(ambiguous::<R>(&all, records.records.is_empty(), instance))
    }
}

/// A lead, as [`LeadRef`], for a tool that works on it: if an address is that of several, and only one
/// is open, that one is meant. Whoever asks again leaves such leads behind.
pub struct OpenLead<'a>(pub &'a LeadRef);

impl Sought for OpenLead<'_> {
    fn merged(&self, record: &Record) -> Option<Merged> {
        Merged::of(self.0, record)
    }

    fn query(&self) -> Query {
        // An open lead has the lowest state, and comes first.
        Reference::query(self.0).select([STATE])
    }

    fn siblings(&self) -> Option<Query> {
        None
    }

    fn found(&self, records: Page, _: Page, instance: &InstanceUrl) -> Result<Record, Unresolved> {
        if let Handle::Said(Said::Email(_)) = self.0.handle() {
            let mut open = records.records.iter().filter(|lead| lead::is_open(lead));
            if let (Some(only), None) = (open.next(), open.next()) {
                return Ok(only.clone());
            }
        }
        self.0.one(records, instance)
    }
}

/// One of several records that a reference may mean.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Candidate {
    /// The id of the record.
    pub id: Uuid,
    /// Its name.
    pub name: Option<String>,
    /// What tells it from others of the same name.
    pub detail: Option<String>,
    /// Opens it in Dynamics 365; left out for visitors.
    pub url: Option<String>,
}

impl Unresolved {
    /// Several records that share what was asked for. Their rows must have the columns with the name and
    /// the details.
    pub fn several<R: Reference>(records: &[Record], instance: &InstanceUrl) -> Unresolved {
        ambiguous::<R>(records, false, instance)
    }
}

impl Candidate {
    /// Reads a record to choose from. The row must have the columns with the name and the details.
    pub fn of<R: Reference>(record: &Record, instance: &InstanceUrl) -> Option<Candidate> {
        let id = record.id(R::TABLE.key)?;
        let details: Vec<_> = R::DETAIL_COLUMNS
            .iter()
            .filter_map(|column| record.label(column).or_else(|| record.text(column)))
            .collect();
        Some(Candidate {
            id,
            name: record.text(R::NAME_COLUMN).map(str::to_owned),
            detail: (!details.is_empty()).then(|| details.join(", ")),
            url: Some(instance.record_page(R::TABLE.logical_name, id)),
        })
    }
}

/// Why a reference does not lead to one record.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unresolved {
    /// There is no such record.
    #[error("no {noun} has that {by}")]
    NotFound {
        /// The word for such a record.
        noun: &'static str,
        /// How the record was named: by id, by name and so on.
        by: &'static str,
        /// What the caller can try next.
        next_step: &'static str,
    },
    /// There are several, or only records with a similar name.
    #[error("{}", if *.similar { format!("no {noun} has just that name, but similar ones") } else { format!("several {plural} match") })]
    Ambiguous {
        /// The word for such a record.
        noun: &'static str,
        /// The word for several of them.
        plural: &'static str,
        /// Whether none of them has exactly the name that the caller gave.
        similar: bool,
        /// The first three records.
        candidates: Vec<Candidate>,
        /// Whether there are more than these.
        more: bool,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_text_refers_to() {
        let id = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";
        assert_eq!(ContactRef::parse(id).unwrap().id().unwrap().to_string(), id);
        assert!(ContactRef::parse(&format!("{{{id}}}")).unwrap().id().is_some());
        let is_email = |text| {
            matches!(*ContactRef::parse(text).unwrap().handle(), Handle::Said(Said::Email(_)))
        };
        assert!(is_email("o'brien@example.com") && !is_email("O'Brien @ home"));
        assert_eq!(
            ContactRef::parse("5b4ced1c-88e1-4e11-904c-6045bd05e9dX"),
            Err(ReferenceError::NotGuid)
        );
        assert!(OwnerRef::parse("Sarah").is_err() && OwnerRef::parse("sarah@example.com").is_ok());
        assert!(is_email("<mailto:maren@example.com|Maren>") && is_email("Maren <m@example.com>,"));
        assert!(ContactRef::parse(&"x".repeat(10_000)).is_err());
    }

    #[test]
    fn whatever_stands_around_it_it_is_the_same_record() {
        let id = "5b4ced1c-88e1-4e11-904c-6045bd05e9d4";
        let url = format!(
            "https://o.crm.dynamics.com/main.aspx?pagetype=entityrecord&etn=contact&id={id}"
        );
        let escaped = url.replace('&', "&amp;");
        for text in [
            format!("`{id}`"),
            format!("\"{{{id}}}\"."),
            format!("#{id}"),
            format!("({id}),"),
            url.clone(),
            format!("<{url}|Maren Quist>"),
            format!("[Maren Quist]({url})"),
            format!("<{escaped}>"),
            url.replace(id, "%7B5B4CED1C-88E1-4E11-904C-6045BD05E9D4%7D"),
            format!(
                "https://o.crm.dynamics.com/main.aspx?appid=1&pagetype=entityrecord&etn=contact&id={id}."
            ),
        ] {
            let found = ContactRef::parse(&text).ok().and_then(|contact| contact.id());
            assert_eq!(found.map(|id| id.to_string()).as_deref(), Some(id), "{text}");
        }
        assert_eq!(AccountRef::parse(&url), Err(ReferenceError::OtherTable));
        assert!(OwnerRef::parse(&url.replace("=contact", "=team")).is_ok());
        let no_id =
            "https://o.crm.dynamics.com/main.aspx?pagetype=entityrecord&etn=contact&id={id}";
        assert_eq!(ContactRef::parse(no_id), Err(ReferenceError::NotGuid));
    }

    #[test]
    fn domains() {
        for (text, domain) in [
            ("contoso.com", Some("contoso.com")),
            ("https://www.Contoso.co.uk/about?x", Some("contoso.co.uk")),
            ("info@contoso.de", Some("contoso.de")),
            ("`www.contoso.de`,", Some("contoso.de")),
            ("Contoso <info@contoso.de>", Some("contoso.de")),
            ("Contoso Ltd.", None),
            ("Dr. No", None),
            ("v1.2", None),
            ("contoso", None),
        ] {
            assert_eq!(web_domain(text).as_deref(), domain, "{text}");
        }
    }

    #[test]
    fn an_address_of_a_shared_provider_is_nobody_elses() {
        let someone = AccountRef::parse("visitor@mail.example").unwrap().filter();
        let others = Filter::ends_with("emailaddress1", "@mail.example");
        fn holds(filter: &Filter, part: &Filter) -> bool {
            match filter {
                Filter::All(filters) | Filter::Any(filters) => {
                    filters.iter().any(|filter| holds(filter, part))
                }
                other => other == part,
            }
        }
        assert!(!holds(&someone, &others));
        assert!(holds(&someone, &Filter::equals("emailaddress1", "visitor@mail.example")));
        assert!(holds(&someone, &Filter::equals("websiteurl", "https://mail.example")));
        assert!(holds(&AccountRef::parse("mail.example").unwrap().filter(), &others));
    }

    #[test]
    fn one_is_used_several_are_shown_none_is_not_found() {
        let instance = InstanceUrl::parse("contoso.crm.dynamics.com").unwrap();
        let page = |count: u128| -> Page {
            let rows: Vec<_> = (1..=count)
                .map(|number| {
                    json!({
                        "contactid": Uuid::from_u128(number),
                        "fullname": "Maria", "emailaddress1": "m@example.com",
                    })
                })
                .collect();
            serde_json::from_value(json!({ "value": rows })).unwrap()
        };
        let maria = ContactRef::parse("Maria").unwrap();
        assert!(maria.one(page(1), &instance).is_ok());
        match maria.one(page(4), &instance).unwrap_err() {
            Unresolved::Ambiguous { candidates, more, .. } => {
                assert!(candidates.len() == 3 && more);
                assert_eq!(candidates[0].detail.as_deref(), Some("m@example.com"));
            }
            other => panic!("{other}"),
        }
        let error = maria.one(page(0), &instance).unwrap_err();
        assert_eq!(error.to_string(), "no contact has that name");
        let deal = OpportunityRef::parse("Licences").unwrap();
        let error = deal.one(page(2), &instance).unwrap_err();
        assert_eq!(error.to_string(), "several opportunities match");
    }

    #[test]
    fn advice_is_about_what_was_given() {
        let instance = InstanceUrl::parse("contoso.crm.dynamics.com").unwrap();
        let advice = |said: &str| {
            let contact = ContactRef::parse(said).unwrap();
            match contact.one(Page::default(), &instance).unwrap_err() {
                Unresolved::NotFound { next_step, .. } => next_step,
                other => panic!("{other}"),
            }
        };
        for (said, asks, not) in [
            ("Maria", "another spelling", "an earlier answer"),
            ("maria@example.com", "another address", "spelling"),
            ("5b4ced1c-88e1-4e11-904c-6045bd05e9d4", "an earlier answer", "spelling"),
        ] {
            assert!(advice(said).contains(asks) && !advice(said).contains(not), "{said}");
            // Who does not have the tool is told the rest.
            assert!(advice(said).contains("; or look "), "{said}");
        }
    }

    #[test]
    fn of_leads_with_one_address_the_open_one_is_meant() {
        let instance = InstanceUrl::parse("contoso.crm.dynamics.com").unwrap();
        let found = |said: &str, states: &[i64]| {
            let rows: Vec<_> = (1u128..)
                .zip(states)
                .map(|(id, state)| json!({"leadid": Uuid::from_u128(id), "statecode": state}))
                .collect();
            let page = serde_json::from_value(json!({ "value": rows })).unwrap();
            let lead = LeadRef::parse(said).unwrap();
            let lead = OpenLead(&lead).found(page, Page::default(), &instance);
            lead.ok().and_then(|lead| lead.id("leadid")).map(|id| id.as_u128())
        };
        let address = "m@example.com";
        assert_eq!(found(address, &[2, 0, 1]), Some(2));
        assert_eq!(found(address, &[2]), Some(1));
        assert_eq!(found(address, &[0, 0, 2]), None);
        assert_eq!(found(address, &[1, 2]), None);
        // Two people may have one name.
        assert_eq!(found("Maria", &[2, 0]), None);
    }
}
