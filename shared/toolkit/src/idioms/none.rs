//! What is said of an empty list.

use crm::labels::Choice;

use crate::Context;

/// The hint for an empty list. It says what was looked for, so that nobody takes it for "none at all":
/// `things` in the plural, and what each of them would be, such as "of the contact".
pub fn none_of<'a>(things: &str, which: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let mut hint = format!("There are no {things}");
    for words in which.into_iter().flatten() {
        hint.push(' ');
        hint.push_str(words);
    }
    hint + "."
}

/// The same for a list of things in one state. `all` is what the argument `status` is for things in any.
pub fn none_in_state<'a, S: Choice + PartialEq>(
    state: S,
    all: S,
    things: &str,
    which: impl IntoIterator<Item = Option<&'a str>>,
) -> String {
    if state == all {
        return none_of(things, which);
    }
    let none = none_of(&format!("{} {things}", state.label()), which);
    format!("{none} Status \"{}\" would include the others.", all.label())
}

impl Context {
    /// Whose the things of a list would be, in words, by whether a contact and an account are named.
    pub fn of_whom(&self, contact: bool, account: bool) -> Option<&'static str> {
        match (contact, account) {
            (true, true) => Some("of the contact and of the account"),
            (true, false) => Some("of the contact"),
            (false, true) => Some("of the account"),
            (false, false) => self.is_for_visitor().then_some("of the visitor"),
        }
    }

    /// In a call for a visitor, that a list has less than there may be, in words.
    pub fn shown_here(&self) -> Option<&'static str> {
        self.is_for_visitor().then_some("that may be shown here")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crm::choice! {
        /// Which lamps are meant.
        enum Lamps {
            Lit = 0 "lit",
            All = 1 "all",
        }
    }

    #[test]
    fn an_empty_list_says_what_was_looked_for() {
        assert_eq!(none_of("lamps", []), "There are no lamps.");
        let which = [Some("of the contact"), None, Some("that match the query")];
        let none = "There are no lamps of the contact that match the query.";
        assert_eq!(none_of("lamps", which), none);
        assert_eq!(none_in_state(Lamps::All, Lamps::All, "lamps", which), none);
        assert_eq!(
            none_in_state(Lamps::Lit, Lamps::All, "lamps", [Some("of the account")]),
            "There are no lit lamps of the account. Status \"all\" would include the others."
        );
    }
}
