//! Names of companies, with and without their legal form.

use crate::text;

/// Legal forms, each with its spellings. They follow a name and a space. If one form ends with
/// another form, the longer one comes first.
const FORMS: [&[&str]; 23] = [
    &["Pty Ltd"],
    &["Inc", "Inc.", "Incorporated"],
    &["Corp", "Corp.", "Corporation"],
    &["Co.", "Company"],
    &["LLC"],
    &["LLP"],
    &["Ltd", "Ltd.", "Limited"],
    &["PLC"],
    &["GmbH"],
    &["AG"],
    &["KG"],
    &["SE"],
    &["S.A.", "SA"],
    &["SAS"],
    &["SARL"],
    &["S.L."],
    &["S.r.l.", "Srl"],
    &["S.p.A.", "SpA"],
    &["B.V.", "BV"],
    &["N.V."],
    &["AB"],
    &["A/S"],
    &["Oy"],
];

/// The spellings that may also follow a comma.
const AFTER_COMMA: [&str; 8] = ["Inc", "Inc.", "LLC", "LLP", "Ltd", "Ltd.", "Corp.", "Co."];

/// The name without its legal form: "Fabrikam" for "Fabrikam, Inc.".
pub fn base_name(name: &str) -> &str {
    split(name).0
}

/// The name without its legal form, and that form's spellings.
fn split(name: &str) -> (&str, Option<&'static [&'static str]>) {
    let name = name.trim();
    let before = |form: &str| {
        let end = name.len().checked_sub(form.len())?;
        let (before, after) = (name.get(..end)?, name.get(end..)?);
        let base = before.strip_suffix(' ')?.trim_end_matches([' ', ',']);
        (after.eq_ignore_ascii_case(form) && !base.is_empty()).then_some(base)
    };
    let found = FORMS.iter().find_map(|forms| {
        let base = forms.iter().find_map(|form| before(form))?;
        Some((base, Some(*forms)))
    });
    found.unwrap_or((name, None))
}

/// Whether the name ends with a legal form.
pub fn has_legal_form(name: &str) -> bool {
    base_name(name) != name.trim()
}

/// The most bytes of a name that is tried with every legal form. The filter has the name once for
/// each form, and must fit into an address.
const LONG: usize = 80;

/// The most bytes of all names that are tried.
const ROOM: usize = 3000;

/// The names that the CRM may have for this company: the given one, the name without its legal
/// form, and the name with every spelling of that form. A name with another legal form is another
/// company. So all forms are tried only if the given name has none. The marks in each are
/// [written](text::spellings) in several ways.
pub fn spellings(name: &str) -> Vec<String> {
    let written = text::spellings(name);
    let mut spellings = written.clone();
    let mut room = ROOM;
    let mut add = |spelling: String| {
        if spelling.len() <= room && !spellings.contains(&spelling) {
            room -= spelling.len();
            spellings.push(spelling);
        }
    };
    for name in &written {
        let (base, forms) = split(name);
        add(base.to_owned());
        if base.len() > LONG {
            continue;
        }
        let forms: Vec<&str> = match forms {
            Some(forms) => forms.to_vec(),
            None => FORMS.concat(),
        };
        let after_comma = forms.iter().filter(|form| AFTER_COMMA.contains(form));
        after_comma.for_each(|form| add(format!("{base}, {form}")));
        forms.iter().for_each(|form| add(format!("{base} {form}")));
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_forms_come_off() {
        for (name, base) in [
            ("Fabrikam, Inc.", "Fabrikam"),
            ("Fabrikam inc", "Fabrikam"),
            ("Müller GmbH", "Müller"),
            ("Coho Winery S.A.", "Coho Winery"),
            ("Northwind Pty Ltd", "Northwind"),
            ("Fabrikam Residences", "Fabrikam Residences"),
            ("Inc.", "Inc."),
            ("Blink", "Blink"),
            ("Zürich AG", "Zürich"),
        ] {
            assert_eq!(base_name(name), base, "{name}");
        }
        assert!(has_legal_form("Litware Ltd.") && !has_legal_form("Litware"));
    }

    #[test]
    fn a_name_is_looked_for_as_it_may_be_spelled() {
        let has = |name: &str, spelling: &str| spellings(name).iter().any(|one| one == spelling);
        for expected in ["Fabrikam Inc", "Fabrikam", "Fabrikam, Inc.", "Fabrikam Incorporated"] {
            assert!(has("Fabrikam Inc", expected), "{expected}");
        }
        assert!(has("Fabrikam", "Fabrikam GmbH") && !has("Fabrikam Inc", "Fabrikam GmbH"));
        assert!(
            has("Margie`s Travel", "Margie’s Travel, Inc.") && has("`Fabrikam`", "Fabrikam AG")
        );
        let long = format!("{} Inc", "é".repeat(100));
        assert_eq!(spellings(&long), [long.as_str(), base_name(&long)]);
    }
}
