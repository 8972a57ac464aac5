//! Finds where in a mail the mail begins that it answers or forwards.
//!
//! Mail programs mark it by tags ([`Mark`]), and by lines above it ([`Judge`]): "On … wrote:",
//! "-----Original Message-----", or a block of From, Sent, To and Subject.

use super::same_words;
use super::tags::Tag;

mod wordings;

use wordings::{ATTRIBUTIONS, FORWARDED, FORWARDS, FROM, PHONES, Place, SENT, SUBJECT, TITLES, TO};

/// What a start tag says about the mail that is answered or forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It begins here, and takes the rest.
    Rest,
    /// The element holds it, and what is above it. A `blockquote` inside is marked line by line, and
    /// what stands between two of these was written as an answer.
    Element,
    /// It begins here, if the next line is like "From: …". Outlook draws a line here, as others do.
    IfNamed,
}

impl Mark {
    pub(super) fn of(tag: &Tag) -> Option<Mark> {
        /// Outlook on the web and on phones, and for the Mac.
        const RESTS: [&str; 4] = [
            "divrplyfwdmsg",
            "mail-editor-reference-message-container",
            "ms-outlook-mobile-reference-message",
            "olk_src_body_section",
        ];
        /// Gmail, Thunderbird, Yahoo, Proton, Tuta, Zoho.
        const ELEMENTS: [&str; 9] = [
            "gmail_quote",
            "gmail_quote_container",
            "gmail_attr",
            "moz-cite-prefix",
            "moz-forward-container",
            "yahoo_quoted",
            "protonmail_quote",
            "tutanota_quote",
            "zmail_extra",
        ];
        if !matches!(tag.name.as_slice(), b"div" | b"span" | b"blockquote") {
            return None;
        }
        let names = tag.names();
        // Outlook puts "x_" before the names in mails that it shows.
        let mut names = names.split_ascii_whitespace().map(|name| name.trim_start_matches("x_"));
        if names.clone().any(|name| RESTS.contains(&name)) {
            Some(Mark::Rest)
        } else if names.any(|name| ELEMENTS.contains(&name)) {
            Some(Mark::Element)
        } else if tag.name == b"div" && has_line_above(&tag.style_text()) {
            Some(Mark::IfNamed)
        } else {
            None
        }
    }
}

/// Whether a style draws the line that Outlook draws above the mail.
fn has_line_above(style: &str) -> bool {
    const COLOURS: [&str; 4] = ["#e1e1e1", "#b5c4df", "rgb(225,225,225)", "rgb(181,196,223)"];
    let style = style.to_ascii_lowercase();
    style.split(';').filter_map(|one| one.split_once(':')).any(|(name, value)| {
        let value: String = value.split_whitespace().collect();
        name.trim() == "border-top"
            && value.contains("solid")
            && COLOURS.iter().any(|colour| value.contains(colour))
    })
}

/// What happens to a line, and to those before it of which it was not clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict<P> {
    /// The line stays, at least for now.
    Keep,
    /// The line is left out.
    Drop,
    /// The text goes on at this place: the lines behind it are left out, and so is this line.
    DropFrom(P),
    /// The text ends at this place.
    EndAt(P),
}

/// The most bytes of a line that are read to judge it. A longer line is no heading.
pub(super) const LONGEST_HEADING: usize = 500;

/// Judges the lines of a mail one by one. `P` is a place in the text.
///
/// Lines that quote (`>`) are left out, with the heading directly above them. A heading without such
/// lines below it ends the text. What is left out does not change how the other lines are judged, so
/// that what is left is judged in the same way again.
#[derive(Debug)]
pub(super) struct Judge<P> {
    now: State<P>,
    /// The lines above were "On … wrote:", from this place on. With the state before them.
    attributed: Option<(P, State<P>)>,
    /// Whether a tag says that the next line may begin the other mail.
    is_marked: bool,
}

#[derive(Clone, Debug)]
struct State<P> {
    /// A block of From, Sent, To and Subject that may have begun.
    block: Option<Block<P>>,
    /// A heading that may have begun, and go on in the next line.
    wrapped: Option<Wrapped<P>>,
}

impl<P> Default for State<P> {
    fn default() -> State<P> {
        State { block: None, wrapped: None }
    }
}

#[derive(Clone, Copy, Debug)]
struct Block<P> {
    at: P,
    /// Which labels it has, as bits.
    labels: u8,
    /// The number of its lines without a label.
    others: u8,
    /// Whether a line of underscores stands above it.
    is_ruled: bool,
}

#[derive(Clone, Debug)]
struct Wrapped<P> {
    at: P,
    text: String,
    lines: u8,
    /// The block that had begun before it.
    block: Option<Block<P>>,
}

/// The most lines of a wrapped heading.
const MOST_WRAPPED: u8 = 4;

const OF_FROM: u8 = 1;
const OF_SENT: u8 = 1 << 1;
const OF_TO: u8 = 1 << 2;
const OF_SUBJECT: u8 = 1 << 3;

impl<P> Default for Judge<P> {
    fn default() -> Judge<P> {
        Judge { now: State::default(), attributed: None, is_marked: false }
    }
}

