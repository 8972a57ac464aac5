use std::collections::BTreeMap;

use crm::labels::{Choice as _, OpportunityStatus, ProductState, ProductStructure};
use crm::money::{self, Percentage};
use crm::opportunity;
use crm::reference::{OpportunityRef, PriceListRef, ProductRef};
use crm::tables::choices::is_in_state;
use crm::tables::{ACCOUNT, OPPORTUNITY, PRICE_LIST, PRODUCT, QUOTE_LINE, lookups};
use crm::text::{Line, quoted};
use crm::time::Day;
use dataverse::{Create, Expand, Query, Record, Write};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, ErrorCode, Made, ReadAnswers,
    Reads, Tool, ToolError, WriteState, Yes,
};
use uuid::Uuid;

use crate::price_list::{self, Choosing, DEFAULT_UNIT, Item, PriceList, unit_names, unit_of};
use crate::quote::{self, Quote};
use crate::quote_line::{Offer, QuoteLine};
use crm::visible::{self, Access, Visible};

/// Drafts a quote for an opportunity.
pub(crate) struct CreateQuote;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id or name.
    #[verified]
    opportunity: OpportunityRef,
    /// Each a product, or a description with a price.
    #[verified]
    lines: Vec<QuoteLine>,
    /// The opportunity's by default.
    #[verified]
    name: Option<Line<300>>,
    /// Id or name; by default the opportunity's or the customer's.
    #[staff]
    price_list: Option<PriceListRef>,
    /// Off the whole quote.
    #[staff]
    discount_percent: Option<Percentage>,
    /// 2026-12-31.
    #[staff]
    valid_until: Option<Day>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Quoted {
    /// Whether this call made the quote; false where it had been made before.
    #[verified]
    created: bool,
    #[verified]
    quote: Quote,
}

crm::records!(Quoted: quote);

/// The most lines of a quote.
const LINES: usize = 100;

impl Tool for CreateQuote {
    const NAME: &'static str = "dynamics365_create_quote";
    const TITLE: &'static str = "Create quote";
    const DESCRIPTION: &'static str = "Draft a quote for an open opportunity. Confirm products and \
        quantities with the visitor first.";
    const ASK_FIRST: &'static str = "Confirm products and quantities with the visitor first.";
    const FOR: Access = Access::Chosen(visible::Choice::CreateQuote);
    const EFFECT: Effect = Effect::Adds;
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
    const EXAMPLE: &'static str = r#"{"opportunity": "Northwind – support desk licences", "lines": [{"product": "CHAT-PRO", "quantity": 20}, {"description": "On-site training", "quantity": 1, "price": 1500}], "discount_percent": 5}"#;

    type Arguments = Arguments;
    type Result = Quoted;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Quoted>, ToolError> {
        if !(1..=LINES).contains(&arguments.lines.len()) {
            return Err(ToolError::invalid("lines", format!("must have 1 to {LINES} lines")));
        }
        toolkit::create(context, &arguments).await
    }
}

impl Creates for Arguments {
    type Answer = Quoted;
    type Known = ();
    type Meant = Ingredients;

