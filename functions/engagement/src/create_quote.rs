use std::collections::BTreeMap;

use crm::Linked;
use crm::labels::{Choice as _, OpportunityState, OpportunityStatus};
use crm::money::{self, Amount, Money, Percentage, Quantity, number};
use crm::reference::{Candidate, OpportunityRef, PriceListRef, ProductRef};
use crm::tables::{
    ACCOUNT, CONTACT, CURRENCY, OPPORTUNITY, PRICE_LIST, PRODUCT, QUOTE, QUOTE_LINE, UNIT,
};
use crm::text::Line;
use crm::time::Day;
use dataverse::{Create, Created, Expand, Operation, Order, Query, Record};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::{Access, Answer, Context, ErrorCode, Limit, Reads, Tool, ToolError, WriteState};
use uuid::Uuid;

use crate::price_list::{self, Item, PriceList};

/// Drafts a quote for an opportunity.
pub(crate) struct CreateQuote;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id or name.
    opportunity: OpportunityRef,
    /// Each a product, or a description with a price.
    lines: Vec<QuoteLine>,
    /// The opportunity's by default.
    name: Option<Line<300>>,
    /// Id or name; by default the opportunity's or the customer's.
    price_list: Option<PriceListRef>,
    /// Off the whole quote.
    discount_percent: Option<Percentage>,
    /// 2026-12-31.
    valid_until: Option<Day>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LineArguments {
    /// Id, number or name.
    product: Option<ProductRef>,
    /// In place of a product.
    description: Option<Line<500>>,
    /// How many.
    quantity: Quantity,
    /// Per unit, if not the price list's.
    price: Option<Amount>,
    /// Amount off the line.
    discount: Option<Amount>,
}

// A line of the quote to be. No doc comment: it would be part of the schema.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "LineArguments")]
pub(crate) struct QuoteLine {
    offer: Offer,
    quantity: Quantity,
    discount: Option<Amount>,
}

/// What a line offers.
#[derive(JsonSchema)]
enum Offer {
    Product(ProductRef, Option<Amount>),
    WriteIn(Line<500>, Amount),
}

impl TryFrom<LineArguments> for QuoteLine {
    type Error = &'static str;

