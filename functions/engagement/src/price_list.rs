//! Price lists, and what they say about a product.

use crm::labels::Choice as _;
use crm::money;
use dataverse::{Expand, Record};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The columns of a price list that tell which it is and whether it is in use.
pub(crate) const COLUMNS: [&str; 6] =
    ["pricelevelid", "name", "statecode", "begindate", "enddate", "_transactioncurrencyid_value"];

crm::choice! {
    /// How a price list item says what a product costs (`pricingmethodcode`).
    pub(crate) enum PricingMethod {
        CurrencyAmount = 1 "Currency Amount",
        PercentOfList = 2 "Percent of List",
        MarkupCurrent = 3 "Percent Markup - Current Cost",
        MarginCurrent = 4 "Percent Margin - Current Cost",
        MarkupStandard = 5 "Percent Markup - Standard Cost",
        MarginStandard = 6 "Percent Margin - Standard Cost",
    }
}

const ITEMS: &str = "product_price_levels";

/// Brings along the price list items of a product, each with its currency and its price list.
pub(crate) fn items_of_product() -> Expand {
    Expand::new(ITEMS)
        .select(["amount", "percentage", "pricingmethodcode", "_uomid_value"])
        .expand(money::currency())
        .expand(Expand::new("pricelevelid").select(COLUMNS))
}

/// Brings a price list along that this navigation property leads to.
pub(crate) fn by(navigation: &'static str) -> Expand {
    Expand::new(navigation).select(COLUMNS)
}

/// A price list that was read with [`COLUMNS`].
#[derive(Clone, Copy)]
pub(crate) struct PriceList<'a>(pub(crate) &'a Record);

impl<'a> PriceList<'a> {
    pub(crate) fn id(self) -> Option<Uuid> {
        self.0.id("pricelevelid")
    }

    pub(crate) fn name(self) -> &'a str {
        self.0.text("name").unwrap_or_default()
    }

    pub(crate) fn currency(self) -> Option<Uuid> {
        self.0.id("_transactioncurrencyid_value")
    }

    /// Whether it is active and today is within its dates. Its last day counts in whole.
    pub(crate) fn is_in_use(self, now: Timestamp) -> bool {
        const DAY: SignedDuration = SignedDuration::from_hours(24);
        let has_begun = self.0.time("begindate").is_none_or(|begin| begin <= now);
        let has_ended = self.0.time("enddate").is_some_and(|end| now.duration_since(end) >= DAY);
        self.0.integer("statecode") == Some(0) && has_begun && !has_ended
    }
}

/// What a price list says about a product: a row of [`items_of_product`].
#[derive(Clone, Copy)]
pub(crate) struct Item<'a>(pub(crate) &'a Record);

impl<'a> Item<'a> {
    /// The items of a product.
    pub(crate) fn all(product: &'a Record) -> impl Iterator<Item = Item<'a>> {
        product.many(ITEMS).iter().map(Item)
    }

    /// The item of a product in this price list, for the unit in which the product is sold.
    pub(crate) fn find(product: &'a Record, list: PriceList<'_>) -> Option<Item<'a>> {
        let unit = product.id("_defaultuomid_value");
        Item::all(product).find(|item| {
            let is_of_list = item.list().and_then(PriceList::id) == list.id();
            is_of_list && (unit.is_none() || item.unit() == unit)
        })
    }

    pub(crate) fn list(self) -> Option<PriceList<'a>> {
        self.0.one("pricelevelid").map(PriceList)
    }

    pub(crate) fn unit(self) -> Option<Uuid> {
        self.0.id("_uomid_value")
    }

    /// Whether its amount is the price. With any other method the price is a percentage of
    /// something, and the amount means nothing.
    pub(crate) fn is_amount(self) -> bool {
        self.0.integer("pricingmethodcode") == Some(PricingMethod::CurrencyAmount.value())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_in_use(row: serde_json::Value) -> bool {
        let record: Record = serde_json::from_value(row).unwrap();
        PriceList(&record).is_in_use("2026-11-24T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_price_list_is_in_use_up_to_the_end_of_its_last_day() {
        for (begin, end, expected) in [
            (None, None, true),
            (Some("2026-11-24T00:00:00Z"), Some("2026-11-24T00:00:00Z"), true),
            (Some("2026-01-01T00:00:00Z"), Some("2026-11-23T00:00:00Z"), false),
            (Some("2026-11-25T00:00:00Z"), None, false),
        ] {
            let row = json!({"statecode": 0, "begindate": begin, "enddate": end});
            assert_eq!(is_in_use(row), expected, "{begin:?} to {end:?}");
        }
        assert!(!is_in_use(json!({"statecode": 1})));
    }
}