    const MADE_BEFORE: &'static str = "This call had made the quote before.";
    // The totals exist only after the last line is written.
    const ANSWERS_EARLY: Option<&'static [&'static str]> =
        Some(&[lookups::QUOTE_OPPORTUNITY.column]);

    fn row(&self, id: Uuid) -> Query {
        quote::with_lines(id)
    }

    fn ask<'a>(
        &'a self,
        _: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let named = Named::of(&self.lines);
        let opportunity = reads.seek_with(&self.opportunity, with_price_lists);
        let list = self.price_list.as_ref();
        let list =
            list.map(|list| reads.seek_with(list, |query| query.select(price_list::COLUMNS)));
        let products: Vec<_> =
            named.products.iter().map(|product| reads.seek_with(*product, with_prices)).collect();
        Ok(Box::new(move |answers| {
            let ingredients = || {
                let opportunity = answers.found(opportunity)?;
                let price_list = answers.found_if(list).map_err(|error| error.at("price_list"))?;
                let mut found = Vec::new();
                for (place, product) in products.into_iter().enumerate() {
                    let line = named.first_line(place);
                    let product = answers.found(product);
                    found.push(
                        product.map_err(|error| error.at(&format!("lines[{line}].product")))?,
                    );
                }
                let products = named
                    .lines
                    .iter()
                    .filter_map(|(line, place)| Some((*line, found.get(*place)?.clone())))
                    .collect();
                Ok(Ingredients { opportunity, price_list, products })
            };
            Ok(((), ingredients()))
        }))
    }

    fn is_meant(ingredients: &Ingredients, quote: &Record) -> bool {
        let opportunity = ingredients.opportunity.id(OPPORTUNITY.key);
        opportunity.is_some() && quote.id(lookups::QUOTE_OPPORTUNITY.column) == opportunity
    }

    fn equal<'a>(&self, (): &'a (), _: &'a Ingredients) -> Equal<'a> {
        Equal::Apart
    }

    fn draft<'a>(
        &'a self,
        context: &Context,
        ingredients: &'a Ingredients,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        ingredients.check_opportunity()?;
        ingredients.check_products(&self.lines, context)?;
        check_future(self.valid_until, context.now())?;
        let list = ingredients.list(&self.lines, context).map_err(|error| {
            // Which price lists there are, and what is in them, is internal.
            if !context.is_for_visitor() {
                return error;
            }
            let problem = "these products cannot be priced here";
            ToolError::invalid("lines", problem).next_step("Say so, and offer a person.")
        })?;
        ingredients.check_discounts(&self.lines, list)?;
        let create = ingredients.quote(create, self, list)?;
        let sold = ingredients.sold(&self.lines, list)?;
        Ok(Draft::with(create, move |id| lines(id, &self.lines, &sold)))
    }

    fn consequence(&self, context: &Context, ingredients: &Ingredients) -> Option<Consequence> {
        let name = ingredients.opportunity.text("name").unwrap_or_default();
        // What single products cost is not for every visitor.
        let list = if context.is_for_visitor() {
            None
        } else {
            ingredients.list(&self.lines, context).ok().flatten()
        };
        let lines = self.lines.iter().enumerate();
        let lines = lines.map(|(place, line)| line.shown(ingredients.products.get(&place), list));
        let record = json!({
            "opportunity": name, "name": self.name, "lines": lines.collect::<Vec<_>>(),
            "discount_percent": self.discount_percent.map(Value::from),
            "valid_until": self.valid_until.map(Value::from),
            "warning": list.and_then(|list| list.warning(context)),
        });
        let sentence = format!("Draft a quote for the opportunity {}.", quoted(name));
        let ids = ingredients.products.values().map(|product| product.id(PRODUCT.key));
        let ids = json!({
            "opportunity": ingredients.opportunity.id(OPPORTUNITY.key),
            "products": ids.collect::<Vec<_>>(),
            "price_list": ingredients.price_list.as_ref().and_then(|list| list.id(PRICE_LIST.key)),
        });
        Some(Consequence::new(Yes::Button, sentence).making(record).of(ids))
    }

    fn answer(
        &self,
        context: &Context,
        (): &(),
        ingredients: Option<&Ingredients>,
        Made { record, created, hint, .. }: Made,
    ) -> Result<Answer<Quoted>, ToolError> {
        let list = ingredients.and_then(|it| it.list(&self.lines, context).ok().flatten());
        let out_of_use = list.and_then(|list| list.warning(context));
        let quote = Quote::of(&record, context.instance())
            .ok_or_else(|| ToolError::internal("a quote without an id"))?;
        let draft = quote::is_draft(&record).then_some(
            "It is a draft: somebody in sales must check and activate it in Dynamics 365 before it \
             is binding.",
        );
        let errors = quote::pricing_errors(&record);
        let answer = Answer::new(Quoted { created, quote }).hint_if(hint).hint_if(draft);
        Ok(answer.hint_if(out_of_use).hint_if(errors))
    }
}

/// The records that a quote is made from.
pub(crate) struct Ingredients {
    opportunity: Record,
    /// The price list that the caller asked for.
    price_list: Option<Record>,
    /// For each line with a product: the product in the catalogue.
    products: BTreeMap<usize, Record>,
}

