//! Shapes of HTML, of any length, that have been slow in one reader or another.

/// Shapes of about so many bytes, each with its name: deep ones, wide ones, some without an end,
/// some that repeat.
pub fn hostile(bytes: usize) -> Vec<(&'static str, String)> {
    let fill = |before: &str, unit: &str, after: &str| {
        let times = bytes.saturating_sub(before.len() + after.len()) / unit.len().max(1);
        format!("{before}{}{after}", unit.repeat(times))
    };
    vec![
        ("ordinary", fill("<div>", "<p>Hello <b>you</b> &amp; <i>me</i></p>\n", "</div>")),
        ("nested div", fill("", "<div>", "x")),
        ("nested lists", fill("", "<ul><li>", "x")),
        ("nested quotations", fill("", "<blockquote>a<br>", "x")),
        ("nested tables", fill("", "<table><tr><td>a", "x")),
        ("nested formatting", fill("<p>", "<b><i><font>", "x")),
        ("nested hidden", fill("", "<div hidden>", "x")),
        ("unknown names", fill("<b>", "<x-y z hidden>a</x-y>", "x")),
        ("end tags of nothing", fill("<div>", "</p></li></b></table>", "x")),
        ("formatting that blocks keep open", fill("", "<b><div></b>", "x")),
        ("formatting that goes on", fill("", "<p><b hidden><i>x</p></i>", "x")),
        (
            "formatting of all kinds that goes on",
            fill(
                "<p><a><b><big hidden><code><em hidden><font><i hidden><nobr><s><small><strike>\
                    <strong><tt><u><b hidden><b hidden></p>",
                "<p><b></p>",
                "x",
            ),
        ),
        ("formatting that goes on in cells", fill("", "<table><td><p><b hidden></p>", "x")),
        ("elements that blocks outlive", fill("", "<b><span hidden><span><div></b>", "x")),
        ("end tags of many of a kind", fill("", "<i><b><div>", &"</b>".repeat(bytes / 16))),
        ("links and headings", fill("", "<a><h1><a><button><form></h2></form><div>", "x")),
        ("tables in tables", fill("", "<table><b><tr><i><table hidden><td></tr>", "x")),
        ("paragraphs without an end", fill("", "<p>a<li>b<td>c", "x")),
        (
            "cells",
            fill("<table>", "<tr><td colspan=18446744073709551615>a<th rowspan=1000>b", "</table>"),
        ),
        ("a tag without an end", fill("<b>", "<a ", "")),
        ("attributes", fill("<b ", "a b=c ", ">x")),
        ("attributes with other names", fill("<b>x<i", " q='\"' w=\"'\" style=display:none", ">x")),
        ("one long attribute", fill("<b style=\"", "display:none;/*", "\">x")),
        ("a style of brackets", fill("<b style=\"", "([{", "\">x")),
        ("a style of escapes", fill("<b style='", "\\6e\\:;\"/*\n", "'>x")),
        ("many styles", fill("<b>", "<i style='display:none;a:url(b;c)'></i>", "x")),
        ("comments without an end", fill("<b>x", "<!--", "")),
        ("comments", fill("<b>x", "<!--a--!><!-->", "")),
        ("bogus comments", fill("<b>x", "<?<!<//", "")),
        ("doctypes", fill("<b>x", "<!DOCTYPE a PUBLIC \"b\" \"c\">", "")),
        ("ampersands", fill("<b>x", "&&#&amp&#x110000000000;&notit;&", "")),
        ("scripts", fill("<b>x", "<script><!--<script></script", "")),
        ("raw text", fill("<b>x<textarea>", "</textare", "</textarea>x")),
        ("preformatted", fill("<pre>", " \t\n", "</pre>x")),
        ("only angle brackets", fill("<b>x", "<", "")),
        ("only closing ones", fill("<b>x", "</", "")),
        ("drawings", fill("<b>x", "<svg><title><math></p>", "")),
        ("drawings in drawings", fill("<b>x", "<svg><g hidden><desc><math><mi>", "")),
        ("sections of data", fill("<svg>", "<![CDATA[ ]] ", "")),
        ("no tags", fill("", "word < word > word & ", "")),
        ("tags of no element", fill("", "<x y=\"<\" z hidden w>", "")),
        ("tags that look like some", fill("", "<section <x y=z <!x ", "")),
        ("joiners", fill("<b>x", "م\u{200c}\u{200d}\u{fe0f}\u{e0041}", "x")),
    ]
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    use super::*;

    fn took(text: &str) -> Duration {
        let once = || {
            let started = Instant::now();
            black_box(crm::text::plain_in_full(black_box(text)));
            started.elapsed()
        };
        // The best of several, because the machine may do other work.
        (0..3).map(|_| once()).min().unwrap()
    }

    /// No shape takes much longer than ordinary text. A reader that goes back, or searches through
    /// open elements, would take a hundred times as long.
    #[test]
    fn every_shape_is_read_in_one_pass() {
        let is_whole = std::env::var("TESTS").is_ok_and(|size| size == "whole");
        let shapes = hostile(if is_whole { 200_000 } else { 60_000 });
        let ordinary = took(&shapes[0].1);
        for (name, text) in &shapes {
            let took = took(text);
            assert!(
                took < ordinary * 12 + Duration::from_millis(20),
                "{name}: {took:?}, {ordinary:?}"
            );
            assert_eq!(crate::text::check(text), Ok(()), "{name}");
        }
    }
}
