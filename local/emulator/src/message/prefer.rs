//! Reads the `Prefer` headers.

use http::HeaderMap;

/// The values of all `Prefer` headers of a request, split at the commas between preferences.
pub fn preferences(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let mut preferences = Vec::new();
    for value in headers.get_all("prefer") {
        let value = String::from_utf8_lossy(value.as_bytes());
        let mut current = String::new();
        let mut quoted = false;
        for character in value.chars() {
            match character {
                '"' => {
                    quoted = !quoted;
                    current.push(character);
                }
                ',' if !quoted => preferences.push(std::mem::take(&mut current)),
                _ => current.push(character),
            }
        }
        preferences.push(current);
    }
    preferences.into_iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty())
}

/// Whether `Prefer: odata.include-annotations` asks for this annotation. `name` has no `@`.
pub fn annotation_wanted(headers: &HeaderMap, name: &str) -> bool {
    let mut wanted = false;
    for preference in preferences(headers) {
        let Some((key, value)) = preference.split_once('=') else { continue };
        if !matches!(key.trim(), "odata.include-annotations" | "include-annotations") {
            continue;
        }
        for pattern in value.trim().trim_matches('"').split(',').map(str::trim) {
            match pattern.strip_prefix('-') {
                Some(excluded) if wildcard_matches(excluded, name) => wanted = false,
                None if wildcard_matches(pattern, name) => wanted = true,
                _ => {}
            }
        }
    }
    wanted
}

/// Whether a name matches a pattern. In the pattern, `*` stands for any number of characters.
fn wildcard_matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            rest.is_empty()
                || name.char_indices().any(|(at, _)| wildcard_matches(rest, &name[at..]))
                || wildcard_matches(rest, "")
        }),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn prefer(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("prefer"),
            HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn annotations_are_chosen_by_name_or_wildcard() {
        let headers = prefer(
            "return=representation, odata.include-annotations=\"OData.Community.Display.V1.FormattedValue,Microsoft.*.lookuplogicalname\"",
        );
        assert!(annotation_wanted(&headers, "OData.Community.Display.V1.FormattedValue"));
        assert!(annotation_wanted(&headers, "Microsoft.Dynamics.CRM.lookuplogicalname"));
        assert!(!annotation_wanted(&headers, "Microsoft.Dynamics.CRM.totalrecordcount"));
        assert_eq!(preferences(&headers).count(), 2);
        assert!(!annotation_wanted(&HeaderMap::new(), "x"));
    }
}
