//! The parts of a file that the program writes. Comments mark their beginning and end.

use std::fmt::Write as _;

/// A part of a file: its lines, not yet indented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The name of the part in the comments around it.
    pub(crate) name: &'static str,
    /// The text between the comments.
    pub(crate) text: String,
}

/// The text with every line indented by this many spaces.
pub(crate) fn indented(text: &str, depth: usize) -> String {
    let mut indented = String::new();
    for line in text.lines() {
        // Writing to a string cannot fail.
        let _ = writeln!(indented, "{:depth$}{line}", "");
    }
    indented
}

/// Why the parts of a file cannot be written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PartError {
    #[error("a part called `{0}` begins here, and there is none of that name")]
    Unknown(String),
    #[error("the part `{0}` does not end: the comment `# {0}: end` is missing")]
    Endless(String),
    #[error("the part `{0}` has no place: a comment `# {0}: {BEGINS}` is missing")]
    Missing(&'static str),
}

/// The text after the name in the first comment of a part.
const BEGINS: &str = "written by `cargo run -p template`";

/// The text of the last comment of a part.
const ENDS: &str = "end";

/// The text of a comment that has its line for itself, in YAML and TOML, in Rust, or in Markdown.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let in_markdown = || line.strip_prefix("<!-- ")?.strip_suffix(" -->");
    line.strip_prefix("# ").or_else(|| line.strip_prefix("// ")).or_else(in_markdown)
}

/// The name of the part that begins with this line.
fn begins(line: &str) -> Option<&str> {
    comment(line)?.strip_suffix(BEGINS)?.strip_suffix(": ")
}

fn ends(line: &str, name: &str) -> bool {
    let end = comment(line).and_then(|text| text.strip_prefix(name));
    end.and_then(|rest| rest.strip_prefix(": ")) == Some(ENDS)
}

/// The text with every part in its places, indented like the comments around it. A part may have
/// several places, but it must have at least one.
pub(crate) fn filled(text: &str, parts: &[Part]) -> Result<String, PartError> {
    let mut filled = String::new();
    let mut placed = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        put(&mut filled, "", line);
        let Some(name) = begins(line) else { continue };
        let part = parts.iter().find(|part| part.name == name);
        let part = part.ok_or_else(|| PartError::Unknown(name.to_owned()))?;
        let indent = line.get(..line.len() - line.trim_start().len()).unwrap_or_default();
        part.text.lines().for_each(|line| put(&mut filled, indent, line));
        let end = lines.find(|line| ends(line, name));
        put(&mut filled, "", end.ok_or_else(|| PartError::Endless(name.to_owned()))?);
        placed.push(part.name);
    }
    match parts.iter().find(|part| !placed.contains(&part.name)) {
        Some(part) => Err(PartError::Missing(part.name)),
        None => Ok(filled),
    }
}

fn put(text: &mut String, indent: &str, line: &str) {
    if !line.is_empty() {
        text.push_str(indent);
        text.push_str(line);
    }
    text.push('\n');
}

/// The number of lines that are written by hand: those outside of the parts, including the comments
/// around the parts.
#[cfg(test)]
pub(crate) fn written_by_hand(text: &str) -> usize {
    let mut count = 0;
    let mut part = None;
    for line in text.lines() {
        if part.is_some_and(|name| ends(line, name)) {
            part = None;
        }
        count += usize::from(part.is_none());
        part = part.or_else(|| begins(line));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
a: 1 # kept
  # one: written by `cargo run -p template`
  old
  # one: end
b: 2
";

    fn part(name: &'static str, text: &str) -> Part {
        Part { name, text: text.to_owned() }
    }

    #[test]
    fn a_part_is_replaced_and_indented_and_the_rest_is_kept() {
        let filled = filled(TEXT, &[part("one", "x:\n  y: 1\n\nz: 2\n")]).unwrap();
        let wanted = "\
a: 1 # kept
  # one: written by `cargo run -p template`
  x:
    y: 1

  z: 2
  # one: end
b: 2
";
        assert_eq!(filled, wanted);
        assert_eq!(written_by_hand(&filled), 4);
    }

    #[test]
    fn a_page_has_comments_of_its_own_kind() {
        let page = "<!-- one: written by `cargo run -p template` -->\nold\n<!-- one: end -->\n";
        assert_eq!(filled(page, &[part("one", "new")]).unwrap(), page.replace("old", "new"));
        let code =
            "[\n    // one: written by `cargo run -p template`\n    old\n    // one: end\n]\n";
        assert_eq!(filled(code, &[part("one", "new")]).unwrap(), code.replace("old", "new"));
    }

    #[test]
    fn every_part_has_a_place_and_every_place_a_part() {
        let (one, two) = (part("one", ""), part("two", ""));
        assert_eq!(filled(TEXT, &[one.clone(), two]), Err(PartError::Missing("two")));
        assert_eq!(filled(TEXT, &[]), Err(PartError::Unknown("one".to_owned())));
        let endless = TEXT.replace("one: end", "one: ended");
        assert_eq!(filled(&endless, &[one]), Err(PartError::Endless("one".to_owned())));
    }
}
