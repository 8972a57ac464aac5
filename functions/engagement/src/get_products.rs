use crm::labels::{Choice as _, PricingMethod, ProductState, ProductStructure};
use crm::money::{self, Money, number};
use crm::reference::{PriceListRef, Reference as _};
use crm::tables::choices::in_state;
use crm::tables::collections::PRICES;
use crm::tables::{PRODUCT, lookups};
use crm::text::{Excerpt, Line, contains, excerpt, search_words};
use dataverse::{Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError, none_of};
use uuid::Uuid;

use crate::price_list::{self, Item, PriceList};
use crm::visible::{Access, Visible};

/// Finds products with their prices.
pub(crate) struct GetProducts;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Part of name or number.
    #[open]
    query: Option<Line<200>>,
    /// Part of the product family's name.
    #[open]
    category: Option<Line<200>>,
    /// Id or name; only what is in it.
    #[staff]
    price_list: Option<PriceListRef>,
    /// Up to 25.
    #[open]
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Products {
    #[open]
    products: Vec<Product>,
    /// Whether there are more than these.
    #[open]
    more: Option<bool>,
    /// Opens one of the products: put its id in place of {id}.
    #[staff]
    product_url: Option<String>,
}

crm::records!(Products: products);

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Product {
    #[open]
    id: Uuid,
    #[open]
    number: Option<String>,
    #[open]
    name: Option<String>,
    #[open]
    description: Option<String>,
    #[open]
    truncated: Option<bool>,
    /// The unit that it is sold in.
    #[open]
    unit: Option<String>,
    /// The product family.
    #[open]
    family: Option<String>,
    /// What it costs where no price list says otherwise.
    #[open]
    list_price: Option<Money>,
    /// What it costs in the price lists that are in use.
    #[open]
    prices: Vec<Price>,
    /// Whether it is in more price lists than these.
    #[open]
    more_prices: Option<bool>,
}

crm::records!(Product: id);

/// What a price list says: an amount, or a percentage of something.
#[derive(Serialize, JsonSchema, Visible)]
#[schemars(rename = "ProductPrice")]
pub(crate) struct Price {
    #[open]
    price_list: Option<String>,
    #[open]
    unit: Option<String>,
    #[open]
    price: Option<Money>,
    #[schemars(with = "Option<f64>")]
    #[staff]
    percentage: Option<Value>,
    /// What the percentage is of.
    #[staff]
    method: Option<String>,
}

const COLUMNS: [&str; 7] = [
    "productid",
    "productnumber",
    "name",
    "description",
    "price",
    "_defaultuomid_value",
    "_parentproductid_value",
];

/// The most prices of a product that are shown.
const SHOWN_PRICES: Limit = Limit::of(5);

/// The limit for one description, and for all descriptions of a list together, in characters.
const EXCERPT: usize = 200;
const EXCERPTS: usize = 1500;

impl Tool for GetProducts {
    const NAME: &'static str = "dynamics365_get_products";
    const TITLE: &'static str = "Get products";
    const DESCRIPTION: &'static str = "Find products for sale, with units and prices. Use it for \
        questions about prices and before a quote.";
    const FOR: Access = Access::Open;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadProduct"];
    const EXAMPLE: &'static str = r#"{"query": "chat"}"#;

    type Arguments = Arguments;
    type Result = Products;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Products>, ToolError> {
        let limit = arguments.limit.unwrap_or_default();
        let query = || {
            Query::rows(PRODUCT)
                .select(COLUMNS)
                .filter(wanted(&arguments))
                .expand(money::currency())
                .expand(price_list::items_of_product())
                .order_by(Order::ascending("name"))
                .top(limit.rows_to_ask_for())
        };
        let mut reads = Reads::new();
        let list = arguments.price_list.as_ref();
        let list =
            list.map(|list| reads.seek_with(list, |query| query.select(price_list::COLUMNS)));
        let products = match &arguments.price_list {
            Some(list) => reads.add(query().filter(in_list(list))),
            None => reads.add(query()),
        };
        let mut answers = reads.send(context).await?;
        let list = answers.found_if(list)?;
        let (records, more) = limit.cut(answers.page(products)?.records);

        let excerpt = EXCERPT.min(EXCERPTS / records.len().max(1));
        let public = context.visitors().map(|visitors| &visitors.price_lists);
        let is_public = |list: PriceList<'_>| {
            public.is_none_or(|public| list.id().is_some_and(|id| public.contains(&id)))
        };
        let in_answer = |item: &Item<'_>| match (&list, item.list()) {
            (_, Some(list)) if !is_public(list) => false,
            (Some(wanted), Some(list)) => list.id() == PriceList(wanted).id(),
            (None, Some(list)) => list.is_in_use(context.now()),
            (_, None) => false,
        };
        let products: Vec<_> =
            records.iter().filter_map(|record| Product::of(record, in_answer, excerpt)).collect();
        let none = products.is_empty().then(|| none(&arguments));
        let product_url = context.list_url(PRODUCT, &products);
        let out_of_use = list.as_ref().and_then(|list| PriceList(list).warning(context));
        let answer = Answer::new(Products { products, more, product_url });
        Ok(answer.hint_if(none).hint_if(out_of_use))
    }
}

