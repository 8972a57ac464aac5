use crm::labels::{ActiveState, Choice as _, LeadSource};
use crm::lead::{self, LeadSummary};
use crm::reference::{Reference as _, Whose, any_email};
use crm::tables::choices::in_state;
use crm::tables::{CONTACT, LEAD, NOTE, lookups};
use crm::text::{self, EmailAddress, Line, Paragraph, Phone, same_words};
use crm::visible::{Access, Visible};
use crm::{case, company};
use dataverse::{Create, Filter, Order, Query, Record, Update, Write};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, ReadAnswers, Reads, Tool,
    ToolError,
};
use uuid::Uuid;

/// Creates a lead for a visitor, unless there is an open one.
pub(crate) struct CreateLead;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[open]
    last_name: Line<50>,
    #[open]
    company: Line<100>,
    #[open]
    first_name: Option<Line<50>>,
    #[open]
    email: Option<EmailAddress>,
    #[open]
    phone: Option<Phone<50>>,
    /// What the visitor wants, in one line.
    #[open]
    topic: Option<Line<300>>,
    /// Default Web.
    #[open]
    source: Option<LeadSource>,
    /// Need, budget, timeline, who decides.
    #[open]
    description: Option<Paragraph<2000>>,
    /// Even if one is open.
    #[staff]
    allow_duplicate: Option<bool>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Made {
    /// Whether this call made the lead; false where it was there already.
    #[staff]
    created: bool,
    #[staff]
    lead: Option<LeadSummary>,
    /// For a visitor: what they want has been written down.
    #[open]
    noted: Option<bool>,
}

crm::records!(Made: lead);

impl Tool for CreateLead {
    const NAME: &'static str = "dynamics365_create_lead";
    const TITLE: &'static str = "Create lead";
    const DESCRIPTION: &'static str = "Make a lead of a visitor who may become a customer. An open \
        lead with that email, or that name and company, is returned instead.";
    const FOR: Access = Access::Open;
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &["prvReadLead", "prvCreateLead"];
    const PRIVILEGES_FOR_VISITORS: &'static [&'static str] = &[
        "prvCreateNote",
        "prvAppendNote",
        "prvAppendToLead",
        "prvWriteLead",
        "prvAppendLead",
        "prvAppendToContact",
    ];
    const EXAMPLE: &'static str = r#"{"last_name": "Okafor", "first_name": "Ngozi", "company": "Lakeside Clinics", "email": "ngozi.okafor@lakeside.example", "phone": "+1 503 555 0182", "topic": "60 chat seats for patient intake", "source": "Web", "description": "Wants to decide before the end of the quarter; budget is approved."}"#;

    type Arguments = Arguments;
    type Result = Made;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Made>, ToolError> {
        if context.is_for_visitor() {
            case::check_words(arguments.description.as_ref().map_or("", Paragraph::as_str))
                .map_err(|problem| ToolError::invalid("description", problem))?;
        }
        toolkit::create(context, &arguments).await
    }
}

impl Creates for Arguments {
    type Answer = Made;
    type Known = Visitor;
    type Meant = Person;

    const MADE_BEFORE: &'static str =
        "This call, or one at the same moment, had made the lead before.";

