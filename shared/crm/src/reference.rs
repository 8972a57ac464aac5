//! A record as a person names it, and how one is found by it.

use dataverse::{Filter, InstanceUrl, Link, Page, Query, Record, Table};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::text::{EmailAddress, Line, TextError};

mod account;
mod kinds;
mod owner;

pub use account::{by_domain, web_domain};
pub use kinds::{
    AccountRef, CaseRef, ContactRef, LeadRef, OpportunityRef, PriceListRef, ProductRef, UserRef,
    any_email,
};
pub use owner::{Owner, OwnerRef};

/// How many characters a reference may have. No column that names a record holds more.
const LIMIT: usize = 300;

/// How many records are shown to choose from.
const CANDIDATES: usize = 3;

/// Why a text refers to no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text is none.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It was meant to be an id.
    #[error("looks like an id but is not a GUID such as 5b4ced1c-88e1-4e11-904c-6045bd05e9d4")]
    NotGuid,
    /// Only an id or an email address will do.
    #[error("must be a GUID or an email address")]
    NotOwner,
}

/// The forms that a reference can have.
#[derive(Clone, PartialEq, Eq)]
pub enum Handle {
    /// The id of the record.
    Id(Uuid),
    /// An email address.
    Email(String),
    /// A name, a number, a domain: what people call it.
    Name(String),
}

impl Handle {
    fn parse(text: &str) -> Result<Handle, ReferenceError> {
        let text = Line::<LIMIT>::parse(text)?.as_str().to_owned();
        if let Ok(id) = Uuid::parse_str(&text) {
            return Ok(Handle::Id(id));
        }
        if is_meant_as_guid(&text) {
            return Err(ReferenceError::NotGuid);
        }
        Ok(match EmailAddress::parse(&text) {
            Ok(email) => Handle::Email(email.as_str().to_owned()),
            Err(_) => Handle::Name(text),
        })
    }
}

/// Five groups of letters and digits: nobody is called that.
fn is_meant_as_guid(text: &str) -> bool {
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    bare.len() >= 30
        && bare.split('-').count() == 5
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A record of one table, as a person names it.
pub trait Reference: Sized {
    /// The table.
    const TABLE: Table;
    /// What people call such a record.
    const NOUN: &'static str;
    /// The column with its name.
    const NAME_COLUMN: &'static str;
    /// Further columns that tell two of the same name apart.
    const DETAIL_COLUMNS: &'static [&'static str];
    /// What people say for a record, where it is neither an id nor an email address.
    const SAID: &'static str = "name";
    /// What to try when none is found.
    const NOT_FOUND: &'static str;

    /// The text's form.
    fn handle(&self) -> &Handle;

    /// The rows that it may mean, as a condition on the table.
    fn filter(&self) -> Filter;

    /// The id, where one was given.
    fn id(&self) -> Option<Uuid> {
        match self.handle() {
            Handle::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// Rows of another table that point at the record by any of these lookups: by the column where
    /// the id is known, else through the navigation property.
    fn at(&self, lookups: &[Link]) -> Filter {
        Filter::any(lookups.iter().map(|link| match self.id() {
            Some(id) => Filter::equals(link.column, id),
            None => self.filter().through(link.navigation),
        }))
    }

    /// A query for the record: enough rows to tell one from several.
    fn query(&self) -> Query {
        let query = match self.id() {
            Some(id) => Query::row(Self::TABLE, id),
            None => Query::rows(Self::TABLE).filter(self.filter()).top(CANDIDATES as u32 + 1),
        };
        query.select([Self::NAME_COLUMN]).select(Self::DETAIL_COLUMNS.iter().copied())
    }

    /// A query for records with a longer name, where what was said may well mean one of those.
    fn siblings(&self) -> Option<Query> {
        None
    }

    /// Whether what was said is this record's name to the letter, and no shorter form of it.
    fn is_exact(&self, _record: &Record) -> bool {
        true
    }

    /// The one record that [`Reference::query`] found.
    fn one(&self, page: Page, instance: &InstanceUrl) -> Result<Record, Unresolved> {
        let mut records = page.records;
        if records.len() > 1 {
            return Err(ambiguous::<Self>(&records, false, instance));
        }
        records.pop().ok_or(Unresolved::NotFound {
            noun: Self::NOUN,
            by: match self.handle() {
                Handle::Id(_) => "id",
                Handle::Email(_) => "email address",
                Handle::Name(_) => Self::SAID,
            },
            next_step: Self::NOT_FOUND,
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
        similar,
        more: records.len() > CANDIDATES,
        candidates: records
            .iter()
            .take(CANDIDATES)
            .filter_map(|record| Candidate::of::<R>(record, instance))
            .collect(),
    }
}

/// What can be looked for, and leads to one record or to none.
pub trait Sought {
    /// A query for the record: enough rows to tell one from several.
    fn query(&self) -> Query;

    /// A query for records that may be meant as well.
    fn siblings(&self) -> Option<Query>;

    /// The one record that is meant, among those that the two queries found.
    fn found(
        &self,
        records: Page,
        siblings: Page,
        instance: &InstanceUrl,
    ) -> Result<Record, Unresolved>;
}

impl<R: Reference> Sought for R {
    fn query(&self) -> Query {
        Reference::query(self)
    }

    fn siblings(&self) -> Option<Query> {
        Reference::siblings(self)
    }

    fn found(
        &self,
        records: Page,
        siblings: Page,
        instance: &InstanceUrl,
    ) -> Result<Record, Unresolved> {
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
        if all.len() == records.records.len() {
            return self.one(records, instance);
        }
        Err(ambiguous::<R>(&all, records.records.is_empty(), instance))
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
    /// Opens it in Dynamics 365.
    pub url: String,
}

impl Candidate {
    /// A record to choose, of a row with the columns that name it and tell it from others.
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
            url: instance.record_page(R::TABLE.logical_name, id),
        })
    }
}

/// Why a reference leads to no single record.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unresolved {
    /// There is none.
    #[error("no {noun} has that {by}")]
    NotFound {
        /// What people call such a record.
        noun: &'static str,
        /// By what it was looked for.
        by: &'static str,
        /// What to try.
        next_step: &'static str,
    },
    /// There are several, or only such as it may mean.
    #[error("{}", if *.similar { format!("no {noun} has just that name, but similar ones") } else { format!("several {noun}s match") })]
    Ambiguous {
        /// What people call such a record.
        noun: &'static str,
        /// Whether none of them is just what was said.
        similar: bool,
        /// The first three.
        candidates: Vec<Candidate>,
        /// Whether there are more than those.
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
        let is_email =
            |text| matches!(*ContactRef::parse(text).unwrap().handle(), Handle::Email(_));
        assert!(is_email("o'brien@example.com") && !is_email("O'Brien @ home"));
        assert_eq!(
            ContactRef::parse("5b4ced1c-88e1-4e11-904c-6045bd05e9dX"),
            Err(ReferenceError::NotGuid)
        );
        assert!(OwnerRef::parse("Sarah").is_err() && OwnerRef::parse("sarah@example.com").is_ok());
        assert!(ContactRef::parse(&"x".repeat(10_000)).is_err());
    }

    #[test]
    fn domains() {
        for (text, domain) in [
            ("contoso.com", Some("contoso.com")),
            ("https://www.Contoso.co.uk/about?x", Some("contoso.co.uk")),
            ("info@contoso.de", Some("contoso.de")),
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
    }
}
