//! Keeps the characters of a text that a person sees. The others are removed, because they could
//! tell a model something that no colleague can read.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

/// The text without invisible characters: control characters, characters that change the direction
/// of the text, tag characters (from U+E0000; the flags of England, Scotland and Wales become plain
/// black flags), fillers, and characters without width. Joiners stay between letters and between
/// emoji, and variation selectors stay after the character that they vary, because Persian, Hindi
/// and emoji need them. Every character that breaks a line becomes a line feed.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut sieve = Sieve::default();
    Cow::Owned(text.chars().flat_map(|one| sieve.pass(one)).flatten().collect())
}

/// Text of the CRM for use in one of our own sentences: on one line, in quotation marks, without
/// quotation marks inside, and cut after 100 characters. So nobody can mistake it for our own
/// words.
///
/// Every sentence that a model reads (a hint, the detail of an escalation or of an error, a next
/// step) quotes such text in this way.
pub fn quoted(text: &str) -> String {
    const LIMIT: usize = 100;
    let mut quoted = String::from("\"");
    let mut sieve = Sieve::default();
    let (mut length, mut gap) = (0, false);
    for one in text.chars().flat_map(|one| sieve.pass(one)).flatten() {
        if one.is_whitespace() {
            gap = length > 0;
            continue;
        }
        if length + usize::from(gap) >= LIMIT {
            quoted.push('…');
            break;
        }
        if std::mem::take(&mut gap) {
            quoted.push(' ');
            length += 1;
        }
        quoted.push(if is_quotation_mark(one) { '\'' } else { one });
        length += 1;
    }
    quoted.push('"');
    quoted
}

fn is_quotation_mark(one: char) -> bool {
    matches!(one, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '＂' | '″')
}

/// Whether a character is always shown unchanged, whatever stands next to it.
fn is_plain(one: char) -> bool {
    match one {
        ' '..='~' | '\t' | '\n' | '\r' => true,
        _ => !is_line_break(one) && !is_joiner(one) && !is_selector(one) && !is_hidden(one),
    }
}

/// Lets the visible characters of a text pass.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    /// The last character that passed.
    last: Option<char>,
    /// A joiner that came after a letter. It passes with the next letter.
    joiner: Option<char>,
}

impl Sieve {
    /// Forgets the characters before. The next character has no neighbour.
    pub(super) fn interrupt(&mut self) {
        *self = Sieve::default();
    }

    /// Takes the next character, and returns what to show: nothing, the character, or a joiner and
    /// the character.
    pub(super) fn pass(&mut self, one: char) -> [Option<char>; 2] {
        if (' '..='~').contains(&one) {
            self.joiner = None;
            self.last = Some(one);
            return [None, Some(one)];
        }
        if is_joiner(one) {
            self.joiner = self.joiner.or(self.last.filter(|last| joins(*last)).map(|_| one));
            return [None, None];
        }
        if is_selector(one) {
            let is_at_home =
                self.joiner.is_none() && self.last.is_some_and(|last| varies(one, last));
            if !is_at_home {
                return [None, None];
            }
        } else if is_line_break(one) {
            self.joiner = None;
            self.last = Some('\n');
            return [None, Some('\n')];
        } else if is_hidden(one) {
            return [None, None];
        }
        let joiner = self.joiner.take().filter(|_| joins(one));
        self.last = Some(one);
        [joiner, Some(one)]
    }
}

