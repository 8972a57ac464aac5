//! Contacts and leads by what people are called.

use dataverse::Filter;

use crate::text::apostrophes;

/// People whose name or address matches in part.
///
/// An email address matches all three address columns. Every word of anything else must be in one
/// of these columns; a single word may be a part of an address as well.
pub fn matching(text: &str, columns: &[&'static str]) -> Filter {
    let by_address = || {
        ["emailaddress1", "emailaddress2", "emailaddress3"]
            .map(|column| Filter::contains(column, text))
    };
    if text.contains('@') {
        return Filter::any(by_address());
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let by_name = Filter::all(words.iter().map(|word| {
        Filter::any(apostrophes(word).iter().flat_map(|word| {
            columns.iter().map(|column| Filter::contains(*column, word)).collect::<Vec<_>>()
        }))
    }));
    match words.as_slice() {
        [_] => Filter::any([by_name].into_iter().chain(by_address())),
        _ => by_name,
    }
}

/// The full name; or first and last name, however the words divide, which also finds people with
/// a middle name and organizations that put the last name first; or one of the two alone.
pub fn named(name: &str) -> Filter {
    Filter::any(apostrophes(name).iter().flat_map(|name| ways(name)))
}

fn ways(name: &str) -> Vec<Filter> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let mut ways = vec![Filter::equals("fullname", name)];
    if let [word] = words.as_slice() {
        ways.push(Filter::equals("firstname", *word));
        ways.push(Filter::equals("lastname", *word));
    }
    // More words than that are a full name.
    if words.len() <= 5 {
        ways.extend((1..words.len()).map(|at| {
            Filter::equals("firstname", words[..at].join(" "))
                .and(Filter::equals("lastname", words[at..].join(" ")))
        }));
    }
    ways
}
