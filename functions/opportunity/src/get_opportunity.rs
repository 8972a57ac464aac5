use crm::Linked;
use crm::money::{self, Money};
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::OpportunityRef;
use crm::tables::ACCOUNT;
use crm::text::{Excerpt, excerpt};
use crm::time::Minute;
use crm::visible::{Access, Visible};
use dataverse::{Expand, Order, Record};
use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError};

/// Reads an opportunity with its product lines.
pub(crate) struct GetOpportunity;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id or name.
    #[verified]
    opportunity: OpportunityRef,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct OpportunityWithLines {
    #[verified]
    opportunity: Details,
    /// What is to be sold.
    #[chosen(DealDetails)]
    lines: Vec<Line>,
    /// Whether there are more lines than these.
    #[chosen(DealDetails)]
    more_lines: Option<bool>,
}

crm::records!(OpportunityWithLines: opportunity);

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "OpportunityDetails")]
pub(crate) struct Details {
    #[serde(flatten)]
    #[verified]
    summary: OpportunitySummary,
    #[staff]
    description: Option<String>,
    #[staff]
    truncated: Option<bool>,
    #[chosen(DealDetails)]
    contact: Option<Linked>,
    #[chosen(DealDetails)]
    account: Option<Linked>,
    /// Who works on it.
    #[staff]
    owner: Option<Linked>,
    #[staff]
    price_list: Option<Linked>,
    /// Of a closed opportunity: what it brought.
    #[staff]
    actual_value: Option<Money>,
    /// Of a closed opportunity.
    #[schemars(with = "Option<String>")]
    #[verified]
    closed_on: Option<Date>,
    #[chosen(DealDetails)]
    created_on: Option<Minute>,
    #[chosen(DealDetails)]
    modified_on: Option<Minute>,
}

crm::records!(Details: summary, contact, account, owner, price_list);

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "OpportunityLine")]
pub(crate) struct Line {
    /// The product, or what was written in.
    #[verified]
    product: Option<String>,
    #[serde(with = "rust_decimal::serde::arbitrary_precision_option")]
    #[schemars(with = "Option<f64>")]
    #[verified]
    quantity: Option<Decimal>,
    #[verified]
    unit: Option<String>,
    #[staff]
    price: Option<Money>,
    /// What the line comes to, less its discount.
    #[staff]
    amount: Option<Money>,
}

const COLUMNS: [&str; 10] = [
    "description",
    "_parentcontactid_value",
    "_parentaccountid_value",
    "_customerid_value",
    "_ownerid_value",
    "_pricelevelid_value",
    "actualvalue",
    "actualclosedate",
    "createdon",
    "modifiedon",
];

const LINE_COLUMNS: [&str; 7] = [
    "_productid_value",
    "productdescription",
    "quantity",
    "_uomid_value",
    "priceperunit",
    "extendedamount",
    "lineitemnumber",
];

/// The most lines that are shown.
const LINES: Limit = Limit::of(25);

impl Tool for GetOpportunity {
    const NAME: &'static str = "dynamics365_get_opportunity";
    const TITLE: &'static str = "Get opportunity";
    const DESCRIPTION: &'static str = "Read one deal in full: value, stage, probability, close \
        date, contact, account, owner and product lines.";
    const FOR: Access = Access::Verified;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadOpportunity"];
    const EXAMPLE: &'static str = r#"{"opportunity": "Northwind – support desk licences"}"#;

    type Arguments = Arguments;
    type Result = OpportunityWithLines;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<OpportunityWithLines>, ToolError> {
        let lines = Expand::new("product_opportunities")
            .select(LINE_COLUMNS)
            .order_by(Order::ascending("lineitemnumber"))
            .top(LINES.rows_to_ask_for());
        let mut reads = Reads::new();
        let record = reads.seek_with(&arguments.opportunity, |query| {
            query
                .select(OpportunitySummary::COLUMNS)
                .select(COLUMNS)
                .expand(money::currency())
                .expand(lines)
        });
        let record = reads.send(context).await?.found(record)?;

        let opportunity = details(&record, context)?;
        let lines = record.many("product_opportunities").iter().map(|row| line(row, &record));
        let (lines, more_lines) = LINES.cut(lines);
        Ok(Answer::new(OpportunityWithLines { opportunity, lines, more_lines }))
    }
}

fn details(record: &Record, context: &Context) -> Result<Details, ToolError> {
    let summary = OpportunitySummary::of(record, context.now())
        .ok_or_else(|| ToolError::internal("an opportunity without an id"))?
        .with_url(context.instance());
    let description = Excerpt::of(record, "description", |text| excerpt(text, 1000));
    let is_closed = !opportunity::is_open(record);
    Ok(Details {
        summary,
        truncated: description.as_ref().and_then(|excerpt| excerpt.truncated),
        description: description.map(|excerpt| excerpt.text),
        contact: Linked::of(record, "_parentcontactid_value"),
        account: Linked::of(record, "_parentaccountid_value")
            .or_else(|| Linked::of_table(record, "_customerid_value", ACCOUNT)),
        owner: Linked::of(record, "_ownerid_value"),
        price_list: Linked::of(record, "_pricelevelid_value"),
        actual_value: Money::of(record, "actualvalue").filter(|_| is_closed),
        closed_on: record.date("actualclosedate").filter(|_| is_closed),
        created_on: record.time("createdon").map(Minute),
        modified_on: record.time("modifiedon").map(Minute),
    })
}

/// Reads a line. Its amounts are in the currency of the opportunity.
fn line(row: &Record, opportunity: &Record) -> Line {
    let product = row.label("_productid_value").or_else(|| row.text("productdescription"));
    let money = |column| {
        Some(Money { amount: row.decimal(column)?, currency: money::currency_of(opportunity) })
    };
    Line {
        product: product.map(str::to_owned),
        quantity: row.decimal("quantity"),
        unit: row.label("_uomid_value").map(str::to_owned),
        price: money("priceperunit"),
        amount: money("extendedamount"),
    }
}
