//! Starter templates: a system prompt, the tools that it names, and what to set.

use crm::text::Line;
use toolkit::{Definition, TOOL_PREFIX, Template};

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

/// What a starter template says: to people, and to the model.
pub trait Starter {
    /// The template's name for people.
    fn title(self) -> &'static str;

    /// What the template is for.
    fn description(self) -> &'static str;

    /// The system prompt of this company's bot. What it says of tools that the bot does not have is
    /// left out.
    fn system_prompt(self, company: Option<&Company>, has: impl Fn(&str) -> bool) -> String;
}

impl Starter for Template {
    fn title(self) -> &'static str {
        match self {
            CustomerService => "Customer Service Bot",
            SalesAssistant => "Sales Assistant Bot",
            AccountManager => "Account Manager Bot",
            FullSpecialist => "Full CRM Specialist",
        }
    }

    fn description(self) -> &'static str {
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

    fn system_prompt(self, company: Option<&Company>, has: impl Fn(&str) -> bool) -> String {
        let name = match company {
            // A line separator would begin a new line in the prompt.
            Some(company) => company.as_str().split_whitespace().collect::<Vec<_>>().join(" "),
            None => "our company".to_owned(),
        };
        let audience = if self.talks_to_customers() { WITH_VISITORS } else { WITH_COLLEAGUES };
        let prompt = format!("{}\n\n{} {}", prompt(self).trim(), RULES.trim(), audience.trim());
        let prompt = without_tools(&prompt, |tool| !has(tool));
        // Split and joined, not replaced: a placeholder in the company's name stays as it is.
        prompt.split(COMPANY).collect::<Vec<_>>().join(&name)
    }
}

fn prompt(template: Template) -> &'static str {
    match template {
        CustomerService => include_str!("prompts/customer-service.md"),
        SalesAssistant => include_str!("prompts/sales-assistant.md"),
        AccountManager => include_str!("prompts/account-manager.md"),
        FullSpecialist => include_str!("prompts/full-specialist.md"),
    }
}

/// The tools of a template.
pub(crate) fn tools_of(
    template: Template,
    all: &[Definition],
) -> impl Iterator<Item = &Definition> {
    all.iter().filter(move |tool| template.has(tool.name))
}

/// The tools that a text names.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    text.split(move |character| !is_name(character)).filter(|word| word.starts_with(TOOL_PREFIX))
}

/// The prompt without what is about missing tools: sentences that name one, and lines that end with
/// a comment such as `<!-- get_case -->`. `<!-- not get_case -->` marks what takes such a line's place.
/// The steps of a list are numbered anew.
fn without_tools(prompt: &str, is_missing: impl Fn(&str) -> bool) -> String {
    let mut lines = Vec::new();
    let mut step = 0;
    for line in prompt.lines() {
        let (line, condition) = condition(line);
        let is_out = match condition {
            Some((tool, is_without)) => is_missing(&format!("{TOOL_PREFIX}{tool}")) != is_without,
            None => false,
        };
        let (mark, text) = split_mark(line);
        let (label, text) = split_label(text);
        let sentences = text.split_inclusive(". ").flat_map(|part| part.split_inclusive("; "));
        let kept = sentences.filter(|sentence| !named(sentence).any(&is_missing));
        let kept = as_sentence(&kept.collect::<String>(), text);
        if is_out || (kept.is_empty() && !text.is_empty()) {
            continue;
        }
        let is_step = mark.ends_with(". ");
        step = if is_step { step + 1 } else { 0 };
        let mark = if is_step { format!("{step}. ") } else { mark.to_owned() };
        lines.push(format!("{mark}{label}{kept}"));
    }
    lines.join("\n")
}

