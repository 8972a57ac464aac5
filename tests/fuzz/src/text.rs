//! Checks the reader that makes the text of a record plain.

use std::time::{Duration, Instant};

use crm::text::{UNREADABLE, excerpt, own_words, plain, quoted, shown};

use crate::Fault;

/// How long reading may take, with generous room for a debug build on a shared machine.
const A_BYTE: Duration = Duration::from_micros(10);
const AT_LEAST: Duration = Duration::from_millis(50);

/// How many characters a tool asks for.
const LIMITS: [usize; 4] = [1, 60, 400, 2000];

/// Checks how a text is read.
///
/// # Errors
///
/// The text cannot be read, or takes too long. Or more of it is shown than was asked for, or
/// characters that nobody sees. Or the excerpt is not the beginning of the whole.
pub fn check(text: &str) -> Result<(), Fault> {
    let whole = in_time(text, plain)?;
    // Somebody may have written these very words.
    if whole == UNREADABLE && !text.contains(UNREADABLE) {
        return Err(fault("it cannot be read"));
    }
    if shown(&whole) != whole.as_str() {
        return Err(fault("something is shown that nobody sees"));
    }
    if whole.trim() != whole || whole.contains("\n\n\n") {
        return Err(fault("there are empty lines"));
    }
    for limit in LIMITS {
        let beginning = in_time(text, |text| excerpt(text, limit))?;
        let own = in_time(text, |text| own_words(text, limit))?;
        for one in [&beginning, &own] {
            if one.text.chars().count() > limit + 1 {
                return Err(fault(&format!("more than {limit} characters are shown")));
            }
        }
        let bare = beginning.text.strip_suffix('…').unwrap_or(&beginning.text);
        if !whole.starts_with(bare) || (beginning.truncated.is_none() && whole != beginning.text) {
            return Err(fault(&format!("the first {limit} characters are not those of the whole")));
        }
    }
    let quoted = quoted(text);
    if quoted.matches('"').count() != 2 || quoted.contains(char::is_control) {
        return Err(fault("a quotation ends before its end"));
    }
    Ok(())
}

/// Does some work, and once more if it took too long, because the machine may have been busy.
fn in_time<T>(text: &str, read: impl Fn(&str) -> T) -> Result<T, Fault> {
    let most = A_BYTE * u32::try_from(text.len()).unwrap_or(u32::MAX) + AT_LEAST;
    let mut took = Duration::ZERO;
    for _ in 0..3 {
        let started = Instant::now();
        let result = read(text);
        took = started.elapsed();
        if took <= most {
            return Ok(result);
        }
    }
    Err(fault(&format!("{} bytes take {took:?}", text.len())))
}

fn fault(problem: &str) -> Fault {
    Fault(problem.to_owned())
}