    fn row(&self, id: Uuid) -> Query {
        Query::row(LEAD, id).select(LeadSummary::COLUMNS).select(PERSON)
    }

    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let is_for_visitor = context.is_for_visitor();
        let open = |whose| {
            Query::rows(LEAD)
                .select(LeadSummary::COLUMNS)
                .select(PERSON)
                .filter(whose)
                .filter(lead::open())
                .order_by(Order::descending("createdon"))
        };
        let whose = if is_for_visitor { of_address(self) } else { same_person(self) };
        let open_lead = reads.add_unseen(open(whose).top(1));
        let own = if is_for_visitor && !context.is_unverified() {
            let whose = context.whose(Whose(None))?.at(&[lookups::LEAD_CONTACT]);
            let whose = Filter::any([whose].into_iter().chain(context.address().map(of)));
            // Dataverse takes other addresses for the visitor's, too.
            Some(reads.add_unseen(open(whose).top(10)))
        } else {
            None
        };
        let note = is_for_visitor.then(|| reads.add_row_of_call(context, note_row));
        let email = self.email.as_ref().filter(|_| !is_for_visitor);
        let contact = email.map(|email| {
            reads.add(
                Query::rows(CONTACT)
                    .select(["fullname"])
                    .filter(any_email(email.as_str()))
                    .filter(in_state(ActiveState::Active))
                    .top(1),
            )
        });
        Ok(Box::new(move |answers| {
            let own = own.map(|own| answers.page(own)).transpose()?;
            let visitor = Visitor {
                note: note.map(|note| answers.first(note)).transpose()?.flatten(),
                open_lead: answers.first(open_lead)?,
                // The contact is only good for a hint, so an error is ignored.
                contact: contact
                    .and_then(|contact| answers.result(contact).ok()?.records.into_iter().next()),
            };
            // A visitor's wishes become a note on the lead that is there.
            let sender = match own {
                Some(own) if self.is_of_sender(context) => Sender::Verified {
                    there: own
                        .records
                        .into_iter()
                        .chain(visitor.open_lead.clone())
                        .find(|lead| is_own(context, lead)),
                    contact: only(context.contacts()),
                },
                _ if is_for_visitor => Sender::Unverified { there: visitor.open_lead.clone() },
                _ => Sender::Staff,
            };
            Ok((visitor, Ok(Person { sender, ..Person::of(self) })))
        }))
    }

    fn is_meant(person: &Person, lead: &Record) -> bool {
        person.is_of(lead)
    }

    fn equal<'a>(&self, visitor: &'a Visitor, person: &'a Person) -> Equal<'a> {
        if visitor.note.is_some() {
            return Equal::Shared {
                there: visitor.note.as_ref(),
                hint: Self::MADE_BEFORE,
                parts: Vec::new(),
                serves: |_| true,
            };
        }
        // Whether a lead is there, or a rule finds one, is nothing that a visitor may learn.
        if self.allow_duplicate == Some(true) || !matches!(person.sender, Sender::Staff) {
            return Equal::Wanted;
        }
        Equal::Shared {
            there: visitor.open_lead.as_ref(),
            hint: "There is an open lead of this visitor: go on with that one. Bring it up to date \
                   with dynamics365_update_lead.",
            parts: person.parts(),
            serves: lead::is_open,
        }
    }

    fn draft<'a>(
        &'a self,
        context: &Context,
        person: &'a Person,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        if let Some(lead) = person.note_on() {
            let note = self.note(person, lead, create.id());
            let update = match &person.sender {
                Sender::Verified { there: Some(own), .. } => self.update(lead, own),
                _ => None,
            };
            return Ok(Draft::with(note, move |_| {
                update.clone().into_iter().map(Write::from).collect()
            }));
        }
        let topic = self.topic.as_ref().map(|topic| topic.as_str().to_owned());
        let topic = topic.unwrap_or_else(|| format!("Chat with {}", self.company.as_str()));
        let create = create
            .set("lastname", Some(self.last_name.clone()))
            .set("firstname", self.first_name.clone())
            .set("companyname", Some(self.company.clone()))
            .set("emailaddress1", self.email.clone())
            .set("telephone1", self.phone.clone())
            .set("subject", Some(topic))
            .set("leadsourcecode", Some(self.source.unwrap_or(LeadSource::Web).value()))
            .set("description", self.words(person));
        Ok(match &person.sender {
            Sender::Verified { contact, .. } => {
                let address = if self.email.is_none() { context.address() } else { None };
                let create = create.set("emailaddress1", address);
                match contact {
                    Some(contact) => create.point(lookups::LEAD_CONTACT, *contact),
                    None => create,
                }
            }
            Sender::Staff | Sender::Unverified { .. } => create,
        }
        .into())
    }

    fn consequence(&self, _: &Context, _: &Self::Meant) -> Option<Consequence> {
        None
    }

    fn answer(
        &self,
        context: &Context,
        visitor: &Visitor,
        _: Option<&Person>,
        made: toolkit::Made,
    ) -> Result<Answer<Made>, ToolError> {
        if context.is_for_visitor() {
            return Ok(Answer::new(Made { created: made.created, lead: None, noted: Some(true) }));
        }
        let lead = LeadSummary::of(&made.record)
            .ok_or_else(|| ToolError::internal("a lead without an id"))?
            .with_url(context.instance());
        let contact = visitor.contact.as_ref().and_then(|contact| contact.id(CONTACT.key));
        let is_contact = contact.map(|id| {
            format!(
                "The visitor is a contact already, with the id {id}: an opportunity for the \
                 contact may be better than a lead."
            )
        });
        let answer = Answer::new(Made { created: made.created, lead: Some(lead), noted: None });
        Ok(answer.hint_if(made.hint).hint_if(is_contact))
    }
}

