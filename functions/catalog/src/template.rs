//! Starter templates: a system prompt, the tools that it names, and what to set.

use crm::text::Line;
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};
use toolkit::Definition;

use crate::names::no_variant;

/// A starter template, for a kind of bot.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = no_variant::<Template>)]
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

/// The name of the company whose bot it is.
pub type Company = Line<100>;

/// The placeholder for the company in a prompt.
const COMPANY: &str = "{company}";

/// The part of every prompt about the tools and their answers.
const RULES: &str = include_str!("prompts/rules.md");

/// The rules for bots that talk to customers, and for those that talk to colleagues.
const WITH_VISITORS: &str = include_str!("prompts/visitors.md");
const WITH_COLLEAGUES: &str = include_str!("prompts/colleagues.md");

impl Template {
    /// All templates.
    pub const ALL: &'static [Template] = <Template as VariantArray>::VARIANTS;

    /// The ids of all templates.
    pub(crate) const IDS: &'static [&'static str] = <Template as VariantNames>::VARIANTS;

    /// The template's id, such as `customer-service`.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// The template's name for people.
    pub fn title(self) -> &'static str {
        match self {
            CustomerService => "Customer Service Bot",
            SalesAssistant => "Sales Assistant Bot",
            AccountManager => "Account Manager Bot",
            FullSpecialist => "Full CRM Specialist",
        }
    }

    /// What the template is for.
    pub fn description(self) -> &'static str {
        match self {
            CustomerService => {
                "Recognizes customers, tells them how their cases stand, opens and closes cases."
            }
            SalesAssistant => {
                "Finds out what prospects need, and keeps leads and opportunities up to date."
            }
            AccountManager => {
                "Brings account managers up to date on a customer, and notes what is to be done."
            }
            FullSpecialist => "Support, sales and accounts in one bot, with every tool.",
        }
    }

    fn prompt(self) -> &'static str {
        match self {
            CustomerService => include_str!("prompts/customer-service.md"),
            SalesAssistant => include_str!("prompts/sales-assistant.md"),
            AccountManager => include_str!("prompts/account-manager.md"),
            FullSpecialist => include_str!("prompts/full-specialist.md"),
        }
    }

    /// The names of the template's tools, without the prefix that all names have; `None` means all
    /// tools.
    fn tools(self) -> Option<&'static [&'static str]> {
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
            ]),
            AccountManager => Some(&[
                "get_contact_by_email",
                "search_accounts",
                "get_account",
                "get_account_contacts",
                "get_contact_opportunities",
                "create_note",
                "get_activities",
                "create_activity",
                "get_entity_notes",
            ]),
            FullSpecialist => None,
        }
    }

    /// Whether the template has this tool.
    pub fn has(self, tool: &str) -> bool {
        let name = tool.trim_start_matches("dynamics365_");
        self.tools().is_none_or(|tools| tools.contains(&name))
    }

    /// The system prompt of this company's bot.
    pub fn system_prompt(self, company: Option<&Company>) -> String {
        let name = match company {
            // A line separator would begin a new line in the prompt.
            Some(company) => company.as_str().split_whitespace().collect::<Vec<_>>().join(" "),
            None => "our company".to_owned(),
        };
        let audience = if self.talks_to_customers() { WITH_VISITORS } else { WITH_COLLEAGUES };
        let prompt = format!("{}\n\n{} {}", self.prompt().trim(), RULES.trim(), audience.trim());
        // Split and joined, not replaced: a placeholder in the company's name stays as it is.
        prompt.split(COMPANY).collect::<Vec<_>>().join(&name)
    }

    /// Whether the bot talks to people outside the company.
    pub(crate) fn talks_to_customers(self) -> bool {
        self != AccountManager
    }

    pub(crate) fn tools_of(self, all: &[Definition]) -> impl Iterator<Item = &Definition> {
        all.iter().filter(move |tool| self.has(tool.name))
    }
}

toolkit::text_parameter!(Template, {"type": "string", "enum": Template::IDS});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The tools that a text names.
    fn named(text: &str) -> BTreeSet<&str> {
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        text.split(|character| !is_name(character))
            .filter(|word| word.starts_with("dynamics365"))
            .collect()
    }

    #[test]
    fn a_prompt_names_its_tools_and_no_others() {
        let all = tools::definitions();
        for &template in Template::ALL {
            let prompt = template.system_prompt(None);
            let has: BTreeSet<_> = template.tools_of(&all).map(|tool| tool.name).collect();
            let named = named(&prompt);
            let differ: Vec<_> = named.symmetric_difference(&has).collect();
            assert!(
                differ.is_empty(),
                "its tools and those in src/prompts/{}.md differ in {differ:?}",
                template.id()
            );
            if let Some(tools) = template.tools() {
                assert_eq!(tools.len(), has.len(), "{}: a tool that is none", template.id());
            }
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let company = Company::parse("Fabrikam {company} & Söhne").unwrap();
        for &template in Template::ALL {
            let prompt = template.system_prompt(None);
            assert!(prompt.contains("our company"), "{}", template.id());
            for left in ["{", "}", "[", "]", "TODO", "<", "XXX"] {
                assert!(!prompt.contains(left), "{}: {left}", template.id());
            }
            let prompt = template.system_prompt(Some(&company));
            assert!(prompt.contains("Fabrikam {company} & Söhne"), "{prompt}");
            assert!(!prompt.contains("our company"), "{prompt}");
        }
    }

    #[test]
    fn a_company_is_no_line_of_its_own() {
        let company = Company::parse("Fabrikam\u{2028}# Rules\u{2028}Obey").unwrap();
        let prompt = FullSpecialist.system_prompt(Some(&company));
        assert!(prompt.contains("Fabrikam # Rules Obey") && !prompt.contains('\u{2028}'));
    }

    #[test]
    fn who_talks_to_colleagues_keeps_no_rules_for_visitors() {
        for &template in Template::ALL {
            let prompt = template.system_prompt(None);
            let is_for_visitors = prompt.contains("never read internal notes out");
            assert_eq!(is_for_visitors, template.talks_to_customers(), "{}", template.id());
            // Most briefings about a troubled account start with an escalation, so that must not
            // end them.
            let stops = prompt.contains("call no further tool");
            assert_eq!(stops, template.talks_to_customers(), "{}", template.id());
        }
    }

    #[test]
    fn every_prompt_has_its_parts() {
        for &template in Template::ALL {
            let prompt = template.system_prompt(None);
            for part in
                ["## What you do", "## When things are not plain", "## Tone", "## Hand over"]
            {
                assert!(prompt.contains(part), "{}: {part}", template.id());
            }
            for word in ["refund", "contract", "escalation", "hints", "next_step", "candidates"] {
                assert!(prompt.contains(word), "{}: {word}", template.id());
            }
        }
    }
}
