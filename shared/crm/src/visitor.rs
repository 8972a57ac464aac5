//! Which rows are a visitor's.
//!
//! A visitor is the active contacts that have a value in a column: an email address, or another key
//! that somebody has vouched for. Every query of a call for a visitor gets the condition that its rows
//! are theirs, from [`rule`].

use std::sync::Arc;

use dataverse::{Collection, Filter, Name, Query, Record, Table};
use uuid::Uuid;

use crate::activity::ActivityType;
use crate::labels::{ActiveState, ActivityState};
use crate::reference::{AccountRef, ContactRef, Reference as _};
use crate::tables::choices::{STATE, in_state, is_in_state};
use crate::tables::parties::Part;
use crate::tables::{self, CONTACT, collections, lookups};
use crate::{activity, case, opportunity};

/// Who a visitor is, as somebody vouched.
#[derive(Clone, PartialEq, Eq)]
pub enum Known {
    /// Whoever has this email address in one of these columns.
    Address {
        /// The address, in ASCII.
        address: String,
        /// The columns of a contact in which an address counts.
        columns: Vec<Name>,
    },
    /// Whoever has this value in this column.
    Key {
        /// The column of a contact.
        column: Name,
        /// The value.
        value: String,
    },
    /// These contacts.
    Contacts(Vec<Uuid>),
}

/// The text may be an email address.
impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Known::Address { .. } => "Address",
            Known::Key { .. } => "Key",
            Known::Contacts(_) => "Contacts",
        })
    }
}

/// The most contacts that one visitor can be. An address that more share is a family's or an office's,
/// and says nothing about who writes.
pub const MOST: usize = 3;

/// The most rows that are read to find out who a visitor is. Dataverse ignores accents, so there may be
/// more rows than contacts of this address.
const READ: u32 = 100;

/// The main email address of a contact.
const EMAIL: &str = "emailaddress1";

/// Who a visitor turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// These contacts, and the queries with [`Known::reference`] have found their rows and no others.
    Exactly(Vec<Uuid>),
    /// These contacts, but the queries may have found rows of others, or too few.
    About(Vec<Uuid>),
    /// No contact.
    Nobody,
    /// More contacts than one visitor can be.
    TooMany,
}

impl Known {
    /// The reference to the visitor's contacts.
    pub fn reference(&self) -> ContactRef {
        match self {
            Known::Address { address, columns } => {
                ContactRef::by_columns(columns.clone(), address.clone())
            }
            Known::Key { column, value } => {
                ContactRef::by_columns(vec![column.clone()], value.clone())
            }
            Known::Contacts(ids) => ContactRef::of_ids(ids.clone()),
        }
    }

    /// A query for the contacts that the visitor may be.
    pub fn query(&self) -> Query {
        let (columns, value) = match self {
            Known::Address { address, columns } => (columns.as_slice(), address.as_str()),
            Known::Key { column, value } => (std::slice::from_ref(column), value.as_str()),
            Known::Contacts(_) => (&[][..], ""),
        };
        let has = match self {
            Known::Contacts(ids) => {
                Filter::any(ids.iter().map(|id| Filter::equals(CONTACT.key, *id)))
            }
            _ => Filter::any(columns.iter().map(|column| Filter::equals(column.clone(), value))),
        };
        // A contact that was merged is inactive, and stands for its master.
        let counts = Filter::any([in_state(ActiveState::Active), Filter::equals("merged", true)]);
        Query::rows(CONTACT)
            .select([CONTACT.key, STATE, "merged", "_masterid_value", EMAIL])
            .select(columns.iter().cloned())
            .filter(has)
            .filter(counts)
            .top(READ)
    }

    /// Who the visitor is, by the rows that [`Known::query`] found. They are compared again, byte for
    /// byte: Dataverse takes `ö` for `o`, and whoever owns that domain would be somebody else.
    pub fn resolve(&self, rows: &[Record]) -> Resolved {
        if rows.len() >= READ as usize {
            return Resolved::TooMany;
        }
        let mut contacts: Vec<Uuid> = Vec::new();
        let mut is_exact = true;
        for row in rows {
            let is_active = is_in_state(row, ActiveState::Active);
            let contact = if is_active { row.id(CONTACT.key) } else { row.id("_masterid_value") };
            is_exact &= is_active && self.is(row);
            if let Some(contact) = contact.filter(|id| self.is(row) && !contacts.contains(id)) {
                contacts.push(contact);
            }
        }
        match contacts.len() {
            0 => Resolved::Nobody,
            count if count > MOST => Resolved::TooMany,
            _ if is_exact => Resolved::Exactly(contacts),
            _ => Resolved::About(contacts),
        }
    }