/// Says what was looked for in vain, and what of it could be given in another way.
fn none(arguments: &Arguments) -> String {
    let Arguments { query, category, price_list, .. } = arguments;
    let which = [
        category.as_ref().map(|_| "in the category"),
        price_list.as_ref().map(|_| "in the price list"),
        query.as_ref().map(|_| "that match the query"),
    ];
    let narrowing =
        [category.as_ref().map(|_| "category"), price_list.as_ref().map(|_| "price_list")];
    let narrowing: Vec<_> = narrowing.into_iter().flatten().collect();
    let mut hint = none_of("products for sale", which);
    if query.is_some() {
        hint += " Try a shorter query.";
    }
    if !narrowing.is_empty() {
        let leave = if query.is_some() { "Or leave" } else { "Leave" };
        hint += &format!(" {leave} out {}.", narrowing.join(" or "));
    }
    hint
}

/// Active products and bundles. Nobody can buy a product family.
fn for_sale() -> Filter {
    let sold = [ProductStructure::Product, ProductStructure::Bundle];
    in_state(ProductState::Active)
        .and(Filter::any(sold.map(|one| Filter::equals("productstructure", one.value()))))
}

/// Products with a price in this list.
fn in_list(list: &PriceListRef) -> Filter {
    let of_list = list.at(&[lookups::ITEM_PRICE_LIST]);
    Filter::some(PRICES, of_list)
}

/// The filter that the arguments ask for. Every word of the query must be in the name or the
/// number.
fn wanted(arguments: &Arguments) -> Filter {
    let Arguments { query, category, .. } = arguments;
    let words = query
        .iter()
        .flat_map(|query| search_words(query.as_str()))
        .map(|word| Filter::any(["name", "productnumber"].map(|column| contains(column, word))));
    let category = category.as_ref().map(|category| {
        // The path contains the names of all families above, too.
        Filter::any([
            contains("name", category.as_str()).through(lookups::PRODUCT_FAMILY),
            contains("hierarchypath", category.as_str()),
        ])
    });
    Filter::all([for_sale()].into_iter().chain(words).chain(category))
}

impl Product {
    fn of(record: &Record, in_answer: impl Fn(&Item<'_>) -> bool, limit: usize) -> Option<Product> {
        let text = |column| record.text(column).map(str::to_owned);
        let label = |column| record.label(column).map(str::to_owned);
        let description = Excerpt::of(record, "description", |text| excerpt(text, limit));
        let mut items: Vec<_> = Item::all(record).filter(in_answer).collect();
        // Dataverse does not sort rows that have expanded rows inside.
        items.sort_by_key(|item| (item.list().map(PriceList::name), item.unit()));
        let (prices, more_prices) = SHOWN_PRICES.cut(items.into_iter().map(Price::of));
        Some(Product {
            id: record.id(PRODUCT.key)?,
            number: text("productnumber"),
            name: text("name"),
            truncated: description.as_ref().and_then(|excerpt| excerpt.truncated),
            description: description.map(|excerpt| excerpt.text),
            unit: label("_defaultuomid_value"),
            family: label("_parentproductid_value"),
            list_price: Money::of(record, "price"),
            prices,
            more_prices,
        })
    }
}

impl Price {
    fn of(item: Item<'_>) -> Price {
        let Item(record) = item;
        let price = item.is_amount().then(|| Money::of(record, "amount")).flatten();
        let percentage = (!item.is_amount()).then(|| record.decimal("percentage")).flatten();
        let method = (!item.is_amount()).then(|| PricingMethod::of(record, "pricingmethodcode"));
        Price {
            price_list: item.list().map(|list| list.name().to_owned()),
            unit: record.label("_uomid_value").map(str::to_owned),
            price,
            percentage: percentage.map(number),
            method: method.flatten(),
        }
    }
}