/// The products that the lines name, each only once.
struct Named<'a> {
    products: Vec<&'a ProductRef>,
    /// For each line with a product: the position of its product.
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

/// Reads the opportunity with its own price list and with those of its customer and its contact.
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
        .select(["statecode", "productstructure", "quantitydecimal", DEFAULT_UNIT])
        .expand(price_list::items_of_product())
}

impl Ingredients {
    /// The price list that the quote goes by.
    fn list<'a>(
        &'a self,
        lines: &'a [QuoteLine],
        context: &'a Context,
    ) -> Result<Option<PriceList<'a>>, ToolError> {
        let Ingredients { opportunity, price_list, products } = self;
        let units = lines.iter().enumerate();
        let units = units.filter_map(|(line, it)| Some((line, it.unit()?))).collect();
        let asked_for = price_list.as_ref();
        let choosing = Choosing { asked_for, opportunity, products, units, context };
        choosing.choose(|line| {
            let offer = lines.get(line).map(|line| &line.offer);
            matches!(offer, Some(Offer::Product(_, Some(_))))
        })
    }

    fn check_opportunity(&self) -> Result<(), ToolError> {
        if opportunity::is_open(&self.opportunity) {
            return Ok(());
        }
        let status = OpportunityStatus::of(&self.opportunity, "statuscode").unwrap_or_default();
        let detail = format!("the opportunity is closed already: {}", quoted(&status));
        Err(ToolError::new(ErrorCode::AlreadyClosed, detail)
            .next_step("Say so. For a new deal, make a new opportunity first.")
            .write(WriteState::NotHappened))
    }

    /// Refuses what Dataverse would refuse, with an error that names the line.
    fn check_products(&self, lines: &[QuoteLine], context: &Context) -> Result<(), ToolError> {
        for (line, product) in &self.products {
            let is_active = is_in_state(product, ProductState::Active);
            let structure = product.integer("productstructure");
            if !is_active || structure == Some(ProductStructure::Family.value()) {
                let field = format!("lines[{line}].product");
                let problem = "is not for sale: it is not active, or a product family";
                return Err(ToolError::invalid(&field, problem)
                    .next_step("Look for one that is with dynamics365_get_products."));
            }
            let named = lines.get(*line).and_then(QuoteLine::unit);
            if named.is_some() && unit_of(product, named).is_none() {
                let units: Vec<_> = unit_names(product).into_iter().map(quoted).collect();
                let problem = match context.is_for_visitor() {
                    true => "is none in which it is sold".to_owned(),
                    false => format!("is none in which it is sold: {}", units.join(", ")),
                };
                return Err(ToolError::invalid(&format!("lines[{line}].unit"), problem));
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

    /// Refuses a discount that is larger than the amount of the line, if the price is known.
    /// Dataverse would accept it, and we would owe the customer money.
    fn check_discounts(
        &self,
        lines: &[QuoteLine],
        list: Option<PriceList<'_>>,
    ) -> Result<(), ToolError> {
        let listed = |place, line: &QuoteLine| {
            Item::find(self.products.get(&place)?, list?, line.unit())?.price()
        };
        for (place, line) in lines.iter().enumerate() {
            let QuoteLine { offer, quantity, discount, .. } = line;
            let price = match offer {
                Offer::WriteIn(_, price) | Offer::Product(_, Some(price)) => Some(price.get()),
                Offer::Product(_, None) => listed(place, line),
            };
            let amount = price.map(|price| price.saturating_mul(quantity.get()).normalize());
            if let (Some(discount), Some(amount)) = (discount, amount)
                && discount.get() > amount
            {
                let field = format!("lines[{place}].discount");
                let problem = format!("must be at most what the line comes to, which is {amount}");
                return Err(ToolError::invalid(&field, problem));
            }
        }
        Ok(())
    }

    fn quote(
        &self,
        create: Create,
        arguments: &Arguments,
        list: Option<PriceList<'_>>,
    ) -> Result<Create, ToolError> {
        let name = arguments.name.as_ref().map(Line::as_str);
        let opportunity = self
            .opportunity
            .id(OPPORTUNITY.key)
            .ok_or_else(|| ToolError::internal("an opportunity without an id"))?;
        let quote = create
            .set("name", name.or(self.opportunity.text("name")))
            .set("discountpercentage", arguments.discount_percent)
            // Noon in UTC is on this day in nearly every time zone.
            .set("effectiveto", arguments.valid_until.map(|Day(day)| format!("{day}T12:00:00Z")))
            .point(lookups::QUOTE_OPPORTUNITY, opportunity);
        let customer = self.opportunity.lookup("_customerid_value").ok_or_else(|| {
            ToolError::invalid("opportunity", "has neither an account nor a contact")
                .next_step("Somebody must say in Dynamics 365 whose opportunity it is.")
        })?;
        let quote = if customer.table.as_deref() == Some(ACCOUNT.logical_name) {
            quote.point(lookups::QUOTE_ACCOUNT, customer.id)
        } else {
            quote.point(lookups::QUOTE_CONTACT, customer.id)
        };
        let quote = match list.and_then(PriceList::id) {
            Some(list) => quote.point(lookups::QUOTE_PRICE_LIST, list),
            None => quote,
        };
        // Dataverse refuses a quote whose currency differs from that of its price list.
        let currency = list.and_then(PriceList::currency);
        Ok(match currency.or(self.opportunity.id("_transactioncurrencyid_value")) {
            Some(currency) => quote.point(lookups::QUOTE_CURRENCY, currency),
            None => quote,
        })
    }

    /// For each line: the product and the unit, if it sells one from the catalogue.
    fn sold(
        &self,
        lines: &[QuoteLine],
        list: Option<PriceList<'_>>,
    ) -> Result<Vec<Option<Sold>>, ToolError> {
        let sold = lines.iter().enumerate().map(|(position, line)| match line.offer {
            Offer::WriteIn(..) => Ok(None),
            Offer::Product(..) => self.product(position, line.unit(), list).map(Some),
        });
        sold.collect()
    }

    /// The product of a line, with its unit.
    fn product(
        &self,
        line: usize,
        named: Option<&str>,
        list: Option<PriceList<'_>>,
    ) -> Result<Sold, ToolError> {
        let product = self.products.get(&line);
        let unit = |product: &Record| {
            let item = list.and_then(|list| Item::find(product, list, named));
            item.and_then(Item::unit).or_else(|| unit_of(product, named))
        };
        let id = product.and_then(|product| product.id(PRODUCT.key));
        match (id, product.and_then(unit)) {
            (Some(product), Some(unit)) => Ok(Sold { product, unit }),
            _ => {
                let field = format!("lines[{line}].product");
                Err(ToolError::invalid(&field, "has no unit, so it cannot be quoted"))
            }
        }
    }
}

/// A product with the unit in which it is sold.
#[derive(Clone, Copy)]
struct Sold {
    product: Uuid,
    unit: Uuid,
}

/// The writes that create the lines of a quote.
fn lines(quote: Uuid, lines: &[QuoteLine], sold: &[Option<Sold>]) -> Vec<Write> {
    let lines = lines.iter().zip(sold).zip(1_i64..);
    let create = |((line, sold), number): ((&QuoteLine, &Option<Sold>), i64)| {
        // The id depends only on the quote and the number. If the line is sent again, it already
        // exists.
        let id = Uuid::new_v5(&quote, format!("line {number}").as_bytes());
        let create = Create::new(QUOTE_LINE, id)
            .point(lookups::LINE_QUOTE, quote)
            .set("lineitemnumber", Some(number))
            .set("quantity", Some(line.quantity))
            .set("manualdiscountamount", line.discount)
            .set("isproductoverridden", Some(sold.is_none()))
            .select([QUOTE_LINE.key]);
        let create = match &line.offer {
            Offer::WriteIn(description, price) => create
                .set("productdescription", Some(description.as_str()))
                .set("priceperunit", Some(*price)),
            Offer::Product(_, price) => {
                create.set("ispriceoverridden", Some(price.is_some())).set("priceperunit", *price)
            }
        };
        match *sold {
            Some(Sold { product, unit }) => {
                create.point(lookups::LINE_PRODUCT, product).point(lookups::LINE_UNIT, unit).into()
            }
            None => create.into(),
        }
    };
    lines.map(create).collect()
}

/// Refuses a last day that is over in every time zone.
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
