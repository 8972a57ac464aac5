use crm::case::{self, CaseSummary};
use crm::labels::{CaseOrigin, CasePriority, CaseType, Choice as _};
use crm::reference::{AccountRef, ContactRef, Whose};
use crm::tables::{ACCOUNT, CASE, lookups};
use crm::text::{self, Line, Paragraph, quoted};
use crm::visible::{Access, Visible};
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, Made, NewContact, Person,
    ReadAnswers, Reads, Tool, ToolError,
};
use uuid::Uuid;

/// Opens a case, unless the customer has the same case open.
pub(crate) struct CreateCase;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The customer, or the person at the account: id, email or name.
    #[verified]
    contact: Option<ContactRef>,
    /// Where nobody is found.
    #[open]
    new_contact: Option<NewContact>,
    /// The customer, where it is a company: id, name or web domain.
    #[staff]
    account: Option<AccountRef>,
    /// What it is about, in one line.
    #[open]
    subject: Line<200>,
    /// The problem in the visitor's words, with all that helps.
    #[open]
    description: Paragraph<2000>,
    /// Default Normal.
    #[verified]
    priority: Option<CasePriority>,
    #[serde(rename = "type")]
    #[open]
    kind: Option<CaseType>,
    /// Even if the same is open.
    #[staff]
    allow_duplicate: Option<bool>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Opened {
    /// Whether this call made the case; false where it was there already.
    #[verified]
    created: bool,
    #[open]
    case: CaseSummary,
}

crm::records!(Opened: case);

/// The most other open cases of the customer that the answer names.
const OTHERS: usize = 5;

impl Tool for CreateCase {
    const NAME: &'static str = "dynamics365_create_case";
    const TITLE: &'static str = "Create case";
    const DESCRIPTION: &'static str = "Open a support case for a contact or an account. If the \
        customer has an open case with that subject, that one is returned instead.";
    const FOR: Access = Access::Open;
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadContact",
        "prvReadIncident",
        "prvCreateIncident",
        "prvAppendIncident",
        "prvAppendToContact",
        "prvReadAccount",
        "prvAppendToAccount",
        "prvCreateContact",
    ];
    const EXAMPLE: &'static str = r#"{"contact": "zoe.brandt@litware.example", "subject": "Export to CSV stops at 1,000 rows", "description": "The export button on the report page ends after 1,000 rows, in Firefox and in Edge. It worked last week.", "priority": "High"}"#;

    type Arguments = Arguments;
    type Result = Opened;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Opened>, ToolError> {
        let wanted = NewCase::of(context, arguments)?;
        let answer = toolkit::create(context, &wanted).await?;
        // Nobody may learn from an answer whether the address is known.
        Ok(if context.is_unverified() {
            Answer { escalation: None, hints: Vec::new(), ..answer }
        } else {
            answer
        })
    }
}

/// The most characters of a case's title.
const LONGEST_TITLE: usize = 200;

/// The new case, and whose it will be.
pub(crate) struct NewCase {
    contact: Option<ContactRef>,
    arguments: Arguments,
    /// Whether a visitor opens it whom nobody knows.
    is_unverified: bool,
}

impl NewCase {
    fn of(context: &Context, arguments: Arguments) -> Result<NewCase, ToolError> {
        let Arguments { contact, new_contact, account, .. } = &arguments;
        if let Some(new_contact) = new_contact {
            new_contact.check()?;
        }
        let is_unverified = context.is_unverified();
        if is_unverified {
            case::check_words(arguments.description.as_str())
                .map_err(|problem| ToolError::invalid("description", problem))?;
        }
        let contact = match contact {
            _ if is_unverified && new_contact.is_none() => {
                return Err(ToolError::invalid("new_contact", "must be given").next_step(
                    "Ask for the visitor's name and an email address or phone number.",
                ));
            }
            _ if is_unverified => None,
            None if !context.is_for_visitor() => {
                if account.is_none() && new_contact.is_none() {
                    return Err(ToolError::needs_one_of("contact, account, new_contact"));
                }
                None
            }
            contact => Some(context.whose(Whose(contact.clone()))?),
        };
        Ok(NewCase { contact, arguments, is_unverified })
    }

    /// The condition for the customer's cases; `None` if nobody may look.
    fn of_customer(&self) -> Option<Filter> {
        let Arguments { account, new_contact, .. } = &self.arguments;
        if self.is_unverified {
            return None;
        }
        match (&self.contact, account) {
            (_, Some(account)) => Some(case::of_account(account)),
            (Some(contact), None) => Some(case::of_contact(contact)),
            (None, None) => new_contact.as_ref()?.reference().as_ref().map(case::of_contact),
        }
    }

