//! On whose behalf a call is made: a visitor's, or the staff's.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use auth::{CompanyAccess, ConnectionId, Visitors};
use crm::reference::{ContactRef, Whose};
use crm::tables::CASE;
use crm::visible::{Access, Choice, Shape, Sight};
use crm::visitor::{Known, More, Resolved};
use dataverse::{Query, Record, Table};
use http::HeaderMap;
use secrecy::SecretString;
use serde_json::Value;
use strum::IntoStaticStr;
use uuid::Uuid;
use visitor::{Address, KeySets};

use crate::contract::refusals::{nobody, not_for_visitors, unverified};
use crate::contract::vouched::{VISITOR_TOKEN, of_address, said, signed};
use crate::edge::call::ForVisitor;
use crate::idioms::clear::CLEAR;
use crate::idioms::once::{Once, Tie};
use crate::operation::is_nothing;
use crate::{Caller, Context, Serves, ToolError};

/// On whose behalf a call is made.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a call has one of them")]
pub(crate) enum Behalf {
    /// The company's own people.
    Staff,
    /// A visitor's.
    Visitor(Visitor),
}

/// How it is known who a visitor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Way {
    /// The platform says so.
    Platform,
    /// A token says so.
    Token,
    /// The visitor has entered a code.
    Code,
}

impl Way {
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The visitor of a call.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// How it is known who it is.
    way: Option<Way>,
    /// Who it is, if somebody has vouched.
    known: Option<Known>,
    /// The cases that the chat made before it was known who it is.
    made: Vec<Uuid>,
    /// Their company, if they may see what is its.
    company: Option<Uuid>,
    /// What the connection lets visitors do.
    settings: Visitors,
    /// The contacts that the visitor is, once they have been read.
    contacts: OnceLock<Found>,
    /// The email addresses of these contacts, once they have been read.
    addresses: OnceLock<Addresses>,
    /// Whether the call has asked for cases, among which may be what the chat made.
    asks_for_cases: Arc<AtomicBool>,
}

/// Email addresses of a visitor. No line may show them.
#[derive(Clone)]
struct Addresses(Vec<String>);

impl fmt::Debug for Addresses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Addresses").finish_non_exhaustive()
    }
}

/// Who a visitor turned out to be.
#[derive(Clone, Debug)]
enum Found {
    /// These contacts, and what was read was about them alone.
    Contacts(Vec<Uuid>),
    /// These contacts, but what was read may have been about others.
    About(Vec<Uuid>),
    /// No contact, or too many.
    Nobody,
}

impl Behalf {
    /// On whose behalf this caller calls, as its key and its headers say.
    ///
    /// # Errors
    ///
    /// `forbidden` if the key may not vouch, `invalid_arguments` if a header is wrong,
    /// `visitor_token_invalid` if the token is.
    pub(crate) async fn of(
        caller: &Caller,
        headers: &HeaderMap,
        connection: &ConnectionId,
        settings: &Visitors,
        keys: impl FnOnce() -> Result<KeySets, ToolError>,
    ) -> Result<Behalf, ToolError> {
        // A token says more than the platform's word.
        let mut tokens = headers.get_all(VISITOR_TOKEN).iter();
        let token = tokens.next();
        if tokens.next().is_some() {
            return Err(ToolError::invalid("header x-visitor-token", "must be given once"));
        }
        let (known, account, way) = match token {
            Some(token) => {
                let (known, account) = signed(token, connection, settings, &keys()?).await?;
                (known, account, Way::Token)
            }
            None => (said(caller, headers, settings)?, None, Way::Platform),
        };
        let way = known.as_ref().map(|_| way);
        let company = account.filter(|_| settings.company == Some(CompanyAccess::Read));
        if known.is_none() && caller.serves == Serves::Staff {
            return Ok(Behalf::Staff);
        }
        let (settings, made) = (settings.clone(), Vec::new());
        let (contacts, addresses, asks_for_cases) = Default::default();
        Ok(Behalf::Visitor(Visitor {
            way,
            known,
            made,
            company,
            settings,
            contacts,
            addresses,
            asks_for_cases,
        }))
    }

