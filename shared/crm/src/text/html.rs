//! Turns HTML into text, in one pass. The work grows only in proportion to the length of the HTML.
//!
//! The tokenizer is html5gum's, which follows the standard. The text follows the standard's tree in
//! everything that decides what a person sees: which end tag ends which element, which elements end
//! without an end tag, and what is hidden. No tree is built. Each element is pushed on a stack once
//! and popped once, and the innermost element of a name or kind is found without a search.

mod layout;
mod names;
mod page;
mod stack;

use html5gum::State;

use super::elements::{
    self, ENDS_PARAGRAPH, FORMATTING, HTML_WITHIN, SCOPE, SPECIAL, TABLE_PART, Traits, UNSEEN, VOID,
};
use super::lines::Lines;
use super::mail::Mark;
use super::tags::{self, Reader, Stuck, Tag};
use names::*;
use page::Page;

/// Writes the visible text of the HTML, until the lines need no more.
pub(super) fn read(html: &str, lines: &mut Lines) -> Result<(), Stuck> {
    tags::read(html, &mut Page::new(lines))
}

impl Reader for Page<'_> {
    fn start(&mut self, tag: Tag) -> Option<State> {
        let mark = if self.layout.lines.are_of_mail() { Mark::of(&tag) } else { None };
        let is_seen = self.stack.is_seen();
        match mark.filter(|_| is_seen) {
            Some(Mark::Rest) => {
                self.layout.lines.end_here();
                return None;
            }
            Some(Mark::IfNamed) => self.layout.lines.may_end(),
            Some(Mark::Element) | None => {}
        }
        let state = self.start_element(&tag);
        if tag.name == b"blockquote" {
            // Its lines are marked. What follows it may be an answer.
            self.quote = None;
        } else if mark == Some(Mark::Element) && is_seen && !self.is_quoted() {
            self.quote = self.stack.innermost_place();
        }
        state
    }

    fn end(&mut self, tag: Tag) {
        self.end_element(&tag);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.stack.reopen();
        if !self.stack.is_seen() || bytes.is_empty() {
            return;
        }
        if self.is_quoted() {
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                self.layout.lines.leave_out();
            }
            return;
        }
        self.layout.text(bytes);
    }

    fn is_foreign(&self) -> bool {
        self.stack.foreign_root().is_some()
    }

    fn is_done(&self) -> bool {
        self.layout.lines.is_done()
    }
}

