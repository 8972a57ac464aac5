//! Tells HTML from plain text that has a `<` in it.

use html5gum::State;

use super::elements::{self, TELLING};
use super::tags::{self, Reader, Stuck, Tag};

/// Whether a text is HTML. It is if it has a comment, a document type, a tag that nobody writes by
/// chance, both the start and the end tag of another element, or a tag that hides its element.
///
/// Tags are found in the same way as when HTML is read. If the two differed, hidden text could be
/// shown, and visible text could be hidden.
pub(super) fn is_html(text: &str) -> Result<bool, Stuck> {
    if text.contains("<!--") && text.contains("-->") {
        return Ok(true);
    }
    if !text.contains('<') || !text.contains('>') {
        return Ok(false);
    }
    let mut found = Found { is_html: false, has_begun: [false; elements::ALL.len()] };
    tags::read(text, &mut found)?;
    Ok(found.is_html)
}

/// The findings so far.
struct Found {
    is_html: bool,
    /// For each known element, by its place: whether its start tag was read.
    has_begun: [bool; elements::ALL.len()],
}

impl Reader for Found {
    fn start(&mut self, tag: Tag) -> Option<State> {
        let hides_itself =
            tag.is_styled() || (tag.is_hidden && (tag.has_value || tag.ends_with_hidden));
        self.is_html |= hides_itself;
        if let Some(place) = elements::place(&tag.name) {
            self.is_html |= elements::ALL[place].traits & TELLING != 0;
            self.has_begun[place] = true;
        }
        elements::state(&tag.name)
    }

    fn end(&mut self, tag: Tag) {
        if let Some(place) = elements::place(&tag.name) {
            self.is_html |= self.has_begun[place] || elements::ALL[place].traits & TELLING != 0;
        }
    }

    fn text(&mut self, _: &[u8]) {}

    fn doctype(&mut self) {
        self.is_html = true;
    }

    fn is_done(&self) -> bool {
        self.is_html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_html_and_what_is_not() {
        for html in [
            "<br>",
            "a</p>",
            "<!DOCTYPE html>x",
            "<!-- -->",
            "<section>so</section>",
            "<x class=y hidden>",
            "<x hidden>",
            "<a_b hidden>no</a_b>",
            "<x title=\"<\" hidden>no</x>",
            "<x title=\"a>b\" style='display:none'>no</x>",
            "<x\u{c}hidden>no</x>",
            "<script>a<b && c</script>",
            "<title>a</title>",
        ] {
            assert!(is_html(html).unwrap(), "{html}");
        }
        for text in [
            "if a <b then c",
            "x < y > z",
            "<maria@example.com> wrote",
            "Dear <name>, <address>",
            "<note hidden in the drawer> <x>",
            "the <title> is wrong, and all that follows it",
            "we put <script> and <style> and <iframe> there; what is <textarea>?",
            "</section> <section>",
            "<p",
            "<!x>",
        ] {
            assert!(!is_html(text).unwrap(), "{text}");
        }
    }
}