impl Arguments {
    /// Whether a visitor who is known says this of themselves.
    fn is_of_sender(&self, context: &Context) -> bool {
        self.email.as_ref().is_none_or(|email| context.is_of_visitor(email.as_str()))
    }

    /// What was said, and, where nobody knows who said it, that.
    fn words(&self, person: &Person) -> Option<String> {
        let unverified = person.sender.warning();
        let words = self.description.as_ref().map(|words| words.as_str().to_owned());
        let lines: Vec<_> = unverified.into_iter().chain(words).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The changes to the visitor's own lead: it has the topic that they say now, and what it lacked. All
    /// words are in the note beside it, so nothing of the staff's is lost. A number that is there stays,
    /// because to change how somebody is reached may take a yes.
    fn update(&self, lead: Uuid, own: &Record) -> Option<Update> {
        let topic = self.topic.as_ref().map(|topic| topic.as_str().to_owned());
        let phone = self.phone.as_ref().map(|phone| phone.as_str().to_owned());
        let company = Some(self.company.as_str().to_owned());
        let first_name = self.first_name.as_ref().map(|name| name.as_str().to_owned());
        let lacked = [("firstname", first_name), ("companyname", company), ("telephone1", phone)];
        let lacked = lacked.into_iter().filter(|(column, _)| own.text(column).is_none());
        let said = [("subject", topic)].into_iter().chain(lacked);
        let update = said.fold(Update::new(LEAD, lead, "*"), |update, (column, text)| match text {
            Some(text) => update.set(column, text),
            None => update,
        });
        (!update.is_empty()).then_some(update)
    }

    /// A note on an open lead, with all that the visitor has said.
    fn note(&self, person: &Person, lead: Uuid, id: Uuid) -> Create {
        let name = self.first_name.iter().chain([&self.last_name]).map(Line::as_str);
        let lines = [
            ("", person.sender.warning()),
            ("Name", Some(name.collect::<Vec<_>>().join(" "))),
            ("Company", Some(self.company.as_str().to_owned())),
            ("Email", self.email.as_ref().map(|email| email.as_str().to_owned())),
            ("Phone", self.phone.as_ref().map(|phone| phone.as_str().to_owned())),
            ("Topic", self.topic.as_ref().map(|topic| topic.as_str().to_owned())),
            ("", self.description.as_ref().map(|text| text.as_str().to_owned())),
        ];
        let lines = lines.into_iter().filter_map(|(heading, text)| {
            let text = text?;
            Some(if heading.is_empty() { text } else { format!("{heading}: {text}") })
        });
        Create::answering(note_row(id), id)
            .set("subject", Some("Said again in a chat"))
            .set("notetext", Some(lines.collect::<Vec<_>>().join("\n")))
            .point(lookups::NOTE_ON_LEAD, lead)
    }
}

/// The records of the visitor that are in the CRM.
pub(crate) struct Visitor {
    /// The note that an earlier, equal call has written on it.
    note: Option<Record>,
    /// An open lead of the person.
    open_lead: Option<Record>,
    /// A contact with the same email address.
    contact: Option<Record>,
}

/// The columns that say which person a lead is.
const PERSON: [&str; 5] =
    ["firstname", "lastname", "companyname", "emailaddress1", lookups::LEAD_CONTACT.column];

/// The person of the new lead.
pub(crate) struct Person {
    last_name: String,
    company: String,
    email: Option<String>,
    sender: Sender,
}

/// Who says what the lead is to hold.
enum Sender {
    Staff,
    /// A visitor, of somebody whom nobody knows. An open lead with that address gets a note instead.
    Unverified {
        there: Option<Record>,
    },
    /// A visitor who is known, of themselves. An open lead of theirs gets a note instead, and is brought
    /// up to date. A new one points at the contact that they are, unless they are several.
    Verified {
        there: Option<Record>,
        contact: Option<Uuid>,
    },
}

impl Sender {
    /// What the first line says.
    fn warning(&self) -> Option<String> {
        matches!(self, Sender::Unverified { .. }).then(|| case::SENDER_NOT_VERIFIED.to_owned())
    }
}

impl Person {
    fn of(arguments: &Arguments) -> Person {
        Person {
            sender: Sender::Staff,
            last_name: arguments.last_name.as_str().to_owned(),
            company: arguments.company.as_str().to_owned(),
            email: arguments.email.as_ref().map(|email| email.as_str().to_owned()),
        }
    }

