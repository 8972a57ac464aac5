use crm::Linked;
use crm::account::AccountSummary;
use crm::address;
use crm::case;
use crm::labels::{ActiveState, Choice as _, Industry};
use crm::money;
use crm::opportunity;
use crm::reference::AccountRef;
use crm::tables::choices::is_in_state;
use crm::tables::{CASE, OPPORTUNITY};
use crm::visible::{Access, Visible};
use dataverse::{Count, Filter, Query, Record, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Reads, Tool, ToolError, optional_part};
use uuid::Uuid;

/// Reads an account, and counts its open opportunities and cases.
pub(crate) struct GetAccount;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
#[staff]
pub(crate) struct Arguments {
    /// Id, name or web domain.
    account: AccountRef,
}

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct AccountOverview {
    account: Details,
    /// How many opportunities are open.
    open_opportunities: Option<u64>,
    /// Whether there are more than that.
    more_open_opportunities: Option<bool>,
    /// How many cases are open.
    open_cases: Option<u64>,
    /// Whether there are more than that.
    more_open_cases: Option<bool>,
    /// The open case that a person should handle first.
    urgent_case: Option<UrgentCase>,
}

crm::records!(AccountOverview: account, urgent_case);

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct UrgentCase {
    id: Uuid,
    number: Option<String>,
    subject: Option<String>,
    /// Who takes care of it.
    owner: Option<Linked>,
}

crm::records!(UrgentCase: id, owner);

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
#[schemars(rename = "AccountDetails")]
pub(crate) struct Details {
    #[serde(flatten)]
    summary: AccountSummary,
    industry: Option<String>,
    /// The main address.
    email: Option<String>,
    /// As it would stand on a letter.
    billing_address: Option<String>,
    /// Whom to talk to there.
    primary_contact: Option<Linked>,
    /// Who looks after the account: its owner.
    relationship_manager: Option<Linked>,
    /// The company that it belongs to.
    parent: Option<Linked>,
    /// `Inactive`, where it is.
    status: Option<String>,
}

crm::records!(Details: summary, primary_contact, relationship_manager, parent);

/// The columns of [`Details`] that are not in the summary.
const COLUMNS: [&str; 6] = [
    "industrycode",
    "emailaddress1",
    "_primarycontactid_value",
    "_ownerid_value",
    "_parentaccountid_value",
    "statecode",
];

impl Tool for GetAccount {
    const NAME: &'static str = "dynamics365_get_account";
    const TITLE: &'static str = "Get account";
    const DESCRIPTION: &'static str = "Read one company in full: figures, address, primary \
        contact, relationship manager, and how many opportunities and cases are open.";
    const FOR: Access = Access::Staff;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadAccount"];
    const EXAMPLE: &'static str = r#"{"account": "northwind.example"}"#;

    type Arguments = Arguments;
    type Result = AccountOverview;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<AccountOverview>, ToolError> {
        let Arguments { account } = arguments;
        let of_account = case::of_account(&account);
        let mut reads = Reads::new();
        let company = reads.seek_with(&account, |query| {
            query
                .select(AccountSummary::COLUMNS)
                .select(address::COLUMNS)
                .select(COLUMNS)
                .expand(money::currency())
        });
        let opportunities = reads
            .add(count(OPPORTUNITY, opportunity::of_account(&account).and(opportunity::open())));
        let cases = reads.add(count(CASE, of_account.clone().and(case::open())));
        let urgent = case::urgent_of(of_account).select(["title", "_ownerid_value"]);
        let urgent_cases = reads.add(urgent);
        let mut answers = reads.send(context).await?;
        let company = answers.found(company)?;

        let mut hints = Vec::new();
        let opportunities =
            optional_part(context, answers.result(opportunities), "Opportunities", &mut hints)?;
        let cases = optional_part(context, answers.result(cases), "Cases", &mut hints)?;
        let opportunities = opportunities.and_then(|page| page.count);
        let cases = cases.and_then(|page| page.count);
        let urgent_cases = answers.result(urgent_cases).unwrap_or_default().records;
        let found = AccountOverview {
            account: details(&company, context)?,
            open_opportunities: opportunities.map(|count| count.rows),
            more_open_opportunities: is_exceeded(opportunities),
            open_cases: cases.map(|count| count.rows),
            more_open_cases: is_exceeded(cases),
            urgent_case: urgent_cases.first().and_then(urgent_case),
        };
        Ok(Answer::new(found).with_hints(hints).escalate(case::escalation(&urgent_cases)))
    }
}

fn urgent_case(record: &Record) -> Option<UrgentCase> {
    Some(UrgentCase {
        id: record.id(CASE.key)?,
        number: record.text("ticketnumber").map(str::to_owned),
        subject: record.text("title").map(str::to_owned),
        owner: Linked::of(record, "_ownerid_value"),
    })
}

/// Whether there are more rows than Dataverse counts.
fn is_exceeded(count: Option<Count>) -> Option<bool> {
    count.filter(|count| count.is_exceeded).map(|_| true)
}

/// A query that counts these rows. It selects only the keys. It has no `top`, because it is not
/// documented that Dataverse counts beyond that.
fn count(table: Table, filter: Filter) -> Query {
    Query::rows(table).select([table.key]).filter(filter).count()
}

fn details(record: &Record, context: &Context) -> Result<Details, ToolError> {
    let summary = AccountSummary::of(record)
        .ok_or_else(|| ToolError::internal("an account without an id"))?
        .with_url(context.instance());
    let is_active = is_in_state(record, ActiveState::Active);
    Ok(Details {
        summary,
        industry: Industry::of(record, "industrycode"),
        email: record.text("emailaddress1").map(str::to_owned),
        billing_address: address::of(record),
        primary_contact: Linked::of(record, "_primarycontactid_value"),
        relationship_manager: Linked::of(record, "_ownerid_value"),
        parent: Linked::of(record, "_parentaccountid_value"),
        status: ActiveState::of(record, "statecode").filter(|_| !is_active),
    })
}