    /// The subject. In every list it shows that nobody knows who wrote it.
    fn title(&self) -> String {
        let subject = self.arguments.subject.as_str();
        if !self.is_unverified {
            return subject.to_owned();
        }
        let marked = format!("{}{subject}", case::NOT_VERIFIED);
        marked.chars().take(LONGEST_TITLE).collect()
    }

    /// What the case says: the visitor's words and, in the first line, whether anybody knows who wrote.
    fn description(&self) -> String {
        let unverified = self.is_unverified.then(|| case::SENDER_NOT_VERIFIED.to_owned());
        let company = self.arguments.new_contact.as_ref().and_then(NewContact::company_line);
        let words = self.arguments.description.as_str().to_owned();
        unverified.into_iter().chain(company).chain([words]).collect::<Vec<_>>().join("\n")
    }
}

impl Creates for NewCase {
    type Answer = Opened;
    type Known = OpenCases;
    type Meant = Customer;

    const MADE_BEFORE: &'static str =
        "This call, or one at the same moment, had made the case before.";

    fn row(&self, id: Uuid) -> Query {
        Query::row(CASE, id).select(CaseSummary::COLUMNS).select(CUSTOMER)
    }

    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let Arguments { account, new_contact, subject, .. } = &self.arguments;
        let of_customer = self.of_customer().map(|of_customer| {
            let open = || {
                Query::rows(CASE)
                    .select(CaseSummary::COLUMNS)
                    .filter(of_customer.clone())
                    .filter(case::open())
            };
            let same_subject =
                reads.add(open().filter(text::equals("title", subject.as_str())).top(1));
            let latest =
                reads.add(open().order_by(Order::descending("createdon")).top(OTHERS as u32));
            // One of them may be the case that an equal call before has made.
            let urgent = reads.add(case::urgent_of(of_customer.clone()).top(2));
            (same_subject, latest, urgent)
        });
        let has_person = self.contact.is_some() || new_contact.is_some();
        let person = has_person.then(|| {
            reads.seek_person(context, self.contact.as_ref(), new_contact.as_ref(), |query| {
                query.select([lookups::EMPLOYER.column])
            })
        });
        let account = account.as_ref().map(|account| reads.seek(account));
        Ok(Box::new(move |answers| {
            let cases = match of_customer {
                Some((same_subject, latest, urgent)) => OpenCases {
                    same_subject: answers.first(same_subject)?,
                    latest: answers.page(latest)?.records,
                    urgent: answers.page(urgent)?.records,
                },
                None => OpenCases::default(),
            };
            let customer = || {
                let person = person.map(|person| answers.person(person)).transpose()?;
                let account = answers.found_if(account)?;
                Customer::of(person, account.as_ref())
            };
            Ok((cases, customer()))
        }))
    }

    fn is_meant(customer: &Customer, case: &Record) -> bool {
        customer.is_of(case)
    }

    fn equal<'a>(&self, cases: &'a OpenCases, customer: &'a Customer) -> Equal<'a> {
        if self.arguments.allow_duplicate == Some(true) {
            return Equal::Wanted;
        }
        if self.is_unverified {
            return Equal::Apart;
        }
        let [whose, person] = customer.parts();
        Equal::Shared {
            there: cases.same_subject.as_ref(),
            hint: "The customer has an open case with this subject: go on with that one. Call \
                   with allow_duplicate only if a second one is really meant.",
            parts: vec![whose, person, self.arguments.subject.as_str().to_owned()],
            serves: case::is_open,
        }
    }

    fn draft<'a>(
        &'a self,
        _: &Context,
        customer: &'a Customer,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        let create = customer
            .bind(create)
            .set("title", Some(self.title()))
            .set("description", Some(self.description()))
            .set("prioritycode", self.arguments.priority.map(|priority| priority.value()))
            .set("casetypecode", self.arguments.kind.map(|kind| kind.value()))
            // The case comes from a chat.
            .set("caseorigincode", Some(CaseOrigin::Web.value()));
        Ok(Draft::from(create).after(customer.new_contact.as_ref()))
    }

    fn consequence(&self, _: &Context, _: &Self::Meant) -> Option<Consequence> {
        None
    }

    fn answer(
        &self,
        context: &Context,
        cases: &OpenCases,
        _: Option<&Customer>,
        Made { record, created, hint, .. }: Made,
    ) -> Result<Answer<Opened>, ToolError> {
        let case = CaseSummary::of(&record, context.now())
            .ok_or_else(|| ToolError::internal("a case without an id"))?
            .with_url(context.instance());
        let others: Vec<_> = cases
            .latest
            .iter()
            .filter(|other| other.id(CASE.key) != Some(case.id))
            .filter_map(|other| other.text("ticketnumber").map(quoted))
            .collect();
        let others = (!others.is_empty())
            .then(|| format!("The customer has other open cases: {}.", others.join(", ")));
        // That the case which this call made is urgent is no news.
        let is_made_here = created || hint == Some(Self::MADE_BEFORE);
        let is_news = |other: &&Record| !is_made_here || other.id(CASE.key) != Some(case.id);
        let urgent = cases.urgent.iter().filter(is_news);
        let escalation = case::escalation(urgent);
        Ok(Answer::new(Opened { created, case }).hint_if(hint).hint_if(others).escalate(escalation))
    }
}

