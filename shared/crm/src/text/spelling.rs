//! The spellings of a name. Keyboards, phones and programs write the same marks differently, and
//! Dataverse compares them as different characters.

use dataverse::Filter;
use unicode_normalization::UnicodeNormalization as _;

use super::handed::{of_usual_width, undecorated};

/// The mark that this one is a form of: `'` of apostrophes, `"` of quotation marks, `-` of dashes.
fn mark(one: char) -> Option<char> {
    match one {
        '\'' | '’' | '‘' | '‚' | '‛' | '´' | '`' | 'ʼ' | 'ʹ' | '′' | '＇' => {
            Some('\'')
        }
        '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '＂' => Some('"'),
        '-' | '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' | '﹣' => Some('-'),
        _ => None,
    }
}

/// The text with each mark in its usual form.
fn of_usual_marks(text: &str) -> String {
    text.chars().map(|one| mark(one).unwrap_or(one)).collect()
}

/// The most bytes of all spellings of a text together. A filter has each of them once for each column,
/// and must fit into an address.
const ROOM: usize = 600;

/// The most spellings of a text. A filter has 500 conditions at most, and may have several names, words
/// and columns.
const MOST: usize = 10;

/// The ways to write the apostrophes of a name.
const APOSTROPHES: [char; 3] = ['\'', '’', '´'];

/// The ways to write quotation marks: before a word, and after it.
const QUOTATIONS: [(char, char); 4] = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»')];

/// The ways to write a dash.
const DASHES: [char; 3] = ['-', '–', '—'];

/// The text as the CRM may have it: as it was said first, with other apostrophes, quotation marks and
/// dashes, and without what stands around a name in a sentence.
pub fn spellings(text: &str) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = words(text);
    let mut bases = vec![said.clone(), words(undecorated(&said))];
    bases.extend(bases.clone().iter().map(|base| of_usual_width(base).into_owned()));
    let mut spellings: Vec<String> = Vec::new();
    let mut room = ROOM;
    let mut add = |spelling: String| {
        let is_new = !spelling.is_empty() && !spellings.contains(&spelling);
        // What was said is always among them.
        let has_room = spelling.len() <= room && spellings.len() < MOST;
        if is_new && (spellings.is_empty() || has_room) {
            room = room.saturating_sub(spelling.len());
            spellings.push(spelling);
        }
    };
    bases.dedup();
    bases.iter().for_each(|base| add(base.clone()));
    for base in &bases {
        for spelling in written(base) {
            add(spelling);
        }
    }
    spellings
}

/// The text with the ways to write its marks: first those in which programs for writing and keyboards
/// write all of them, then every mixture.
fn written(text: &str) -> Vec<String> {
    let styled = |apostrophe: char, quotations: (char, char)| {
        let text = with_marks(text, '\'', |_| apostrophe);
        let text = with_quotations(&text, quotations);
        DASHES.map(|dash| with_dashes(&text, true, dash))
    };
    let [keyboard, others @ ..] = QUOTATIONS;
    let printed = others.into_iter().flat_map(|quotations| styled('’', quotations));
    let mut all: Vec<String> = styled('\'', keyboard).into_iter().chain(printed).collect();
    let mut mixtures = vec![text.to_owned()];
    let mut each = |kind: char, rewrite: &dyn Fn(&str) -> Vec<String>| {
        if text.chars().any(|one| mark(one) == Some(kind)) {
            mixtures = mixtures.iter().flat_map(|text| rewrite(text)).collect();
        }
    };
    each('-', &|text| DASHES.map(|dash| with_dashes(text, true, dash)).to_vec());
    each('-', &|text| DASHES.map(|dash| with_dashes(text, false, dash)).to_vec());
    each('\'', &|text| APOSTROPHES.map(|sign| with_marks(text, '\'', |_| sign)).to_vec());
    each('"', &|text| QUOTATIONS.map(|signs| with_quotations(text, signs)).to_vec());
    all.append(&mut mixtures);
    all
}

/// The text with all marks of a kind written anew. `sign` gets the character before the mark.
fn with_marks(text: &str, kind: char, sign: impl Fn(Option<char>) -> char) -> String {
    let mut before = None;
    let write = |one: char| {
        let written = if mark(one) == Some(kind) { sign(before) } else { one };
        before = Some(one);
        written
    };
    text.chars().map(write).collect()
}

fn with_quotations(text: &str, (open, close): (char, char)) -> String {
    let opens = |before: Option<char>| {
        before.is_none_or(|before| before.is_whitespace() || matches!(before, '(' | '[' | '-'))
    };
    with_marks(text, '"', |before| if opens(before) { open } else { close })
}

