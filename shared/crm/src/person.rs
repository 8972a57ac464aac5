//! Finds contacts and leads by people's names.

use dataverse::Filter;

use crate::text::{address, contains, of_usual_width, search_words, spellings, undecorated};

/// What people are called before their names, in the languages of the CRM's customers, without dots
/// and in lower case. What is a first name as well, such as Don, is left out.
const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "sir",
    "madam",
    "dr",
    "drs",
    "dra",
    "doctor",
    "prof",
    "professor",
    "herr",
    "herrn",
    "frau",
    "hr",
    "dipl-ing",
    "dipl-kfm",
    "mme",
    "mlle",
    "monsieur",
    "madame",
    "mademoiselle",
    "maître",
    "sr",
    "sra",
    "srta",
    "señor",
    "señora",
    "señorita",
    "doña",
    "dña",
    "senhor",
    "senhora",
    "dott",
    "dottssa",
    "dottore",
    "dottoressa",
    "sig",
    "sigra",
    "signor",
    "signora",
    "avv",
    "dhr",
    "mevr",
    "mw",
    "mevrouw",
    "meneer",
    "fru",
    "fröken",
    "frøken",
    "rouva",
    "pani",
    "paní",
    "mgr",
    "inż",
    "domnul",
    "doamna",
    "bayan",
];

/// Titles only with a dot behind them. Without one, they may be names.
const DOTTED: &[&str] = &["m.", "me.", "fr.", "ing.", "mag."];

/// What follows people's names, without dots and in lower case. What is a last name as well, such as
/// Sen, is left out.
const SUFFIXES: &[&str] = &[
    "jr", "sr", "jun", "junior", "senior", "ii", "iii", "iv", "phd", "dphil", "md", "dds", "dvm",
    "jd", "llm", "llb", "mba", "msc", "bsc", "meng", "beng", "mphil", "esq", "cpa", "cfa", "pmp",
    "rn", "dr", "prof", "dipl-ing", "ret",
];

/// The most spellings of a name that are tried with all ways to divide it.
const MOST: usize = 15;

fn is_one_of(word: &str, known: &[&str]) -> bool {
    let bare: String = word.chars().filter(|one| *one != '.').collect();
    known.contains(&bare.to_lowercase().as_str())
}

fn is_title(word: &str) -> bool {
    is_one_of(word, TITLES) || DOTTED.contains(&word.to_lowercase().as_str())
}

fn is_suffix(word: &str) -> bool {
    is_one_of(word, SUFFIXES)
}