    /// The texts by which two calls at the same time know that they mean the same person: the email
    /// address, or the name and the company.
    fn parts(&self) -> Vec<String> {
        match &self.email {
            Some(email) => vec!["email".to_owned(), email.clone()],
            None => vec!["name".to_owned(), self.last_name.clone(), self.company.clone()],
        }
    }

    /// The open lead that gets a note instead.
    fn note_on(&self) -> Option<Uuid> {
        match &self.sender {
            Sender::Staff => None,
            Sender::Unverified { there } | Sender::Verified { there, .. } => {
                there.as_ref()?.id(LEAD.key)
            }
        }
    }

    /// Whether a lead is this person.
    fn is_of(&self, lead: &Record) -> bool {
        if let Some(note_on) = self.note_on() {
            return lead.id(lookups::NOTE_ON_LEAD.column) == Some(note_on);
        }
        let is = |column: &str, wanted: &str| {
            lead.text(column).is_some_and(|found| same_words(found) == same_words(wanted))
        };
        match &self.email {
            Some(email) => is("emailaddress1", email),
            None => is("lastname", &self.last_name) && is("companyname", &self.company),
        }
    }
}

/// A query for a note on a lead.
fn note_row(id: Uuid) -> Query {
    Query::row(NOTE, id).select([NOTE.key, lookups::NOTE_ON_LEAD.column])
}

/// Leads with this email address; none if there is no address. That somebody has the same name at the
/// same company says nothing of a stranger.
fn of_address(arguments: &Arguments) -> Filter {
    match &arguments.email {
        Some(email) => any_email(email.as_str()),
        None => Filter::equals(LEAD.key, Uuid::nil()),
    }
}

/// Leads with this main email address.
fn of(address: &str) -> Filter {
    Filter::equals("emailaddress1", address)
}

/// Whether a lead is the visitor's own: it points at their contact, or has their address.
fn is_own(context: &Context, lead: &Record) -> bool {
    let contact = lead.id(lookups::LEAD_CONTACT.column);
    contact.is_some_and(|contact| context.contacts().contains(&contact))
        || lead.text("emailaddress1").is_some_and(|address| context.is_of_visitor(address))
}

/// The contact, if there is one alone.
fn only(contacts: &[Uuid]) -> Option<Uuid> {
    match contacts {
        [contact] => Some(*contact),
        _ => None,
    }
}

/// Leads with this email address, or with this name at this company.
fn same_person(arguments: &Arguments) -> Filter {
    let Arguments { last_name, first_name, company, email, .. } = arguments;
    let by_email = email.as_ref().map(|email| any_email(email.as_str()));
    let first_name =
        first_name.as_ref().map(|first_name| text::equals("firstname", first_name.as_str()));
    let of_company = company::spellings(company.as_str())
        .into_iter()
        .map(|name| Filter::equals("companyname", name));
    let by_name = [
        Some(text::equals("lastname", last_name.as_str())),
        first_name,
        Some(Filter::any(of_company)),
    ];
    Filter::any(by_email.into_iter().chain([Filter::all(by_name.into_iter().flatten())]))
}