/// The text with the dashes between words, or with those within words, written like this.
fn with_dashes(text: &str, between_words: bool, dash: char) -> String {
    let words = text.split(' ').map(|word| {
        let is_between = word.chars().all(|one| mark(one) == Some('-'));
        if is_between == between_words { with_marks(word, '-', |_| dash) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Rows whose column has this text, in any of its [`spellings`].
pub fn equals(column: &'static str, text: &str) -> Filter {
    Filter::any(spellings(text).into_iter().map(|text| Filter::equals(column, text)))
}

/// Rows whose column contains this text, in any of its [`spellings`].
pub fn contains(column: &'static str, text: &str) -> Filter {
    Filter::any(spellings(text).iter().map(|text| Filter::contains(column, text)))
}

/// The text in a form for comparisons: case, width, spacing, and the forms of apostrophes, quotation
/// marks and dashes make no difference.
pub fn same_words(text: &str) -> String {
    let of_one_form = |text: String| text.nfkc().collect::<String>();
    // The form takes some marks apart, and makes some.
    let folded = of_one_form(of_one_form(of_usual_marks(text)).to_lowercase());
    of_usual_marks(&folded).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a search, without what stands around all of them and around each.
pub fn search_words(query: &str) -> Vec<&str> {
    let bare = |text| match undecorated(text) {
        "" => text,
        bare => bare,
    };
    bare(query.trim()).split_whitespace().map(bare).collect()
}

/// Whether two names differ only in what [`same_words`] leaves out, in accents, and in what stands
/// around a name in a sentence. Dataverse ignores case and accents, too.
pub fn same_name(one: &str, other: &str) -> bool {
    let is_mark = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
    let fold = |name: &str| {
        let words = same_words(name);
        undecorated(&words).nfd().filter(|letter| !is_mark(letter)).collect::<String>()
    };
    fold(one) == fold(other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_looked_for_as_it_may_be_written() {
        for (said, stored) in [
            ("O’Rell", "O'Rell"),
            ("O'Rell", "O’Rell"),
            ("O´Rell", "O'Rell"),
            ("O`Rell", "O’Rell"),
            ("Northwind - support desk licences", "Northwind – support desk licences"),
            ("Northwind — support", "Northwind - support"),
            ("A – B re-use", "A - B re-use"),
            ("A - B re-use", "A – B re-use"),
            ("24\" display", "24” display"),
            ("the \"big\" one", "the “big” one"),
            ("the “big” one", "the \"big\" one"),
            ("the \"big\" one", "the „big“ one"),
            ("The \"big\" deal – O´Rell´s 24\" re-use", "The “big” deal — O’Rell’s 24” re-use"),
            ("\"Big deal\",", "Big deal"),
            ("a   deal", "a deal"),
            ("ＣＡＳ－１", "CAS-1"),
            ("#CAS-1.", "CAS-1"),
        ] {
            assert!(
                spellings(said).iter().any(|one| one == stored),
                "{said}: {:?}",
                spellings(said)
            );
        }
        assert_eq!(spellings("Orell"), ["Orell"]);
        assert_eq!(spellings("Is it done?"), ["Is it done?", "Is it done"]);
        assert!(spellings("\"\"").iter().all(|one| !one.is_empty()));
    }

    #[test]
    fn marks_make_no_difference() {
        assert_eq!(same_words("O´Rell – “A”"), same_words("o'rell  -  \"a\""));
        assert!(same_name("Margie’s Travel", "margie's travel"));
        assert!(same_name("Zürcher Käse", "zurcher KASE") && !same_name("Fabrikam", "Fabrikam AG"));
        assert!(same_name("\"Fabrikam\".", "Fabrikam"));
    }

    proptest! {
        #[test]
        fn what_was_said_comes_first_and_all_fit(text in "\\PC{1,300}") {
            let spellings = spellings(&text);
            let total: usize = spellings.iter().skip(1).map(String::len).sum();
            prop_assert!(total <= ROOM);
            let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(spellings.first().map(String::as_str).unwrap_or_default(), said);
        }

        #[test]
        fn each_spelling_is_the_same_name(text in "[a-c '\"–—-]{1,20}") {
            for spelling in spellings(&text) {
                prop_assert!(same_name(&spelling, &text), "{}", spelling);
            }
        }

        #[test]
        fn twice_is_the_same(text in "\\PC{0,30}") {
            let once = same_words(&text);
            prop_assert_eq!(same_words(&once), once);
        }
    }
}