impl<P: Copy> Judge<P> {
    /// Says that the next line may begin the other mail.
    pub(super) fn mark(&mut self) {
        self.is_marked = true;
    }

    /// Whether the next lines say what happens to the last ones.
    pub(super) fn is_waiting(&self) -> bool {
        self.attributed.is_some() || self.now.block.is_some() || self.now.wrapped.is_some()
    }

    /// Judges the next line, which begins at this place.
    pub(super) fn line(&mut self, line: &str, at: P) -> Verdict<P> {
        let is_marked = std::mem::take(&mut self.is_marked);
        if line.starts_with('>') {
            return match self.attributed.take() {
                Some((above, state)) => {
                    self.now = state;
                    Verdict::DropFrom(above)
                }
                None => Verdict::Drop,
            };
        }
        if let Some((above, _)) = self.attributed {
            return Verdict::EndAt(above);
        }
        let beginning = line.get(..line.floor_char_boundary(LONGEST_HEADING)).unwrap_or(line);
        let words = same_words(&beginning.replace('*', ""));
        let is_whole = beginning.len() == line.len();
        if is_whole && is_title(&words) {
            let ruled = self.now.block.filter(|block| block.labels == 0);
            return Verdict::EndAt(ruled.map_or(at, |block| block.at));
        }
        if is_whole && is_attribution(&words, false) {
            let state = std::mem::take(&mut self.now);
            self.attributed = Some((at, state));
            return Verdict::Keep;
        }
        if let Some(end) = self.take_label(&words, at, is_marked) {
            return Verdict::EndAt(end);
        }
        if is_whole {
            self.take_wrapped(words, at);
        } else {
            self.now.wrapped = None;
        }
        Verdict::Keep
    }

    /// Where the text ends if no line follows.
    pub(super) fn finish(&mut self) -> Option<P> {
        self.attributed.take().map(|(above, _)| above)
    }

    /// Goes on with a block, or begins one. Returns where it begins, if it is one for certain.
    fn take_label(&mut self, words: &str, at: P, is_marked: bool) -> Option<P> {
        let Some(label) = label(words) else {
            if is_marked && is_like_a_label(words) {
                return Some(at);
            }
            self.now.block = match self.now.block.take() {
                _ if is_rule(words) => Some(Block { at, labels: 0, others: 0, is_ruled: true }),
                // A long list of recipients is wrapped.
                Some(block) if block.labels != 0 && block.others == 0 => {
                    Some(Block { others: 1, ..block })
                }
                _ => None,
            };
            return None;
        };
        let begun = self.now.block.unwrap_or(Block { at, labels: 0, others: 0, is_ruled: false });
        // A date without a date, or somebody without an address, may be anything.
        let is_sure = match label {
            OF_SENT => is_dated(words),
            OF_FROM => has_address(words),
            _ => true,
        };
        let sure = if is_sure { label << 4 } else { 0 };
        let labels = begun.labels | label | sure;
        let has = |all: u8| labels & all == all;
        let is_block = match begun.is_ruled {
            true => has(OF_FROM) && labels & (OF_SENT | OF_TO | OF_SUBJECT) != 0,
            false => {
                has(OF_FROM | OF_SUBJECT)
                    && (has(OF_SENT << 4) || (has(OF_TO) && has(OF_FROM << 4)))
            }
        };
        if is_marked || is_block {
            return Some(begun.at);
        }
        self.now.block = Some(Block { labels, others: 0, ..begun });
        None
    }

    /// Goes on with a wrapped heading, or begins one.
    fn take_wrapped(&mut self, words: String, at: P) {
        let block = self.now.block;
        let Some(mut wrapped) = self.now.wrapped.take() else {
            if may_be_wrapped(&words) {
                self.now.wrapped = Some(Wrapped { at, text: words, lines: 1, block });
            }
            return;
        };
        wrapped.text.push(' ');
        wrapped.text.push_str(&words);
        wrapped.lines += 1;
        if is_attribution(&wrapped.text, true) {
            let state = State { block: wrapped.block, wrapped: None };
            self.attributed = Some((wrapped.at, state));
            self.now = State::default();
        } else if wrapped.lines < MOST_WRAPPED && !ends_a_sentence(&words) {
            self.now.wrapped = Some(wrapped);
        }
    }
}

/// Whether a line begins like "-----Original Message-----", or is "Begin forwarded message:".
fn is_title(words: &str) -> bool {
    const DASHES: [char; 7] = ['-', '_', '=', '‐', '–', '—', '─'];
    let rest = words.trim_start_matches(DASHES);
    if words.chars().count() < rest.chars().count() + 2 {
        return words.strip_suffix(':').is_some_and(|title| FORWARDS.contains(&title.trim_end()));
    }
    let rest = rest.trim_start();
    TITLES.iter().filter_map(|title| rest.strip_prefix(title)).any(|behind| {
        let behind = behind.trim_start_matches([' ', ':']);
        behind.is_empty() || behind.starts_with(DASHES)
    })
}

