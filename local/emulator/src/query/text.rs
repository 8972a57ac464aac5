//! Splits text outside of quotes and parentheses.

/// The parts of a text between separators. Separators in quotes or parentheses do not count.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = outside(text, separator);
        rest = end.map(|end| &text[end + separator.len_utf8()..]);
        Some(end.map_or(text, |end| &text[..end]))
    })
}

/// The first place of a character outside of quotes and parentheses.
pub(crate) fn outside(text: &str, wanted: char) -> Option<usize> {
    let (mut depth, mut quoted) = (0usize, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            _ if letter == wanted && depth == 0 => return Some(at),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{outside, split};

    #[test]
    fn quotes_and_parentheses_protect() {
        let parts: Vec<&str> = split("a,b($x=1,2),'c,d',f('),('),e", ',').collect();
        assert_eq!(parts, ["a", "b($x=1,2)", "'c,d'", "f('),(')", "e"]);
        assert_eq!(outside("(a/b)'/'/c", '/'), Some(8));
    }
}
