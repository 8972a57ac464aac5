use crm::case::{self, CaseSummary};
use crm::labels::{CaseOrigin, CasePriority, CaseType, Choice as _};
use crm::reference::{AccountRef, ContactRef};
use crm::tables::{ACCOUNT, CASE, CONTACT, lookups};
use crm::text::{Line, Paragraph, quoted};
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Context, Creates, Draft, Effect, Equal, Made, ReadAnswers, Reads, Tool, ToolError,
};
use uuid::Uuid;

/// Opens a case, unless the customer has the same case open.
pub(crate) struct CreateCase;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The customer, or the person at the account: id, email or full name.
    contact: Option<ContactRef>,
    /// The customer, where it is a company: id, name or web domain.
    account: Option<AccountRef>,
    /// What it is about, in one line.
    subject: Line<200>,
    /// The problem in the visitor's words, with all that helps.
    description: Paragraph<2000>,
    /// Default Normal.
    priority: Option<CasePriority>,
    #[serde(rename = "type")]
    kind: Option<CaseType>,
    /// Even if the same is open.
    allow_duplicate: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Opened {
    /// Whether this call made the case; false where it was there already.
    created: bool,
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
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadContact",
        "prvReadIncident",
        "prvCreateIncident",
        "prvAppendIncident",
        "prvAppendToContact",
        "prvReadAccount",
        "prvAppendToAccount",
    ];
    const EXAMPLE: &'static str = r#"{"contact": "zoe.brandt@litware.example", "subject": "Export to CSV stops at 1,000 rows", "description": "The export button on the report page ends after 1,000 rows, in Firefox and in Edge. It worked last week.", "priority": "High"}"#;

    type Arguments = Arguments;
    type Result = Opened;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Opened>, ToolError> {
        toolkit::create(context, &arguments).await
    }
}

impl Creates for Arguments {
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
        _: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let of_customer = match (&self.contact, &self.account) {
            (_, Some(account)) => case::of_account(account),
            (Some(contact), None) => case::of_contact(contact),
            (None, None) => return Err(ToolError::needs_one_of("contact, account")),
        };
        let open = || {
            Query::rows(CASE)
                .select(CaseSummary::COLUMNS)
                .filter(of_customer.clone())
                .filter(case::open())
        };
        let same_subject =
            reads.add(open().filter(Filter::equals("title", self.subject.as_str())).top(1));
        let latest = reads.add(open().order_by(Order::descending("createdon")).top(OTHERS as u32));
        let urgent = reads.add(case::urgent_of(of_customer.clone()));
        let contact = self.contact.as_ref().map(|contact| {
            reads.seek_with(contact, |query| query.select([lookups::EMPLOYER.column]))
        });
        let account = self.account.as_ref().map(|account| reads.seek(account));
        Ok(Box::new(move |answers| {
            let cases = OpenCases {
                same_subject: answers.first(same_subject)?,
                latest: answers.page(latest)?.records,
                urgent: answers.page(urgent)?.records,
            };
            let customer = answers.found_if(contact).and_then(|contact| {
                let account = answers.found_if(account)?;
                Customer::of(contact.as_ref(), account.as_ref())
            });
            Ok((cases, customer))
        }))
    }

    fn is_meant(customer: &Customer, case: &Record) -> bool {
        customer.is_of(case)
    }

    fn equal<'a>(&self, cases: &'a OpenCases, customer: &'a Customer) -> Equal<'a> {
        if self.allow_duplicate == Some(true) {
            return Equal::Wanted;
        }
        let [whose, person] = customer.parts();
        Equal::Shared {
            there: cases.same_subject.as_ref(),
            hint: "The customer has an open case with this subject: go on with that one. Call \
                   with allow_duplicate only if a second one is really meant.",
            parts: vec![whose, person, self.subject.as_str().to_owned()],
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
            .set("title", Some(self.subject.clone()))
            .set("description", Some(self.description.clone()))
            .set("prioritycode", self.priority.map(|priority| priority.value()))
            .set("casetypecode", self.kind.map(|kind| kind.value()))
            // The case comes from a chat.
            .set("caseorigincode", Some(CaseOrigin::Web.value()));
        Ok(create.into())
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
        let escalation = case::escalation(cases.urgent.iter().chain([&record]));
        Ok(Answer::new(Opened { created, case }).hint_if(hint).hint_if(others).escalate(escalation))
    }
}

/// The open cases of the customer.
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
pub(crate) enum Customer {
    Contact(Uuid),
    Account(Uuid),
    /// The account, and the contact at the account.
    AccountWithContact(Uuid, Uuid),
}

impl Customer {
    /// Makes the customer from the contact, the account, or both.
    fn of(contact: Option<&Record>, account: Option<&Record>) -> Result<Customer, ToolError> {
        let contact_id = contact.and_then(|contact| contact.id(CONTACT.key));
        let account_id = account.and_then(|account| account.id(ACCOUNT.key));
        match (contact_id, account_id) {
            (Some(contact_id), Some(account_id)) => {
                let company = contact.and_then(|contact| contact.id(lookups::EMPLOYER.column));
                if company != Some(account_id) {
                    return Err(ToolError::invalid(
                        "contact, account",
                        "the contact does not belong to that account; give only one of them",
                    ));
                }
                Ok(Customer::AccountWithContact(account_id, contact_id))
            }
            (Some(contact), None) => Ok(Customer::Contact(contact)),
            (None, Some(account)) => Ok(Customer::Account(account)),
            (None, None) => Err(ToolError::internal("a customer without an id")),
        }
    }

    /// The texts by which two calls at the same time know that they mean the same customer. For an
    /// account with a contact, these are both.
    fn parts(&self) -> [String; 2] {
        match *self {
            Customer::Contact(id) | Customer::Account(id) => [id.to_string(), String::new()],
            Customer::AccountWithContact(account, contact) => {
                [account.to_string(), contact.to_string()]
            }
        }
    }

    /// Whether a case belongs to this customer.
    fn is_of(&self, case: &Record) -> bool {
        let [customer, person] = CUSTOMER.map(|column| case.id(column));
        match *self {
            Customer::Contact(id) => customer == Some(id) || person == Some(id),
            Customer::Account(id) => customer == Some(id),
            Customer::AccountWithContact(account, contact) => {
                customer == Some(account) && person == Some(contact)
            }
        }
    }

    fn bind(&self, create: Create) -> Create {
        match *self {
            // A contact that is the customer must not also be the primary contact: Dataverse
            // refuses that (0x8004f865).
            Customer::Contact(id) => create.point(lookups::CASE_CONTACT, id),
            Customer::Account(id) => create.point(lookups::CASE_ACCOUNT, id),
            Customer::AccountWithContact(account, contact) => {
                create.point(lookups::CASE_ACCOUNT, account).point(lookups::CASE_PERSON, contact)
            }
        }
    }
}