/// The open cases of the customer.
#[derive(Default)]
pub(crate) struct OpenCases {
    /// A case with the same subject.
    same_subject: Option<Record>,
    /// The latest cases, the newest first.
    latest: Vec<Record>,
    /// A case that a person should handle.
    urgent: Vec<Record>,
}

/// The columns that say whose case it is.
const CUSTOMER: [&str; 2] = [lookups::CASE_CONTACT.column, lookups::CASE_PERSON.column];

/// The customer of a case.
pub(crate) struct Customer {
    whose: Holder,
    /// The contact to make before the case.
    new_contact: Option<Create>,
}

/// The records that are the customer.
#[derive(Clone, Copy)]
enum Holder {
    Contact(Uuid),
    Account(Uuid),
    /// The account, and the contact at the account.
    AccountWithContact(Uuid, Uuid),
}

impl Customer {
    /// Makes the customer from the person, the account, or both.
    fn of(person: Option<Person>, account: Option<&Record>) -> Result<Customer, ToolError> {
        let contact_id = person.as_ref().and_then(Person::id);
        let account_id = account.and_then(|account| account.id(ACCOUNT.key));
        let whose = match (contact_id, account_id) {
            (Some(contact_id), Some(account_id)) => {
                let contact = person.as_ref().and_then(Person::record);
                let company = contact.and_then(|contact| contact.id(lookups::EMPLOYER.column));
                if company != Some(account_id) {
                    return Err(ToolError::invalid(
                        "contact, account",
                        "the contact does not belong to that account; give only one of them",
                    ));
                }
                Holder::AccountWithContact(account_id, contact_id)
            }
            (Some(contact), None) => Holder::Contact(contact),
            (None, Some(account)) => Holder::Account(account),
            (None, None) => return Err(ToolError::internal("a customer without an id")),
        };
        let new_contact = person.as_ref().and_then(Person::create).cloned();
        Ok(Customer { whose, new_contact })
    }

    /// The texts by which two calls at the same time know that they mean the same customer. For an
    /// account with a contact, these are both.
    fn parts(&self) -> [String; 2] {
        match self.whose {
            Holder::Contact(id) | Holder::Account(id) => [id.to_string(), String::new()],
            Holder::AccountWithContact(account, contact) => {
                [account.to_string(), contact.to_string()]
            }
        }
    }

    /// Whether a case belongs to this customer.
    fn is_of(&self, case: &Record) -> bool {
        let [customer, person] = CUSTOMER.map(|column| case.id(column));
        match self.whose {
            Holder::Contact(id) => customer == Some(id) || person == Some(id),
            Holder::Account(id) => customer == Some(id),
            Holder::AccountWithContact(account, contact) => {
                customer == Some(account) && person == Some(contact)
            }
        }
    }

    fn bind(&self, create: Create) -> Create {
        match self.whose {
            // A contact that is the customer must not also be the primary contact: Dataverse
            // refuses that (0x8004f865).
            Holder::Contact(id) => create.point(lookups::CASE_CONTACT, id),
            Holder::Account(id) => create.point(lookups::CASE_ACCOUNT, id),
            Holder::AccountWithContact(account, contact) => {
                create.point(lookups::CASE_ACCOUNT, account).point(lookups::CASE_PERSON, contact)
            }
        }
    }
}
