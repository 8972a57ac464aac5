//! Opportunities as the tools show them.

use dataverse::{Filter, InstanceUrl, Record};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::labels::{Choice as _, OpportunityState, OpportunityStatus, SalesStage};
use crate::money::Money;
use crate::reference::{AccountRef, ContactRef, Reference as _};
use crate::tables::choices::{in_state, is_in_state};
use crate::tables::{OPPORTUNITY, lookups};
use crate::visible::Visible;

/// An opportunity in a few words.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct OpportunitySummary {
    /// The id of the opportunity.
    #[verified]
    pub id: Uuid,
    /// Its topic.
    #[verified]
    pub name: Option<String>,
    /// Where it stands.
    #[verified]
    pub status: Option<String>,
    /// Where in the pipeline it is.
    #[chosen(DealDetails)]
    pub stage: Option<String>,
    /// What it may bring.
    #[staff]
    pub estimated_value: Option<Money>,
    /// When it may be decided.
    #[schemars(with = "Option<String>")]
    #[verified]
    pub close_date: Option<Date>,
    /// Whether it is open though that day has passed.
    #[staff]
    pub overdue: Option<bool>,
    /// How likely it is won, in percent.
    #[staff]
    pub probability: Option<i64>,
    /// Opens the opportunity in Dynamics 365.
    #[staff]
    pub url: Option<String>,
}

crate::records!(OpportunitySummary: id);

impl OpportunitySummary {
    /// The columns to select. The query must also expand [`crate::money::currency`].
    pub const COLUMNS: [&'static str; 9] = [
        "opportunityid",
        "name",
        "statecode",
        "statuscode",
        "salesstage",
        "stepname",
        "estimatedvalue",
        "estimatedclosedate",
        "closeprobability",
    ];

    /// Reads an opportunity from a row with [`OpportunitySummary::COLUMNS`]. `None` if the row has
    /// no id.
    pub fn of(record: &Record, now: Timestamp) -> Option<OpportunitySummary> {
        // Where the organization has another day already, it is one day late at most.
        let today = TimeZone::UTC.to_datetime(now).date();
        let close_date = record.date("estimatedclosedate");
        let is_overdue = is_open(record) && close_date.is_some_and(|day| day < today);
        Some(OpportunitySummary {
            id: record.id(OPPORTUNITY.key)?,
            name: record.text("name").map(str::to_owned),
            status: OpportunityStatus::of(record, "statuscode"),
            stage: stage(record),
            estimated_value: Money::of(record, "estimatedvalue"),
            close_date,
            overdue: is_overdue.then_some(true),
            probability: record.integer("closeprobability"),
            url: None,
        })
    }

    /// Adds the address that opens the opportunity in Dynamics 365.
    #[must_use]
    pub fn with_url(mut self, instance: &InstanceUrl) -> OpportunitySummary {
        self.url = Some(instance.record_page(OPPORTUNITY.logical_name, self.id));
        self
    }
}

/// The pipeline phase by its name (`1-Qualify` becomes "Qualify"), or else the sales stage.
pub fn stage(record: &Record) -> Option<String> {
    let phase = record.text("stepname").map(|name| {
        let bare = name.trim_start_matches(|next: char| next.is_ascii_digit());
        bare.strip_prefix('-').unwrap_or(name).trim().to_owned()
    });
    phase.or_else(|| SalesStage::of(record, "salesstage"))
}

/// Whether an opportunity that was read with its state is open.
pub fn is_open(opportunity: &Record) -> bool {
    is_in_state(opportunity, OpportunityState::Open)
}

/// Opportunities that are open.
pub fn open() -> Filter {
    in_state(OpportunityState::Open)
}

/// Opportunities that have the contact as their contact or as their potential customer.
pub fn of_contact(contact: &ContactRef) -> Filter {
    contact.at(&[lookups::OPPORTUNITY_CONTACT, lookups::OPPORTUNITY_TO_CONTACT])
}

/// Opportunities that have the account as their account or as their potential customer.
pub fn of_account(account: &AccountRef) -> Filter {
    account.at(&[lookups::OPPORTUNITY_ACCOUNT, lookups::OPPORTUNITY_TO_ACCOUNT])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_stage_is_said_as_people_do() {
        for (row, expected) in [
            (json!({"stepname": "1-Qualify", "salesstage": 2}), Some("Qualify")),
            (json!({"stepname": "Verhandlung"}), Some("Verhandlung")),
            (json!({"stepname": "30 days"}), Some("30 days")),
            (json!({"salesstage": 2}), Some("Propose")),
            (json!({}), None),
        ] {
            let record: Record = serde_json::from_value(row).unwrap();
            assert_eq!(stage(&record).as_deref(), expected);
        }
    }
}
