//! Which column holds which choice.

use dataverse::{Filter, Record, Table};

use super::parties::{PART, Part};
use super::{
    ACCOUNT, ACTIVITY, ACTIVITY_PARTY, APPOINTMENT, CASE, CONTACT, EMAIL, LEAD, OPPORTUNITY,
    PHONE_CALL, PRICE_LIST, PRICE_LIST_ITEM, PRODUCT, QUOTE, TASK, USER,
};
use crate::labels::{
    ActiveState, ActivityState, AppointmentStatus, CallStatus, CaseOrigin, CasePriority, CaseState,
    CaseStatus, CaseType, Choice, DeliveryMethod, EmailStatus, Industry, LeadSource, LeadState,
    LeadStatus, MailboxApproval, OpportunityState, OpportunityStatus, PricingMethod, ProductState,
    ProductStructure, QuoteState, Rating, SalesStage, TaskStatus,
};

/// The column with the state of a row, such as open or inactive.
pub const STATE: &str = "statecode";

/// The column with the reason for the state.
pub const STATUS: &str = "statuscode";

/// Rows in this state.
pub fn in_state(state: impl Choice) -> Filter {
    Filter::equals(STATE, state.value())
}

/// Whether a row is in this state. The row must have been read with its state.
pub fn is_in_state(row: &Record, state: impl Choice) -> bool {
    row.integer(STATE) == Some(state.value())
}

/// A column that holds a choice.
#[derive(Clone, Debug)]
pub struct ChoiceColumn {
    /// The table of the column.
    pub table: Table,
    /// The name of the column.
    pub column: &'static str,
    /// The labels that the tools know, each with its number. The column may have more.
    pub options: Vec<(&'static str, i64)>,
}

fn choice<C: Choice>(table: Table, column: &'static str) -> ChoiceColumn {
    let options = C::ALL.iter().map(|(_, label, value)| (*label, *value)).collect();
    ChoiceColumn { table, column, options }
}

/// Every column whose choice the tools know.
pub fn all() -> Vec<ChoiceColumn> {
    vec![
        choice::<ActiveState>(CONTACT, STATE),
        choice::<ActiveState>(ACCOUNT, STATE),
        choice::<ActiveState>(PRICE_LIST, STATE),
        choice::<Industry>(ACCOUNT, "industrycode"),
        choice::<ProductState>(PRODUCT, STATE),
        choice::<ProductStructure>(PRODUCT, "productstructure"),
        choice::<PricingMethod>(PRICE_LIST_ITEM, "pricingmethodcode"),
        choice::<CaseState>(CASE, STATE),
        choice::<CaseStatus>(CASE, STATUS),
        choice::<CasePriority>(CASE, "prioritycode"),
        choice::<CaseType>(CASE, "casetypecode"),
        choice::<CaseOrigin>(CASE, "caseorigincode"),
        choice::<LeadState>(LEAD, STATE),
        choice::<LeadStatus>(LEAD, STATUS),
        choice::<LeadSource>(LEAD, "leadsourcecode"),
        choice::<Rating>(LEAD, "leadqualitycode"),
        choice::<OpportunityState>(OPPORTUNITY, STATE),
        choice::<OpportunityStatus>(OPPORTUNITY, STATUS),
        choice::<SalesStage>(OPPORTUNITY, "salesstage"),
        choice::<QuoteState>(QUOTE, STATE),
        choice::<ActivityState>(ACTIVITY, STATE),
        choice::<ActivityState>(APPOINTMENT, STATE),
        choice::<AppointmentStatus>(APPOINTMENT, STATUS),
        choice::<CallStatus>(PHONE_CALL, STATUS),
        choice::<TaskStatus>(TASK, STATUS),
        choice::<EmailStatus>(EMAIL, STATUS),
        choice::<Part>(ACTIVITY_PARTY, PART),
        choice::<MailboxApproval>(USER, "emailrouteraccessapproval"),
        choice::<DeliveryMethod>(USER, "incomingemaildeliverymethod"),
        choice::<DeliveryMethod>(USER, "outgoingemaildeliverymethod"),
    ]
}
