//! Writes an answer as text for a model: every value once, without the syntax of JSON.

use std::fmt::Write as _;

use serde_json::Value;

/// The answer as an outline: a line for each value, two spaces deeper within an object or a list.
///
/// Addresses that open a record are left out: programs find them in the structured answer, and
/// visitors cannot open them. A text of several lines is quoted, so that none of its lines can pass
/// for one of ours.
pub(crate) fn outline(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0, "");
    text.truncate(text.trim_end().len());
    text
}

/// Writes a value. Its first line begins with `first`.
fn write(text: &mut String, value: &Value, depth: usize, first: &str) {
    let mut lead = first.to_owned();
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| !is_address(name)) {
                match value {
                    Value::Array(items) if items.is_empty() => {
                        let _ = writeln!(text, "{}{name}: none", indent(depth, &lead));
                    }
                    Value::Object(_) | Value::Array(_) => {
                        let _ = writeln!(text, "{}{name}:", indent(depth, &lead));
                        write(text, value, depth + 1, "");
                    }
                    _ => {
                        let _ = writeln!(text, "{}{name}: {}", indent(depth, &lead), plain(value));
                    }
                }
                lead.clear();
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::Object(_) => write(text, item, depth, "- "),
                    Value::Array(_) => write(text, item, depth + 1, ""),
                    _ => {
                        let _ = writeln!(text, "{}{}", indent(depth, "- "), plain(item));
                    }
                }
            }
        }
        _ => {
            let _ = writeln!(text, "{}{}", indent(depth, &lead), plain(value));
        }
    }
}

/// The beginning of a line. The dash of a list's item stands left of its members.
fn indent(depth: usize, lead: &str) -> String {
    match lead {
        "" => "  ".repeat(depth),
        lead => format!("{}{lead}", "  ".repeat(depth.saturating_sub(1))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if is_one_line(text) => text.clone(),
        value => value.to_string().replace(['\u{85}', '\u{2028}', '\u{2029}'], " "),
    }
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(|one| one.is_control() || matches!(one, '\u{2028}' | '\u{2029}'))
}

fn is_address(name: &str) -> bool {
    name == "url" || name.ends_with("_url")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_once() {
        let answer = json!({
            "result": {
                "contact": {"id": "1", "name": "Maren Quist", "url": "https://example"},
                "cases": [
                    {"number": "CAS-1", "open": true, "customer": {"name": "Northwind"}},
                    {"number": "CAS-2", "open": false},
                ],
                "case_url": "https://example/{id}",
            },
            "hints": ["Ask first."],
        });
        let expected = "\
result:
  contact:
    id: 1
    name: Maren Quist
  cases:
  - number: CAS-1
    open: true
    customer:
      name: Northwind
  - number: CAS-2
    open: false
hints:
- Ask first.";
        assert_eq!(outline(&answer), expected);
    }

    #[test]
    fn an_empty_list_is_said() {
        assert_eq!(outline(&json!({"cases": [], "more": false})), "cases: none\nmore: false");
    }

    #[test]
    fn a_text_cannot_pass_for_a_line_of_ours() {
        for text in ["a\nstatus: Resolved", "a\r\nb", "a\u{2028}status: Resolved", "a\u{85}b"] {
            let shown = outline(&json!({"subject": text, "status": "Active"}));
            assert_eq!(shown.lines().count(), 2, "{shown}");
            assert!(shown.starts_with("subject: \"a"), "{shown}");
            assert!(!shown.contains(['\u{85}', '\u{2028}']), "{shown}");
        }
    }
}
