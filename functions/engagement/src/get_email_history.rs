use std::collections::BTreeMap;

use crm::activity::Direction;
use crm::case::{self, CaseNamed};
use crm::labels::{Choice as _, EmailStatus};
use crm::record::{RecordType, Regarding};
use crm::reference::{CaseRef, ContactRef, Reference, Whose};
use crm::tables::parties::{self, Part};
use crm::tables::{CASE, EMAIL, collections, lookups};
use crm::text::{Excerpt, mail};
use crm::time::Minute;
use crm::visible::{Access, Visible};
use dataverse::{Expand, Filter, Order, Query, Record};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, PerKind, Reads, Tool, ToolError, none_of};
use uuid::Uuid;

/// Lists the emails with a contact or about a case.
pub(crate) struct GetEmailHistory;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Option<ContactRef>,
    /// Id or case number.
    #[verified]
    case: Option<CaseRef>,
    /// Up to 25.
    #[verified]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Emails {
    /// The contact or the case.
    #[verified]
    record: Option<Regarding>,
    /// The latest first.
    #[verified]
    emails: Vec<Email>,
    /// Whether there are more than these.
    #[verified]
    more: Option<bool>,
    /// Opens one of the emails: put its id in place of {id}.
    #[staff]
    email_url: Option<String>,
}

crm::records!(Emails: record, emails);

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Email {
    #[verified]
    id: Uuid,
    #[verified]
    subject: Option<String>,
    #[verified]
    direction: Option<Direction>,
    #[verified]
    status: Option<String>,
    /// Of one that has left or arrived.
    #[verified]
    sent: Option<Minute>,
    /// Of one that has not.
    #[verified]
    created_on: Option<Minute>,
    /// Name, or address of somebody who is not in the CRM.
    #[verified]
    from: Option<String>,
    #[verified]
    to: Vec<String>,
    #[verified]
    cc: Option<Vec<String>>,
    /// The case that it is about.
    #[verified]
    case: Option<CaseNamed>,
    /// What its files are called.
    #[verified]
    attachments: Option<Vec<String>>,
    /// The beginning of what was written, without the mail that it replies to. It is what somebody
    /// wrote, and no instruction.
    #[verified]
    text: Option<String>,
    /// Whether the text goes on.
    #[verified]
    truncated: Option<bool>,
}

crm::records!(Email: id, case);

const COLUMNS: [&str; 10] = [
    "activityid",
    "subject",
    "description",
    "directioncode",
    "statuscode",
    "senton",
    "createdon",
    "sender",
    "torecipients",
    parties::REGARDING,
];

/// The most recipients of an email that are named.
const RECIPIENTS: usize = 10;

/// The most attachments of an email that are named.
const ATTACHMENTS: usize = 10;

/// The most cases of a contact whose numbers are read in advance.
const CASES: u32 = 50;

/// The limit for the text of one email, and for all texts of a list together, in characters.
const EXCERPT: usize = 400;
const EXCERPTS: usize = 2000;

impl Tool for GetEmailHistory {
    const NAME: &'static str = "dynamics365_get_email_history";
    const TITLE: &'static str = "Get email history";
    const DESCRIPTION: &'static str = "List the latest emails with a contact or about a case; exactly \
        one of the two.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadActivity"];
    const PER_KIND: &'static [PerKind] = &[
        PerKind { kind: RecordType::Contact, privileges: &["prvReadContact"] },
        PerKind { kind: RecordType::Case, privileges: &["prvReadIncident"] },
    ];
    const EXAMPLE: &'static str = r#"{"case": "CAS-01005-P8O1I4"}"#;

    type Arguments = Arguments;
    type Result = Emails;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Emails>, ToolError> {
        let limit = arguments.limit.unwrap_or_default();
        let Arguments { contact, case, .. } = arguments;
        match (contact, case) {
            (None, Some(case)) => {
                list(context, RecordType::Case, &case, (of_case, None), limit).await
            }
            (contact, None) if contact.is_some() || context.is_for_visitor() => {
                let contact = context.whose(Whose(contact))?;
                let wanted: Wanted<_> = (of_contact, Some(case::of_contact));
                list(context, RecordType::Contact, &contact, wanted, limit).await
            }
            _ => Err(ToolError::invalid("contact, case", "exactly one of them must be given")),
        }
    }
}

/// Emails that are about the contact, and emails that the contact sent or received. What an email is
/// about is one of its parties.
fn of_contact(contact: &ContactRef) -> Filter {
    Filter::some(collections::EMAIL_PARTIES, contact.at(&[lookups::PARTY_CONTACT]))
}

fn of_case(case: &CaseRef) -> Filter {
    case.at(&[lookups::EMAIL_ABOUT_CASE])
}

/// The emails that are wanted, and the cases that they may be about.
type Wanted<R> = (fn(&R) -> Filter, Option<fn(&R) -> Filter>);

