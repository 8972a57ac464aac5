//! The person whom a new record is for: a contact that is found, or one that is made with the record.

use crm::labels::ActiveState;
use crm::reference::{ContactRef, Merged, Reference as _, any_email, in_use};
use crm::tables::CONTACT;
use crm::tables::choices::in_state;
use crm::text::{EmailAddress, Line, Phone};
use crm::visible::Visible;
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::idioms::reads::{Answers, Reads, Seeking, Slot};
use crate::{Context, ErrorCode, ToolError};

/// Somebody who may not be in the CRM yet.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    #[open]
    first_name: Option<Line<50>>,
    #[open]
    last_name: Line<50>,
    /// Or phone.
    #[open]
    email: Option<EmailAddress>,
    #[open]
    phone: Option<Phone<50>>,
    #[open]
    company: Option<Line<100>>,
}

/// The person whom a new record is for.
pub enum Person {
    /// A contact that is there.
    There(Record),
    /// A contact that will be made together with the record.
    New(Box<Create>),
}

/// The place of the person in the answers.
pub struct SeekingPerson<'a> {
    named: Option<Seeking<'a, ContactRef>>,
    by_address: Option<Slot>,
    new: Option<&'a NewContact>,
}

/// The column with the main address.
const MAIN: &str = "emailaddress1";

/// The most contacts that are read with an address that Dataverse takes for the stranger's.
const ALIKE: u32 = 100;

/// The namespace of the ids of new contacts. It is a random one.
const NAMESPACE: Uuid = Uuid::from_u128(0x27b1_9c56_0f3e_4d0c_a6d5_5d1f_9be0_7c42);

impl NewContact {
    /// Checks what the schema cannot say.
    ///
    /// # Errors
    ///
    /// `invalid_arguments` if there is neither an email address nor a phone number.
    pub fn check(&self) -> Result<(), ToolError> {
        if self.email.is_none() && self.phone.is_none() {
            return Err(ToolError::invalid("new_contact", "needs an email or a phone"));
        }
        Ok(())
    }

    /// Active contacts with this email address or, where there is none, with this phone number. For a
    /// stranger, only the main address counts: it is what makes somebody that contact.
    fn filter(&self, for_stranger: bool) -> Filter {
        let by_address = match (&self.email, &self.phone) {
            (Some(email), _) if for_stranger => Filter::equals(MAIN, email.as_str()),
            (Some(email), _) => any_email(email.as_str()),
            (None, phone) => Filter::any(phone.iter().flat_map(|phone| {
                ["telephone1", "mobilephone"].map(|column| Filter::equals(column, phone.as_str()))
            })),
        };
        // For staff, a contact that was merged stands for its master, so that nobody is there twice.
        by_address.and(if for_stranger { in_state(ActiveState::Active) } else { in_use() })
    }

    /// Whether a contact really has this address. Dataverse takes `ö` for `o`, and words for the one
    /// would reach the other.
    fn is_of(&self, contact: &Record) -> bool {
        self.email.as_ref().is_none_or(|email| {
            contact.text(MAIN).is_some_and(|found| found.eq_ignore_ascii_case(email.as_str()))
        })
    }

    /// The first and the last name, as Dataverse puts them together.
    pub fn full_name(&self) -> String {
        let names = self.first_name.iter().chain([&self.last_name]);
        names.map(Line::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The reference to contacts with this email address.
    pub fn reference(&self) -> Option<ContactRef> {
        ContactRef::parse(self.email.as_ref()?.as_str()).ok()
    }

    /// The company that was named, as a line of a description.
    pub fn company_line(&self) -> Option<String> {
        self.company.as_ref().map(|company| format!("Company: {}", company.as_str()))
    }

    /// The contact to make. Its id depends on the address alone, so that two calls at the same moment
    /// make one contact.
    fn draft(&self, context: &Context) -> Create {
        let address = match (&self.email, &self.phone) {
            (Some(email), _) => email.as_str().to_lowercase(),
            (None, phone) => {
                phone.as_ref().map(|phone| phone.as_str().to_owned()).unwrap_or_default()
            }
        };
        let connection = context.connection().as_str();
        let of_address = format!("{}:{connection};{address}", connection.len());
        let of_address = Uuid::new_v5(&NAMESPACE, of_address.as_bytes());
        // Such a contact was there and is found no more: it has another address, or is inactive. Whether
        // it was, no stranger may learn.
        let is_taken = context.once().is_contact_taken() || context.is_unverified();
        let id =
            if is_taken { Uuid::new_v5(&context.once().row(), b"contact") } else { of_address };
        Create::new(CONTACT, id)
            .set("firstname", self.first_name.clone())
            .set("lastname", Some(self.last_name.clone()))
            .set("emailaddress1", self.email.clone())
            .set("telephone1", self.phone.clone())
            .select([CONTACT.key])
            // Whether a rule refuses it would tell a stranger whom the organization knows.
            .allow_duplicate(context.is_unverified())
    }
}

impl Person {
    /// The id of the contact, which may not be there yet.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Person::There(contact) => contact.id(CONTACT.key),
            Person::New(create) => Some(create.id()),
        }
    }