    /// Whether it is for a visitor whom nobody knows.
    pub(crate) fn is_open(&self) -> bool {
        self.sight() == Sight::Open
    }

    /// For the same visitor, who has this address, and whose chat made these records before that was
    /// known.
    pub(crate) fn known_by(self, address: &Address, made: Vec<Uuid>) -> Behalf {
        match self {
            Behalf::Staff => Behalf::Staff,
            Behalf::Visitor(visitor) => {
                let known = Some(of_address(address, &visitor.settings));
                Behalf::Visitor(Visitor { known, way: Some(Way::Code), made, ..visitor })
            }
        }
    }

    /// The same, whose chat made these records before it was known who it is.
    pub(crate) fn with_made(self, made: Vec<Uuid>) -> Behalf {
        match self {
            Behalf::Staff => Behalf::Staff,
            Behalf::Visitor(visitor) => Behalf::Visitor(Visitor { made, ..visitor }),
        }
    }

    /// The same, for a call that changes something: what is the company's may only be seen.
    pub(crate) fn for_write(self) -> Behalf {
        match self {
            Behalf::Staff => Behalf::Staff,
            Behalf::Visitor(visitor) => Behalf::Visitor(Visitor { company: None, ..visitor }),
        }
    }

    /// How much of an answer may be seen.
    pub(crate) fn sight(&self) -> Sight {
        match self {
            Behalf::Staff => Sight::Staff,
            Behalf::Visitor(Visitor { known: None, .. }) => Sight::Open,
            Behalf::Visitor(Visitor { settings, .. }) => Sight::Verified(settings.allows.clone()),
        }
    }

    /// What tells visitors apart, for the keys of rows; `None` for staff.
    pub(crate) fn identity(&self) -> Option<String> {
        let Behalf::Visitor(visitor) = self else { return None };
        Some(match &visitor.known {
            None => String::new(),
            Some(Known::Address { address, .. }) => {
                format!("address {}", address.to_ascii_lowercase())
            }
            Some(Known::Key { column, value }) => format!("{column} {value}"),
            Some(Known::Contacts(ids)) => format!("contacts {ids:?}"),
        })
    }

    /// Checks that a tool, or an argument, is for whoever calls.
    fn check(&self, access: Access, what: &str) -> Result<(), ToolError> {
        if self.sight().includes(access) {
            return Ok(());
        }
        Err(match access {
            Access::Open | Access::Verified => unverified(what),
            // Whether the connection has chosen it shows only once somebody is known.
            Access::Chosen(choice) => match self {
                Behalf::Visitor(Visitor { known: None, settings, .. })
                    if settings.allows.contains(&choice) =>
                {
                    unverified(what)
                }
                _ => not_for_visitors(what).admin_action(format!(
                    "To let verified visitors do this, add {} to what the connection allows: PUT \
                     /v1/connections/{{id}}/visitors.",
                    choice.as_str()
                )),
            },
            Access::Staff => not_for_visitors(what),
        })
    }

    /// Checks that the call may use this tool with these arguments.
    pub(crate) fn authorize(
        &self,
        access: Access,
        shape: &Shape,
        given: &Value,
    ) -> Result<(), ToolError> {
        if matches!(self, Behalf::Staff) {
            return Ok(());
        }
        self.check(access, "this tool")?;
        self.check_arguments(shape, given, "")
    }