/// People whose name or address partly matches the text.
///
/// If the text is an email address, it is compared with all three address columns. Otherwise, every
/// word of it must be in one of these `columns`, but for titles and suffixes. A single word may also be part of an
/// address.
pub fn matching(text: &str, columns: &[&'static str]) -> Filter {
    let by_address = |text: &str| {
        ["emailaddress1", "emailaddress2", "emailaddress3"]
            .map(|column| Filter::contains(column, text))
    };
    let text = of_usual_width(text);
    if text.contains('@') {
        return Filter::any(by_address(&address(&text)));
    }
    let said: Vec<&str> = search_words(&text)
        .into_iter()
        .flat_map(|word| word.split(','))
        .filter(|word| !word.is_empty())
        .collect();
    let is_name = |word: &&str| !is_title(word) && !is_suffix(word);
    let untitled: Vec<&str> = said.iter().copied().filter(is_name).collect();
    let words = match (untitled.is_empty(), said.is_empty()) {
        (false, _) => untitled,
        (true, false) => said,
        // There are only commas.
        (true, true) => vec![&*text],
    };
    let by_name = Filter::all(
        words.iter().map(|word| Filter::any(columns.iter().map(|column| contains(column, word)))),
    );
    match words.as_slice() {
        [word] => {
            let bare = undecorated(word);
            let address = if bare.is_empty() { word } else { bare };
            Filter::any([by_name].into_iter().chain(by_address(address)))
        }
        _ => by_name,
    }
}

/// People with this name. It may be the full name, only the first name, or only the last name. All
/// ways to divide the words into first and last name are tried. This finds people with a middle
/// name too, and full names in which the last name comes first. A title, a suffix, and a last name
/// before a comma are understood.
pub fn named(name: &str) -> Filter {
    let forms = forms(name);
    let each = MOST / forms.len().max(1);
    let mut spelled: Vec<String> = Vec::new();
    for spelling in forms.iter().flat_map(|form| spellings(form).into_iter().take(each)) {
        if !spelled.contains(&spelling) {
            spelled.push(spelling);
        }
    }
    Filter::any(spelled.iter().flat_map(|name| ways(name)))
}

/// The name as it was said; with the first name first, if a comma says which that is; and without titles
/// and suffixes.
fn forms(name: &str) -> Vec<String> {
    let said = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = undecorated(&said);
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for part in bare.split(',') {
        let words: Vec<&str> = part.split_whitespace().collect();
        // In "Maren Quist, PhD", no first name is behind the comma.
        let is_behind = !parts.is_empty() && words.iter().all(|word| is_suffix(word));
        if !words.is_empty() && !is_behind {
            parts.push(words);
        }
    }
    let whole = |parts: &[Vec<&str>]| match parts {
        [one] => Some(one.join(" ")),
        [last, first] => Some(first.iter().chain(last).copied().collect::<Vec<_>>().join(" ")),
        _ => None,
    };
    let untitled: Vec<Vec<&str>> = parts.iter().map(|words| bare_words(words)).collect();
    let mut forms = vec![said.clone()];
    for form in [whole(&parts), whole(&untitled)].into_iter().flatten() {
        if !form.is_empty() && !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// The words of a name without titles before it and suffixes behind it. One word at least stays; two,
/// where a suffix is taken off, because a suffix may be a last name.
fn bare_words<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let titles = words.iter().take_while(|word| is_title(word)).count();
    let titles = titles.min(words.len().saturating_sub(1));
    let mut rest = words.get(titles..).unwrap_or_default();
    while let [kept @ .., last] = rest
        && kept.len() >= 2
        && is_suffix(last)
    {
        rest = kept;
    }
    rest.to_vec()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_forms() {
        for (said, form) in [
            ("Quist, Maren", "Maren Quist"),
            ("Quist , Maren.", "Maren Quist"),
            ("Dr. Pál Kővári", "Pál Kővári"),
            ("dr Pál Kővári", "Pál Kővári"),
            ("Ms Maren Quist", "Maren Quist"),
            ("Frau Dr. Maren Quist", "Maren Quist"),
            ("Señora Quist", "Quist"),
            ("Quist, Dr. Maren", "Maren Quist"),
            ("Maren Quist Jr.", "Maren Quist"),
            ("Maren Quist, PhD", "Maren Quist"),
            ("Quist, Maren, Ph.D.", "Maren Quist"),
            ("Prof. Maren Quist, M.B.A.", "Maren Quist"),
            ("O'Rell, Sam", "Sam O'Rell"),
        ] {
            assert!(forms(said).iter().any(|one| one == form), "{said}: {:?}", forms(said));
            assert_eq!(forms(said)[0], said.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        for said in ["Maren Quist", "Don Draper", "Amartya Sen", "Dr", "Sr", "Maren"] {
            assert_eq!(forms(said), [said]);
        }
        assert_eq!(forms("a, b, c, d"), ["a, b, c, d"]);
        assert_eq!(forms(","), [","]);
    }

    #[test]
    fn every_form_is_written_in_every_way() {
        let Filter::Any(ways) = named("O`Rell, Dr. Sam") else { panic!() };
        for name in ["O'Rell, Dr. Sam", "Sam O'Rell", "Sam O’Rell"] {
            assert!(ways.contains(&Filter::equals("fullname", name)), "{name}");
        }
        let divided = Filter::equals("firstname", "Sam").and(Filter::equals("lastname", "O'Rell"));
        assert!(ways.contains(&divided));
    }
}
