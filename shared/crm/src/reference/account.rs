//! How an account is found: by its name (with or without its legal form) or by its domain.

use dataverse::{Filter, Query, Record};

use super::{AccountRef, ENOUGH, Handle, Reference as _, Said};
use crate::labels::ActiveState;
use crate::tables::choices::in_state;
use crate::text::{address, same_name, spellings, undecorated};
use crate::{company, tables};

/// Accounts with this name, with or without its legal form. If the text looks like a domain, also
/// accounts with a website or an email address of this domain.
pub(super) fn account_by_name(text: &str) -> Filter {
    let names = company::spellings(text).into_iter();
    let mut ways: Vec<_> = names.map(|name| Filter::equals("name", name)).collect();
    if let Some(domain) = web_domain(text) {
        ways.extend(by_domain(&domain));
    }
    Filter::any(ways)
}

/// Active accounts whose name begins with the given one and is longer: "Fabrikam" may also mean
/// "Fabrikam Residences". `None` if the caller gave a legal form or a domain: then only that
/// account is meant.
pub(super) fn longer_names(handle: &Handle) -> Option<Query> {
    let Handle::Said(Said::Name(text)) = handle else { return None };
    let text = undecorated(text);
    if text.is_empty() || company::has_legal_form(text) || web_domain(text).is_some() {
        return None;
    }
    let spellings = spellings(text).into_iter();
    let begins = spellings.map(|text| Filter::starts_with("name", &format!("{text} ")));
    let filter = Filter::any(begins);
    Some(
        Query::rows(tables::ACCOUNT)
            .filter(filter.and(in_state(ActiveState::Active)))
            .select([AccountRef::NAME_COLUMN])
            .select(AccountRef::DETAIL_COLUMNS.iter().copied())
            .top(ENOUGH),
    )
}

pub(super) fn is_exact_account(handle: &Handle, record: &Record) -> bool {
    match handle {
        Handle::Said(Said::Name(text)) => {
            record.text("name").is_some_and(|name| same_name(name, text))
        }
        _ => true,
    }
}

/// Accounts with this email address, or with a website of its domain. Other email addresses of the
/// domain do not count, because many companies and people use the same provider.
pub(super) fn account_by_email(email: &str) -> Filter {
    let domain = web_domain(email);
    let websites = domain.iter().flat_map(|domain| by_website(domain));
    Filter::any(std::iter::once(Filter::equals("emailaddress1", email)).chain(websites))
}

/// Accounts with a website or an email address of this domain.
pub fn by_domain(domain: &str) -> impl Iterator<Item = Filter> {
    let address = Filter::ends_with("emailaddress1", &format!("@{domain}"));
    by_website(domain).chain([address])
}

fn by_website(domain: &str) -> impl Iterator<Item = Filter> + use<> {
    let hosts = [domain.to_owned(), format!("www.{domain}")];
    hosts
        .into_iter()
        .flat_map(|host| ["", "http://", "https://"].map(|scheme| format!("{scheme}{host}")))
        .flat_map(|address| {
            [
                Filter::equals("websiteurl", address.clone()),
                Filter::starts_with("websiteurl", &format!("{address}/")),
            ]
        })
}

/// The domain in a web address or an email address, or a bare domain; without `www.`, and without what
/// stands around it.
pub fn web_domain(text: &str) -> Option<String> {
    let text = address(text).to_ascii_lowercase();
    let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let host = text.split(['/', '?', '#', ':']).next()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|next| next.is_alphanumeric() || next == '-')
    };
    let labels: Vec<_> = host.split('.').collect();
    let is_domain = labels.len() >= 2
        && labels.iter().all(|label| is_label(label))
        && labels
            .last()
            .is_some_and(|last| last.len() >= 2 && last.chars().all(char::is_alphabetic));
    is_domain.then(|| host.to_owned())
}
