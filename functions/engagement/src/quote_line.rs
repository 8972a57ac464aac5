//! A line of a new quote.

use crm::money::{self, Amount, Quantity};
use crm::reference::ProductRef;
use crm::text::Line;
use crm::visible::{Shape, Visible};
use dataverse::Record;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::price_list::{Item, PriceList};

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
struct LineArguments {
    /// Id, number or name.
    #[verified]
    product: Option<ProductRef>,
    /// In place of a product.
    #[staff]
    description: Option<Line<500>>,
    /// How many.
    #[verified]
    quantity: Quantity,
    /// If not the product's own.
    #[verified]
    unit: Option<Line<100>>,
    /// Per unit, if not the price list's.
    #[staff]
    price: Option<Amount>,
    /// Amount off the line.
    #[staff]
    discount: Option<Amount>,
}

// A line of the new quote. This is not a doc comment, because that would be part of the schema.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "LineArguments")]
pub(crate) struct QuoteLine {
    pub(crate) offer: Offer,
    pub(crate) quantity: Quantity,
    /// The unit in which a product is sold, by its name. By default it is the product's own.
    pub(crate) unit: Option<Line<100>>,
    pub(crate) discount: Option<Amount>,
}

/// What a line offers.
#[derive(JsonSchema)]
pub(crate) enum Offer {
    Product(ProductRef, Option<Amount>),
    WriteIn(Line<500>, Amount),
}

impl Visible for QuoteLine {
    fn shape() -> Shape {
        LineArguments::shape()
    }
}

impl TryFrom<LineArguments> for QuoteLine {
    type Error = &'static str;

    fn try_from(arguments: LineArguments) -> Result<QuoteLine, &'static str> {
        let LineArguments { product, description, quantity, unit, price, discount } = arguments;
        if product.is_none() && unit.is_some() {
            return Err("only a line with a product has a unit");
        }
        let offer = match (product, description, price) {
            (Some(product), None, price) => Offer::Product(product, price),
            (None, Some(description), Some(price)) => Offer::WriteIn(description, price),
            (None, Some(_), None) => return Err("a line with a description needs a price"),
            (Some(_), Some(_), _) | (None, None, _) => {
                return Err("must have exactly one of product and description");
            }
        };
        Ok(QuoteLine { offer, quantity, unit, discount })
    }
}

impl QuoteLine {
    /// The name of the unit, if it is not the product's own.
    pub(crate) fn unit(&self) -> Option<&str> {
        self.unit.as_ref().map(Line::as_str)
    }

    /// The line as it is shown before somebody says yes: with the price that was named, or the list's.
    pub(crate) fn shown(&self, product: Option<&Record>, list: Option<PriceList<'_>>) -> Value {
        let QuoteLine { offer, quantity, unit, discount } = self;
        let (name, description, price) = match offer {
            Offer::Product(_, price) => {
                let item =
                    product.zip(list).and_then(|(it, list)| Item::find(it, list, self.unit()));
                let of_list = item.and_then(Item::price).map(money::number);
                let name = product.and_then(|product| product.text("name"));
                (name, None, price.map(Value::from).or(of_list))
            }
            Offer::WriteIn(description, price) => {
                (None, Some(description), Some(Value::from(*price)))
            }
        };
        json!({
            "product": name, "description": description, "quantity": Value::from(*quantity),
            "unit": unit, "price": price, "discount": discount.map(Value::from),
        })
    }
}
