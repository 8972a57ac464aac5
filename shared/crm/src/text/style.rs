//! Reads from an inline style whether people see the element.

/// The content of an inline style. Style sheets, sizes and colours are ignored: if in doubt, text
/// is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether `display` shows the element. `Some(false)` means `none`, and `None` means that the
    /// element decides.
    pub(super) is_displayed: Option<bool>,
    /// The value of `visibility`, if the style has one. The elements inside inherit it.
    pub(super) is_visible: Option<bool>,
}

/// The declaration that counts so far. An important one beats the others, and a later one beats
/// earlier ones.
#[derive(Clone, Copy, Default)]
struct Declared {
    value: Option<bool>,
    important: bool,
}

impl Declared {
    fn declare(&mut self, value: Option<bool>, important: bool) {
        if important || !self.important {
            *self = Declared { value, important };
        }
    }
}

impl Style {
    /// Reads the value of an attribute `style` as a browser does: it skips a wrong declaration, so
    /// the earlier one counts.
    pub(super) fn of(style: &str) -> Style {
        let (mut display, mut visibility) = (Declared::default(), Declared::default());
        let mut tokens = Tokens(style);
        while let Some(token) = tokens.next() {
            let name = match token {
                Token::Space | Token::Semicolon => continue,
                Token::Word(name) => name,
                Token::Colon | Token::Mark | Token::Other => {
                    tokens.pass_over();
                    continue;
                }
            };
            let Some((words, important)) = tokens.value() else { continue };
            match name.as_str() {
                "display" => {
                    if let Some(value) = display_of(&words) {
                        display.declare(value, important);
                    }
                }
                "visibility" => {
                    if let Some(value) = visibility_of(&words) {
                        visibility.declare(value, important);
                    }
                }
                _ => {}
            }
        }
        Style { is_displayed: display.value, is_visible: visibility.value }
    }
}

/// Whether a value of `display` shows the element. `Some(None)` means that the element decides.
/// `None` means that it is no value of `display`.
fn display_of(words: &[String]) -> Option<Option<bool>> {
    const WHOLE: [&str; 27] = [
        "-webkit-box",
        "-webkit-flex",
        "-webkit-inline-box",
        "-webkit-inline-flex",
        "contents",
        "inherit",
        "initial",
        "inline-block",
        "inline-flex",
        "inline-grid",
        "inline-table",
        "list-item",
        "ruby-base",
        "ruby-base-container",
        "ruby-text",
        "ruby-text-container",
        "table-caption",
        "table-cell",
        "table-column",
        "table-column-group",
        "table-footer-group",
        "table-header-group",
        "table-row",
        "table-row-group",
        "unset",
        "inline-ruby",
        "inline-math",
    ];
    const OUTER: [&str; 3] = ["block", "inline", "run-in"];
    const INNER: [&str; 7] = ["flow", "flow-root", "table", "flex", "grid", "ruby", "math"];
    if let [word] = words {
        match word.as_str() {
            "none" => return Some(Some(false)),
            "revert" | "revert-layer" => return Some(None),
            word if WHOLE.contains(&word) => return Some(Some(true)),
            _ => {}
        }
    }
    let count = |kind: &[&str]| words.iter().filter(|word| kind.contains(&word.as_str())).count();
    let (outer, inner, item) = (count(&OUTER), count(&INNER), count(&["list-item"]));
    let is_value = outer <= 1 && inner <= 1 && item <= 1 && outer + inner + item == words.len();
    (is_value && !words.is_empty()).then_some(Some(true))
}

/// Whether a value of `visibility` makes the element visible. `Some(None)` means that the element
/// around it decides. `None` means that it is no value of `visibility`.
fn visibility_of(words: &[String]) -> Option<Option<bool>> {
    let [word] = words else { return None };
    match word.as_str() {
        "hidden" | "collapse" => Some(Some(false)),
        "visible" | "initial" => Some(Some(true)),
        "inherit" | "unset" | "revert" | "revert-layer" => Some(None),
        _ => None,
    }
}

/// A part of a style, with only the differences that matter here.
enum Token {
    /// Spaces or a comment.
    Space,
    /// A name, in lower case, without escapes.
    Word(String),
    Colon,
    Semicolon,
    /// An exclamation mark.
    Mark,
    /// A number, a string, a function or brackets (with their content), or a sign.
    Other,
}

/// The unread rest of a style. It is read token by token (CSS Syntax Module Level 3, section 4).
struct Tokens<'a>(&'a str);

