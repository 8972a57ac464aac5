//! Price lists: the prices of a product, and the choice of a price list for a quote.

use std::collections::BTreeMap;

use crm::labels::{ActiveState, Choice as _, PricingMethod};
use crm::money;
use crm::reference::Candidate;
use crm::tables::PRICE_LIST;
use crm::tables::choices::is_in_state;
use crm::tables::collections::PRICES;
use crm::tables::lookups;
use crm::text::{quoted, same_name};
use dataverse::{Expand, Record};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use toolkit::{Context, ErrorCode, ToolError};
use uuid::Uuid;

/// The columns that identify a price list and tell whether it is in use.
pub(crate) const COLUMNS: [&str; 6] =
    ["pricelevelid", "name", "statecode", "begindate", "enddate", "_transactioncurrencyid_value"];

/// The unit in which a product is sold if nobody says otherwise.
pub(crate) const DEFAULT_UNIT: &str = "_defaultuomid_value";

/// The unit that a price is for.
const UNIT: &str = "_uomid_value";

/// Expands the price list items of a product, each with its currency and its price list.
pub(crate) fn items_of_product() -> Expand {
    Expand::new(PRICES)
        .select(["amount", "percentage", "pricingmethodcode", UNIT])
        .expand(money::currency())
        .expand(Expand::new(lookups::ITEM_PRICE_LIST).select(COLUMNS))
}

/// Expands the price list behind this navigation property.
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

    /// Whether the list is active and today is within its dates.
    pub(crate) fn is_in_use(self, now: Timestamp) -> bool {
        self.out_of_use(now).is_none()
    }

    /// Why the list is not in use, if it is not. All of the last day counts.
    fn out_of_use(self, now: Timestamp) -> Option<String> {
        const DAY: SignedDuration = SignedDuration::from_hours(24);
        let day = |time: Timestamp| TimeZone::UTC.to_datetime(time).date();
        if !is_in_state(self.0, ActiveState::Active) {
            return Some("is inactive".to_owned());
        }
        let begin = self.0.time("begindate").filter(|begin| *begin > now);
        let end = self.0.time("enddate").filter(|end| now.duration_since(*end) >= DAY);
        begin
            .map(|begin| format!("begins only on {}", day(begin)))
            .or_else(|| end.map(|end| format!("ended on {}", day(end))))
    }

    /// Says that the list is not in use, if it is not. Which price lists there are is not for
    /// visitors.
    pub(crate) fn warning(self, context: &Context) -> Option<String> {
        let why = self.out_of_use(context.now())?;
        Some(if context.is_for_visitor() {
            "The prices may be out of date: say that somebody in sales confirms them.".to_owned()
        } else {
            format!("The price list {} {why}: have its prices checked.", quoted(self.name()))
        })
    }
}

/// The price of a product in a price list: a row of [`items_of_product`].
#[derive(Clone, Copy)]
pub(crate) struct Item<'a>(pub(crate) &'a Record);

impl<'a> Item<'a> {
    /// All items of a product.
    pub(crate) fn all(product: &'a Record) -> impl Iterator<Item = Item<'a>> {
        product.many(PRICES).iter().map(Item)
    }

    /// The item of a product in this price list, for the unit of this name or the default unit of the
    /// product.
    pub(crate) fn find(
        product: &'a Record,
        list: PriceList<'_>,
        unit: Option<&str>,
    ) -> Option<Item<'a>> {
        let id = unit_of(product, unit);
        Item::all(product).find(|item| {
            let is_of_list = item.list().and_then(PriceList::id) == list.id();
            is_of_list && ((unit.is_none() && id.is_none()) || item.unit() == id)
        })
    }

    pub(crate) fn list(self) -> Option<PriceList<'a>> {
        self.0.one("pricelevelid").map(PriceList)
    }

    pub(crate) fn unit(self) -> Option<Uuid> {
        self.0.id(UNIT)
    }

    /// The price per unit, if the item gives an amount of money.
    pub(crate) fn price(self) -> Option<Decimal> {
        self.0.decimal("amount").filter(|_| self.is_amount())
    }

    /// Whether the amount is the price. With any other method, the price is a percentage of
    /// something, and the amount has no meaning.
    pub(crate) fn is_amount(self) -> bool {
        self.0.integer("pricingmethodcode") == Some(PricingMethod::CurrencyAmount.value())
    }
}

/// The unit of this name, or the default unit of the product. Without an item, no other unit is known.
pub(crate) fn unit_of(product: &Record, name: Option<&str>) -> Option<Uuid> {
    let Some(name) = name else { return product.id(DEFAULT_UNIT) };
    units(product).find(|(_, unit)| same_name(unit, name)).map(|(id, _)| id)
}

/// The units in which a product is sold, with their names.
fn units(product: &Record) -> impl Iterator<Item = (Uuid, &str)> {
    let own = product.id(DEFAULT_UNIT).zip(product.label(DEFAULT_UNIT));
    let others = Item::all(product).filter_map(|item| item.unit().zip(item.0.label(UNIT)));
    own.into_iter().chain(others)
}

