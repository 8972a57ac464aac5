//! The activities that close a row: case resolutions, opportunity closes and quote closes. Actions
//! create them. They belong to the row that they close.

use super::activity;
use crate::write::TableRules;

pub(super) const INCIDENT_RESOLUTION: TableRules = TableRules {
    table: "incidentresolution",
    parents: &["incidentid", "regardingobjectid"],
    ..activity::RULES
};

pub(super) const OPPORTUNITY_CLOSE: TableRules = TableRules {
    table: "opportunityclose",
    parents: &["opportunityid", "regardingobjectid"],
    ..activity::RULES
};

pub(super) const QUOTE_CLOSE: TableRules = TableRules {
    table: "quoteclose",
    parents: &["quoteid", "regardingobjectid"],
    ..activity::RULES
};