    fn try_from(arguments: LineArguments) -> Result<QuoteLine, &'static str> {
        let LineArguments { product, description, quantity, price, discount } = arguments;
        let offer = match (product, description, price) {
            (Some(product), None, price) => Offer::Product(product, price),
            (None, Some(description), Some(price)) => Offer::WriteIn(description, price),
            (None, Some(_), None) => return Err("a line with a description needs a price"),
            (Some(_), Some(_), _) | (None, None, _) => {
                return Err("must have exactly one of product and description");
            }
        };
        Ok(QuoteLine { offer, quantity, discount })
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Quoted {
    /// Whether this call made the quote; false where it had been made before.
    created: bool,
    quote: Quote,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Quote {
    id: Uuid,
    number: Option<String>,
    name: Option<String>,
    status: Option<String>,
    lines: Vec<ShownLine>,
    /// Whether there are more lines than these.
    more_lines: Option<bool>,
    /// Off the whole quote.
    discount: Option<Money>,
    tax: Option<Money>,
    total: Option<Money>,
    #[schemars(with = "Option<String>")]
    valid_until: Option<jiff::civil::Date>,
    price_list: Option<String>,
    opportunity: Option<Linked>,
    url: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ShownLine {
    /// The product, or what is in no catalogue.
    product: Option<String>,
    #[schemars(with = "Option<f64>")]
    quantity: Option<Value>,
    unit: Option<String>,
    /// For one.
    price: Option<Money>,
    discount: Option<Money>,
    /// For all, less the discount.
    amount: Option<Money>,
}

/// How many lines a quote may have, and how many are shown.
const LINES: usize = 100;
const SHOWN: Limit = Limit::of(25);

/// The structure of a product that is a family (`productstructure`).
const FAMILY: i64 = 2;

crm::choice! {
    /// Where a quote stands (`statecode`).
    enum QuoteState {
        Draft = 0 "Draft",
        Active = 1 "Active",
        Won = 2 "Won",
        Closed = 3 "Closed",
    }
}

impl Tool for CreateQuote {
    const NAME: &'static str = "dynamics365_create_quote";
    const TITLE: &'static str = "Create quote";
    const DESCRIPTION: &'static str = "Draft a quote for an open opportunity. Confirm products and \
        quantities with the visitor first.";
    const ACCESS: Access = Access::Write;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadQuote",
        "prvReadOpportunity",
        "prvReadProduct",
        "prvReadAccount",
        "prvReadContact",
        "prvCreateQuote",
        "prvAppendQuote",
        "prvAppendToOpportunity",
        "prvAppendToAccount",
        "prvAppendToProduct",
        "prvAppendToQuote",
    ];

    type Arguments = Arguments;
    type Result = Quoted;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Quoted>, ToolError> {
        if !(1..=LINES).contains(&arguments.lines.len()) {
            return Err(ToolError::invalid("lines", format!("must have 1 to {LINES} lines")));
        }
        let draft = match Before::read(context, &arguments).await? {
            Before::Made(quote) => return answer(context, &quote, false),
            Before::Nothing(found) => found.draft(context, &arguments)?,
        };
        let Draft { quote, lines } = draft;
        let made = toolkit::create(context, &quote, lines).await?;
        // The totals are there only after the last line is.
        let quote = context.dataverse().first(&quote_with_lines(context.record_id())).await;
        let quote = quote.map_err(|error| ToolError::from(error).write(WriteState::Happened))?;
        answer(context, quote.as_ref().unwrap_or(made.record()), matches!(made, Created::Now(_)))
    }
}

/// The quote with all that is said of it.
fn quote_with_lines(id: Uuid) -> Query {
    let lines = Expand::new("quote_details")
        .select([
            "productdescription",
            "_productid_value",
            "quantity",
            "_uomid_value",
            "priceperunit",
            "manualdiscountamount",
            "extendedamount",
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

/// What there is before anything is created.
enum Before {
    /// The quote that an earlier, equal call made.
    Made(Record),
    Nothing(Ingredients),
}

/// What a quote is made of.
struct Ingredients {
    opportunity: Record,
    /// The price list that was asked for.
    price_list: Option<Record>,
    /// The catalogue's product of each line that has one.
    products: BTreeMap<usize, Record>,
}

impl Before {
    /// One trip for all of it, however many lines there are.
    async fn read(context: &Context, arguments: &Arguments) -> Result<Before, ToolError> {
        let named = Named::of(&arguments.lines);
        let mut reads = Reads::new();
        let same_call = reads.add(quote_with_lines(context.record_id()));
        let opportunity = reads.seek_with(&arguments.opportunity, with_price_lists);
        let list = arguments.price_list.as_ref();
        let list =
            list.map(|list| reads.seek_with(list, |query| query.select(price_list::COLUMNS)));
        let products: Vec<_> =
            named.products.iter().map(|product| reads.seek_with(*product, with_prices)).collect();

        let mut answers = reads.send(context).await?;
        if let Some(quote) = answers.first(same_call)? {
            return Ok(Before::Made(quote));
        }
        let opportunity = answers.found(opportunity)?;
        let price_list = answers.found_if(list).map_err(|error| error.at("price_list"))?;
        let mut found = Vec::new();
        for (place, product) in products.into_iter().enumerate() {
            let line = named.first_line(place);
            let product = answers.found(product);
            found.push(product.map_err(|error| error.at(&format!("lines[{line}].product")))?);
        }
        let products = named
            .lines
            .iter()
            .filter_map(|(line, place)| Some((*line, found.get(*place)?.clone())))
            .collect();
        Ok(Before::Nothing(Ingredients { opportunity, price_list, products }))
    }
}

/// The products that lines name, each once.
struct Named<'a> {
    products: Vec<&'a ProductRef>,
    /// Which line names which.
    lines: BTreeMap<usize, usize>,
}

impl<'a> Named<'a> {
    fn of(lines: &'a [QuoteLine]) -> Named<'a> {
        let mut named = Named { products: Vec::new(), lines: BTreeMap::new() };
        for (line, QuoteLine { offer, .. }) in lines.iter().enumerate() {
            let Offer::Product(product, _) = offer else { continue };
            let known = named.products.iter().position(|known| *known == product);
            let place = known.unwrap_or(named.products.len());
            if known.is_none() {
                named.products.push(product);
            }
            named.lines.insert(line, place);
        }
        named
    }

    fn first_line(&self, place: usize) -> usize {
        self.lines.iter().find(|(_, one)| **one == place).map_or(0, |(line, _)| *line)
    }
}

/// The opportunity with its price list, and with those of its customer and contact.
fn with_price_lists(query: Query) -> Query {
    let of = |person| Expand::new(person).expand(price_list::by("defaultpricelevelid"));
    query
        .select(["statecode", "_customerid_value", "_transactioncurrencyid_value"])
        .expand(price_list::by("pricelevelid"))
        .expand(of("customerid_account").select(["name"]))
        .expand(of("customerid_contact").select(["fullname"]))
        .expand(of("parentcontactid").select(["fullname"]))
        .expand(money::currency())
}

fn with_prices(query: Query) -> Query {
    query
        .select(["statecode", "productstructure", "quantitydecimal", "_defaultuomid_value"])
        .expand(price_list::items_of_product())
}

/// The writes that make the quote.
struct Draft {
    quote: Create,
    lines: Vec<Operation>,
}

impl Ingredients {
    fn draft(&self, context: &Context, arguments: &Arguments) -> Result<Draft, ToolError> {
        self.check_opportunity()?;
        self.check_products(&arguments.lines)?;
        check_future(arguments.valid_until, context.now())?;
        let list = self.price_list(&arguments.lines, context)?;
        Ok(Draft {
            quote: self.quote(context.record_id(), arguments, list)?,
            lines: self.lines(context.record_id(), &arguments.lines, list)?,
        })
    }

    fn check_opportunity(&self) -> Result<(), ToolError> {
        if self.opportunity.integer("statecode") == Some(OpportunityState::Open.value()) {
            return Ok(());
        }
        let status = OpportunityStatus::of(&self.opportunity, "statuscode").unwrap_or_default();
        let detail = format!("the opportunity is closed already: {status}");
        Err(ToolError::new(ErrorCode::AlreadyClosed, detail)
            .next_step("Say so. For a new deal, make a new opportunity first.")
            .write(WriteState::NotHappened))
    }

    /// What Dataverse would refuse, said of the line that it is about.
    fn check_products(&self, lines: &[QuoteLine]) -> Result<(), ToolError> {
        for (line, product) in &self.products {
            let is_active = product.integer("statecode") == Some(0);
            if !is_active || product.integer("productstructure") == Some(FAMILY) {
                let field = format!("lines[{line}].product");
                let problem = "is not for sale: it is not active, or a product family";
                return Err(ToolError::invalid(&field, problem)
                    .next_step("Look for one that is with dynamics365_get_products."));
            }
            let decimals = product.integer("quantitydecimal").unwrap_or(0);
            let quantity = lines.get(*line).map(|line| line.quantity.get().scale());
            if quantity.is_some_and(|scale| i64::from(scale) > decimals) {
                let field = format!("lines[{line}].quantity");
                let problem = format!("must have at most {decimals} decimals for this product");
                return Err(ToolError::invalid(&field, problem));
            }
        }
        Ok(())
    }

    /// The price list that was asked for; else the opportunity's; else the customer's; else the
    /// only one that has all products. It must have those for which no price is given.
    fn price_list(
        &self,
        lines: &[QuoteLine],
        context: &Context,
    ) -> Result<Option<PriceList<'_>>, ToolError> {
        let default = |person| self.opportunity.one(person)?.one("defaultpricelevelid");
        let list = self
            .price_list
            .as_ref()
            .or_else(|| self.opportunity.one("pricelevelid"))
            .or_else(|| default("customerid_account"))
            .or_else(|| default("customerid_contact"))
            .or_else(|| default("parentcontactid"))
            .map(PriceList);
        let list = match list {
            Some(list) => list,
            None if self.products.is_empty() => return Ok(None),
            None => self.only_list_with_all(context)?,
        };
        let is_priced = |line: &usize| {
            matches!(lines.get(*line), Some(QuoteLine { offer: Offer::Product(_, Some(_)), .. }))
        };
        let missing: Vec<_> =
            self.missing(list).into_iter().filter(|(line, _)| !is_priced(line)).collect();
        if missing.is_empty() { Ok(Some(list)) } else { Err(self.lacks(list, &missing, context)) }
    }

    /// The price lists that have prices of the products and are in use, each once.
    fn lists(&self, context: &Context) -> Vec<PriceList<'_>> {
        let mut lists: Vec<PriceList<'_>> = Vec::new();
        for list in self.products.values().flat_map(Item::all).filter_map(Item::list) {
            let is_known = lists.iter().any(|known| known.id() == list.id());
            if !is_known && list.is_in_use(context.now()) {
                lists.push(list);
            }
        }
        lists.sort_by_key(|list| list.name());
        lists
    }

    /// The lines whose product the price list does not have, with the product's name.
    fn missing(&self, list: PriceList<'_>) -> Vec<(usize, &str)> {
        let lines = self.products.iter();
        lines
            .filter(|(_, product)| Item::find(product, list).is_none())
            .map(|(line, product)| (*line, product.text("name").unwrap_or_default()))
            .collect()
    }

    fn only_list_with_all(&self, context: &Context) -> Result<PriceList<'_>, ToolError> {
        let currency = self.opportunity.id("_transactioncurrencyid_value");
        let mut lists = self.lists(context);
        lists.retain(|list| list.currency() == currency);
        let all = |list: &PriceList<'_>| self.missing(*list).is_empty();
        let complete: Vec<_> = lists.iter().copied().filter(all).collect();
        match (complete.as_slice(), lists.iter().min_by_key(|list| self.missing(**list).len())) {
            ([only], _) => Ok(*only),
            ([], Some(nearest)) => Err(self.lacks(*nearest, &self.missing(*nearest), context)),
            ([], None) => {
                let names: Vec<_> =
                    self.products.values().filter_map(|product| product.text("name")).collect();
                let detail = format!(
                    "no price list in the opportunity's currency has a price of {}",
                    quoted(names)
                );
                Err(ToolError::new(ErrorCode::InvalidArguments, detail)
                    .next_step("Name a price_list, or give each line a price."))
            }
            (several, _) => Err(several_lists(several, context)),
        }
    }

    fn lacks(
        &self,
        list: PriceList<'_>,
        missing: &[(usize, &str)],
        context: &Context,
    ) -> ToolError {
        let lines: Vec<_> = missing.iter().map(|(line, _)| format!("lines[{line}]")).collect();
        let mut names: Vec<_> = missing.iter().map(|(_, name)| *name).collect();
        names.dedup();
        let detail = format!(
            "{}: the price list \"{}\" has no price of {}",
            lines.join(", "),
            list.name(),
            quoted(names)
        );
        let others = self.lists(context).into_iter().filter(|list| self.missing(*list).is_empty());
        let others: Vec<_> = others.map(PriceList::name).collect();
        let next_step = if others.is_empty() {
            "Leave these lines out, or give them a price.".to_owned()
        } else {
            format!(
                "Leave these lines out, give them a price, or choose the price_list {}, which has \
                 all products.",
                quoted(others)
            )
        };
        ToolError::new(ErrorCode::InvalidArguments, detail).next_step(next_step)
    }

    fn quote(
        &self,
        id: Uuid,
        arguments: &Arguments,
        list: Option<PriceList<'_>>,
    ) -> Result<Create, ToolError> {
        let name = arguments.name.as_ref().map(Line::as_str);
        let opportunity = self
            .opportunity
            .id(OPPORTUNITY.key)
            .ok_or_else(|| ToolError::internal("an opportunity without an id"))?;
        let quote = Create::new(QUOTE, id)
            .set("name", name.or(self.opportunity.text("name")))
            .set("discountpercentage", arguments.discount_percent)
            // Noon is that day in nearly every zone.
            .set("effectiveto", arguments.valid_until.map(|Day(day)| format!("{day}T12:00:00Z")))
            .bind("opportunityid", OPPORTUNITY, opportunity)
            .select(["quoteid"]);
        let customer = self.opportunity.lookup("_customerid_value").ok_or_else(|| {
            ToolError::invalid("opportunity", "has neither an account nor a contact")
                .next_step("Somebody must say in Dynamics 365 whose opportunity it is.")
        })?;
        let quote = if customer.table.as_deref() == Some(ACCOUNT.logical_name) {
            quote.bind("customerid_account", ACCOUNT, customer.id)
        } else {
            quote.bind("customerid_contact", CONTACT, customer.id)
        };
        let quote = match list.and_then(PriceList::id) {
            Some(list) => quote.bind("pricelevelid", PRICE_LIST, list),
            None => quote,
        };
        // A quote in another currency than its price list's is refused.
        let currency = list.and_then(PriceList::currency);
        Ok(match currency.or(self.opportunity.id("_transactioncurrencyid_value")) {
            Some(currency) => quote.bind("transactioncurrencyid", CURRENCY, currency),
            None => quote,
        })
    }

    fn lines(
        &self,
        quote: Uuid,
        lines: &[QuoteLine],
        list: Option<PriceList<'_>>,
    ) -> Result<Vec<Operation>, ToolError> {
        let mut operations = Vec::new();
        for (position, line) in lines.iter().enumerate() {
            let number = position as i64 + 1;
            // Always the same for the same quote: sent again, the line is there already.
            let id = Uuid::new_v5(&quote, format!("line {number}").as_bytes());
            let create = Create::new(QUOTE_LINE, id)
                .bind("quoteid", QUOTE, quote)
                .set("lineitemnumber", Some(number))
                .set("quantity", Some(line.quantity))
                .set("manualdiscountamount", line.discount)
                .select([QUOTE_LINE.key]);
            let create = match &line.offer {
                Offer::WriteIn(description, price) => create
                    .set("isproductoverridden", Some(true))
                    .set("productdescription", Some(description.as_str()))
                    .set("priceperunit", Some(*price)),
                Offer::Product(_, price) => {
                    let (product, unit) = self.product(position, list)?;
                    create
                        .set("isproductoverridden", Some(false))
                        .bind("productid", PRODUCT, product)
                        .bind("uomid", UNIT, unit)
                        .set("ispriceoverridden", Some(price.is_some()))
                        .set("priceperunit", *price)
                }
            };
            operations.push(create.into());
        }
        Ok(operations)
    }

    /// The product of a line, and the unit in which it is sold.
    fn product(&self, line: usize, list: Option<PriceList<'_>>) -> Result<(Uuid, Uuid), ToolError> {
        let product = self.products.get(&line);
        let unit = |product: &Record| {
            let item = list.and_then(|list| Item::find(product, list));
            item.and_then(Item::unit).or_else(|| product.id("_defaultuomid_value"))
        };
        let id = product.and_then(|product| product.id(PRODUCT.key));
        match (id, product.and_then(unit)) {
            (Some(id), Some(unit)) => Ok((id, unit)),
            _ => {
                let field = format!("lines[{line}].product");
                Err(ToolError::invalid(&field, "has no unit, so it cannot be quoted"))
            }
        }
    }
}

/// Refuses a last day that has passed in every zone.
fn check_future(valid_until: Option<Day>, now: Timestamp) -> Result<(), ToolError> {
    let earliest = now.checked_sub(SignedDuration::from_hours(12)).unwrap_or(now);
    let earliest = TimeZone::UTC.to_datetime(earliest).date();
    match valid_until {
        Some(Day(day)) if day < earliest => {
            Err(ToolError::invalid("valid_until", format!("is in the past: today is {earliest}")))
        }
        _ => Ok(()),
    }
}

fn several_lists(lists: &[PriceList<'_>], context: &Context) -> ToolError {
    let page = |id| context.instance().record_page(PRICE_LIST.logical_name, id);
    let candidates = lists.iter().take(3).filter_map(|list| {
        let id = list.id()?;
        let name = Some(list.name().to_owned());
        Some(Candidate { id, name, detail: None, url: page(id) })
    });
    ToolError::new(ErrorCode::Ambiguous, "price_list: several price lists have all products")
        .candidates(candidates.collect())
        .next_step("Ask which price list applies and call again with its id as price_list.")
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter().map(|name| format!("\"{name}\""));
    names.collect::<Vec<_>>().join(", ")
}

fn answer(context: &Context, quote: &Record, created: bool) -> Result<Answer<Quoted>, ToolError> {
    let id = quote.id(QUOTE.key).ok_or_else(|| ToolError::internal("a quote without an id"))?;
    let state = quote.integer("statecode").and_then(QuoteState::from_value);
    let again = (!created).then_some("This call had made the quote before.");
    let draft = (state == Some(QuoteState::Draft)).then_some(
        "It is a draft: somebody in sales must check and activate it in Dynamics 365 before it is \
         binding.",
    );
    let lines = quote.many("quote_details");
    let errors = pricing_errors(lines);
    let (lines, more_lines) = SHOWN.cut(lines.iter().map(|line| ShownLine::of(line, quote)));
    let text = |column| quote.text(column).map(str::to_owned);
    let quote = Quote {
        id,
        number: text("quotenumber"),
        name: text("name"),
        status: QuoteState::of(quote, "statecode"),
        lines,
        more_lines,
        discount: Money::of(quote, "totaldiscountamount").filter(is_something),
        tax: Money::of(quote, "totaltax"),
        total: Money::of(quote, "totalamount"),
        valid_until: quote.time("effectiveto").map(|time| TimeZone::UTC.to_datetime(time).date()),
        price_list: quote.label("_pricelevelid_value").map(str::to_owned),
        opportunity: Linked::of(quote, "_opportunityid_value"),
        url: context.instance().record_page(QUOTE.logical_name, id),
    };
    Ok(Answer::new(Quoted { created, quote }).hint_if(again).hint_if(draft).hint_if(errors))
}

/// Says which lines have no proper price, and why.
fn pricing_errors(lines: &[Record]) -> Option<String> {
    let errors: Vec<_> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.integer("pricingerrorcode").is_some_and(|code| code != 0))
        .map(|(position, line)| {
            let cause = line.label("pricingerrorcode").unwrap_or("pricing error");
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
    /// The amounts are in the currency of the quote.
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