impl Tokens<'_> {
    fn next(&mut self) -> Option<Token> {
        let first = self.first()?;
        if let Some(behind) = self.0.strip_prefix("/*") {
            // A comment without an end takes the rest.
            self.0 = behind.split_once("*/").map_or("", |(_, rest)| rest);
            return Some(Token::Space);
        }
        if self.begins_word() {
            let word = self.word();
            if self.first() != Some('(') {
                return Some(Token::Word(word));
            }
            self.pass();
            if word == "url" && !self.0.trim_start_matches(is_space).starts_with(['"', '\'']) {
                self.pass_to_end_of_url();
            } else {
                self.pass_to_end_of_brackets(')');
            }
            return Some(Token::Other);
        }
        self.pass();
        match first {
            ':' => return Some(Token::Colon),
            ';' => return Some(Token::Semicolon),
            '!' => return Some(Token::Mark),
            '"' | '\'' => self.pass_to_end_of_string(first),
            _ if is_space(first) => return Some(Token::Space),
            _ => {
                if let Some(end) = closes(first) {
                    self.pass_to_end_of_brackets(end);
                }
            }
        }
        Some(Token::Other)
    }

    /// Reads the value of a declaration: its words, and whether it is important. `None` means that
    /// it is no declaration, or that it has more than words.
    fn value(&mut self) -> Option<(Vec<String>, bool)> {
        /// No value that matters here has more words.
        const MOST: usize = 3;
        match self.next_but_spaces() {
            Some(Token::Colon) => {}
            None | Some(Token::Semicolon) => return None,
            _ => {
                self.pass_over();
                return None;
            }
        }
        let (mut words, mut mark, mut is_important) = (Vec::new(), false, false);
        loop {
            match self.next_but_spaces() {
                None | Some(Token::Semicolon) if mark == is_important => {
                    return Some((words, is_important));
                }
                None | Some(Token::Semicolon) => return None,
                Some(Token::Word(word)) if mark && !is_important && word == "important" => {
                    is_important = true;
                }
                Some(Token::Word(word)) if !mark && words.len() < MOST => words.push(word),
                Some(Token::Mark) if !mark => mark = true,
                _ => {
                    self.pass_over();
                    return None;
                }
            }
        }
    }

    fn next_but_spaces(&mut self) -> Option<Token> {
        loop {
            match self.next() {
                Some(Token::Space) => {}
                token => return token,
            }
        }
    }

    /// Skips the rest of a declaration.
    fn pass_over(&mut self) {
        while let Some(token) = self.next() {
            if matches!(token, Token::Semicolon) {
                return;
            }
        }
    }

    fn first(&self) -> Option<char> {
        self.0.chars().next()
    }

    fn pass(&mut self) -> Option<char> {
        let first = self.first()?;
        self.0 = self.0.get(first.len_utf8()..).unwrap_or_default();
        Some(first)
    }

    fn begins_word(&self) -> bool {
        let begins = |text: &str| match text.chars().next() {
            Some('\\') => !text[1..].starts_with(['\n', '\r', '\u{c}']),
            Some(first) => is_of_word(first) && !first.is_ascii_digit() && first != '-',
            None => false,
        };
        let behind = self.0.strip_prefix('-');
        begins(self.0) || behind.is_some_and(|behind| behind.starts_with('-') || begins(behind))
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(first) = self.first() {
            match first {
                '\\' if !self.0[1..].starts_with(['\n', '\r', '\u{c}']) => {
                    self.pass();
                    word.push(self.escaped());
                }
                _ if is_of_word(first) => {
                    self.pass();
                    word.push(first.to_ascii_lowercase());
                }
                _ => break,
            }
        }
        word
    }

    /// Reads the part after a backslash: a character, or its number in up to six hexadecimal
    /// digits.
    fn escaped(&mut self) -> char {
        let digits = self.0.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        let Some((number, rest)) = self.0.split_at_checked(digits).filter(|_| digits > 0) else {
            return self.pass().unwrap_or(char::REPLACEMENT_CHARACTER).to_ascii_lowercase();
        };
        self.0 = rest.strip_prefix("\r\n").or(rest.strip_prefix(is_space)).unwrap_or(rest);
        u32::from_str_radix(number, 16)
            .ok()
            .and_then(char::from_u32)
            .filter(|one| *one != '\0')
            .unwrap_or(char::REPLACEMENT_CHARACTER)
            .to_ascii_lowercase()
    }

    /// Skips a string, which ends with the same mark or before the end of the line.
    fn pass_to_end_of_string(&mut self, mark: char) {
        while let Some(first) = self.first() {
            if matches!(first, '\n' | '\r' | '\u{c}') {
                return;
            }
            self.pass();
            if first == '\\' {
                self.pass();
            } else if first == mark {
                return;
            }
        }
    }

    fn pass_to_end_of_url(&mut self) {
        while let Some(first) = self.pass() {
            match first {
                '\\' => {
                    self.pass();
                }
                ')' => return,
                _ => {}
            }
        }
    }

    /// Skips to the closing bracket. Brackets in strings and comments do not count.
    fn pass_to_end_of_brackets(&mut self, end: char) {
        let mut ends = vec![end];
        while let Some(end) = ends.last().copied() {
            if let Some(behind) = self.0.strip_prefix("/*") {
                self.0 = behind.split_once("*/").map_or("", |(_, rest)| rest);
                continue;
            }
            match self.pass() {
                None => return,
                Some('\\') => {
                    self.pass();
                }
                Some(mark @ ('"' | '\'')) => self.pass_to_end_of_string(mark),
                Some(one) if one == end => {
                    ends.pop();
                }
                Some(one) => ends.extend(closes(one)),
            }
        }
    }
}

