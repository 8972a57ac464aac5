//! The examples of bodies and answers.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use toolkit::{Audience, Declaration};

/// What the operations answer to their examples, by their names, lists and long texts shortened. A test
/// makes the calls, and holds these answers against what it gets; with `INSTA_UPDATE=always` it writes
/// anew what is no longer so.
static ANSWERS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("answers.json")).unwrap_or_default());

/// The body and the answer of an operation's example, as this audience has them. Null is none.
pub(crate) fn of(operation: &Declaration, audience: Audience<'_>) -> (Value, Value) {
    let mut body = serde_json::from_str(operation.example.body).unwrap_or_default();
    let mut answer = ANSWERS.get(operation.id).cloned().unwrap_or_default();
    if let Some(tool) = &operation.definition {
        tool.cut_example(&mut body, &mut answer, audience);
    }
    (body, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_that_of_an_operation_and_every_operation_has_one() {
        let operations = crate::declarations();
        let mut names: Vec<_> = operations.iter().map(|operation| operation.id).collect();
        names.sort_unstable();
        let mut answered: Vec<_> = ANSWERS.keys().map(String::as_str).collect();
        answered.sort_unstable();
        assert_eq!(answered, names);
    }
}
