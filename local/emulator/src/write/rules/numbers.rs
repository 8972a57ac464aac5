//! Automatic numbers: `CAS-01009-K4T7B2`, `QUO-01001-M8R3W5`.

use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

use crate::data::Metadata;
use crate::store::Store;

/// The counters of an organization.
#[derive(Debug)]
pub(crate) struct Numbers {
    case: AtomicU32,
    quote: AtomicU32,
}

impl Numbers {
    /// Counters that go on where the rows of the store end.
    pub(crate) fn after(store: &Store) -> Self {
        Self {
            case: AtomicU32::new(highest(store, "incident", "ticketnumber")),
            quote: AtomicU32::new(highest(store, "quote", "quotenumber")),
        }
    }

    /// Goes on where the rows of the store end.
    pub(crate) fn restart(&self, store: &Store) {
        let fresh = Self::after(store);
        self.case.store(fresh.case.into_inner(), Ordering::Relaxed);
        self.quote.store(fresh.quote.into_inner(), Ordering::Relaxed);
    }

    /// The next case number.
    pub(crate) fn next_case(&self) -> String {
        numbered("CAS", &self.case)
    }

    /// The next quote number.
    pub(crate) fn next_quote(&self) -> String {
        numbered("QUO", &self.quote)
    }
}

/// A number drawn in a transaction that fails is lost, as in Dataverse.
fn numbered(prefix: &str, last: &AtomicU32) -> String {
    let number = last.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{prefix}-{number:05}-{}", suffix())
}

/// Letters and digits in turn, six of them: what the organization calls its unique specifier.
fn suffix() -> String {
    let random = Uuid::new_v4();
    let bytes = random.as_bytes().iter().take(6).enumerate();
    bytes
        .map(|(place, byte)| {
            if place % 2 == 0 { char::from(b'A' + byte % 26) } else { char::from(b'0' + byte % 10) }
        })
        .collect()
}

fn highest(store: &Store, table: &str, column: &str) -> u32 {
    let Some(table) = Metadata::get().table(table) else { return 1000 };
    store
        .scan(table, None)
        .filter_map(|row| row.value(column).as_text()?.split('-').nth(1)?.parse().ok())
        .max()
        .unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_look_like_those_of_dataverse() {
        let numbers = Numbers::after(&Store::new());
        let (first, second) = (numbers.next_case(), numbers.next_case());
        assert!(first.starts_with("CAS-01001-"), "{first}");
        assert!(second.starts_with("CAS-01002-"), "{second}");
        assert_eq!(first.len(), "CAS-01001-Q7W2E9".len());
        assert!(numbers.next_quote().starts_with("QUO-01001-"));
    }
}
