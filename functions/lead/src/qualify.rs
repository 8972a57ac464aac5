//! Qualifies a lead: Dataverse turns it into a contact, an account and an opportunity.
//!
//! The person or the company may already be in the CRM. If the lead is linked to a contact or an
//! account, that one is kept. If the organization's duplicate detection refuses a new one, the
//! existing record is looked for. If it is clear which one it is, the lead is linked to it, so that
//! nobody is in the CRM twice.

use crm::Linked;
use crm::company;
use crm::labels::{ActiveState, Choice as _, LeadStatus};
use crm::reference::{AccountRef, Candidate, ContactRef, Reference, any_email};
use crm::tables::choices::in_state;
use crm::tables::{ACCOUNT, CONTACT, LEAD, OPPORTUNITY, QUALIFY_LEAD, lookups};
use crm::visible::Visible;
use dataverse::{Action, Filter, Page, Query, Record, Table, Update};
use schemars::JsonSchema;
use serde::Serialize;
use toolkit::{Consequence, Context, ErrorCode, Reads, RowChange, Target, ToolError, carry_out};

/// What a qualified lead has become.
#[derive(Serialize, JsonSchema, Visible)]
#[staff]
#[schemars(rename = "QualifiedLead")]
pub(crate) struct Qualified {
    pub(crate) contact: Option<Linked>,
    pub(crate) account: Option<Linked>,
    pub(crate) opportunity: Option<Linked>,
}

crm::records!(Qualified: contact, account, opportunity);

/// The columns that say who the lead is, what it is about, and which records it is linked to.
pub(crate) const COLUMNS: [&str; 6] = [
    "fullname",
    "companyname",
    "emailaddress1",
    "subject",
    lookups::LEAD_CONTACT.column,
    lookups::LEAD_ACCOUNT.column,
];

/// The columns that decide which records are created from a lead.
const DRAWN_FROM: [&str; 4] =
    ["companyname", "emailaddress1", lookups::LEAD_CONTACT.column, lookups::LEAD_ACCOUNT.column];

/// The most records that are shown to choose from.
const SHOWN: usize = 3;

/// Makes the changes to an open lead and qualifies it. Returns the records of the qualified lead
/// and, if existing records were used, a hint about that.
pub(crate) async fn qualify(
    context: &Context,
    lead: &Lead<'_>,
    target: Target<'_>,
    details: Update,
    consequence: Consequence,
) -> Result<(Qualified, Option<String>), ToolError> {
    let target = target.drawn_from(&DRAWN_FROM);
    let mut parts = Parts::linked(lead);
    let first = parts.carry_out(context, target, details.clone(), Some(consequence)).await;
    let mut reused = None;
    let made = match first {
        Err(error) if error.code() == ErrorCode::Duplicate => {
            parts.find(context, lead, error).await?;
            reused = Some(parts.reused());
            // Whoever said yes said it to this, too.
            parts.carry_out(context, target, details, None).await?
        }
        result => result?,
    };
    let qualified = match made {
        Some(made) => parts.named(lead, &made),
        // The answer is lost, but the lead has the ids of the records.
        None => read(context, target).await?,
    };
    Ok((qualified, reused))
}

/// Who the lead is and what it is about, after the changes that come before qualifying.
pub(crate) struct Lead<'a> {
    /// The lead as it was read.
    pub(crate) record: &'a Record,
    pub(crate) company: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    pub(crate) topic: Option<&'a str>,
}

/// The records that the lead is linked to before it is qualified.
struct Parts {
    contact: Option<Linked>,
    account: Option<Linked>,
    has_company: bool,
    /// Whether a contact or account was found that is not written into the lead yet.
    found: bool,
}

impl Parts {
    fn linked(lead: &Lead<'_>) -> Parts {
        Parts {
            contact: Linked::of(lead.record, lookups::LEAD_CONTACT.column),
            account: Linked::of(lead.record, lookups::LEAD_ACCOUNT.column),
            has_company: lead.company.is_some(),
            found: false,
        }
    }

    /// Qualifies the lead in one trip, and returns the created rows.
    async fn carry_out(
        &self,
        context: &Context,
        target: Target<'_>,
        mut details: Update,
        consequence: Option<Consequence>,
    ) -> Result<Option<Vec<Record>>, ToolError> {
        if self.found {
            if let Some(contact) = &self.contact {
                details = details.point(lookups::LEAD_CONTACT, contact.id);
            }
            if let Some(account) = &self.account {
                details = details.point(lookups::LEAD_ACCOUNT, account.id);
            }
        }
        // An account must have a name.
        let creates_account = self.account.is_none() && self.has_company;
        let action = Action::bound(LEAD, target.id, QUALIFY_LEAD)
            .parameter("CreateAccount", creates_account)
            .parameter("CreateContact", self.contact.is_none())
            .parameter("CreateOpportunity", true)
            .parameter("Status", LeadStatus::Qualified.value());
        let mut operations = Vec::new();
        if !details.is_empty() {
            operations.push(RowChange::from(details));
        }
        operations.push(action.into());
        let status = Some(LeadStatus::Qualified.value());
        let answers = carry_out(context, target, operations, status, consequence).await?;
        Ok(answers.and_then(|answers| {
            let answer = answers.last()?;
            Some(answer.many("value").to_vec())
        }))
    }

