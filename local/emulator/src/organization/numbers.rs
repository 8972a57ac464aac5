//! Automatic numbers: `CAS-01009-K4T7B2`, `QUO-01001-M8R3W5`.

use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

use super::store::{Row, Store};
use crate::data::{ColumnId, Metadata, TableId, Value};

/// A column that the organization numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbering {
    /// The column.
    pub(crate) column: &'static str,
    /// The beginning of its numbers.
    pub(crate) prefix: &'static str,
}

/// The counters of an organization.
#[derive(Debug)]
pub(crate) struct Numbers(Vec<Counter>);

#[derive(Debug)]
struct Counter {
    table: TableId,
    column: ColumnId,
    prefix: &'static str,
    last: AtomicU32,
}

impl Numbers {
    /// Counters for columns of tables. Each starts as if there were no rows.
    pub(crate) fn new<'n>(numbered: impl IntoIterator<Item = (&'n str, Numbering)>) -> Self {
        let counters = numbered.into_iter().filter_map(|(table, numbering)| {
            let table = Metadata::get().table(table)?;
            Some(Counter {
                table: table.id,
                column: table.column(numbering.column)?.id,
                prefix: numbering.prefix,
                last: AtomicU32::new(FIRST),
            })
        });
        Self(counters.collect())
    }

    /// Continues after the highest numbers in the store.
    pub(crate) fn go_on_after(&self, store: &Store) {
        for counter in &self.0 {
            let numbers = store.scan(counter.table.table(), None).filter_map(|row| {
                row.get(counter.column).as_text()?.split('-').nth(1)?.parse().ok()
            });
            counter.last.store(numbers.max().unwrap_or(FIRST), Ordering::Relaxed);
        }
    }

    /// Gives a row its number, unless it has one. If the transaction fails, the number is lost, as
    /// in Dataverse.
    pub(crate) fn number(&self, row: &mut Row) {
        let table = row.table;
        for counter in self.0.iter().filter(|counter| counter.table == table) {
            if row.get(counter.column).is_null() {
                row.set(counter.column, Value::text(counter.next()));
            }
        }
    }
}

/// The first number is one more than this.
const FIRST: u32 = 1000;

impl Counter {
    fn next(&self) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}-{number:05}-{}", self.prefix, suffix())
    }
}

/// Six letters and digits in turn. The settings of the organization call this the unique specifier.
fn suffix() -> String {
    let random = Uuid::new_v4();
    let bytes = random.as_bytes().iter().take(6).enumerate();
    bytes
        .map(|(place, byte)| {
            if place % 2 == 0 { char::from(b'A' + byte % 26) } else { char::from(b'0' + byte % 10) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_look_like_those_of_dataverse() {
        let numbering = Numbering { column: "ticketnumber", prefix: "CAS" };
        let numbers = Numbers::new([("incident", numbering)]);
        let incidents = Metadata::get().table("incident").unwrap();
        let drawn = || {
            let mut row = Row::new(incidents, Uuid::new_v4());
            numbers.number(&mut row);
            row.value("ticketnumber").as_text().unwrap().to_owned()
        };
        let (first, second) = (drawn(), drawn());
        assert!(first.starts_with("CAS-01001-"), "{first}");
        assert!(second.starts_with("CAS-01002-"), "{second}");
        assert_eq!(first.len(), "CAS-01001-Q7W2E9".len());
    }
}