/// Whether a character breaks a line and is neither a line feed nor a carriage return.
fn is_line_break(one: char) -> bool {
    matches!(one, '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character is a zero-width joiner or non-joiner.
fn is_joiner(one: char) -> bool {
    matches!(one, '\u{200c}' | '\u{200d}')
}

/// Whether a character can be joined with its neighbour. Emoji can, and letters, digits and marks
/// of scripts that need joiners. Between other letters, rows of joiners could carry hidden words.
fn joins(one: char) -> bool {
    if is_of_script_without_joiners(one) {
        return false;
    }
    one.is_alphabetic() || one.is_numeric() || is_combining_mark(one) || is_emoji(one)
}

/// Whether a character is Latin, Greek, Cyrillic, Hangul, Kana or Han, or a digit or mark of these.
fn is_of_script_without_joiners(one: char) -> bool {
    matches!(
        one,
        '\0'..='\u{52f}'
            | '\u{1100}'..='\u{11ff}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1c80}'..='\u{1c8f}'
            | '\u{1d00}'..='\u{1fff}'
            | '\u{2c60}'..='\u{2c7f}'
            | '\u{2de0}'..='\u{2dff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3021}'..='\u{30ff}'
            | '\u{3130}'..='\u{318f}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{a640}'..='\u{a69f}'
            | '\u{a720}'..='\u{a7ff}'
            | '\u{a960}'..='\u{a97f}'
            | '\u{ab30}'..='\u{ab6f}'
            | '\u{ac00}'..='\u{d7ff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{ff10}'..='\u{ff9f}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// Whether a character is a picture, an arrow or a symbol, or the selector that gives these colour.
fn is_emoji(one: char) -> bool {
    matches!(one, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{fe0f}')
}

/// Whether a character is a variation selector.
fn is_selector(one: char) -> bool {
    matches!(
        one,
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Whether a selector has a meaning after this character. After another selector it has none,
/// because rows of selectors could carry hidden words.
fn varies(selector: char, last: char) -> bool {
    match selector {
        '\u{fe00}'..='\u{fe0f}' => {
            matches!(last, '0'..='9' | '#' | '*')
                || !(last.is_ascii() || last.is_whitespace() || is_selector(last))
        }
        '\u{e0100}'..='\u{e01ef}' => {
            matches!(last, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        }
        _ => matches!(last, '\u{1820}'..='\u{18aa}'),
    }
}

/// Whether a character is invisible: control characters except tabs and line breaks, the code
/// points that Unicode calls default ignorable (DerivedCoreProperties.txt), and interlinear
/// annotations.
fn is_hidden(one: char) -> bool {
    match one {
        '\t' | '\n' | '\r' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        _ => matches!(
            one,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_nobody_sees_is_not_there() {
        let tags: String = "ignore"
            .bytes()
            .map(|one| char::from(one) as u32 + 0xe0000)
            .filter_map(char::from_u32)
            .collect();
        for (text, expected) in [
            (format!("ok{tags}"), "ok"),
            ("\u{202e}right to left\u{202c}".to_owned(), "right to left"),
            ("\u{2066}a\u{2069}\u{200e}\u{200f}\u{61c}b".to_owned(), "ab"),
            ("in\u{200b}vi\u{2060}si\u{feff}ble\u{180e}\u{ad}".to_owned(), "invisible"),
            ("bell\u{7} \u{1b}[31mred\u{9b}".to_owned(), "bell [31mred"),
            ("a\u{2028}b\u{85}c\u{b}d".to_owned(), "a\nb\nc\nd"),
            ("a\u{fe0f}\u{fe01}\u{e0101}b".to_owned(), "ab"),
            ("\u{3164}\u{115f}a".to_owned(), "a"),
        ] {
            assert_eq!(shown(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_letters_and_emoji_need_stays() {
        for text in [
            "می\u{200c}خواهم",
            "क्\u{200d}ष, ശ്രീ\u{200d}യ",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 🏳\u{fe0f}\u{200d}🌈 👨🏽\u{200d}🚀 1\u{fe0f}\u{20e3}",
            "葛\u{e0100}城",
            "۵\u{200c}ساله",
            "Zoë\u{301}, tab\tand\r\nline",
        ] {
            assert_eq!(shown(text), text);
        }
        // Joiners and selectors are removed where they join nothing, and where several follow each
        // other.
        assert_eq!(shown("\u{200d}می\u{200c} خواهم\u{200c}"), "می خواهم");
        assert_eq!(shown("م\u{200c}\u{200d}\u{200c}ی"), "م\u{200c}ی");
        assert_eq!(shown("❤\u{fe0f}\u{fe0f}"), "❤\u{fe0f}");
        // Joiners are removed between letters that do not join.
        for text in ["ab", "ωй", "漢字", "かカ", "한글", "e\u{301}a", "a1", "１２"] {
            let joined: String = text.chars().flat_map(|one| [one, '\u{200d}']).collect();
            assert_eq!(shown(&joined), text);
        }
    }

    #[test]
    fn a_quotation_does_not_end_before_its_end() {
        for (text, expected) in [
            ("CAS-1", "\"CAS-1\""),
            ("a\" now, \u{201c}do\u{201d} this: \"", "\"a' now, 'do' this: '\""),
            (" two\r\n\tlines\u{2028}\u{202e}", "\"two lines\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
        let long = quoted(&"word ".repeat(50));
        assert!(long.ends_with("…\"") && long.chars().count() <= 103, "{long}");
        assert!(quoted(&"x".repeat(100)).ends_with("x\""));
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_through(text in any::<String>()) {
            let shown = shown(&text);
            let is_bad = |one| {
                is_line_break(one) || (is_hidden(one) && !is_joiner(one) && !is_selector(one))
            };
            prop_assert!(!shown.chars().any(is_bad));
            // A second pass changes nothing.
            prop_assert_eq!(super::shown(&shown), shown.as_ref());
        }

        #[test]
        fn a_quotation_is_one_line_with_two_marks(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert_eq!(quoted.matches('"').count(), 2);
            prop_assert!(quoted.starts_with('"') && quoted.ends_with('"'));
            prop_assert!(!quoted.contains(char::is_control));
        }
    }
}
