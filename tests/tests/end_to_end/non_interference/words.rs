//! The words that stand only in rows of others, and whether one of them is in an answer.

use std::collections::HashSet;

use serde_json::Value;

use super::exchange::Call;

/// What an answer must not tell, unless the call has said it.
pub(super) struct Secrets {
    words: HashSet<String>,
    /// What calls have said that write: it may be in A's rows since then.
    written: HashSet<String>,
}

impl Secrets {
    /// The words of rows of others, but not what is `known`. Of the sample, whose rows are in English,
    /// only ids, numbers and the like are words.
    pub(super) fn new<'a>(
        others: impl IntoIterator<Item = &'a Value>,
        sample: impl IntoIterator<Item = &'a Value>,
        known: impl IntoIterator<Item = &'a Value>,
    ) -> Secrets {
        let mut words = HashSet::new();
        for row in others {
            for_texts(row, &mut |text| words.extend(words_of(text).filter(|it| is_telling(it))));
        }
        for row in sample {
            for_texts(row, &mut |text| words.extend(words_of(text).filter(|it| is_code(it))));
        }
        for row in known {
            for_texts(row, &mut |text| {
                for word in words_of(text) {
                    words.remove(&word);
                }
            });
        }
        Secrets { words, written: HashSet::new() }
    }

    /// A secret that the answer tells, if there is one.
    pub(super) fn told(&mut self, call: &Call, answer: &str) -> Option<String> {
        let mut said = HashSet::new();
        for_texts(&call.arguments, &mut |text| said.extend(words_of(text)));
        if call.writes {
            self.written.extend(said.iter().cloned());
        }
        let answer = serde_json::from_str(answer).unwrap_or_else(|_| Value::from(answer));
        let mut told = None;
        for_texts(&answer, &mut |text| {
            let is_secret = |word: &String| {
                self.words.contains(word) && !said.contains(word) && !self.written.contains(word)
            };
            if told.is_none() {
                told = words_of(text).find(is_secret);
            }
        });
        told
    }
}

/// Calls this with each text of a value, but not with points in time, and not with links to rows.
fn for_texts(value: &Value, work: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) if is_time(text) || text.starts_with('/') => {}
        Value::String(text) => work(text),
        Value::Array(items) => items.iter().for_each(|item| for_texts(item, work)),
        Value::Object(members) => members.values().for_each(|value| for_texts(value, work)),
        _ => {}
    }
}

fn is_time(text: &str) -> bool {
    text.len() >= 10
        && text.bytes().take(10).enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn words_of(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Whether a word is not said by accident.
fn is_telling(word: &str) -> bool {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    word.len() >= if is_number { 8 } else { 5 }
}

/// Whether a word is an id, a number, or a part of one.
fn is_code(word: &str) -> bool {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    has_digit && is_telling(word)
}

#[test]
fn what_only_others_have_must_not_be_told() {
    use serde_json::json;

    use super::exchange::Who;

    let others = [json!({"title": "Bakodime", "at": "2026-01-01T10:00:00Z", "n": "CAS-1-K4T7B2"})];
    let known = [json!("anna.berg@fjordline.example")];
    let mut secrets = Secrets::new(&others, &[], &known);
    let mut call = Call {
        tool: "dynamics365_get_case",
        writes: false,
        goes_on: false,
        arguments: json!({}),
        who: Who::Address,
        chat: String::new(),
        key: None,
        by_mcp: false,
        message: 0,
    };
    assert_eq!(secrets.told(&call, r#"{"a":["Anna\nbakodime."]}"#).as_deref(), Some("bakodime"));
    assert_eq!(secrets.told(&call, r#"{"a":"2026-01-01T10:00Z"}"#), None);
    call.arguments = json!({"query": "BAKODIME"});
    assert_eq!(secrets.told(&call, r#"{"a":"bakodime"}"#), None);
    assert_eq!(secrets.told(&call, r#"{"a":"k4t7b2"}"#).as_deref(), Some("k4t7b2"));
}
