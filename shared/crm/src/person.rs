//! Finds contacts and leads by people's names.

use dataverse::Filter;

use crate::text::apostrophes;

/// People whose name or address partly matches the text.
///
/// If the text is an email address, it is compared with all three address columns. Otherwise, every
/// word of it must be in one of these `columns`. A single word may also be part of an address.
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

/// People with this name. It may be the full name, only the first name, or only the last name. All
/// ways to divide the words into first and last name are tried. This finds people with a middle
/// name too, and full names in which the last name comes first.
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
    // A name with more words is only compared with the full name.
    if words.len() <= 5 {
        ways.extend((1..words.len()).map(|at| {
            Filter::equals("firstname", words[..at].join(" "))
                .and(Filter::equals("lastname", words[at..].join(" ")))
        }));
    }
    ways
}