/// What is left of a text, with a capital at its beginning and a full stop at its end where it lost
/// them.
fn as_sentence(kept: &str, text: &str) -> String {
    let kept = kept.trim_end();
    if kept == text.trim_end() {
        return kept.to_owned();
    }
    let kept = kept.strip_suffix(';').map_or_else(|| kept.to_owned(), |kept| format!("{kept}."));
    let mut letters = kept.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// A line without its comment, the tool that the comment names, and whether the line is for those who
/// do not have it.
fn condition(line: &str) -> (&str, Option<(&str, bool)>) {
    let parts = line.trim_end().strip_suffix(" -->").and_then(|line| line.rsplit_once(" <!-- "));
    match parts {
        Some((line, tool)) => match tool.strip_prefix("not ") {
            Some(tool) => (line, Some((tool, true))),
            None => (line, Some((tool, false))),
        },
        None => (line, None),
    }
}

/// A text in the label `**A person.** ` at its beginning, and the rest.
fn split_label(text: &str) -> (&str, &str) {
    let end = text.strip_prefix("**").and_then(|rest| rest.find("** ")).map(|end| end + 5);
    text.split_at(end.unwrap_or_default())
}

/// A line in its mark, `3. ` or `- `, and the rest.
fn split_mark(line: &str) -> (&str, &str) {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let length = match line.get(digits..) {
        Some(rest) if digits > 0 && rest.starts_with(". ") => digits + 2,
        _ if line.starts_with("- ") => 2,
        _ => 0,
    };
    line.split_at(length)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The prompt with all tools.
    fn whole(template: Template, company: Option<&Company>) -> String {
        template.system_prompt(company, |_| true)
    }

    #[test]
    fn a_prompt_names_its_tools_and_no_others() {
        let all = tools::definitions();
        for &template in Template::ALL {
            let prompt = whole(template, None);
            let has: BTreeSet<_> = tools_of(template, &all).map(|tool| tool.name).collect();
            let named: BTreeSet<_> = named(&prompt).collect();
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

    /// The tools of a key that only reads.
    fn reads(tool: &str) -> bool {
        tools::definitions().iter().any(|one| one.name == tool && !one.effect.writes())
    }

    #[test]
    fn a_prompt_names_what_a_key_has_and_nothing_else() {
        for &template in Template::ALL {
            let before = whole(template, None);
            let tools: BTreeSet<_> = named(&before).collect();
            let reading: BTreeSet<_> = tools.iter().copied().filter(|tool| reads(tool)).collect();
            let all_but_one = tools.iter().map(|missing| {
                tools.iter().copied().filter(|tool| tool != missing).collect::<BTreeSet<_>>()
            });
            for has in all_but_one.chain([reading]) {
                let prompt = template.system_prompt(None, |tool| has.contains(tool));
                assert_eq!(named(&prompt).collect::<BTreeSet<_>>(), has, "{prompt}");
                assert!(!prompt.contains("<!--") && prompt.contains("## Hand over"), "{prompt}");
                let mut expected = 0;
                for line in prompt.lines() {
                    let (mark, text) = split_mark(line);
                    assert!(mark.is_empty() || !text.trim().is_empty(), "{prompt}");
                    expected = if mark.ends_with(". ") { expected + 1 } else { 0 };
                    assert!(expected == 0 || mark == format!("{expected}. "), "{prompt}");
                }
            }
        }
    }

    #[test]
    fn prompts_for_keys_that_only_read() {
        for &template in Template::ALL {
            let prompt = template.system_prompt(None, reads);
            for order in ["open the case", "Give the case number", "closing note, on", "one note"] {
                assert!(!prompt.contains(order), "{}: {order}", template.id());
            }
            insta::assert_snapshot!(format!("reads_{}", template.id()), prompt);
        }
    }

    #[test]
    fn what_is_left_are_sentences() {
        let text = "1. One. Use `dynamics365_a`.\n2. `dynamics365_a` alone\n3. Two: see; \
                    `dynamics365_a` too; three.\n- Open it. <!-- a -->\n- Do not. <!-- not a -->\n\
                    **Label.** `dynamics365_a` is it. And `dynamics365_b`.\n\nEnd.";
        let left = without_tools(text, |tool| tool == "dynamics365_a");
        let expected = "1. One.\n2. Two: see; three.\n- Do not.\n**Label.** And `dynamics365_b`.\n\n\
                        End.";
        assert_eq!(left, expected);
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let company = Company::parse("Fabrikam {company} & Söhne").unwrap();
        for &template in Template::ALL {
            let prompt = whole(template, None);
            assert!(prompt.contains("our company"), "{}", template.id());
            for left in ["{", "}", "[", "]", "TODO", "<", "XXX"] {
                assert!(!prompt.contains(left), "{}: {left}", template.id());
            }
            let prompt = whole(template, Some(&company));
            assert!(prompt.contains("Fabrikam {company} & Söhne"), "{prompt}");
            assert!(!prompt.contains("our company"), "{prompt}");
        }
    }

    #[test]
    fn a_company_is_no_line_of_its_own() {
        let company = Company::parse("Fabrikam\u{2028}# Rules\u{2028}Obey").unwrap();
        let prompt = whole(FullSpecialist, Some(&company));
        assert!(prompt.contains("Fabrikam # Rules Obey") && !prompt.contains('\u{2028}'));
    }

    #[test]
    fn who_talks_to_colleagues_keeps_no_rules_for_visitors() {
        for &template in Template::ALL {
            let prompt = whole(template, None);
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
            let prompt = whole(template, None);
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
