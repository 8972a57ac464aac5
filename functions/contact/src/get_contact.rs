use crm::Linked;
use crm::activity::{self, ActivitySummary};
use crm::address;
use crm::case::{self, CaseSummary};
use crm::contact::ContactSummary;
use crm::money;
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::{Reference as _, Whose};
use crm::tables::{CASE, OPPORTUNITY};
use crm::text::{Excerpt, excerpt};
use crm::visible::{Access, Visible};
use dataverse::{Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, optional_part};

use crate::inactive;
use crate::urgent::Urgent;

/// Reads a contact with its open cases, open opportunities and latest activities.
pub(crate) struct GetContact;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Whose,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct ContactOverview {
    #[verified]
    contact: Details,
    #[verified]
    open_cases: Option<Vec<CaseSummary>>,
    /// Whether there are more open cases than these.
    #[verified]
    more_open_cases: Option<bool>,
    /// Opens one of the cases: put its id in place of {id}.
    #[staff]
    case_url: Option<String>,
    #[verified]
    open_opportunities: Option<Vec<OpportunitySummary>>,
    /// Whether there are more open opportunities than these.
    #[verified]
    more_open_opportunities: Option<bool>,
    /// Opens one of the opportunities: put its id in place of {id}.
    #[staff]
    opportunity_url: Option<String>,
    /// The latest first.
    #[verified]
    latest_activities: Option<Vec<ActivitySummary>>,
    /// Whether there are more activities than these.
    #[verified]
    more_activities: Option<bool>,
    /// What lies ahead, the next first.
    #[verified]
    upcoming_activities: Option<Vec<ActivitySummary>>,
}

crm::records!(ContactOverview: contact, open_cases, open_opportunities);

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "ContactDetails")]
pub(crate) struct Details {
    #[serde(flatten)]
    #[verified]
    summary: ContactSummary,
    #[verified]
    mobile_phone: Option<String>,
    /// The second and third address.
    #[verified]
    other_emails: Option<Vec<String>>,
    /// As it would stand on a letter.
    #[verified]
    address: Option<String>,
    #[staff]
    description: Option<String>,
    #[staff]
    truncated: Option<bool>,
    /// Who looks after the contact.
    #[staff]
    owner: Option<Linked>,
}

crm::records!(Details: summary, owner);

/// The columns of [`Details`] that are not in the summary.
const COLUMNS: [&str; 4] = ["emailaddress2", "emailaddress3", "description", "_ownerid_value"];

/// The most cases, opportunities and activities that are shown, each.
const SHOWN: Limit = Limit::of(5);

impl Tool for GetContact {
    const NAME: &'static str = "dynamics365_get_contact";
    const TITLE: &'static str = "Get contact";
    const DESCRIPTION: &'static str = "Read one contact in full: address, account, owner, open \
        cases, open opportunities and latest activities.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact"];
    const EXAMPLE: &'static str = r#"{"contact": "maren.quist@northwind.example"}"#;

    type Arguments = Arguments;
    type Result = ContactOverview;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<ContactOverview>, ToolError> {
        let Arguments { contact } = arguments;
        let contact = context.whose(contact)?;
        let of_contact = case::of_contact(&contact);
        let mut reads = Reads::new();
        let person = reads.seek_with(&contact, |query| {
            query.select(ContactSummary::COLUMNS).select(address::COLUMNS).select(COLUMNS)
        });
        let cases = reads.add(
            Query::rows(CASE)
                .select(CaseSummary::COLUMNS)
                .filter(of_contact.clone().and(case::open()))
                .order_by(Order::descending("createdon"))
                .top(SHOWN.rows_to_ask_for()),
        );
        let urgent = Urgent::seek(context, &mut reads, of_contact, contact.filter());
        let opportunities = reads.add(
            Query::rows(OPPORTUNITY)
                .select(OpportunitySummary::COLUMNS)
                .filter(opportunity::of_contact(&contact).and(opportunity::open()))
                .expand(money::currency())
                .order_by(Order::ascending("estimatedclosedate"))
                .top(SHOWN.rows_to_ask_for()),
        );
        let timeline =
            reads.seek_timeline(context, &activity::of_contact(&contact), SHOWN.rows_to_ask_for());
        let mut answers = reads.send(context).await?;
        let person = answers.found(person)?;

        let mut hints: Vec<String> = inactive(&person).map(str::to_owned).into_iter().collect();
        let cases = optional_part(context, answers.result(cases), "Cases", &mut hints)?;
        let escalation = urgent.escalation(&mut answers);
        let opportunities =
            optional_part(context, answers.result(opportunities), "Opportunities", &mut hints)?;
        let activities =
            optional_part(context, answers.timeline(timeline), "Activities", &mut hints)?;
        let (open_cases, more_open_cases) =
            SHOWN.shown_if(cases.as_ref(), |record| CaseSummary::of(record, context.now()));
        let (open_opportunities, more_open_opportunities) = SHOWN
            .shown_if(opportunities.as_ref(), |record| {
                OpportunitySummary::of(record, context.now())
            });
        let (activities, upcoming) = activities.unzip();
        let (latest_activities, more_activities) =
            activities.map(|past| SHOWN.cut(past.records)).unzip();
        let upcoming = upcoming.map(|ahead| context.timeline(&ahead.records));

        let found = ContactOverview {
            contact: details(&person, context)?,
            case_url: context.list_url(CASE, open_cases.as_deref().unwrap_or_default()),
            open_cases,
            more_open_cases,
            opportunity_url: context
                .list_url(OPPORTUNITY, open_opportunities.as_deref().unwrap_or_default()),
            open_opportunities,
            more_open_opportunities,
            latest_activities: latest_activities.map(|past| context.timeline(&past)),
            more_activities: more_activities.flatten(),
            upcoming_activities: upcoming.filter(|ahead| !ahead.is_empty()),
        };
        Ok(Answer::new(found).with_hints(hints).escalate(escalation))
    }
}

fn details(record: &Record, context: &Context) -> Result<Details, ToolError> {
    let summary = ContactSummary::of(record)
        .ok_or_else(|| ToolError::internal("a contact without an id"))?
        .with_url(context.instance());
    let description = Excerpt::of(record, "description", |text| excerpt(text, 1000));
    let other_emails: Vec<_> = ["emailaddress2", "emailaddress3"]
        .iter()
        .filter_map(|column| record.text(column).map(str::to_owned))
        .collect();
    Ok(Details {
        mobile_phone: record.text("mobilephone").map(str::to_owned),
        other_emails: (!other_emails.is_empty()).then_some(other_emails),
        address: address::of(record),
        truncated: description.as_ref().and_then(|excerpt| excerpt.truncated),
        description: description.map(|excerpt| excerpt.text),
        owner: Linked::of(record, "_ownerid_value"),
        summary,
    })
}
