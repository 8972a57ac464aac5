//! Contacts as the tools show them.

use dataverse::{InstanceUrl, Record};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::Linked;
use crate::labels::{ActiveState, Choice as _};
use crate::tables::CONTACT;
use crate::tables::choices::is_in_state;
use crate::visible::Visible;

/// A contact in a few words.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Visible)]
pub struct ContactSummary {
    /// The id of the contact.
    #[verified]
    pub id: Uuid,
    /// The full name.
    #[verified]
    pub name: Option<String>,
    /// What the person does.
    #[verified]
    pub job_title: Option<String>,
    /// The main email address.
    #[verified]
    pub email: Option<String>,
    /// The business phone, else the mobile, else the home phone.
    #[verified]
    pub phone: Option<String>,
    /// The company, or the contact, that the person belongs to.
    #[verified]
    pub account: Option<Linked>,
    /// `Inactive`, where it is.
    #[verified]
    pub status: Option<String>,
    /// Opens the contact in Dynamics 365.
    #[staff]
    pub url: Option<String>,
}

crate::records!(ContactSummary: id, account);

impl ContactSummary {
    /// The columns to select.
    pub const COLUMNS: [&'static str; 9] = [
        "contactid",
        "fullname",
        "jobtitle",
        "emailaddress1",
        "telephone1",
        "mobilephone",
        "telephone2",
        "_parentcustomerid_value",
        "statecode",
    ];

    /// Reads a contact from a row with [`ContactSummary::COLUMNS`]. `None` if the row has no id.
    pub fn of(record: &Record) -> Option<ContactSummary> {
        let text = |column| record.text(column).map(str::to_owned);
        let is_active = is_in_state(record, ActiveState::Active);
        Some(ContactSummary {
            id: record.id(CONTACT.key)?,
            name: text("fullname"),
            job_title: text("jobtitle"),
            email: text("emailaddress1"),
            phone: text("telephone1")
                .or_else(|| text("mobilephone"))
                .or_else(|| text("telephone2")),
            account: Linked::with_kind(record, "_parentcustomerid_value"),
            status: ActiveState::of(record, "statecode").filter(|_| !is_active),
            url: None,
        })
    }

    /// Adds the address that opens the contact in Dynamics 365.
    #[must_use]
    pub fn with_url(mut self, instance: &InstanceUrl) -> ContactSummary {
        self.url = Some(instance.record_page(CONTACT.logical_name, self.id));
        self
    }
}