/// Whether a line is like "On 4 Sep 2025, Maria wrote:". A line that was wrapped must say more to be
/// sure.
fn is_attribution(words: &str, was_wrapped: bool) -> bool {
    let dashed = words.trim_matches(['-', ' ']);
    let core = match dashed.strip_suffix(':') {
        Some(core) => core.trim_end(),
        None if dashed.len() + 2 < words.len() => dashed,
        None => return false,
    };
    if !core.chars().any(|one| one.is_ascii_digit()) {
        return false;
    }
    let says_more = is_dated(core) || has_address(core);
    let is_certain = has_time(core) && (has_year(core) || has_address(core));
    let has_words = ATTRIBUTIONS.iter().any(|(begin, word, place)| {
        let is_there = match place {
            Place::End => core.ends_with(word),
            Place::Middle => core.split_once(word).is_some_and(|(before, after)| {
                before.ends_with([' ', ',']) && after.starts_with(' ')
            }),
        };
        let is_enough = match place {
            _ if begin.is_empty() => is_certain,
            Place::End => says_more || !was_wrapped,
            Place::Middle => says_more,
        };
        is_there && is_enough && core.starts_with(begin)
    });
    // In any language, a name with an address and a time.
    has_words || (has_time(core) && has_year(core) && core.ends_with('>') && has_address(core))
}

/// Whether a line may be the first of a wrapped "On … wrote:".
fn may_be_wrapped(words: &str) -> bool {
    let has_digit = words.chars().any(|one| one.is_ascii_digit());
    let begins =
        || ATTRIBUTIONS.iter().any(|(begin, ..)| !begin.is_empty() && words.starts_with(begin));
    let is_heading = has_digit && begins() || has_time(words) && has_year(words);
    (is_heading || words.contains('<')) && !ends_a_sentence(words)
}

fn ends_a_sentence(words: &str) -> bool {
    words.ends_with(['.', '!', '?', '。', ':'])
}

/// The label of a line such as "From: Maria", as a bit.
fn label(words: &str) -> Option<u8> {
    let (label, _) = words.split_once(':')?;
    let label = label.trim();
    let of = [(FROM, OF_FROM), (SENT, OF_SENT), (TO, OF_TO), (SUBJECT, OF_SUBJECT)];
    of.into_iter().find(|(labels, _)| labels.contains(&label)).map(|(_, bit)| bit)
}

/// Whether a line begins with a few words and a colon, in any language.
fn is_like_a_label(words: &str) -> bool {
    let Some((label, _)) = words.split_once(':') else { return false };
    let is_word = |one: char| one.is_alphabetic() || matches!(one, ' ' | '-' | '\'');
    label.chars().count() <= 20 && label.chars().all(is_word)
}

/// Whether a line is only a rule, as Outlook draws one in plain text.
fn is_rule(words: &str) -> bool {
    words.len() >= 10 && words.chars().all(|one| one == '_')
}

fn is_dated(words: &str) -> bool {
    has_time(words) || has_year(words)
}

/// Whether a text has a time such as 10:12.
fn has_time(words: &str) -> bool {
    let is_digit = |one: u8| one.is_ascii_digit();
    words.as_bytes().windows(4).any(|four| match four {
        [hour, b':' | b'.' | b'h', ten, minute] => {
            is_digit(*hour) && is_digit(*ten) && is_digit(*minute)
        }
        _ => false,
    })
}

/// Whether a text has a number of four digits that is a year of mails, or a date such as 4/9/25.
fn has_year(words: &str) -> bool {
    let numbers = words.split(|one: char| !one.is_ascii_digit());
    let is_year = |number: &str| number.len() == 4 && matches!(number.get(..2), Some("19" | "20"));
    let is_date = |word: &str| {
        let parts: Vec<_> = word.trim_matches([',', '(', ')']).split(['/', '.', '-']).collect();
        parts.len() == 3
            && parts.iter().all(|part| {
                (1..=2).contains(&part.len()) && part.bytes().all(|one| one.is_ascii_digit())
            })
    };
    numbers.clone().any(is_year) || words.split(' ').any(is_date)
}

/// Whether a text has an address in angle brackets or in others.
fn has_address(words: &str) -> bool {
    words.split(['<', '(', '[']).skip(1).any(|behind| {
        behind.split(['>', ')', ']']).next().is_some_and(|inside| inside.contains('@'))
    })
}

/// Whether the subject says that a mail was forwarded.
pub(super) fn is_forwarded(subject: &str) -> bool {
    let words = same_words(subject);
    words.split_once(':').is_some_and(|(begin, _)| FORWARDED.contains(&begin.trim()))
}

/// Whether somebody wrote nothing here: there are at most rules, and what a phone adds.
pub(super) fn is_empty(text: &str, but_phones: bool) -> bool {
    text.lines().all(|line| {
        let words = same_words(line);
        let is_of_phone =
            || words.chars().count() <= 60 && PHONES.iter().any(|phone| words.starts_with(phone));
        words.chars().all(|one| matches!(one, '…' | '-' | '_' | '=' | '*' | '.' | ' '))
            || (but_phones && is_of_phone())
    })
}

#[cfg(test)]
mod tests;
