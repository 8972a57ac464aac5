//! The text of a record, made plain.

use std::time::{Duration, Instant};

use crm::text::{UNREADABLE, excerpt, own_words, plain, quoted, shown};

use crate::Fault;

/// How long reading may take: with generous room for a debug build on a machine that is shared.
const A_BYTE: Duration = Duration::from_micros(10);
const AT_LEAST: Duration = Duration::from_millis(50);

/// How many characters the tools ask for.
const LIMITS: [usize; 4] = [1, 60, 400, 2000];

/// Checks what is read of a text.
///
/// # Errors
///
/// The text cannot be read, or takes too long; more of it is shown than was asked for, or what
/// nobody sees; or the beginning is not that of the whole.
pub fn check(text: &str) -> Result<(), Fault> {
    let whole = in_time(text, plain)?;
    // Somebody may have written just that.
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

/// Does it, once more where it took too long: whatever else the machine does may be at fault.
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
