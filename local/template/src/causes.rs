//! The table of causes in the guide to setting a connection up.

use std::fmt::Write as _;

use auth::{Cause, Diagnosis, Step};

use crate::parts::Part;

/// A line for each cause.
pub(crate) fn causes() -> Part {
    let mut text =
        "| `cause` | step | what is wrong | what to do |\n| --- | --- | --- | --- |\n".to_owned();
    for cause in Cause::all() {
        let Diagnosis { detail, action, .. } = Diagnosis::from(cause);
        let (step, action) = match cause.step() {
            Some(step) => (link(step), alone(&action, step)),
            None => (String::new(), action),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {step} | {} | {} |",
            cause.as_str(),
            without_blanks(&detail),
            without_blanks(&action)
        );
    }
    Part { name: "causes", text }
}

/// What to do, without the step and the place in the guide, which the table has anyhow.
fn alone(action: &str, step: Step) -> String {
    let action = action.strip_prefix(&format!("{step:#}: ")).unwrap_or(action);
    action.strip_suffix(&format!(" See {}.", step.guide())).unwrap_or(action).to_owned()
}

/// A link to the step, within the guide.
fn link(step: Step) -> String {
    let guide = step.guide();
    let anchor = guide.split_once('#').map_or("", |(_, anchor)| anchor);
    format!("[{}](#{anchor})", step.number())
}

/// The text with an ellipsis for each name in braces, and as a cell of a table.
fn without_blanks(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, (_, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled.push_str(before);
        filled.push('…');
        rest = after;
    }
    filled.push_str(rest);
    filled.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_become_ellipses() {
        assert_eq!(without_blanks("with {a} and {b}: c|d"), "with … and …: c\\|d");
        assert_eq!(without_blanks("none"), "none");
    }
}
