//! Accounts as the tools show them.

use dataverse::{InstanceUrl, Record};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::money::Money;
use crate::tables::ACCOUNT;
use crate::visible::Visible;

/// An account in a few words.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
#[staff]
pub struct AccountSummary {
    /// The id of the account.
    pub id: Uuid,
    /// The company's name.
    pub name: Option<String>,
    /// Where it is.
    pub city: Option<String>,
    /// Its web address.
    pub website: Option<String>,
    /// The main phone.
    pub phone: Option<String>,
    /// What it earns in a year.
    pub revenue: Option<Money>,
    /// How many people work there.
    pub employees: Option<i64>,
    /// Opens the account in Dynamics 365.
    pub url: Option<String>,
}

crate::records!(AccountSummary: id);

impl AccountSummary {
    /// The columns to select. The query must also expand [`crate::money::currency`].
    pub const COLUMNS: [&'static str; 7] = [
        "accountid",
        "name",
        "address1_city",
        "websiteurl",
        "telephone1",
        "revenue",
        "numberofemployees",
    ];

    /// Reads an account from a row with [`AccountSummary::COLUMNS`]. `None` if the row has no id.
    pub fn of(record: &Record) -> Option<AccountSummary> {
        let text = |column| record.text(column).map(str::to_owned);
        Some(AccountSummary {
            id: record.id(ACCOUNT.key)?,
            name: text("name"),
            city: text("address1_city"),
            website: text("websiteurl"),
            phone: text("telephone1"),
            revenue: Money::of(record, "revenue"),
            employees: record.integer("numberofemployees"),
            url: None,
        })
    }

    /// Adds the address that opens the account in Dynamics 365.
    #[must_use]
    pub fn with_url(mut self, instance: &InstanceUrl) -> AccountSummary {
        self.url = Some(instance.record_page(ACCOUNT.logical_name, self.id));
        self
    }
}