    fn check_arguments(&self, shape: &Shape, given: &Value, outer: &str) -> Result<(), ToolError> {
        match given {
            Value::Object(object) => {
                for (name, value) in object.iter().filter(|(_, value)| !is_nothing(value)) {
                    let Some(field) = shape.field(name) else {
                        return Err(not_for_visitors(name));
                    };
                    let path = format!("{outer}{name}");
                    self.check(field.access, &path)?;
                    if name == CLEAR {
                        self.check_cleared(shape, value)?;
                    }
                    self.check_arguments(&field.shape, value, &format!("{path}."))?;
                }
                Ok(())
            }
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.check_arguments(shape, item, outer))
            }
            _ => Ok(()),
        }
    }

    /// Checks that whoever calls may also write the fields that the call empties.
    fn check_cleared(&self, shape: &Shape, cleared: &Value) -> Result<(), ToolError> {
        let one = std::slice::from_ref(cleared);
        let names = cleared.as_array().map_or(one, Vec::as_slice).iter().filter_map(Value::as_str);
        for name in names.map(str::trim) {
            // What is no field is refused where the arguments are read.
            let Some(field) = shape.field(name) else { continue };
            self.check(field.access, name)?;
        }
        Ok(())
    }

    /// On behalf of the same visitor as far as is known by now, if the call must begin anew with that:
    /// because what was read was not about the visitor alone, or because the visitor is no contact and
    /// this is for everybody.
    pub(crate) fn again(&self, access: Access) -> Option<Behalf> {
        let Behalf::Visitor(visitor) = self else { return None };
        let known = match visitor.contacts.get()? {
            Found::About(ids) => Some(Known::Contacts(ids.clone())),
            Found::Nobody if access == Access::Open => None,
            Found::Contacts(_) | Found::Nobody => return None,
        };
        let (contacts, addresses) = Default::default();
        Some(Behalf::Visitor(Visitor { known, contacts, addresses, ..visitor.clone() }))
    }

    /// How it is known who the visitor is.
    pub(crate) fn way(&self) -> Option<Way> {
        self.visitor().and_then(|visitor| visitor.way)
    }

    /// For whom it is, for the log.
    pub(crate) fn for_log(&self) -> Option<ForVisitor> {
        let Behalf::Visitor(visitor) = self else { return None };
        let identity = visitor.way.and_then(|_| self.identity()).map(SecretString::from);
        let contact = match visitor.contacts.get() {
            Some(Found::Contacts(ids) | Found::About(ids)) => ids.first().copied(),
            Some(Found::Nobody) | None => None,
        };
        Some(ForVisitor { way: visitor.way, identity, contact })
    }

    pub(crate) fn visitor(&self) -> Option<&Visitor> {
        match self {
            Behalf::Staff => None,
            Behalf::Visitor(visitor) => Some(visitor),
        }
    }
}

impl Visitor {
    /// The reference to the visitor's contacts, if somebody has vouched for the visitor.
    pub(crate) fn reference(&self) -> Option<ContactRef> {
        match self.contacts.get() {
            Some(Found::Contacts(ids)) => Some(Known::Contacts(ids.clone()).reference()),
            _ => self.known.as_ref().map(Known::reference),
        }
    }

    /// A query for the visitor's contacts, unless they are known or nobody has vouched.
    pub(crate) fn query(&self) -> Option<Query> {
        if self.contacts.get().is_some() { None } else { Some(self.known.as_ref()?.query()) }
    }

    /// Notes the contacts that the query has found.
    ///
    /// # Errors
    ///
    /// `visitor_unverified` if the visitor is no contact, or could be any of many. Another error, which
    /// nobody sees, if the call must begin anew with the contacts.
    pub(crate) fn note(&self, rows: &[Record]) -> Result<(), ToolError> {
        let Some(known) = &self.known else { return Ok(()) };
        let (found, answer) = match known.resolve(rows) {
            Resolved::Exactly(ids) => (Found::Contacts(ids), Ok(())),
            Resolved::About(ids) => {
                (Found::About(ids), Err(ToolError::internal("the call begins anew")))
            }
            Resolved::Nobody => (Found::Nobody, Err(nobody("no active contact is this visitor"))),
            Resolved::TooMany => {
                let detail = "too many contacts share what this visitor is known by";
                (Found::Nobody, Err(nobody(detail)))
            }
        };
        // It is asked for once in a call.
        let _ = self.contacts.set(found);
        let _ = self.addresses.set(Addresses(known.addresses(rows)));
        answer
    }

    /// What they may see beyond what is theirs in any case.
    pub(crate) fn more(&self) -> More<'_> {
        let allows_notes = self.settings.allows.contains(&Choice::PublicNotes);
        let note_mark = self.settings.note_mark.as_deref().filter(|_| allows_notes);
        More { company: self.company, note_mark, made: &self.made }
    }

    /// Notes that the call asks for rows of this table.
    pub(crate) fn asks_for(&self, table: Table) {
        if table == CASE {
            self.asks_for_cases.store(true, Ordering::Relaxed);
        }
    }

    /// What the connection lets visitors do.
    pub(crate) fn settings(&self) -> &Visitors {
        &self.settings
    }
}

