//! Leads as the tools show them.

use dataverse::{Filter, InstanceUrl, Record};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::labels::{Choice as _, LeadSource, LeadState, LeadStatus, Rating};
use crate::tables::LEAD;
use crate::tables::choices::{in_state, is_in_state};
use crate::visible::Visible;

/// A lead in a few words.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct LeadSummary {
    /// The id of the lead.
    #[verified]
    pub id: Uuid,
    /// The person's full name.
    #[verified]
    pub name: Option<String>,
    /// The company.
    #[verified]
    pub company: Option<String>,
    /// The main email address.
    #[verified]
    pub email: Option<String>,
    /// The business phone, else the mobile.
    #[verified]
    pub phone: Option<String>,
    /// What the person is interested in.
    #[verified]
    pub topic: Option<String>,
    /// How far qualification has come.
    #[staff]
    pub status: Option<String>,
    /// How promising it is.
    #[staff]
    pub rating: Option<String>,
    /// Where it came from.
    #[staff]
    pub source: Option<String>,
    /// Opens the lead in Dynamics 365.
    #[staff]
    pub url: Option<String>,
}

crate::records!(LeadSummary: id);

impl LeadSummary {
    /// The columns to select.
    pub const COLUMNS: [&'static str; 11] = [
        "leadid",
        "fullname",
        "companyname",
        "emailaddress1",
        "telephone1",
        "mobilephone",
        "subject",
        "statecode",
        "statuscode",
        "leadqualitycode",
        "leadsourcecode",
    ];

    /// Reads a lead from a row with [`LeadSummary::COLUMNS`]. `None` if the row has no id.
    pub fn of(record: &Record) -> Option<LeadSummary> {
        let text = |column| record.text(column).map(str::to_owned);
        Some(LeadSummary {
            id: record.id(LEAD.key)?,
            name: text("fullname"),
            company: text("companyname"),
            email: text("emailaddress1"),
            phone: text("telephone1").or_else(|| text("mobilephone")),
            topic: text("subject"),
            status: LeadStatus::of(record, "statuscode"),
            rating: Rating::of(record, "leadqualitycode"),
            source: LeadSource::of(record, "leadsourcecode"),
            url: None,
        })
    }

    /// Adds the address that opens the lead in Dynamics 365.
    #[must_use]
    pub fn with_url(mut self, instance: &InstanceUrl) -> LeadSummary {
        self.url = Some(instance.record_page(LEAD.logical_name, self.id));
        self
    }
}

/// Whether a lead that was read with its state is open.
pub fn is_open(lead: &Record) -> bool {
    is_in_state(lead, LeadState::Open)
}

/// Leads that are open.
pub fn open() -> Filter {
    in_state(LeadState::Open)
}
