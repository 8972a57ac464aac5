//! What is said of tools: only of those that whoever hears it has.
//!
//! Prompts, hints and next steps name tools in passing. What they say of one that the caller does not
//! have is left out here, so that no tool has to think of it.

use std::borrow::Cow;

use auth::{Confirm, Visitors};
use crm::visible::Access::{self, Chosen, Open, Staff, Verified};
use crm::visible::Choice;
use serde_json::Value;

use crate::Scope::{self, Read, Write};
use crate::{Answer, CONFIRM_TOOL, Caller, Definition, Serves, TOOL_PREFIX, ToolError};

/// What is left to do where every other way is a tool that the caller does not have.
const OFFER_A_PERSON: &str = "Offer to hand over to a person.";

/// All tools, for functions that do not have their code: who may call each, whether it is of use to
/// staff, and the scope that it needs.
const TOOLS: &[(&str, Access, bool, Scope)] = &[
    // tools: written by `cargo run -p template`
    ("dynamics365_search_contacts", Staff, true, Read),
    ("dynamics365_get_contact", Verified, true, Read),
    ("dynamics365_get_contact_by_email", Verified, true, Read),
    ("dynamics365_update_contact", Verified, true, Write),
    ("dynamics365_search_accounts", Staff, true, Read),
    ("dynamics365_get_account", Staff, true, Read),
    ("dynamics365_get_account_contacts", Staff, true, Read),
    ("dynamics365_create_lead", Open, true, Write),
    ("dynamics365_search_leads", Staff, true, Read),
    ("dynamics365_update_lead", Staff, true, Write),
    ("dynamics365_search_opportunities", Verified, true, Read),
    ("dynamics365_get_opportunity", Verified, true, Read),
    ("dynamics365_get_contact_opportunities", Verified, true, Read),
    ("dynamics365_update_opportunity", Chosen(Choice::UpdateOpportunity), true, Write),
    ("dynamics365_create_opportunity", Chosen(Choice::CreateOpportunity), true, Write),
    ("dynamics365_search_cases", Verified, true, Read),
    ("dynamics365_get_case", Verified, true, Read),
    ("dynamics365_create_case", Open, true, Write),
    ("dynamics365_update_case", Verified, true, Write),
    ("dynamics365_get_contact_cases", Verified, true, Read),
    ("dynamics365_create_note", Open, true, Write),
    ("dynamics365_get_activities", Verified, true, Read),
    ("dynamics365_create_activity", Chosen(Choice::CreateActivity), true, Write),
    ("dynamics365_get_entity_notes", Chosen(Choice::PublicNotes), true, Read),
    ("dynamics365_create_quote", Chosen(Choice::CreateQuote), true, Write),
    ("dynamics365_get_products", Open, true, Read),
    ("dynamics365_schedule_appointment", Chosen(Choice::Appointments), true, Write),
    ("dynamics365_get_email_history", Verified, true, Read),
    ("dynamics365_send_visitor_code", Open, false, Write),
    ("dynamics365_verify_visitor", Open, false, Write),
    ("dynamics365_confirm", Open, false, Write),
    // tools: end
];

impl Caller {
    /// Whether the key may call this tool, as far as anybody can say before a call. What a connection
    /// chooses is not known then: such a tool is listed if connections allow it unless they say
    /// otherwise, or if the key names it.
    pub fn lists(&self, tool: &Definition) -> bool {
        self.is_offered(tool.name, tool.access, tool.is_for_staff)
    }

    fn is_offered(&self, name: &str, access: Access, is_for_staff: bool) -> bool {
        let is_for_it = match access {
            _ if name == CONFIRM_TOOL => self.confirm != Confirm::None,
            _ if self.serves == Serves::Staff => is_for_staff,
            Open | Verified => true,
            Chosen(choice) => self.tools.is_some() || Visitors::default().allows.contains(&choice),
            Staff => false,
        };
        is_for_it && self.has_tool(name)
    }

    /// Whether the key has the tool of this name: it is listed, and may be called. What is no tool's
    /// name is nothing that a key can lack.
    pub fn has_at_hand(&self, name: &str) -> bool {
        let tool = TOOLS.iter().find(|(one, ..)| *one == name);
        tool.is_none_or(|(_, access, is_for_staff, scope)| {
            self.is_offered(name, *access, *is_for_staff) && self.scopes.contains(scope)
        })
    }
}

impl<T> Answer<T> {
    /// As this caller may hear it: its hints name no tool that the caller does not have.
    #[must_use]
    pub(crate) fn for_caller(mut self, caller: &Caller) -> Answer<T> {
        self.hints.retain_mut(|hint| keep(hint, |tool| !caller.has_at_hand(tool)));
        self
    }
}

impl ToolError {
    /// As this caller may hear it: its next step names no tool that the caller does not have.
    #[must_use]
    pub(crate) fn for_caller(self, caller: &Caller) -> ToolError {
        let is_missing = |tool: &str| !caller.has_at_hand(tool);
        match self.advice().and_then(|step| shortened(step, is_missing)) {
            Some(left) => self.next_step(or_a_person(left)),
            None => self,
        }
    }
}

