use crm::Linked;
use crm::activity::{self, ActivitySummary};
use crm::case::{self, CaseSummary};
use crm::contact::ContactSummary;
use crm::money;
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::{ContactRef, Reference as _};
use crm::tables::{ACTIVITY, CASE, OPPORTUNITY};
use crm::text::excerpt;
use dataverse::{Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Access, Answer, Context, Limit, Tool, ToolError, optional_part};

/// Reads a contact with what is going on around it.
pub(crate) struct GetContact;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The contact: id, email address or full name.
    contact: ContactRef,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    contact: Details,
    open_cases: Vec<CaseSummary>,
    /// Whether there are more open cases than these.
    more_open_cases: Option<bool>,
    open_opportunities: Vec<OpportunitySummary>,
    /// Whether there are more open opportunities than these.
    more_open_opportunities: Option<bool>,
    /// The latest first.
    latest_activities: Vec<ActivitySummary>,
    /// Whether there are more activities than these.
    more_activities: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Details {
    #[serde(flatten)]
    summary: ContactSummary,
    mobile_phone: Option<String>,
    /// The second and third address.
    other_emails: Option<Vec<String>>,
    /// As it would stand on a letter.
    address: Option<String>,
    description: Option<String>,
    truncated: Option<bool>,
    /// Who looks after the contact.
    owner: Option<Linked>,
}

/// What [`Details`] needs beyond the summary.
const COLUMNS: [&str; 11] = [
    "emailaddress2",
    "emailaddress3",
    "address1_composite",
    "address1_line1",
    "address1_line2",
    "address1_postalcode",
    "address1_city",
    "address1_stateorprovince",
    "address1_country",
    "description",
    "_ownerid_value",
];

/// How many cases, opportunities and activities are shown.
const SHOWN: Limit = Limit::of(5);

impl Tool for GetContact {
    const NAME: &'static str = "dynamics365_get_contact";
    const TITLE: &'static str = "Get contact";
    const DESCRIPTION: &'static str = "Read one contact in full: address, account, owner, open \
        cases, open opportunities and latest activities. Call it once you know who the visitor is.";
    const ACCESS: Access = Access::Read;

    type Arguments = Arguments;
    type Result = Found;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Found>, ToolError> {
        let Arguments { contact } = arguments;
        let instance = context.instance();
        let of_contact = case::of_contact(&contact).and(case::open());
        let [person, cases, urgent_cases, opportunities, activities] = context
            .dataverse()
            .list_each([
                contact.query().select(ContactSummary::COLUMNS).select(COLUMNS),
                Query::rows(CASE)
                    .select(CaseSummary::COLUMNS)
                    .filter(of_contact.clone())
                    .order_by(Order::descending("createdon"))
                    .top(SHOWN.rows_to_ask_for()),
                Query::rows(CASE)
                    .select(CaseSummary::COLUMNS)
                    .filter(of_contact.and(case::urgent()))
                    .order_by(Order::descending("isescalated"))
                    .top(1),
                Query::rows(OPPORTUNITY)
                    .select(OpportunitySummary::COLUMNS)
                    .filter(opportunity::of_contact(&contact).and(opportunity::open()))
                    .expand(money::currency())
                    .order_by(Order::ascending("estimatedclosedate"))
                    .top(SHOWN.rows_to_ask_for()),
                Query::rows(ACTIVITY)
                    .select(ActivitySummary::COLUMNS)
                    .filter(activity::of_contact(&contact))
                    .order_by(Order::descending("createdon"))
                    .top(SHOWN.rows_to_ask_for()),
            ])
            .await?;
        let person = contact.one(person?, instance)?;

        let mut hints = Vec::new();
        let cases = optional_part(cases, "Cases", &mut hints)?;
        let urgent_cases = urgent_cases.map(|page| page.records).unwrap_or_default();
        let opportunities = optional_part(opportunities, "Opportunities", &mut hints)?;
        let activities = optional_part(activities, "Activities", &mut hints)?;
        let (open_cases, more_open_cases) =
            SHOWN.shown(&cases, |record| CaseSummary::of(record, instance, context.now()));
        let (open_opportunities, more_open_opportunities) =
            SHOWN.shown(&opportunities, |record| OpportunitySummary::of(record, instance));
        let (latest_activities, more_activities) =
            SHOWN.shown(&activities, |record| ActivitySummary::of(record, instance));

        let found = Found {
            contact: details(&person, context)?,
            open_cases,
            more_open_cases,
            open_opportunities,
            more_open_opportunities,
            latest_activities,
            more_activities,
        };
        let answer = Answer::new(found).escalate(case::escalation(&urgent_cases));
        Ok(hints.into_iter().fold(answer, Answer::hint))
    }
}

fn details(record: &Record, context: &Context) -> Result<Details, ToolError> {
    let summary = ContactSummary::of(record, context.instance())
        .ok_or_else(|| ToolError::internal("a contact without an id"))?;
    let description = record.text("description").map(|text| excerpt(text, 1000));
    let other_emails: Vec<_> = ["emailaddress2", "emailaddress3"]
        .iter()
        .filter_map(|column| record.text(column).map(str::to_owned))
        .collect();
    Ok(Details {
        mobile_phone: record.text("mobilephone").map(str::to_owned),
        other_emails: (!other_emails.is_empty()).then_some(other_emails),
        address: address(record),
        truncated: description.as_ref().and_then(|excerpt| excerpt.truncated),
        description: description.map(|excerpt| excerpt.text),
        owner: Linked::of(record, "_ownerid_value", context.instance()),
        summary,
    })
}

/// The composed address, or what it would be composed of, in one line.
fn address(record: &Record) -> Option<String> {
    if let Some(composed) = record.text("address1_composite") {
        let lines = composed.lines().map(str::trim).filter(|line| !line.is_empty());
        return Some(lines.collect::<Vec<_>>().join(", "));
    }
    let parts: Vec<_> = [
        "address1_line1",
        "address1_line2",
        "address1_postalcode",
        "address1_city",
        "address1_stateorprovince",
        "address1_country",
    ]
    .iter()
    .filter_map(|column| record.text(column))
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
