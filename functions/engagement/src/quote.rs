//! A quote as the tools show it.

use crm::Linked;
use crm::labels::{Choice as _, QuoteState};
use crm::money::{self, Money, number};
use crm::tables::QUOTE;
use crm::tables::choices::is_in_state;
use crm::text::quoted;
use crm::visible::Visible;
use dataverse::{Expand, InstanceUrl, Order, Query, Record};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use toolkit::Limit;
use uuid::Uuid;

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Quote {
    #[verified]
    id: Uuid,
    #[verified]
    number: Option<String>,
    #[verified]
    name: Option<String>,
    #[verified]
    status: Option<String>,
    #[verified]
    lines: Vec<ShownLine>,
    /// Whether there are more lines than these.
    #[verified]
    more_lines: Option<bool>,
    /// Off the whole quote.
    #[verified]
    discount: Option<Money>,
    #[verified]
    tax: Tax,
    #[verified]
    total: Option<Money>,
    #[schemars(with = "Option<String>")]
    #[verified]
    valid_until: Option<jiff::civil::Date>,
    #[staff]
    price_list: Option<String>,
    #[verified]
    opportunity: Option<Linked>,
    #[staff]
    url: String,
}

crm::records!(Quote: id, opportunity);

/// The tax of a quote. Dynamics computes none unless the organization has added that.
#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "QuoteTax")]
pub(crate) struct Tax {
    /// Whether there is one in the total. If not, the total says nothing about tax.
    #[verified]
    computed: bool,
    #[schemars(with = "Option<f64>")]
    #[verified]
    amount: Option<Value>,
    #[verified]
    currency: Option<String>,
}

impl Tax {
    /// The tax of a row of [`with_lines`].
    fn of(quote: &Record) -> Tax {
        let is_given = quote.many(LINES).iter().any(|line| line.decimal("tax").is_some());
        match Money::of(quote, "totaltax") {
            Some(tax) if is_given || is_something(&tax) => {
                let Money { amount, currency } = tax;
                Tax { computed: true, amount: Some(number(amount)), currency }
            }
            _ => Tax { computed: false, amount: None, currency: None },
        }
    }
}

#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "QuoteLine")]
pub(crate) struct ShownLine {
    /// The product, or what is in no catalogue.
    #[verified]
    product: Option<String>,
    #[schemars(with = "Option<f64>")]
    #[verified]
    quantity: Option<Value>,
    #[verified]
    unit: Option<String>,
    /// For one.
    #[verified]
    price: Option<Money>,
    #[verified]
    discount: Option<Money>,
    /// For all, less the discount.
    #[verified]
    amount: Option<Money>,
}

/// The most lines that are shown.
const SHOWN: Limit = Limit::of(25);

const LINES: &str = "quote_details";

/// A query for the quote with everything that is shown of it.
pub(crate) fn with_lines(id: Uuid) -> Query {
    let lines = Expand::new(LINES)
        .select([
            "productdescription",
            "_productid_value",
            "quantity",
            "_uomid_value",
            "priceperunit",
            "manualdiscountamount",
            "extendedamount",
            "tax",
            "pricingerrorcode",
        ])
        .order_by(Order::ascending("lineitemnumber"));
    Query::row(QUOTE, id)
        .select([
            "quotenumber",
            "name",
            "statecode",
            "totaldiscountamount",
            "totaltax",
            "totalamount",
            "effectiveto",
            "_pricelevelid_value",
            "_opportunityid_value",
        ])
        .expand(money::currency())
        .expand(lines)
}

/// Whether the quote can still be changed.
pub(crate) fn is_draft(quote: &Record) -> bool {
    is_in_state(quote, QuoteState::Draft)
}

impl Quote {
    /// Reads a quote from a row of [`with_lines`].
    pub(crate) fn of(record: &Record, instance: &InstanceUrl) -> Option<Quote> {
        let id = record.id(QUOTE.key)?;
        let text = |column| record.text(column).map(str::to_owned);
        let lines = record.many(LINES).iter().map(|line| ShownLine::of(line, record));
        let (lines, more_lines) = SHOWN.cut(lines);
        Some(Quote {
            id,
            number: text("quotenumber"),
            name: text("name"),
            status: QuoteState::of(record, "statecode"),
            lines,
            more_lines,
            discount: Money::of(record, "totaldiscountamount").filter(is_something),
            tax: Tax::of(record),
            total: Money::of(record, "totalamount"),
            valid_until: record
                .time("effectiveto")
                .map(|time| TimeZone::UTC.to_datetime(time).date()),
            price_list: record.label("_pricelevelid_value").map(str::to_owned),
            opportunity: Linked::of(record, "_opportunityid_value"),
            url: instance.record_page(QUOTE.logical_name, id),
        })
    }
}

/// Says which lines have no valid price, and why.
pub(crate) fn pricing_errors(quote: &Record) -> Option<String> {
    let errors: Vec<_> = quote
        .many(LINES)
        .iter()
        .enumerate()
        .filter(|(_, line)| line.integer("pricingerrorcode").is_some_and(|code| code != 0))
        .map(|(position, line)| {
            let label = line.label("pricingerrorcode");
            let cause = label.map_or("pricing error".to_owned(), quoted);
            format!("line {} ({cause})", position + 1)
        })
        .collect();
    (!errors.is_empty()).then(|| {
        format!("Dynamics 365 could not price {}: do not promise this total.", errors.join(", "))
    })
}

fn is_something(money: &Money) -> bool {
    !money.amount.is_zero()
}

impl ShownLine {
    /// Reads a line. Its amounts are in the currency of the quote.
    fn of(line: &Record, quote: &Record) -> ShownLine {
        let money = |column| {
            let amount = line.decimal(column)?;
            Some(Money { amount, currency: money::currency_of(quote) })
        };
        let product = line.label("_productid_value").or_else(|| line.text("productdescription"));
        ShownLine {
            product: product.map(str::to_owned),
            quantity: line.decimal("quantity").map(number),
            unit: line.label("_uomid_value").map(str::to_owned),
            price: money("priceperunit"),
            discount: money("manualdiscountamount").filter(is_something),
            amount: money("extendedamount"),
        }
    }
}