/// The closing bracket for this opening bracket.
fn closes(one: char) -> Option<char> {
    match one {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

fn is_space(one: char) -> bool {
    matches!(one, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// Whether a character can be part of a name. Everything outside ASCII can, even the no-break
/// space.
fn is_of_word(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '-' | '_') || !one.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_and_what_does_not() {
        let (none, shown, unsaid) = (Some(false), Some(true), None);
        for (style, is_displayed, is_visible) in [
            ("display:none", none, None),
            ("color: red; DISPLAY : None !important ;", none, None),
            ("display:/* so */none", none, None),
            ("display:none;display:block", shown, None),
            ("display:none!important;display:block", none, None),
            ("display:none;display:4", none, None),
            ("display:none;display:nonsense", none, None),
            ("display:none;display:block none", none, None),
            ("display:none;display:block block", none, None),
            ("display:none;display:list-item block flow-root", shown, None),
            ("display:none;display:revert", unsaid, None),
            ("display:none;display:initial", shown, None),
            ("display:block", shown, None),
            ("mso-hide:all;font-size:0;max-height:0;opacity:0", unsaid, None),
            ("x-display:none;display:nonee", unsaid, None),
            ("visibility: HIDDEN", unsaid, Some(false)),
            ("visibility:collapse;visibility:inherit", unsaid, None),
            ("visibility:hidden;visibility:4", unsaid, Some(false)),
            ("visibility:visible", unsaid, Some(true)),
            ("", unsaid, None),
            ("display:none/*", none, None),
        ] {
            assert_eq!(Style::of(style), Style { is_displayed, is_visible }, "{style}");
        }
    }

    #[test]
    fn a_style_is_read_as_a_browser_reads_it() {
        for (style, hides) in [
            // Escapes.
            ("d\\69splay:n\\6f ne", true),
            ("d\\000069 splay:\\n\\o\\ne", true),
            ("\\64 isplay:\\6eone", true),
            ("dis\\play:non\\65", true),
            ("display:none\\", false),
            ("display:\\", false),
            // Strings and addresses that contain, or end with, something like a comment.
            ("content:'/*';display:none", true),
            ("background:url(a/*b);display:none;x:url(*/)", true),
            ("content:'*/';/* '; */display:none", true),
            ("font:\"a\\\";display:block;\";display:none", true),
            // Parts that only look like declarations.
            ("content:';display:none;'", false),
            ("background:url(;display:none;)", false),
            ("background:url( \");display:none;\" )", false),
            ("x:{;display:none;};y:z", false),
            ("x:([;display:none;);display:none;]);y", false),
            ("x:(/*)*/;display:none;)", false),
            ("content:'a\n;display:none;'", true),
            // Wrong declarations are skipped.
            ("display:none !foo", false),
            ("display:none !important foo", false),
            ("display:none!", false),
            ("display:! important none", false),
            ("display:none! /**/ IMPORTANT", true),
            ("display\u{a0}:none", false),
            ("display:\u{a0}none", false),
            ("display:none()", false),
            ("display none;", false),
            ("*display:none", false),
            ("@x display:none;display:block", false),
            ("4;display:none", true),
            (":;display:none", true),
            ("--display:none;-display:none;--:none", false),
            ("display\n:\r\nnone\u{c}", true),
            ("x:}display:none", false),
        ] {
            let expected = hides.then_some(false);
            let read = Style::of(style).is_displayed;
            assert_eq!(read.filter(|shown| !shown), expected, "{style}");
        }
        let long = format!("{}display:none", "color:red;".repeat(10_000));
        assert_eq!(Style::of(&long).is_displayed, Some(false));
    }
}
