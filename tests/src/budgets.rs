//! How many trips to Dataverse each tool may make on a warm connection.

use serde_json::{Value, json};

/// A contact of the sample organization.
const MAREN: &str = "maren.quist@northwind.example";
const MAREN_ID: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";
const NORTHWIND_ID: &str = "852dede1-e4e7-5617-bc33-b74f2626b52a";
const NORTHWIND: &str = "Northwind Traders";
const NADIA_ID: &str = "623250d8-ed83-5253-80ef-176f9cb02e4a";
const DESK_ID: &str = "ad5b6d07-0a47-577c-b43a-948974de1bc7";
const DESK: &str = "Northwind – support desk licences";
const CASE_ID: &str = "99cd5b72-d11b-5441-8fb4-9479925d4bcf";
const CASE: &str = "CAS-01001-Q7W2E9";

/// How many trips a call may make.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The tool's name, without the prefix that all names have.
    pub tool: &'static str,
    /// The argument that names a record.
    pub argument: &'static str,
    /// Its value as an id, and how many trips it may take then.
    pub by_id: (Value, usize),
    /// Its value as people say it, and how many trips it may take then.
    pub by_name: (Value, usize),
    /// The other arguments.
    pub others: Value,
}

/// Each tool at least once, and again if other arguments make it work in another way.
pub fn table() -> Vec<Budget> {
    let none = || json!({});
    let contact = |id, name| ((json!(MAREN_ID), id), (json!(MAREN), name));
    let named = |id, name| ((json!(MAREN_ID), id), (json!("Maren Quist"), name));
    let account = |id, name| ((json!(NORTHWIND_ID), id), (json!(NORTHWIND), name));
    let lead = |id, name| ((json!(NADIA_ID), id), (json!("Nadia Ferreol"), name));
    let opportunity = |id, name| ((json!(DESK_ID), id), (json!(DESK), name));
    let case = |id, number| ((json!(CASE_ID), id), (json!(CASE), number));
    let row = |tool, argument, (by_id, by_name), others| Budget {
        tool,
        argument,
        by_id,
        by_name,
        others,
    };
    let words = |text: &str| ((json!(text), 1), (json!(text), 1));
    let lines: Vec<_> =
        (0..50).map(|number| json!({"product": "CHAT-PRO", "quantity": number + 1})).collect();
    vec![
        row("search_contacts", "query", words("Quist"), none()),
        row("get_contact", "contact", contact(1, 1), none()),
        row("get_contact", "contact", named(1, 1), none()),
        row("get_contact_by_email", "email", words(MAREN), none()),
        row("update_contact", "contact", contact(2, 2), json!({"phone": "+1 555 0100"})),
        row("update_contact", "contact", named(2, 2), json!({"phone": "+1 555 0100"})),
        row("search_accounts", "query", words("Northwind"), none()),
        row("get_account", "account", account(1, 1), none()),
        row("get_account_contacts", "account", account(1, 1), none()),
        row(
            "create_lead",
            "last_name",
            ((json!("Budget"), 2), (json!("Budget"), 2)),
            json!({"company": "Trips, Inc.", "email": "budget@trips.example"}),
        ),
        row("search_leads", "query", words("Nadia"), none()),
        row("update_lead", "lead", lead(2, 2), json!({"rating": "Hot"})),
        row("update_lead", "lead", lead(2, 2), json!({"status": "Qualified"})),
        row("update_lead", "lead", lead(2, 2), json!({"status": "Lost"})),
        row("search_opportunities", "contact", contact(1, 1), none()),
        row("search_opportunities", "account", account(1, 1), none()),
        row("get_opportunity", "opportunity", opportunity(1, 1), none()),
        row("get_contact_opportunities", "contact", contact(1, 1), none()),
        row("update_opportunity", "opportunity", opportunity(2, 2), json!({"stage": "Propose"})),
        row(
            "update_opportunity",
            "opportunity",
            opportunity(2, 2),
            json!({"status": "Won", "estimated_value": 20000}),
        ),
        row("update_opportunity", "opportunity", opportunity(2, 2), json!({"status": "Out-Sold"})),
        row("create_opportunity", "contact", contact(2, 2), json!({"name": "Budget"})),
        row("search_cases", "query", words("sign in"), none()),
        row("search_cases", "contact", contact(1, 1), none()),
        row("get_case", "case", case(1, 1), none()),
        row(
            "create_case",
            "contact",
            contact(2, 2),
            json!({"subject": "Budget", "description": "d"}),
        ),
        row(
            "create_case",
            "contact",
            named(2, 2),
            json!({"subject": "Budget", "description": "d"}),
        ),
        row("update_case", "case", case(2, 3), json!({"priority": "Low"})),
        row(
            "update_case",
            "case",
            case(2, 3),
            json!({"status": "Problem Solved", "resolution": "Budget"}),
        ),
        row(
            "update_case",
            "case",
            case(2, 3),
            json!({
                "status": "On Hold", "priority": "Low",
                "owner": "imani.okoro@contosodemo.example",
            }),
        ),
        row("get_contact_cases", "contact", contact(1, 1), none()),
        row("get_contact_cases", "contact", named(1, 1), none()),
        row(
            "create_note",
            "record",
            contact(1, 2),
            json!({"record_type": "contact", "text": "Budget"}),
        ),
        row("create_note", "record", case(1, 2), json!({"record_type": "case", "text": "Budget"})),
        row("get_activities", "contact", contact(1, 1), none()),
        row(
            "create_activity",
            "record",
            contact(2, 3),
            json!({"type": "call", "record_type": "contact", "subject": "s", "completed": true}),
        ),
        row(
            "create_activity",
            "record",
            opportunity(2, 3),
            json!({"type": "task", "record_type": "opportunity", "subject": "s"}),
        ),
        row("get_entity_notes", "record", contact(1, 1), json!({"record_type": "contact"})),
        row("get_entity_notes", "record", account(1, 1), json!({"record_type": "account"})),
        row(
            "create_quote",
            "opportunity",
            opportunity(3, 3),
            json!({"lines": [{"product": "CHAT-PRO", "quantity": 5}]}),
        ),
        row("create_quote", "opportunity", opportunity(3, 3), json!({"lines": lines})),
        row("get_products", "query", words("chat"), none()),
        row(
            "schedule_appointment",
            "contact",
            contact(2, 2),
            json!({
                "subject": "s", "start": "2031-03-03T10:00Z",
                "organizer": "rowan.sandstrom@contosodemo.example",
                "attendees": ["dario.velasco@northwind.example"],
            }),
        ),
        row("get_email_history", "contact", contact(1, 1), none()),
        row("get_email_history", "case", case(1, 1), none()),
    ]
}
