use crm::case::{self, CaseSummary};
use crm::labels::{CasePriority, CaseType, Choice as _};
use crm::reference::{AccountRef, ContactRef};
use crm::tables::{ACCOUNT, CASE, CONTACT};
use crm::text::{Line, Paragraph, quoted};
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Earlier, Effect, Making, Reads, Tool, ToolError};
use uuid::Uuid;

/// Opens a case, unless it is open already.
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

/// How many other open cases of the customer are named.
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
        let (mut before, customer) = Before::read(context, &arguments).await?;
        if let Some(earlier) = before.same_call.take() {
            let is_meant =
                |case: &Record| customer.as_ref().is_ok_and(|customer| customer.is_of(case));
            return before.answer(context, &earlier.given(is_meant)?, false, Some(MADE_BEFORE));
        }
        let customer = customer?;
        let allow_duplicate = arguments.allow_duplicate.unwrap_or(false);
        if let Some(case) = before.same_subject.as_ref().filter(|_| !allow_duplicate) {
            return before.answer(
                context,
                case,
                false,
                Some(
                    "The customer has an open case with this subject: go on with that one. Call \
                     with allow_duplicate only if a second one is really meant.",
                ),
            );
        }

        let subject = arguments.subject.as_str().to_owned();
        let create = customer
            .bind(Create::new(CASE, context.record_id()))
            .set("title", Some(arguments.subject))
            .set("description", Some(arguments.description))
            .set("prioritycode", arguments.priority.map(|priority| priority.value()))
            .set("casetypecode", arguments.kind.map(|kind| kind.value()))
            // Web: it comes from a chat.
            .set("caseorigincode", Some(3))
            .allow_duplicate(allow_duplicate)
            .select(CaseSummary::COLUMNS)
            .select(CUSTOMER);
        let mut making = Making::new(create);
        if !allow_duplicate {
            let [whose, person] = customer.parts();
            making = making.once_for(context, &[&whose, &person, &subject], case::is_open);
        }
        let made = making.carry_out(context, |case| customer.is_of(case)).await?;
        before.answer(context, &made.record, made.created, made.hint(MADE_BEFORE))
    }
}

const MADE_BEFORE: &str = "This call, or one at the same moment, had made the case before.";

/// The columns that tell whose case it is.
const CUSTOMER: [&str; 2] = ["_customerid_value", "_primarycontactid_value"];

/// Whose case it is.
enum Customer {
    Contact(Uuid),
    Account(Uuid),
    /// The company, and the person there.
    AccountWithContact(Uuid, Uuid),
}

impl Customer {
    /// By what two calls at once are known to be about the same customer: of a company, also the
    /// person there.
    fn parts(&self) -> [String; 2] {
        match *self {
            Customer::Contact(id) | Customer::Account(id) => [id.to_string(), String::new()],
            Customer::AccountWithContact(account, contact) => {
                [account.to_string(), contact.to_string()]
            }
        }
    }

    /// Whether it is a case of this customer.
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
            // A contact that is the customer must not be the primary contact as well: Dataverse
            // refuses that (0x8004f865).
            Customer::Contact(id) => create.bind("customerid_contact", CONTACT, id),
            Customer::Account(id) => create.bind("customerid_account", ACCOUNT, id),
            Customer::AccountWithContact(account, contact) => create
                .bind("customerid_account", ACCOUNT, account)
                .bind("primarycontactid", CONTACT, contact),
        }
    }
}

/// What there is before anything is created.
struct Before {
    /// The case that an earlier, equal call made.
    same_call: Option<Earlier>,
    /// An open case of the customer with this subject.
    same_subject: Option<Record>,
    /// The customer's open cases, the newest first.
    open: Vec<Record>,
    /// An open case of the customer that a person should handle.
    urgent: Vec<Record>,
}

impl Before {
    /// One trip for all of it. Whose case it is to be stands apart: what an equal call made is
    /// there, whatever has become of its customer since.
    async fn read(
        context: &Context,
        arguments: &Arguments,
    ) -> Result<(Before, Result<Customer, ToolError>), ToolError> {
        let Arguments { contact, account, subject, .. } = arguments;
        let of_customer = match (contact, account) {
            (_, Some(account)) => case::of_account(account),
            (Some(contact), None) => case::of_contact(contact),
            (None, None) => {
                return Err(ToolError::needs_one_of("contact, account"));
            }
        };
        let open = || {
            Query::rows(CASE)
                .select(CaseSummary::COLUMNS)
                .filter(of_customer.clone())
                .filter(case::open())
        };
        let mut reads = Reads::new();
        let same_call = reads.same_call(context, |id| {
            Query::row(CASE, id).select(CaseSummary::COLUMNS).select(CUSTOMER)
        });
        let same_subject =
            reads.add(open().filter(Filter::equals("title", subject.as_str())).top(1));
        let latest = reads.add(open().order_by(Order::descending("createdon")).top(OTHERS as u32));
        let urgent = reads.add(case::urgent_of(of_customer.clone()));
        let contact = contact.as_ref().map(|contact| {
            reads.seek_with(contact, |query| query.select(["_parentcustomerid_value"]))
        });
        let account = account.as_ref().map(|account| reads.seek(account));

        let mut answers = reads.send(context).await?;
        let before = Before {
            same_call: answers.same_call(same_call)?,
            same_subject: answers.first(same_subject)?,
            open: answers.page(latest)?.records,
            urgent: answers.page(urgent)?.records,
        };
        let customer = answers.found_if(contact).and_then(|contact| {
            let account = answers.found_if(account)?;
            customer(contact.as_ref(), account.as_ref())
        });
        Ok((before, customer))
    }

    fn answer(
        &self,
        context: &Context,
        case: &Record,
        created: bool,
        hint: Option<&str>,
    ) -> Result<Answer<Opened>, ToolError> {
        let summary = CaseSummary::of(case, context.now())
            .ok_or_else(|| ToolError::internal("a case without an id"))?
            .with_url(context.instance());
        let others: Vec<_> = self
            .open
            .iter()
            .filter(|other| other.id(CASE.key) != Some(summary.id))
            .filter_map(|other| other.text("ticketnumber").map(quoted))
            .collect();
        let others = (!others.is_empty())
            .then(|| format!("The customer has other open cases: {}.", others.join(", ")));
        let escalation = case::escalation(self.urgent.iter().chain([case]));
        Ok(Answer::new(Opened { created, case: summary })
            .hint_if(hint)
            .hint_if(others)
            .escalate(escalation))
    }
}

fn customer(contact: Option<&Record>, account: Option<&Record>) -> Result<Customer, ToolError> {
    let contact_id = contact.and_then(|contact| contact.id(CONTACT.key));
    let account_id = account.and_then(|account| account.id(ACCOUNT.key));
    match (contact_id, account_id) {
        (Some(contact_id), Some(account_id)) => {
            let company = contact.and_then(|contact| contact.id("_parentcustomerid_value"));
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