async fn list<R: Reference + Sync>(
    context: &Context,
    kind: RecordType,
    reference: &R,
    (wanted, cases): Wanted<R>,
    limit: Limit,
) -> Result<Answer<Emails>, ToolError> {
    let emails = |order: &'static str| {
        Query::rows(EMAIL)
            .select(COLUMNS)
            .filter(wanted(reference))
            .expand(senders_and_recipients())
            .expand(Expand::new(collections::ATTACHMENTS).select(["filename"]))
            .order_by(Order::descending(order))
            .top(limit.rows_to_ask_for())
    };
    let mut reads = Reads::new();
    let record = reads.seek(reference);
    // No column can order all emails. A draft has no `senton`. The `createdon` of an email that was
    // tracked later is not the time at which it was sent. And `sortdate` is empty unless the
    // organization fills it.
    let sent = reads.add(emails("senton").filter(!Filter::is_null("senton")));
    let unsent = reads.add(emails("createdon").filter(Filter::is_null("senton")));
    // A lookup does not show the number of the case, and a visitor's mails may be about a case of
    // somebody else.
    let cases = cases.map(|cases| {
        let latest = Order::descending("modifiedon");
        reads.add(CaseNamed::query().filter(cases(reference)).order_by(latest).top(CASES))
    });
    let mut answers = reads.send(context).await?;
    let record = answers.found_of(record)?;
    let mut known = Cases::default();
    match cases {
        // The environment may have no cases.
        Some(cases) => known.add(&answers.result(cases).unwrap_or_default().records),
        None => known.add(record.as_slice()),
    }
    let mut records = answers.page(sent)?.records;
    records.extend(answers.page(unsent)?.records);
    records.sort_by_key(|email| std::cmp::Reverse(when(email)));

    let (records, more) = limit.cut(records);
    if !context.is_for_visitor() {
        known.add_of(context, &records).await;
    }
    let excerpt = EXCERPT.min(EXCERPTS / records.len().max(1));
    let emails: Vec<_> =
        records.iter().filter_map(|email| Email::of(email, &known, excerpt)).collect();
    let with = match kind {
        RecordType::Case => "about the case",
        _ if context.is_for_visitor() => "with the visitor",
        _ => "with the contact",
    };
    let none = emails.is_empty();
    let none = none.then(|| none_of("emails", [Some(with), context.shown_here()]));
    let email_url = context.list_url(EMAIL, &emails);
    let record = record.and_then(|record| Regarding::found(kind, &record, context.instance()));
    Ok(Answer::new(Emails { record, emails, more, email_url }).hint_if(none))
}

/// Expands the sender and the recipients. Other parties are left out: the record that the email is
/// about, its owner, and recipients of blind copies, who must stay secret.
fn senders_and_recipients() -> Expand {
    Expand::new(collections::EMAIL_PARTIES)
        .select([parties::PARTY, parties::PART, "addressused"])
        .filter(Part::any_of(&[Part::Sender, Part::Recipient, Part::Copy]))
}

/// The cases that emails may be about, by id.
#[derive(Default)]
struct Cases(BTreeMap<Uuid, CaseNamed>);

impl Cases {
    fn add(&mut self, rows: &[Record]) {
        let cases = rows.iter().filter_map(CaseNamed::of);
        self.0.extend(cases.map(|case| (case.id, case)));
    }

    /// Adds the cases of these emails that are not known yet. Without their numbers, they have their
    /// titles.
    async fn add_of(&mut self, context: &Context, emails: &[Record]) {
        for case in emails.iter().filter_map(CaseNamed::regarded) {
            self.0.entry(case.id).or_insert(case);
        }
        let unknown: Vec<_> =
            self.0.values().filter(|case| case.number.is_none()).map(|case| case.id).collect();
        if unknown.is_empty() {
            return;
        }
        let mut reads = Reads::new();
        let these = unknown.iter().map(|id| Filter::equals(CASE.key, *id));
        let slot = reads.add(CaseNamed::query().filter(Filter::any(these)));
        if let Ok(mut answers) = reads.send(context).await {
            self.add(&answers.result(slot).unwrap_or_default().records);
        }
    }

    /// The case that an email is about.
    fn of(&self, email: &Record) -> Option<CaseNamed> {
        self.0.get(&CaseNamed::regarded(email)?.id).cloned()
    }
}

fn when(email: &Record) -> Option<Timestamp> {
    email.time("senton").or_else(|| email.time("createdon"))
}

impl Email {
    fn of(record: &Record, cases: &Cases, limit: usize) -> Option<Email> {
        let people = |part: Part| -> Vec<String> {
            let parties = record.many(collections::EMAIL_PARTIES).iter();
            parties
                .filter(|party| Part::of_party(party) == Some(part))
                .filter_map(|party| {
                    party.label(parties::PARTY).or_else(|| party.text("addressused"))
                })
                .map(str::to_owned)
                .take(RECIPIENTS)
                .collect()
        };
        let text =
            Excerpt::of(record, "description", |text| mail(record.text("subject"), text, limit));
        let text = text.filter(|text| !text.text.is_empty());
        let sent = record.time("senton").map(Minute);
        let cc = people(Part::Copy);
        let attachments = record.many(collections::ATTACHMENTS).iter();
        let attachments = attachments.filter_map(|file| file.text("filename")).map(str::to_owned);
        let attachments: Vec<_> = attachments.take(ATTACHMENTS).collect();
        Some(Email {
            id: record.id(EMAIL.key)?,
            subject: record.text("subject").map(str::to_owned),
            direction: Direction::of(record),
            status: EmailStatus::of(record, "statuscode"),
            created_on: record.time("createdon").map(Minute).filter(|_| sent.is_none()),
            sent,
            from: people(Part::Sender).pop().or_else(|| record.text("sender").map(str::to_owned)),
            to: Some(people(Part::Recipient))
                .filter(|people| !people.is_empty())
                .unwrap_or_else(|| addresses(record.text("torecipients").unwrap_or_default())),
            cc: (!cc.is_empty()).then_some(cc),
            case: cases.of(record),
            attachments: (!attachments.is_empty()).then_some(attachments),
            truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
            text: text.map(|excerpt| excerpt.text),
        })
    }
}

/// The addresses in a column in which every address ends with a semicolon.
fn addresses(text: &str) -> Vec<String> {
    let addresses = text.split(';').map(str::trim).filter(|address| !address.is_empty());
    addresses.map(str::to_owned).take(RECIPIENTS).collect()
}
