//! What an inline style says about whether an element is seen.

/// What an inline style says. Style sheets, sizes and colours decide nothing: unsure means shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// `display: none`, or something else.
    pub(super) is_none: bool,
    /// `visibility`, where it says so: what is in the element inherits it.
    pub(super) is_visible: Option<bool>,
}

/// A declaration, and whether it is important: those win over the others, later over earlier ones.
#[derive(Clone, Copy, Default)]
struct Declared<T> {
    value: Option<T>,
    important: bool,
}

impl<T> Declared<T> {
    fn declare(&mut self, value: T, important: bool) {
        if important || !self.important {
            *self = Declared { value: Some(value), important };
        }
    }
}

impl Style {
    /// Reads the value of an attribute `style`.
    pub(super) fn of(style: &str) -> Style {
        let (mut display, mut visibility) = (Declared::default(), Declared::default());
        for declaration in without_comments(style).split(';') {
            let Some((property, value)) = declaration.split_once(':') else { continue };
            let (value, important) = match value.split_once('!') {
                Some((value, mark)) => (value, mark.trim().eq_ignore_ascii_case("important")),
                None => (value, false),
            };
            let (property, value) = (property.trim(), value.trim());
            if property.eq_ignore_ascii_case("display") && is_word(value) {
                display.declare(value.eq_ignore_ascii_case("none"), important);
            } else if property.eq_ignore_ascii_case("visibility") {
                match value.to_ascii_lowercase().as_str() {
                    "hidden" | "collapse" => visibility.declare(false, important),
                    "visible" | "initial" => visibility.declare(true, important),
                    _ => {}
                }
            }
        }
        Style { is_none: display.value == Some(true), is_visible: visibility.value }
    }
}

/// Anything else is no value of `display`, and the declaration before it counts.
fn is_word(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b' '))
}

/// A comment stands where a space may stand. One that does not end takes the rest.
fn without_comments(style: &str) -> String {
    let mut text = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        text.push(' ');
        rest = after.split_once("*/").map_or("", |(_, behind)| behind);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_and_what_does_not() {
        for (style, is_none, is_visible) in [
            ("display:none", true, None),
            ("color: red; DISPLAY : None !important ;", true, None),
            ("display:/* so */none", true, None),
            ("display:none;display:block", false, None),
            ("display:none!important;display:block", true, None),
            ("display:none;display:4", true, None),
            ("display:block", false, None),
            ("mso-hide:all;font-size:0;max-height:0;opacity:0", false, None),
            ("x-display:none;display:nonee", false, None),
            ("visibility: HIDDEN", false, Some(false)),
            ("visibility:collapse;visibility:inherit", false, Some(false)),
            ("visibility:visible", false, Some(true)),
            ("", false, None),
            ("display:none/*", true, None),
        ] {
            assert_eq!(Style::of(style), Style { is_none, is_visible }, "{style}");
        }
    }
}