    /// The addresses of a visitor: the one that was vouched for, and those of the contacts in these rows.
    pub fn addresses(&self, rows: &[Record]) -> Vec<String> {
        let vouched = match self {
            Known::Address { address, .. } => Some(address.as_str()),
            Known::Key { .. } | Known::Contacts(_) => None,
        };
        let theirs = rows.iter().filter(|row| self.is(row)).filter_map(|row| row.text(EMAIL));
        vouched.into_iter().chain(theirs).map(str::to_owned).collect()
    }

    /// Whether a contact really has the value.
    fn is(&self, contact: &Record) -> bool {
        match self {
            Known::Address { address, columns } => columns.iter().any(|column| {
                contact.text(column.as_str()).is_some_and(|it| it.eq_ignore_ascii_case(address))
            }),
            Known::Key { column, value } => match contact.text(column.as_str()) {
                Some(found) => found == value,
                None => contact.id(column.as_str()).is_some_and(|id| id.to_string() == *value),
            },
            Known::Contacts(ids) => contact.id(CONTACT.key).is_some_and(|id| ids.contains(&id)),
        }
    }
}

/// Which rows of a table a visitor's call may read.
pub enum Rule {
    /// All: they are nobody's.
    Public,
    /// Those for which this holds.
    Theirs(Arc<Filter>),
    /// None.
    Never,
}

/// What a connection lets its visitors see beyond what is theirs in any case.
#[derive(Clone, Copy, Debug, Default)]
pub struct More<'a> {
    /// Their account, if they may see what is its.
    pub company: Option<Uuid>,
    /// What the subject of a note begins with that they may read.
    pub note_mark: Option<&'a str>,
    /// The cases that their chat made before it was known who they are.
    pub made: &'a [Uuid],
}

/// Which rows of a table the visitor whom this reference means may read.
pub fn rule(table: Table, visitor: &ContactRef, more: More<'_>) -> Rule {
    let More { company, note_mark, made } = more;
    let company = company.map(AccountRef::from);
    let or_of_company = |own: Filter, of_account: fn(&AccountRef) -> Filter| {
        Filter::any([own].into_iter().chain(company.as_ref().map(of_account)))
    };
    let takes_part = |collection: Collection, parts: &[Part]| {
        let party = visitor.at(&[lookups::PARTY_CONTACT]).and(Part::any_of(parts));
        Filter::some(collection, party)
    };
    let theirs = |filter| Rule::Theirs(Arc::new(filter));
    match table {
        tables::PRODUCT
        | tables::PRICE_LIST
        | tables::PRICE_LIST_ITEM
        | tables::UNIT
        | tables::CURRENCY => Rule::Public,
        tables::CONTACT => theirs(visitor.filter()),
        tables::CASE => {
            let made = made.iter().map(|id| Filter::equals(tables::CASE.key, *id));
            let own = Filter::any([case::of_contact(visitor)].into_iter().chain(made));
            theirs(or_of_company(own, case::of_account))
        }
        tables::OPPORTUNITY => {
            theirs(or_of_company(opportunity::of_contact(visitor), opportunity::of_account))
        }
        tables::QUOTE => theirs(visitor.at(&[lookups::QUOTE_CONTACT])),
        // Mails that were sent or received, meetings that they are invited to, and that there was a
        // call. Tasks are the staff's own.
        tables::ACTIVITY => {
            let is_done = || in_state(ActivityState::Completed);
            let mails = ActivityType::Email
                .rows()
                .and(is_done())
                .and(takes_part(collections::ACTIVITY_PARTIES, activity::WRITTEN_TO));
            let meetings = ActivityType::Meeting
                .rows()
                .and(takes_part(collections::ACTIVITY_PARTIES, activity::INVITED));
            let calls = ActivityType::Call
                .rows()
                .and(is_done())
                .and(takes_part(collections::ACTIVITY_PARTIES, &[Part::Sender, Part::Recipient]));
            theirs(Filter::any([mails, meetings, calls]))
        }
        tables::EMAIL => {
            let is_done = in_state(ActivityState::Completed);
            theirs(is_done.and(takes_part(collections::EMAIL_PARTIES, activity::WRITTEN_TO)))
        }
        tables::APPOINTMENT => {
            theirs(takes_part(collections::APPOINTMENT_PARTIES, activity::INVITED))
        }
        // Whose record it is on shows by the record, which the same call reads.
        tables::NOTE => match note_mark {
            Some(mark) => theirs(Filter::starts_with("subject", mark)),
            None => Rule::Never,
        },
        _ => Rule::Never,
    }
}
