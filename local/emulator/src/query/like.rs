//! Patterns of SQL's `LIKE`. They also work in the values of `contains`, `startswith` and
//! `endswith`: `%` is any text, `_` is one character, `[a-c]` is one of a set, and `[^a-c]` is none
//! of a set.

use crate::data::value::fold;

/// A pattern. Its text is folded as for comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Like(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Letter(char),
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// A bracket that is never closed. It matches nothing.
    Never,
}

impl Like {
    /// The pattern as it is written, as in FetchXML.
    pub(crate) fn whole(value: &str) -> Self {
        Self(parse(value))
    }

    pub(crate) fn contains(value: &str) -> Self {
        let mut parts = vec![Part::Any];
        parts.extend(parse(value));
        parts.push(Part::Any);
        Self(parts)
    }

    pub(crate) fn starts_with(value: &str) -> Self {
        let mut parts = parse(value);
        parts.push(Part::Any);
        Self(parts)
    }

    pub(crate) fn ends_with(value: &str) -> Self {
        let mut parts = vec![Part::Any];
        parts.extend(parse(value));
        Self(parts)
    }

    /// The literal text at the beginning of every match.
    pub(crate) fn prefix(&self) -> String {
        self.0
            .iter()
            .map_while(|part| match part {
                Part::Letter(letter) => Some(*letter),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = fold(text).chars().collect();
        let (mut part, mut at) = (0, 0);
        // The place to continue from if the text after the last `%` does not match.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.0.get(part) {
                Some(Part::Any) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                Some(other) if at < text.len() && other.takes(text[at]) => {
                    part += 1;
                    at += 1;
                    continue;
                }
                None if at == text.len() => return true,
                _ => {}
            }
            match retry {
                Some((after, from)) if from < text.len() => {
                    retry = Some((after, from + 1));
                    part = after;
                    at = from + 1;
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::One => true,
            Self::Letter(own) => *own == letter,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated
            }
            Self::Any | Self::Never => false,
        }
    }
}

fn parse(value: &str) -> Vec<Part> {
    let folded: Vec<char> = fold(value).chars().collect();
    let mut parts = Vec::with_capacity(folded.len());
    let mut at = 0;
    while at < folded.len() {
        let letter = folded[at];
        at += 1;
        parts.push(match letter {
            '%' => Part::Any,
            '_' => Part::One,
            '[' => match folded[at..].iter().position(|letter| *letter == ']') {
                Some(end) => {
                    let part = set(&folded[at..at + end]);
                    at += end + 1;
                    part
                }
                None => Part::Never,
            },
            letter => Part::Letter(letter),
        });
    }
    parts
}

fn set(inner: &[char]) -> Part {
    let (negated, mut inner) = match inner {
        ['^', rest @ ..] => (true, rest),
        inner => (false, inner),
    };
    let mut ranges = Vec::new();
    while let Some(first) = inner.first() {
        if let [low, '-', high, rest @ ..] = inner {
            ranges.push((*low, *high));
            inner = rest;
        } else {
            ranges.push((*first, *first));
            inner = &inner[1..];
        }
    }
    Part::Set { negated, ranges }
}

#[cfg(test)]
mod tests {
    use super::Like;

    #[test]
    fn wildcards_act_inside_values() {
        assert!(Like::contains("quis").matches("Maren QUIST"));
        assert!(Like::contains("M%Qui_t").matches("Maren Quist"));
        assert!(!Like::contains("50%_off").matches("50off"));
        assert!(Like::contains("50%_off").matches("50 percent off"));
        assert!(Like::starts_with("[m-n]ar").matches("Maren"));
        assert!(!Like::starts_with("[^m-n]ar").matches("Maren"));
        assert!(Like::ends_with("é").matches("cafe"));
        assert!(!Like::contains("[unclosed").matches("[unclosed"));
        assert!(Like::contains("").matches(""));
    }

    #[test]
    fn brackets_escape_wildcards() {
        assert!(Like::contains("50[%][_]off").matches("now 50%_off!"));
        assert!(!Like::contains("50[%][_]off").matches("now 50 percent off"));
        assert!(Like::contains("[[]x").matches("a[x"));
        assert_eq!(Like::starts_with("Ab[%]").prefix(), "ab");
    }
}