    /// The contact, if it is there.
    pub fn record(&self) -> Option<&Record> {
        match self {
            Person::There(contact) => Some(contact),
            Person::New(_) => None,
        }
    }

    /// The contact to make before the record.
    pub fn create(&self) -> Option<&Create> {
        match self {
            Person::There(_) => None,
            Person::New(create) => Some(create),
        }
    }
}

impl<'a> Reads<'a> {
    /// Adds the queries that find the person: the contact that is named, or the one that has the
    /// address of the new contact. `more` reads more of the contact.
    pub fn seek_person(
        &mut self,
        context: &Context,
        contact: Option<&'a ContactRef>,
        new: Option<&'a NewContact>,
        more: impl Fn(Query) -> Query,
    ) -> SeekingPerson<'a> {
        // Who is known is one of the visitor's own contacts, or nobody. A contact that a visitor could
        // have made in somebody's name would take that person's place.
        let new = new.filter(|_| !context.is_for_visitor() || context.is_unverified());
        let named = contact.map(|contact| self.seek_with(contact, &more));
        let by_address = new.map(|new| {
            let query = Query::rows(CONTACT)
                .filter(new.filter(context.is_unverified()))
                .select([ContactRef::NAME_COLUMN])
                .select(ContactRef::DETAIL_COLUMNS.iter().copied())
                .select([Merged::COLUMN])
                .order_by(Order::descending("modifiedon"))
                .top(if context.is_unverified() { ALIKE } else { 4 });
            let query = more(query);
            if context.is_unverified() { self.add_unseen(query) } else { self.add(query) }
        });
        SeekingPerson { named, by_address, new }
    }
}

impl Answers<'_> {
    /// The person: the contact that is named or, where nobody is found, the one that has the address
    /// of the new contact, or the new contact.
    pub fn person(&mut self, seeking: SeekingPerson<'_>) -> Result<Person, ToolError> {
        let SeekingPerson { named, by_address, new } = seeking;
        let context = self.context();
        if let Some(named) = named {
            match self.found(named) {
                Err(error) if error.code() == ErrorCode::NotFound && new.is_some() => {}
                found => return found.map(Person::There),
            }
        }
        let (Some(slot), Some(new)) = (by_address, new) else {
            return Err(ToolError::needs_one_of("contact, new_contact"));
        };
        let mut page = self.page(slot)?;
        if context.is_unverified() {
            page.records.retain(|contact| new.is_of(contact));
            page.records.truncate(1);
        }
        if page.records.is_empty() {
            return Ok(Person::New(Box::new(new.draft(context))));
        }
        let reference = new.reference();
        let reference = reference.map_or_else(|| ContactRef::parse(new.last_name.as_str()), Ok);
        let reference = reference.map_err(ToolError::internal)?;
        let found = reference.one(page, context.instance())?;
        let master = found.lookup(Merged::COLUMN).filter(|_| !context.is_for_visitor());
        let Some(master) = master else { return Ok(Person::There(found)) };
        // Of the master, only who it is matters here.
        let row = json!({(CONTACT.key): master.id, (ContactRef::NAME_COLUMN): master.name});
        serde_json::from_value(row).map(Person::There).map_err(ToolError::internal)
    }
}
