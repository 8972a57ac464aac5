//! The starter templates, as far as an API key can be limited to one: their ids and their tools.

use std::collections::BTreeSet;

use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// How the names of all tools begin.
pub const TOOL_PREFIX: &str = "dynamics365_";

/// A starter template, for a kind of bot.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = no_template)]
pub enum Template {
    /// Answers customers and opens cases.
    CustomerService,
    /// Finds out what prospects need.
    SalesAssistant,
    /// Prepares account managers.
    AccountManager,
    /// Does all of that.
    FullSpecialist,
}

use Template::{AccountManager, CustomerService, FullSpecialist, SalesAssistant};

fn no_template(_: &str) -> String {
    format!("must be one of {}", Template::IDS.join(", "))
}

impl Template {
    /// All templates.
    pub const ALL: &'static [Template] = <Template as VariantArray>::VARIANTS;

    /// The ids of all templates.
    pub const IDS: &'static [&'static str] = <Template as VariantNames>::VARIANTS;

    /// The template's id, such as `customer-service`.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// The names of the template's tools, without the prefix that all names have; `None` means all
    /// tools.
    pub fn tools(self) -> Option<&'static [&'static str]> {
        match self {
            CustomerService => Some(&[
                "search_contacts",
                "get_contact",
                "get_contact_by_email",
                "search_cases",
                "get_case",
                "create_case",
                "update_case",
                "get_contact_cases",
                "create_note",
                "send_visitor_code",
                "verify_visitor",
                "confirm",
            ]),
            SalesAssistant => Some(&[
                "search_contacts",
                "get_contact_by_email",
                "create_lead",
                "search_leads",
                "update_lead",
                "search_opportunities",
                "update_opportunity",
                "create_opportunity",
                "create_note",
                "get_products",
                "send_visitor_code",
                "verify_visitor",
                "confirm",
            ]),
            AccountManager => Some(&[
                "get_contact_by_email",
                "search_accounts",
                "get_account",
                "get_account_contacts",
                "get_contact_opportunities",
                "search_opportunities",
                "search_cases",
                "create_note",
                "get_activities",
                "create_activity",
                "get_entity_notes",
                "confirm",
            ]),
            FullSpecialist => None,
        }
    }

    /// The whole names of the template's tools; `None` means all tools.
    pub fn full_names(self) -> Option<BTreeSet<String>> {
        Some(self.tools()?.iter().map(|tool| format!("{TOOL_PREFIX}{tool}")).collect())
    }

    /// Whether the template has this tool.
    pub fn has(self, tool: &str) -> bool {
        let name = tool.trim_start_matches(TOOL_PREFIX);
        self.tools().is_none_or(|tools| tools.contains(&name))
    }

    /// Whether the bot talks to people outside the company.
    pub fn talks_to_customers(self) -> bool {
        self != AccountManager
    }
}

crate::text_parameter!(Template, {"type": "string", "enum": Template::IDS});
