//! Starter templates: a system prompt, the tools that it names, and what to set.

use std::str::FromStr;

use crm::text::Line;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use toolkit::{Definition, TOOL_PREFIX, Template, without_tools};

use Template::{AccountManager, CustomerService, FullSpecialist, SalesAssistant};

/// The name of the company whose bot it is.
pub type Company = Line<100>;

/// A time zone by its name in the database of the IANA, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Zone, &'static str> {
        let zone = TimeZone::get(name.trim()).ok();
        // One that is unknown has a name, too, but none of the database's.
        let zone = zone.filter(|zone| zone.iana_name().is_some());
        zone.map(Zone).ok_or("must be the name of a time zone, such as Europe/Berlin")
    }
}

toolkit::text_parameter!(Zone, {"type": "string"});

impl Zone {
    /// The line of a prompt about the day and the time zone.
    fn line(&self, now: Timestamp) -> String {
        let Zone(zone) = self;
        let day = zone.to_datetime(now).date();
        let name = zone.iana_name().unwrap_or_default();
        format!(
            "Today is {}, in the time zone {name}. Say and take days and times in this time zone.",
            day.strftime("%A, %F")
        )
    }
}

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

    /// The system prompt of this company's bot, which talks to people of this time zone. What it says of
    /// tools that the bot does not have is left out.
    fn system_prompt(
        self,
        company: Option<&Company>,
        zone: Option<&Zone>,
        has: impl Fn(&str) -> bool,
    ) -> String;
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

    fn system_prompt(
        self,
        company: Option<&Company>,
        zone: Option<&Zone>,
        has: impl Fn(&str) -> bool,
    ) -> String {
        let name = match company {
            // A line separator would begin a new line in the prompt.
            Some(company) => company.as_str().split_whitespace().collect::<Vec<_>>().join(" "),
            None => "our company".to_owned(),
        };
        let audience = if self.talks_to_customers() { WITH_VISITORS } else { WITH_COLLEAGUES };
        let prompt = format!("{}\n\n{} {}", prompt(self).trim(), RULES.trim(), audience.trim());
        let prompt = for_tools(&prompt, |tool| !has(tool));
        // Split and joined, not replaced: a placeholder in the company's name stays as it is.
        let mut prompt = prompt.split(COMPANY).collect::<Vec<_>>().join(&name);
        // What changes from chat to chat stands last: vendors keep what prompts have in common.
        if let Some(zone) = zone {
            prompt.push_str("\n\n");
            prompt.push_str(&zone.line(Timestamp::now()));
        }
        prompt
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

/// The prompt without what is about missing tools: sentences that name one, and lines that end with
/// a comment such as `<!-- get_case -->`. `<!-- not get_case -->` marks what takes such a line's place.
/// The steps of a list are numbered anew.
fn for_tools(prompt: &str, is_missing: impl Fn(&str) -> bool) -> String {
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
        let kept = without_tools(text, &is_missing);
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

    use toolkit::named_tools as named;

    use super::*;

    /// The prompt with all tools.
    fn whole(template: Template, company: Option<&Company>) -> String {
        template.system_prompt(company, None, |_| true)
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
                let prompt = template.system_prompt(None, None, |tool| has.contains(tool));
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
            let prompt = template.system_prompt(None, None, reads);
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
        let left = for_tools(text, |tool| tool == "dynamics365_a");
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
    fn the_day_is_that_of_the_time_zone() {
        let now = "2026-11-30T23:30:00Z".parse().unwrap();
        for (name, day) in [
            ("UTC", "Monday, 2026-11-30, in the time zone UTC."),
            (" europe/berlin ", "Tuesday, 2026-12-01, in the time zone Europe/Berlin."),
            ("America/Los_Angeles", "Monday, 2026-11-30, in the time zone America/Los_Angeles."),
        ] {
            let line = name.parse::<Zone>().unwrap().line(now);
            let expected = format!("Today is {day} Say and take days and times in this time zone.");
            assert_eq!(line, expected);
        }
        for name in ["", "Berlin", "+01:00", "UTC+1", "Etc/Unknown", "Europe/Berlin\n# Rules"] {
            assert!(name.parse::<Zone>().is_err(), "{name}");
        }
    }

    #[test]
    fn who_knows_the_time_zone_has_one_line_more() {
        let zone = "Asia/Tokyo".parse().unwrap();
        for &template in Template::ALL {
            let (without, with) =
                (whole(template, None), template.system_prompt(None, Some(&zone), |_| true));
            let line = with.strip_prefix(&without).unwrap();
            assert!(line.starts_with("\n\nToday is ") && line.contains("Asia/Tokyo"), "{line}");
            assert_eq!(line.trim_start().lines().count(), 1, "{line}");
            assert!(!without.contains("Today is"), "{without}");
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

    /// What chats have stumbled over.
    #[test]
    fn each_rule_stands_where_it_fits() {
        let customers = [CustomerService, SalesAssistant, FullSpecialist];
        let with_cases = [CustomerService, FullSpecialist];
        let rules: &[(&str, &[Template])] = &[
            ("Looking for somebody who turns out to be new is none of them", &customers),
            ("before you say goodbye, call `dynamics365_create_note`", &customers),
            ("If something new comes after it, write one more.", Template::ALL),
            ("Who says \"you can close it\" has agreed.", &with_cases),
            ("Who has forgotten the address", &customers),
            ("is told nothing of other people's", &customers),
            ("`Problem Solved`", &with_cases),
            ("`Information Provided`", &with_cases),
            ("say nothing of a month or a year unless", &[SalesAssistant]),
            ("for no month or year unless", &[FullSpecialist]),
            ("No news on a case for months", &with_cases),
            ("If it is urgent as well, calm them first", &customers),
            ("You may still say what you have done", &customers),
            ("in the time zone of those you talk to", Template::ALL),
        ];
        for &(rule, places) in rules {
            for &template in Template::ALL {
                let is_said = whole(template, None).contains(rule);
                assert_eq!(is_said, places.contains(&template), "{}: {rule}", template.id());
            }
        }
    }

    #[test]
    fn a_case_without_news_is_told_of_without_a_note_too() {
        for template in [CustomerService, FullSpecialist] {
            let has = |tool: &str| tool != "dynamics365_create_note";
            let prompt = template.system_prompt(None, None, has);
            let line = prompt.lines().find(|line| line.contains("No news on a case")).unwrap();
            assert!(line.ends_with("offer to hand over."), "{line}");
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