/// An answer or a problem as JSON, for a client that does not list these tools: nothing is said of them.
pub fn without_tools_in(answer: &mut Value, is_missing: impl Fn(&str) -> bool) {
    if let Some(Value::Array(hints)) = answer.get_mut("hints") {
        hints.retain_mut(|hint| match hint {
            Value::String(hint) => keep(hint, &is_missing),
            _ => true,
        });
        if hints.is_empty()
            && let Some(answer) = answer.as_object_mut()
        {
            answer.shift_remove("hints");
        }
    }
    if let Some(Value::String(step)) = answer.get_mut("next_step")
        && let Some(left) = shortened(step, &is_missing)
    {
        *step = or_a_person(left);
    }
}

/// Leaves in a hint what does not name a missing tool. Returns whether anything is left.
fn keep(hint: &mut String, is_missing: impl Fn(&str) -> bool) -> bool {
    if let Some(left) = shortened(hint, is_missing) {
        *hint = left;
    }
    !hint.is_empty()
}

/// What is left of a text; `None` if that is all of it.
fn shortened(text: &str, is_missing: impl Fn(&str) -> bool) -> Option<String> {
    match without_tools(text, is_missing) {
        Cow::Owned(left) => Some(left),
        Cow::Borrowed(_) => None,
    }
}

fn or_a_person(left: String) -> String {
    if left.is_empty() { OFFER_A_PERSON.to_owned() } else { left }
}

/// The tools that a text names. What stands in quotation marks is somebody's, and names none.
pub fn named_tools(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let own = text.split('"').step_by(2);
    let words = own.flat_map(move |part| part.split(move |one| !is_name(one)));
    words.filter(|word| word.starts_with(TOOL_PREFIX))
}

/// A line without what it says of missing tools: without each sentence that names one, or, where a
/// sentence has several parts between semicolons, without each such part. It is borrowed if it says
/// nothing of them. Nothing may be left.
pub fn without_tools(text: &str, is_missing: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let names_missing = |part: &str| named_tools(part).any(&is_missing);
    // Most texts name no tool at all.
    if !text.contains(TOOL_PREFIX) || !names_missing(text) {
        return Cow::Borrowed(text);
    }
    let mut left = String::new();
    for sentence in parts(text, &['.', '?', '!']) {
        let clauses = parts(sentence, &[';']);
        let begins = clauses.first().is_some_and(|&first| !names_missing(first));
        let kept: Vec<_> = clauses.into_iter().filter(|&clause| !names_missing(clause)).collect();
        add_sentence(&mut left, &kept.concat(), begins);
    }
    left.truncate(left.trim_end().len());
    Cow::Owned(left)
}

/// Adds what is left of a sentence. `begins` says whether it still has its beginning.
fn add_sentence(text: &mut String, left: &str, begins: bool) {
    let is_open = left.trim_end().ends_with(';');
    let left = if is_open { left.trim_end().trim_end_matches(';') } else { left };
    let mut letters = left.chars();
    // The name of a tool stays as it is.
    if !begins && !left.starts_with(TOOL_PREFIX) {
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
    }
    text.push_str(letters.as_str());
    if is_open {
        text.push_str(". ");
    }
}