impl Page<'_> {
    fn start_element(&mut self, tag: &Tag) -> Option<State> {
        self.layout.start_tag();
        let place = elements::place(&tag.name);
        let traits = place.map_or(0, |place| elements::ALL[place].traits);
        if self.is_foreign() && elements::breaks_out(&tag.name, tag.is_of_font) {
            while let Some(root) = self.stack.foreign_root() {
                self.close(root);
            }
        }
        let is_displayed = tag.style().is_displayed;
        let mut hides = traits & UNSEEN != 0 || !is_displayed.unwrap_or(!tag.is_hidden);
        if let Some(root) = self.stack.foreign_root() {
            self.start_foreign(root, place, tag, hides);
            return None;
        }
        let Some(id) = place else {
            self.put(None, tag, hides, 0);
            return None;
        };
        match id {
            // A second tag of this name makes no new element.
            HTML | HEAD | BODY if self.stack.last(id).is_some() => return None,
            FORM if self.stack.last(FORM).is_some() && self.stack.last(TEMPLATE).is_none() => {
                return None;
            }
            // A form directly in a table stays empty.
            FORM if self
                .stack
                .last_of(&AROUND_CELLS)
                .is_some_and(|last| self.stack.is_last(last)) =>
            {
                return None;
            }
            DIALOG => hides |= !tag.is_open && is_displayed != Some(true),
            COLGROUP => hides = false,
            _ => {}
        }
        self.end_what_ends_here(id, traits);
        if traits & TABLE_PART != 0 && self.stack.last(TABLE).is_none() {
            // Outside of a table, a part of a table leaves only a gap.
            if self.stack.is_seen() {
                if id == TR { self.layout.lines.own_line() } else { self.layout.lines.flowing(" ") }
            }
            return None;
        }
        if traits & VOID != 0 {
            if self.stack.is_seen() && !hides && tag.style().is_visible != Some(false) {
                self.void(id, traits, tag);
            }
            return None;
        }
        self.put(Some(id), tag, hides, traits);
        elements::state(&tag.name)
    }

    fn end_element(&mut self, tag: &Tag) {
        self.layout.end_tag();
        let place = elements::place(&tag.name);
        let traits = place.map_or(0, |place| elements::ALL[place].traits);
        if matches!(place, Some(BR | P)) {
            while let Some(root) = self.stack.foreign_root() {
                self.close(root);
            }
        }
        let Some(id) = place.or_else(|| self.stack.other(&tag.name)) else { return };
        if let Some(root) = self.stack.foreign_root()
            && let Some(at) = self.stack.last(id).filter(|at| *at >= root)
        {
            return self.close(at);
        }
        if traits & FORMATTING != 0 {
            return self.end_formatting(id, false);
        }
        let at = if HEADINGS.contains(&id) {
            self.stack.last_of(&HEADINGS)
        } else {
            self.stack.last(id)
        };
        let table = self.stack.last(TABLE);
        if matches!(id, TR | TBODY) && table > at && self.stack.last_of(&[TD, TH]) > table {
            // The inner table has an element of this kind, though it has no tag for it.
            return self.close_in_table(&PART_ENDS);
        }
        let Some(at) = at else {
            // In the standard, the end tags of these two make elements.
            if matches!(id, BR | P) && self.stack.is_seen() {
                self.void(id, traits, tag);
            }
            return;
        };
        let beyond = |outer: Option<usize>| outer > Some(at);
        let scope = self.stack.scope.last();
        if matches!(id, HTML | HEAD | BODY) {
            // These elements do not end here: what follows still belongs to them.
        } else if traits & TABLE_PART != 0 {
            if !beyond(self.stack.last(TABLE)) {
                self.close(at);
            }
        } else if id == TABLE {
            self.close(at);
        } else if id == FORM {
            if !beyond(scope) {
                self.end_form(at);
            }
        } else if traits & SPECIAL != 0 {
            let outer = match id {
                LI => scope.max(self.stack.last_of(&[OL, UL])),
                P => scope.max(self.stack.last(BUTTON)),
                _ => scope,
            };
            if !beyond(outer) {
                self.close(at);
            }
        } else if !beyond(self.stack.special.last()) {
            self.close(at);
        }
    }

    /// Handles a start tag in SVG or MathML, where no element breaks lines.
    fn start_foreign(&mut self, root: usize, place: Option<Id>, tag: &Tag, hides: bool) {
        let hides = hides || elements::is_unseen_in_foreign(&tag.name);
        if tag.closes_itself {
            return;
        }
        let is_of = |id: Id| self.stack.get(root).is_some_and(|root| root.id == id);
        let begins_html = match place {
            Some(DESC | FOREIGNOBJECT | TITLE) => !is_of(MATH),
            Some(ANNOTATION_XML) => is_of(MATH) && tag.is_of_html(),
            Some(id) => is_of(MATH) && elements::ALL[id].traits & HTML_WITHIN != 0,
            None => false,
        };
        let traits = if begins_html { HTML_WITHIN | SPECIAL | SCOPE } else { 0 };
        self.put(place, tag, hides, traits);
    }

    fn void(&mut self, id: Id, traits: Traits, tag: &Tag) {
        match id {
            BR => self.layout.lines.new_line(),
            IMG if self.is_quoted() => {}
            IMG => self.layout.lines.flowing(&tag.alt()),
            _ => self.layout.break_line(traits),
        }
    }

    /// Ends the elements that this start tag ends, though they have no end tag.
    fn end_what_ends_here(&mut self, id: Id, traits: Traits) {
        if traits & ENDS_PARAGRAPH != 0 {
            let outer = self.stack.scope.last().max(self.stack.last(BUTTON));
            self.close_beyond(outer, &[P]);
        }
        match id {
            LI => self.close_innermost(&[LI]),
            DD | DT => self.close_innermost(&[DD, DT]),
            A => self.end_formatting(A, true),
            NOBR if self.stack.last(NOBR) > self.stack.scope.last() => {
                self.end_formatting(NOBR, false)
            }
            BUTTON => self.close_beyond(self.stack.scope.last(), &[BUTTON]),
            OPTION => self.close_last_of(&[OPTION]),
            OPTGROUP => {
                self.close_last_of(&[OPTION]);
                self.close_last_of(&[OPTGROUP]);
            }
            TABLE => {
                // A table directly in another table ends the outer one.
                let outer = self.stack.last(TABLE).filter(|outer| {
                    self.stack.last_of(&[TD, TH, CAPTION, TEMPLATE]) < Some(*outer)
                });
                if let Some(outer) = outer {
                    self.close(outer);
                }
            }
            TD | TH => self.close_in_table(&ROW_ENDS),
            TR => self.close_in_table(&PART_ENDS),
            TBODY | THEAD | TFOOT | CAPTION | COLGROUP => self.close_in_table(&TABLE_PART_ENDS),
            _ if HEADINGS.contains(&id) => self.close_last_of(&HEADINGS),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;

    #[track_caller]
    fn shows(html: &str, expected: &str) {
        assert_eq!(plain(html), expected, "{html}");
    }

    #[test]
    fn lines_are_where_blocks_are() {
        shows("<div>one</div><div>two <b>bold</b> </div> three", "one\ntwo bold\nthree");
        shows("<p>one</p>\n\n<p>two\n three</p>", "one\n\ntwo three");
        shows("one<br>two<br/><br>three<br>", "one\ntwo\n\nthree");
        shows("<h1>Title</h1>text<hr>end", "Title\n\ntext\n\nend");
        shows("a<span> </span>b<div><div><br></div></div>&nbsp;<p> c", "a b\n\nc");
        shows("<p>x<div>y</p>z</div>", "x\n\ny\n\nz");
        shows("Zo&euml; &ndash; 5&nbsp;&lt;&#x20AC;&#8364 <br>&amp;copy;", "Zoë – 5 <€€\n&copy;");
    }

    #[test]
    fn lists_are_marked_and_counted() {
        shows("<ul><li>a<li>b<ul><li>c</ul><li></ul>d", "* a\n* b\n  * c\n\nd");
        shows("<ol start=9><li><p>a</p><p>b</p></li><li>c</ol>", "9. a\n   b\n10. c");
        shows("<ol><li value=7>a<li value=x>b</ol>", "7. a\n1. b");
        shows(
            "<ol start=\"9223372036854775807\"><li>a</li><li>b</li></ol>",
            "9223372036854775807. a\n9223372036854775807. b",
        );
        shows("<ol start=99999999999999999999><li>a</ol>", "1. a");
        shows("<ul><li hidden>no<li>yes</ul>", "* yes");
        shows(&format!("{}x<li>y", "<ul><li>".repeat(1000)), "* x\n                * y");
    }

    #[test]
    fn rows_are_lines() {
        shows(
            "<table><tr><th>Part<th>Count<tr><td><p>Pump</p></td><td><p>2</p></td></tr></table>end",
            "Part | Count\nPump | 2\nend",
        );
        shows("<table><tr><td> &nbsp; <td><div>only</div><td></table>", "only");
        shows("<table><tr><td><table><tr><td>a<tr><td>b</table><td>c</table>", "a\nb | c");
        shows("<td>a</td><td>b</td>", "a b");
    }

    #[test]
    fn what_is_replied_to_is_marked() {
        shows(
            "<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d",
            "> a\n> b\n\n> > c\n\nd",
        );
        let deep = format!("{}x", "<blockquote>".repeat(1000));
        shows(&deep, "> > > > > > > > x");
    }

    #[test]
    fn preformatted_text_is_as_it_was() {
        shows("<pre>\n  a\n\n\n    b \t</pre>c", "a\n\n    b\n\nc");
        shows("x<pre>  a\n\tb</pre>", "x\n\n  a\n\tb");
        shows("<p>x</p><textarea>\n a &lt;b>\n</textarea>", "x\n\n a <b>");
        shows("<xmp><b>not bold</b></xmp><br>", "<b>not bold</b>");
    }

    #[test]
    fn pictures_say_what_they_are_and_code_is_not_shown() {
        shows(
            "ok<img src='https://tracker.example/1.gif' alt=''> <img alt=\"a &amp; b\">",
            "ok a & b",
        );
        shows("<head><title>t</title><style>p{}</style></head><script>\"<b>\"</script>ok", "ok");
        shows("<script><!--<script></script></script>ok", "ok");
        shows("a<!-- b --><![if !mso]>c<![endif]><!doctype x>", "ac");
        shows("<iframe>a</iframe><noembed>b</noembed><noframes>c</noframes><b>d", "d");
    }

    #[test]
    fn what_is_hidden_is_not_shown() {
        for hidden in [
            "<div style=\"display:none\">no</div>",
            "<span style='color:red; DISPLAY : None !important'>no</span>",
            "<u style=visibility:hidden>no<b>no</b></u>",
            "<section hidden>no<section>no</section>no</section>",
            "<p hidden=until-found>no</p>",
            "<noscript><p>no</p></noscript>",
            "<template><div>no</div></template>",
            "<x-y hidden>no<x-y>no</x-y>no</x-y>",
            "<svg><defs><text>no</text></defs><g hidden><text>no</text></g></svg>",
            "<dialog>no</dialog>",
            "<b><div hidden></b>no</div>",
            "<span><div hidden></span>no</div>",
            "<div hidden><table><tr><td>no</div>no</table></div>",
            "<img hidden alt=no><br hidden><!-- no -->",
            "<ul hidden><li>no</ul>",
            "<div style=\"display:&#110;one\">no</div>",
            // A formatting element goes on after the block in which it began.
            "<p><u hidden></p>no<div>no</div></u>",
            "<p><u style=visibility:hidden></p>no<div>no</div></u>",
            "<p><u hidden><u></p>no</u>no</u>",
            "<p><u hidden></p><u>no</u>no</u>",
            "<b><i hidden></b>no</i>",
            "<span><i hidden></span>no<table><td>no</i>no</table>no</i>",
            "<u><p><u hidden></p>no</u></u>",
            "<p><u hidden><u a><u b><u c></p>no</u>no</u>no</u>no</u>",
            // Some elements of HTML end SVG and MathML, and some parts of SVG and MathML hold HTML.
            "<svg hidden><section>no</section><article>no</article><font>no</font></svg>",
            "<math hidden><mi><p>no</p></mi><a>no</a></math>",
            "<math hidden><annotation-xml encoding=text/html><p>no</p></annotation-xml></math>",
            "<svg><foreignObject hidden><p>no</p>no</foreignObject></svg>",
            "<svg><desc><p>no</p></desc><title><p>no</p></title></svg>",
            "<svg><mi><g hidden>no</g></mi></svg>",
            // Styles are read as browsers read them, however long they are.
            "<i style='d\\69splay:n\\6f ne'>no</i>",
            "<i style=\"content:'/*';display:none\">no</i>",
            &format!("<i style='{}display:none'>no</i>", "color:red;".repeat(1000)),
            "<i style='display:none;display:nonsense'>no</i>",
            // A form inside a form is ignored. The outer form ends together with the elements
            // inside it.
            "<form hidden>no<form>no</form></form>",
            "<form hidden><div></form>no</div>",
            // If a table is hidden, so are its cells.
            "<table hidden><caption>no</caption><tbody><tr><td>no<table><tr><td>no</table></table>",
            "<table style=visibility:hidden><tr><td>no</table>",
            "<table><tbody hidden><tr><td>no</table>",
            "<noscript style=display:block>no</noscript>",
        ] {
            let html = format!("<i>yes{hidden} yes");
            assert_eq!(plain(&html).split_whitespace().collect::<Vec<_>>(), ["yes"; 2], "{html}");
        }
        shows("<div style=visibility:hidden>no<b style=visibility:visible>yes</b>no</div>", "yes");
    }

    #[test]
    fn what_is_seen_is_shown_though_tags_are_missing() {
        for html in [
            "<p hidden>no<p>yes",
            "<div><span hidden>no</div>yes",
            "<table><tr><td hidden>no<td>yes</table>",
            "<table><tr hidden><td>no<tr><td>yes</table>",
            "<menu><li hidden>no</menu>yes",
            "<dl><dt hidden>no<dd>yes</dl>",
            "<div><b hidden><p></b>yes</p></div>",
            "<td hidden>yes</td>",
            "<br hidden><img style=display:none>yes",
            "<svg hidden><p>yes",
            "<br><svg><style><p>yes</p>",
            "<svg><g hidden/></svg><b>yes",
            "<div hidden></div hidden>yes",
            "<font size=0 style=\"font-size:0;opacity:0;color:#fff\">yes</font>",
            "<b>yes</b></div></p></x></table>",
            "<dialog open>yes</dialog>",
            "<dialog style=display:block>yes</dialog>",
            "<p hidden style='display:block'>yes</p>",
            "<p hidden style='display:nonsense'>no</p>yes",
            // A lingering element ends with its own end tag, or with the cell in which it began.
            "<p><u hidden></p>no</u>yes",
            "<p><b hidden>no</p></b>yes",
            "<table><td><p><u hidden></p>no</td><td>yes</table>",
            "<table><td><u hidden></table>yes",
            "<p><u hidden></p><table><td>yes</table></u>",
            "<p><u hidden></p>no<table><td>no</table></u>yes",
            "<p><u hidden></p>no</p><p><table><td>no</table></u>yes",
            "<p><u hidden></p><div>no</div><table><td>yes</table>",
            "<table><i hidden><tr><td>yes</table>",
            "<b><span hidden><div></b>yes</div>",
            "<b><div><span hidden></b>yes</div>",
            "<b hidden><p></b>yes</p>",
            "<u hidden>no<table><td></u>no</table></u>yes",
            // Some start tags end the element before them.
            "<a hidden>no<a>yes</a>",
            "<p><a hidden>no</p><a>yes</a>",
            "<a hidden>no<table><a>no</table><a>yes",
            "<table hidden><b>yes</b><table><tr hidden></table>",
            "<table hidden><table><td>yes</table>",
            "<nobr hidden>no<nobr>yes",
            "<button hidden>no<p>no<button>yes",
            "<h1 hidden>no</h2>yes",
            "<h1 hidden>no<h2>yes</h2>",
            "<select><optgroup hidden><option>no<optgroup><option>yes</select>",
            "<table><caption hidden>no<tr><td>yes</table>",
            "<table><colgroup hidden>yes",
            // Content of a table outside of its cells is shown before the table.
            "<table hidden>yes</table>",
            "<table hidden><tr hidden><b>yes</b></table>",
            "<table style=visibility:hidden>yes</table>",
            "<table style=visibility:hidden><tr><td>no<td style=visibility:visible>yes</table>",
            "<form><form hidden>yes</form>",
            "<table><form hidden>yes</table>",
            "<table><td hidden>no</tr><td>yes</table>",
            "<table><div hidden></tr>no</div></table>yes",
            "<form hidden><p></form>yes",
            "<form hidden><div></form></div>yes",
            // SVG and MathML end at these tags.
            "<svg hidden><font color=red>yes</font>",
            "<svg hidden></p>yes",
            "<svg hidden><sub>yes</sub>",
            "<math hidden><annotation-xml><p>yes</p>",
            "<svg><g hidden></svg>yes",
            // Wrong styles.
            "<i style=\"content:';display:none;'\">yes</i>",
            "<i style='display:none !foo'>yes</i>",
            "<i style='display:\u{a0}none'>yes</i>",
        ] {
            shows(html, "yes");
        }
    }
}