impl Context {
    /// Whether the call is made for a visitor.
    pub fn is_for_visitor(&self) -> bool {
        self.behalf.visitor().is_some()
    }

    /// Whether what the chat made may be among what the call has asked for.
    pub(crate) fn has_asked_for_cases(&self) -> bool {
        let visitor = self.behalf.visitor();
        visitor.is_some_and(|visitor| visitor.asks_for_cases.load(Ordering::Relaxed))
    }

    /// Whether it is for a visitor whom a header of the call names, and not a code that was entered.
    pub(crate) fn is_known_by_header(&self) -> bool {
        matches!(self.behalf.way(), Some(Way::Platform | Way::Token))
    }

    /// Whether the call is made for a visitor whom nobody knows.
    pub fn is_unverified(&self) -> bool {
        self.behalf.is_open()
    }

    /// The same call, for its visitor as somebody who has this address.
    #[must_use]
    pub fn known_by(&self, address: &Address) -> Context {
        self.on_behalf(self.behalf.clone().known_by(address, Vec::new()))
    }

    /// The same call anew, if who the visitor is was not known before. It happens once for each merge
    /// of the visitor's contacts.
    pub fn begin_anew(&self) -> Option<Context> {
        let behalf = self.behalf.again(Access::Verified)?;
        Some(self.on_behalf(behalf))
    }

    fn on_behalf(&self, behalf: Behalf) -> Context {
        Context {
            session: self.session.clone(),
            connection: self.connection.clone(),
            tool: self.tool,
            sends_mail: self.sends_mail,
            now: self.now,
            once: Once::new(None, self.once.row(), Tie::None),
            behalf,
            chat: self.chat.clone(),
            // It is for a tool that needs no yes.
            consent: None,
            verification: self.verification.clone(),
            journal: self.journal.clone(),
            merged: OnceLock::new(),
        }
    }

    /// The visitor's contacts, once the first trip has read them.
    pub fn contacts(&self) -> &[Uuid] {
        match self.behalf.visitor().and_then(|visitor| visitor.contacts.get()) {
            Some(Found::Contacts(ids)) => ids,
            _ => &[],
        }
    }

    /// The visitor's account, if they may see what is its.
    pub fn company(&self) -> Option<Uuid> {
        self.behalf.visitor().and_then(|visitor| visitor.company)
    }

    /// The email address by which the visitor is known, if it is by one.
    pub fn address(&self) -> Option<&str> {
        match &self.behalf.visitor()?.known {
            Some(Known::Address { address, .. }) => Some(address),
            _ => None,
        }
    }

    /// Whether an email address is the visitor's, once the first trip has read the contacts. It is
    /// compared byte for byte, but for ASCII case.
    pub fn is_of_visitor(&self, address: &str) -> bool {
        let addresses = self.behalf.visitor().and_then(|visitor| visitor.addresses.get());
        addresses
            .is_some_and(|Addresses(all)| all.iter().any(|one| one.eq_ignore_ascii_case(address)))
    }

    /// What the connection lets visitors do, if the call is made for one.
    pub fn visitors(&self) -> Option<&Visitors> {
        self.behalf.visitor().map(Visitor::settings)
    }

    /// The contact that a call is about: the one that it names, or the visitor.
    ///
    /// # Errors
    ///
    /// `invalid_arguments` if staff name nobody, `visitor_unverified` if nobody knows the visitor.
    pub fn whose(&self, Whose(named): Whose) -> Result<ContactRef, ToolError> {
        if let Some(contact) = named {
            return Ok(contact);
        }
        match &self.behalf {
            Behalf::Staff => Err(ToolError::invalid("contact", "must be given")),
            Behalf::Visitor(visitor) => visitor.reference().ok_or_else(|| unverified("contact")),
        }
    }
}