/// The parts of a text, each up to one of these marks and the space behind it. A quotation stays whole.
fn parts<'a>(text: &'a str, marks: &[char]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut begin, mut is_quoted, mut before) = (0, false, ' ');
    for (place, one) in text.char_indices() {
        is_quoted ^= one == '"';
        if one == ' ' && !is_quoted && marks.contains(&before) {
            parts.extend(text.get(begin..=place));
            begin = place + 1;
        }
        before = one;
    }
    parts.extend(text.get(begin..).filter(|rest| !rest.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::{ErrorCode, Grants};

    /// A key with every scope but the administrator's.
    fn caller(serves: Serves) -> Caller {
        Caller {
            client: "bot".to_owned(),
            connections: Grants::All,
            scopes: [Read, Write].into(),
            key: None,
            serves,
            tools: None,
            vouches: false,
            conversation_in_header: false,
            confirm: Confirm::None,
            message_is_enough: false,
        }
    }

    fn limited(tools: &[&str]) -> Caller {
        let tools: BTreeSet<_> = tools.iter().map(|tool| (*tool).to_owned()).collect();
        Caller { tools: Some(tools), ..caller(Serves::Visitors) }
    }

    #[test]
    fn what_a_key_has_at_hand() {
        let (staff, visitors) = (caller(Serves::Staff), caller(Serves::Visitors));
        let reader = Caller { scopes: [Read].into(), ..caller(Serves::Staff) };
        let asking = Caller { confirm: Confirm::Consequences, ..caller(Serves::Visitors) };
        let named = limited(&["dynamics365_create_quote"]);
        for (tool, has) in [
            ("dynamics365_search_contacts", [true, false, true, false, false]),
            ("dynamics365_get_case", [true, true, true, true, false]),
            ("dynamics365_create_note", [true, true, false, true, false]),
            ("dynamics365_create_quote", [true, false, false, false, true]),
            ("dynamics365_schedule_appointment", [true, true, false, true, false]),
            ("dynamics365_verify_visitor", [false, true, false, true, false]),
            ("dynamics365_confirm", [false, false, false, true, false]),
            // It is no tool, so it is none that anybody lacks.
            ("dynamics365_reopen_case", [true; 5]),
        ] {
            let callers = [&staff, &visitors, &reader, &asking, &named];
            assert_eq!(callers.map(|caller| caller.has_at_hand(tool)), has, "{tool}");
        }
    }

    /// What is left of a text without `dynamics365_a`.
    fn left(text: &str) -> String {
        without_tools(text, |tool| tool == "dynamics365_a").into_owned()
    }

    #[test]
    fn what_is_left_are_sentences() {
        for (text, expected) in [
            ("One. Look with dynamics365_a. Two.", "One. Two."),
            ("Look with dynamics365_a.", ""),
            ("Ask again; or look with dynamics365_a.", "Ask again."),
            ("Ask again; or look with dynamics365_a. Then wait.", "Ask again. Then wait."),
            ("See dynamics365_a; or ask again. Then wait.", "Or ask again. Then wait."),
            ("One; dynamics365_a; three.", "One; three."),
            ("dynamics365_a has it; dynamics365_b lists it.", "dynamics365_b lists it."),
            ("Is it `dynamics365_a`? Ask! No.", "Ask! No."),
            ("A part of dynamics365_ab; 1.5 of it.", "A part of dynamics365_ab; 1.5 of it."),
        ] {
            assert_eq!(left(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_names_no_missing_tool_is_not_copied() {
        for text in ["No tool; none. At all.", "See dynamics365_b. \"dynamics365_a\" is a name."] {
            let same = without_tools(text, |tool| tool == "dynamics365_a");
            assert!(matches!(same, Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_quotation_is_never_cut_and_names_nothing() {
        let quoted = "\"Dr. Who; see dynamics365_a. Really\"";
        let text =
            format!("The list {quoted} is old. Look with dynamics365_a. Say {quoted}; wait.");
        assert_eq!(left(&text), format!("The list {quoted} is old. Say {quoted}; wait."));
        assert_eq!(left(&format!("dynamics365_a has {quoted}. Wait.")), "Wait.");
        // One that does not end goes on to the end.
        assert_eq!(
            left("Go. A 11\" screen; dynamics365_a. No."),
            "Go. A 11\" screen; dynamics365_a. No."
        );
        assert_eq!(named_tools(&text).collect::<Vec<_>>(), ["dynamics365_a"]);
    }

    #[test]
    fn hints_and_next_steps_name_what_the_caller_has() {
        let bot = limited(&["dynamics365_get_case"]);
        let answer = Answer::new(())
            .hint("It is closed.")
            .hint("Write it down with dynamics365_create_note.")
            .hint("It is open. Write it down with dynamics365_create_note.")
            .hint("dynamics365_get_case has the rest.");
        let hints = ["It is closed.", "It is open.", "dynamics365_get_case has the rest."];
        assert_eq!(answer.clone().for_caller(&bot).hints, hints);
        assert_eq!(answer.clone().for_caller(&caller(Serves::Staff)), answer);

        let step = |error: ToolError, who: &Caller| {
            error.for_caller(who).to_problem("r")["next_step"].as_str().unwrap().to_owned()
        };
        let error = |next_step: &str| {
            ToolError::new(ErrorCode::NotFound, "no dynamics365_create_note").next_step(next_step)
        };
        let note = "Write it down with dynamics365_create_note.";
        assert_eq!(step(error(note), &bot), OFFER_A_PERSON);
        assert_eq!(step(error(note), &caller(Serves::Staff)), note);
        assert_eq!(step(error(&format!("Say so. {note}")), &bot), "Say so.");
        let unsaid = ToolError::new(ErrorCode::NotFound, "none");
        assert_eq!(step(unsaid, &bot), "Look for it by other means.");
    }

    #[test]
    fn a_client_that_lists_fewer_hears_of_fewer() {
        let is_missing = |tool: &str| tool == "dynamics365_a";
        let mut answer = json!({"result": {}, "hints": ["Use dynamics365_a.", "Go on."]});
        without_tools_in(&mut answer, is_missing);
        assert_eq!(answer, json!({"result": {}, "hints": ["Go on."]}));
        let mut answer = json!({"result": {}, "hints": ["Use dynamics365_a."]});
        without_tools_in(&mut answer, is_missing);
        assert_eq!(answer, json!({"result": {}}));
        let mut problem = json!({"code": "x", "next_step": "Use dynamics365_a."});
        without_tools_in(&mut problem, is_missing);
        assert_eq!(problem["next_step"], OFFER_A_PERSON);
    }
}
