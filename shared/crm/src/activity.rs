//! Activities as the tools show them.

use dataverse::{Filter, InstanceUrl, Record};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::labels::{ActivityState, Choice as _};
use crate::reference::{ContactRef, Reference as _};
use crate::tables::ACTIVITY;
use crate::text::excerpt;

/// How many characters of an activity's text are shown.
const EXCERPT: usize = 200;

/// An activity in a few words.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ActivitySummary {
    /// The id of the activity.
    pub id: Uuid,
    /// `call`, `email`, `task`, `meeting`, or what else Dynamics 365 calls it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Whether it is done.
    pub status: Option<String>,
    /// When it took place, or is to.
    #[schemars(with = "Option<String>")]
    pub when: Option<Timestamp>,
    /// The beginning of its text.
    pub text: Option<String>,
    /// Whether the text goes on.
    pub truncated: Option<bool>,
    /// Opens the activity in Dynamics 365.
    pub url: Option<String>,
}

impl ActivitySummary {
    /// The columns that it is made of.
    pub const COLUMNS: [&'static str; 12] = [
        "activityid",
        "activitytypecode",
        "subject",
        "description",
        "statecode",
        "scheduledstart",
        "scheduledend",
        "actualstart",
        "actualend",
        "senton",
        "createdon",
        "_regardingobjectid_value",
    ];

    /// Reads it from a row with [`ActivitySummary::COLUMNS`].
    pub fn of(record: &Record, instance: &InstanceUrl) -> Option<ActivitySummary> {
        let id = record.id(ACTIVITY.key)?;
        let table = record.text("activitytypecode");
        let text = record.text("description").map(|text| excerpt(text, EXCERPT));
        let text = text.filter(|excerpt| !excerpt.text.is_empty());
        Some(ActivitySummary {
            id,
            kind: table.map(|table| type_label(table).to_owned()),
            subject: record.text("subject").map(str::to_owned),
            status: ActivityState::of(record, "statecode"),
            when: when(record),
            truncated: text.as_ref().and_then(|excerpt| excerpt.truncated),
            text: text.map(|excerpt| excerpt.text),
            url: table.map(|table| instance.record_page(table, id)),
        })
    }
}

/// What people call activities of this table.
pub fn type_label(table: &str) -> &str {
    match table {
        "phonecall" => "call",
        "appointment" => "meeting",
        other => other,
    }
}

/// When an activity took place, or is to.
pub fn when(record: &Record) -> Option<Timestamp> {
    ["senton", "actualend", "actualstart", "scheduledstart", "scheduledend", "createdon"]
        .iter()
        .find_map(|column| record.time(column))
}

/// Activities regarding the contact, and those that the contact takes part in.
pub fn of_contact(contact: &ContactRef) -> Filter {
    Filter::any([
        contact.at(&[("_regardingobjectid_value", "regardingobjectid_contact")]),
        Filter::some(
            "activitypointer_activity_parties",
            contact.at(&[("_partyid_value", "partyid_contact")]),
        ),
    ])
}