/// The names of the units in which a product is sold, each once.
pub(crate) fn unit_names(product: &Record) -> Vec<&str> {
    let mut names: Vec<_> = units(product).map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The records from which the price list of a quote is chosen.
pub(crate) struct Choosing<'a> {
    /// The price list that the caller asked for.
    pub(crate) asked_for: Option<&'a Record>,
    /// The opportunity, with its own price list and with those of its customer and its contact.
    pub(crate) opportunity: &'a Record,
    /// For each line with a product: the product, read with [`items_of_product`].
    pub(crate) products: &'a BTreeMap<usize, Record>,
    /// For each line that names a unit: its name.
    pub(crate) units: BTreeMap<usize, &'a str>,
    pub(crate) context: &'a Context,
}

impl<'a> Choosing<'a> {
    /// The price list that the caller asked for, or that of the opportunity, of the customer or of
    /// the contact, or the only one with all products. It must contain the products of all lines
    /// without a price of their own.
    pub(crate) fn choose(
        &self,
        has_price: impl Fn(usize) -> bool,
    ) -> Result<Option<PriceList<'a>>, ToolError> {
        let default = |person| self.opportunity.one(person)?.one("defaultpricelevelid");
        let list = self
            .asked_for
            .or_else(|| self.opportunity.one("pricelevelid"))
            .or_else(|| default("customerid_account"))
            .or_else(|| default("customerid_contact"))
            .or_else(|| default("parentcontactid"))
            .map(PriceList);
        let list = match list {
            Some(list) => list,
            None if self.products.is_empty() => return Ok(None),
            None => self.only_one_with_all()?,
        };
        let mut missing = self.missing(list);
        missing.retain(|(line, _)| !has_price(*line));
        if missing.is_empty() { Ok(Some(list)) } else { Err(self.lacks(list, &missing)) }
    }

    /// The price lists that contain any of the products and are in use, each once.
    fn in_use(&self) -> Vec<PriceList<'a>> {
        let mut lists: Vec<PriceList<'a>> = Vec::new();
        for list in self.products.values().flat_map(Item::all).filter_map(Item::list) {
            let is_known = lists.iter().any(|known| known.id() == list.id());
            if !is_known && list.is_in_use(self.context.now()) {
                lists.push(list);
            }
        }
        lists.sort_by_key(|list| list.name());
        lists
    }

    /// The lines whose product is not in the price list by their unit, each with the names of the two
    /// in quotation marks.
    fn missing(&self, list: PriceList<'_>) -> Vec<(usize, String)> {
        let unit = |line: &usize| self.units.get(line).copied();
        let lines = self.products.iter();
        lines
            .filter(|(line, product)| Item::find(product, list, unit(line)).is_none())
            .map(|(line, product)| {
                let name = quoted(product.text("name").unwrap_or_default());
                let by = unit(line).map(|unit| format!(" by the unit {}", quoted(unit)));
                (*line, name + &by.unwrap_or_default())
            })
            .collect()
    }

    fn only_one_with_all(&self) -> Result<PriceList<'a>, ToolError> {
        let currency = self.opportunity.id("_transactioncurrencyid_value");
        let mut lists = self.in_use();
        lists.retain(|list| list.currency() == currency);
        let all = |list: &PriceList<'_>| self.missing(*list).is_empty();
        let complete: Vec<_> = lists.iter().copied().filter(all).collect();
        match (complete.as_slice(), lists.iter().min_by_key(|list| self.missing(**list).len())) {
            ([only], _) => Ok(*only),
            ([], Some(nearest)) => Err(self.lacks(*nearest, &self.missing(*nearest))),
            ([], None) => {
                let names: Vec<_> =
                    self.products.values().filter_map(|product| product.text("name")).collect();
                let detail = format!(
                    "no price list in the opportunity's currency has a price of {}",
                    each_quoted(names)
                );
                Err(ToolError::new(ErrorCode::InvalidArguments, detail)
                    .next_step("Name a price_list, or give each line a price."))
            }
            (several, _) => Err(self.ambiguous(several)),
        }
    }

    fn lacks(&self, list: PriceList<'_>, missing: &[(usize, String)]) -> ToolError {
        let lines: Vec<_> = missing.iter().map(|(line, _)| format!("lines[{line}]")).collect();
        let mut names: Vec<_> = missing.iter().map(|(_, name)| name.as_str()).collect();
        names.dedup();
        let detail = format!(
            "{}: the price list {} has no price of {}",
            lines.join(", "),
            quoted(list.name()),
            names.join(", ")
        );
        let others = self.in_use().into_iter().filter(|list| self.missing(*list).is_empty());
        let others: Vec<_> = others.map(PriceList::name).collect();
        let next_step = if others.is_empty() {
            "Leave these lines out, or give them a price.".to_owned()
        } else {
            format!(
                "Leave these lines out, give them a price, or choose the price_list {}, which has \
                 all products.",
                each_quoted(others)
            )
        };
        ToolError::new(ErrorCode::InvalidArguments, detail).next_step(next_step)
    }

    fn ambiguous(&self, lists: &[PriceList<'_>]) -> ToolError {
        let page = |id| self.context.instance().record_page(PRICE_LIST.logical_name, id);
        let candidates = lists.iter().take(3).filter_map(|list| {
            let id = list.id()?;
            let name = Some(list.name().to_owned());
            Some(Candidate { id, name, detail: None, url: Some(page(id)) })
        });
        ToolError::new(ErrorCode::Ambiguous, "price_list: several price lists have all products")
            .candidates(candidates.collect())
            .next_step("Ask which price list applies and call again with its id as price_list.")
    }
}

fn each_quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
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
