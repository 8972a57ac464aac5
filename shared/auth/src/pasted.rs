//! What people paste into a form, and what they call its fields.

use crm::text::QUOTES;
use strsim::normalized_damerau_levenshtein;

/// The value that a pasted text stands for: without spaces, unseen characters and quotation marks
/// around it.
pub(crate) fn value(mut text: &str) -> &str {
    let is_nothing = |c: char| {
        c.is_whitespace()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
    };
    loop {
        text = text.trim_matches(is_nothing);
        let inside = |(open, close): &(char, char)| text.strip_prefix(*open)?.strip_suffix(*close);
        match QUOTES.iter().find_map(inside) {
            Some(inner) => text = inner,
            None => return text,
        }
    }
}

/// The field that somebody meant by a name that no field has, such as `tenantId`; `None` if that is
/// not clear.
pub fn meant_field<'a>(
    name: &str,
    fields: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Option<&'a str> {
    /// How much of a name must be right.
    const ALIKE: f64 = 0.7;
    /// The fewest letters that a part of a name has.
    const PART: usize = 3;
    /// The most bytes of a name. To compare a longer one takes long, and it means nothing.
    const MOST: usize = 100;
    if name.len() > MOST {
        return None;
    }
    let bare = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let fields = fields.into_iter();
    let name = bare(name);
    let alike = fields
        .clone()
        .map(|field| (normalized_damerau_levenshtein(&name, &bare(field)), field))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    if let Some((_, field)) = alike {
        return Some(field);
    }
    let only = |is_part: fn(&str, &str) -> bool| {
        let mut fields = fields.clone().filter(|field| is_part(&bare(field), &name));
        fields.next().filter(|_| fields.next().is_none())
    };
    if name.len() < PART {
        return None;
    }
    only(|field, name| field.ends_with(name))
        .or_else(|| only(|field, name| field.starts_with(name)))
        .or_else(|| only(|field, name| field.len() >= PART && name.starts_with(field)))
        .or_else(|| only(|field, name| field.len() >= PART && name.ends_with(field)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_nothing_around_it() {
        for text in [
            "x y",
            " x y\n",
            "\"x y\"",
            "'x y' ",
            "`x y`",
            "“x y”",
            "„x y“",
            "« x y »",
            "\u{feff}\"'x y'\"",
        ] {
            assert_eq!(value(text), "x y", "{text}");
        }
        for text in ["\"", "x\"", "\"x", "x\"y"] {
            assert_eq!(value(text), text);
        }
        assert_eq!(value("\"\""), "");
    }

    #[test]
    fn a_name_means_the_field_that_it_is_like() {
        let fields = [
            "tenant_id",
            "client_id",
            "client_secret",
            "instance_url",
            "secret_expires_on",
            "label",
        ];
        for (name, field) in [
            ("tenantId", Some("tenant_id")),
            ("TENANT-ID", Some("tenant_id")),
            ("tenent_id", Some("tenant_id")),
            ("tenant", Some("tenant_id")),
            ("clientSecret", Some("client_secret")),
            ("secret", Some("client_secret")),
            ("url", Some("instance_url")),
            ("instance", Some("instance_url")),
            ("expires_on", Some("secret_expires_on")),
            ("client", Some("client_id")),
            ("label_of_the_connection", Some("label")),
            ("the_label_text", None),
            ("connection_label", Some("label")),
            ("id", None),
            ("ETx8Q~value", None),
            ("", None),
            (&"tenant_id".repeat(100_000), None),
        ] {
            assert_eq!(meant_field(name, fields), field, "{name}");
        }
    }
}