    /// Looks for the contact with the lead's email address and the account with the name of its
    /// company. `objection` is the error if these do not explain the duplicate.
    async fn find(
        &mut self,
        context: &Context,
        lead: &Lead<'_>,
        objection: ToolError,
    ) -> Result<(), ToolError> {
        let mut reads = Reads::new();
        let email = lead.email.filter(|_| self.contact.is_none());
        let contacts = email.map(|email| {
            reads.add(active::<ContactRef>(any_email(email)).select([lookups::EMPLOYER.column]))
        });
        let company = lead.company.filter(|_| self.account.is_none());
        let accounts = company.map(|company| {
            let spellings = company::spellings(company).into_iter();
            let names = spellings.map(|name| Filter::equals("name", name));
            reads.add(active::<AccountRef>(Filter::any(names)))
        });
        let mut answers = reads.send(context).await?;
        let mut page = |slot: Option<_>| match slot {
            Some(slot) => answers.page(slot),
            None => Ok(Page::default()),
        };
        let (contacts, accounts) = (page(contacts)?.records, page(accounts)?.records);

        if contacts.len() > 1 || accounts.len() > 1 || contacts.len() + accounts.len() == 0 {
            let unclear: Vec<_> = if contacts.len() > 1 {
                candidates::<ContactRef>(&contacts, context).collect()
            } else {
                candidates::<AccountRef>(&accounts, context).collect()
            };
            let next_step = "Offer a person: somebody has to decide in Dynamics 365 which record \
                             the lead belongs to.";
            return Err(objection.candidates(unclear).next_step(next_step));
        }
        if let Some(contact) = contacts.first() {
            self.contact = linked(contact, CONTACT, ContactRef::NAME_COLUMN);
            // The employer of the contact is the company of the lead.
            let employer = Linked::of_table(contact, lookups::EMPLOYER.column, ACCOUNT);
            self.account = self.account.take().or(employer);
        }
        if self.account.is_none() {
            let account = accounts.first();
            self.account =
                account.and_then(|account| linked(account, ACCOUNT, AccountRef::NAME_COLUMN));
        }
        self.found = true;
        Ok(())
    }

    fn reused(&self) -> String {
        let contact = self.contact.as_ref().map(|_| "contact");
        let account = self.account.as_ref().map(|_| "account");
        let which: Vec<_> = contact.into_iter().chain(account).collect();
        format!("The {} had been in the CRM already and was used.", which.join(" and the "))
    }

    /// The created rows with the names that Dataverse gives them. Where none was created, it is the
    /// existing record.
    fn named(&self, lead: &Lead<'_>, made: &[Record]) -> Qualified {
        let row = |table: Table, name: Option<&str>| {
            let row = made.iter().find(|row| row.type_name() == Some(table.logical_name))?;
            Some(Linked { id: row.id(table.key)?, name: name.map(str::to_owned), kind: None })
        };
        let person = lead.record.text("fullname");
        Qualified {
            contact: row(CONTACT, person).or_else(|| self.contact.clone()),
            account: row(ACCOUNT, lead.company).or_else(|| self.account.clone()),
            opportunity: row(OPPORTUNITY, lead.topic),
        }
    }
}

async fn read(context: &Context, target: Target<'_>) -> Result<Qualified, ToolError> {
    let query = Query::row(LEAD, target.id).select([
        lookups::LEAD_CONTACT.column,
        lookups::LEAD_ACCOUNT.column,
        "_qualifyingopportunityid_value",
    ]);
    let lead = context.first(&query).await?.unwrap_or_default();
    Ok(Qualified {
        contact: Linked::of(&lead, lookups::LEAD_CONTACT.column),
        account: Linked::of(&lead, lookups::LEAD_ACCOUNT.column),
        opportunity: Linked::of(&lead, "_qualifyingopportunityid_value"),
    })
}

fn active<R: Reference>(filter: Filter) -> Query {
    Query::rows(R::TABLE)
        .filter(filter.and(in_state(ActiveState::Active)))
        .select([R::NAME_COLUMN])
        .select(R::DETAIL_COLUMNS.iter().copied())
        .top(SHOWN as u32)
}

fn candidates<'a, R: Reference>(
    records: &'a [Record],
    context: &'a Context,
) -> impl Iterator<Item = Candidate> + 'a {
    let shown = records.iter().take(SHOWN);
    shown.filter_map(|record| Candidate::of::<R>(record, context.instance()))
}

fn linked(record: &Record, table: Table, name: &str) -> Option<Linked> {
    let name = record.text(name).map(str::to_owned);
    Some(Linked { id: record.id(table.key)?, name, kind: None })
}
