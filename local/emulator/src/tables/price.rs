//! The arithmetic of quotes and opportunities: the price of one unit, the amount of a line, and the
//! totals of a document.
//!
//! The formulas are the usual ones of Dynamics 365 Sales (system pricing). Microsoft documents the
//! inputs and the columns, but not the formulas.

use rust_decimal::Decimal;

use crate::write::money::rounded;

/// Why a price could not be found. These are the values of the `pricingerrorcode` columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum PricingError {
    /// A line of the document has an error.
    Detail = 1,
    MissingUnitPrice = 5,
    InactivePriceLevel = 3,
    ProductNotInPriceLevel = 11,
    MissingPriceLevelAmount = 12,
    MissingPriceLevelPercentage = 13,
    MissingPrice = 14,
    MissingCurrentCost = 15,
    MissingStandardCost = 16,
    InvalidPricingCode = 9,
}

impl PricingError {
    pub(crate) fn code(self) -> i32 {
        self as i32
    }
}

/// The data of a price list item and its product that decide a price.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PriceSource {
    /// `pricingmethodcode` of the price list item.
    pub method: i32,
    pub amount: Option<Decimal>,
    pub percentage: Option<Decimal>,
    pub list_price: Option<Decimal>,
    pub current_cost: Option<Decimal>,
    pub standard_cost: Option<Decimal>,
}

impl PriceSource {
    /// The price of one unit.
    pub(crate) fn unit_price(self, precision: u32) -> Result<Decimal, PricingError> {
        use PricingError as E;
        let percentage = self.percentage.ok_or(E::MissingPriceLevelPercentage);
        let current = self.current_cost.ok_or(E::MissingCurrentCost);
        let standard = self.standard_cost.ok_or(E::MissingStandardCost);
        let hundred = Decimal::ONE_HUNDRED;
        let price = match self.method {
            1 => self.amount.ok_or(E::MissingPriceLevelAmount)?,
            2 => self.list_price.ok_or(E::MissingPrice)? * percentage? / hundred,
            3 => current? * (hundred + percentage?) / hundred,
            4 => margin(current?, percentage?)?,
            5 => standard? * (hundred + percentage?) / hundred,
            6 => margin(standard?, percentage?)?,
            _ => return Err(E::InvalidPricingCode),
        };
        Ok(rounded(price, precision))
    }
}

/// The price that has this percentage as its margin.
fn margin(cost: Decimal, percentage: Decimal) -> Result<Decimal, PricingError> {
    let share = Decimal::ONE_HUNDRED - percentage;
    if share <= Decimal::ZERO {
        return Err(PricingError::InvalidPricingCode);
    }
    Ok(cost * Decimal::ONE_HUNDRED / share)
}

/// One line of a quote or an opportunity.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    pub quantity: Decimal,
    pub price: Decimal,
    pub manual_discount: Decimal,
    pub volume_discount: Decimal,
    pub tax: Decimal,
}

impl Line {
    /// Quantity times price.
    pub(crate) fn base_amount(self, precision: u32) -> Decimal {
        rounded(self.quantity.saturating_mul(self.price), precision)
    }

    /// The discounts of the line.
    pub(crate) fn discount(self, precision: u32) -> Decimal {
        rounded(
            self.manual_discount + self.volume_discount.saturating_mul(self.quantity),
            precision,
        )
    }

    /// The amount of the line, with tax.
    pub(crate) fn extended_amount(self, precision: u32) -> Decimal {
        self.base_amount(precision) - self.discount(precision) + self.tax
    }
}

/// The discounts and the freight of the whole document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    pub discount_amount: Decimal,
    pub discount_percentage: Decimal,
    pub freight: Decimal,
}

/// The totals of a quote or an opportunity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub line_items: Decimal,
    pub line_item_discounts: Decimal,
    pub discount: Decimal,
    pub less_freight: Decimal,
    pub tax: Decimal,
    pub total: Decimal,
}

impl Totals {
    pub(crate) fn of(header: Header, lines: &[Line], precision: u32) -> Self {
        let sum = |amount: &dyn Fn(&Line) -> Decimal| lines.iter().map(amount).sum::<Decimal>();
        let line_items = sum(&|line| line.base_amount(precision) - line.discount(precision));
        let tax = sum(&|line| line.tax);
        let discount = header.discount_amount
            + rounded(line_items * header.discount_percentage / Decimal::ONE_HUNDRED, precision);
        let less_freight = line_items - discount;
        Self {
            line_items,
            line_item_discounts: sum(&|line| line.discount(precision)),
            discount,
            less_freight,
            tax,
            total: less_freight + header.freight + tax,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn each_pricing_method_has_its_formula() {
        let source = PriceSource {
            method: 1,
            amount: Some(d("39")),
            percentage: Some(d("25")),
            list_price: Some(d("100")),
            current_cost: Some(d("60")),
            standard_cost: Some(d("80")),
        };
        let price = |method| PriceSource { method, ..source }.unit_price(2);
        assert_eq!(price(1), Ok(d("39")));
        assert_eq!(price(2), Ok(d("25.00")));
        assert_eq!(price(3), Ok(d("75.00")));
        assert_eq!(price(4), Ok(d("80.00")));
        assert_eq!(price(5), Ok(d("100.00")));
        assert_eq!(price(6), Ok(d("106.67")));
        assert_eq!(price(7), Err(PricingError::InvalidPricingCode));
        let bare = PriceSource { method: 4, ..PriceSource::default() };
        assert_eq!(bare.unit_price(2), Err(PricingError::MissingCurrentCost));
    }

    #[test]
    fn totals_take_line_discounts_then_the_header_then_freight_and_tax() {
        let lines = [
            Line { quantity: d("120"), price: d("79"), tax: d("10"), ..Line::default() },
            Line {
                quantity: d("1"),
                price: d("2500"),
                manual_discount: d("250"),
                ..Line::default()
            },
        ];
        let header =
            Header { discount_amount: d("30"), discount_percentage: d("5"), freight: d("12.5") };
        let totals = Totals::of(header, &lines, 2);
        assert_eq!(totals.line_items, d("11730"));
        assert_eq!(totals.line_item_discounts, d("250"));
        assert_eq!(totals.discount, d("616.50"));
        assert_eq!(totals.less_freight, d("11113.50"));
        assert_eq!(totals.tax, d("10"));
        assert_eq!(totals.total, d("11136.00"));
    }

    #[test]
    fn no_line_comes_to_nothing_but_freight_and_the_discount() {
        let header = Header { freight: d("7"), ..Header::default() };
        assert_eq!(Totals::of(header, &[], 2).total, d("7"));
    }
}
