//! Records that were merged into another one, their master. Dataverse keeps them, inactive.

use std::cell::RefCell;
use std::fmt;

use dataverse::{Filter, Record, Table};
use uuid::Uuid;

use super::{Handle, Reference};
use crate::labels::ActiveState;
use crate::tables::choices::in_state;
use crate::tables::{ACCOUNT, CASE, CONTACT, LEAD};
use crate::text::quoted;

/// Rows that are active, and rows that stand for another one that is.
pub fn in_use() -> Filter {
    in_state(ActiveState::Active).or(!Filter::is_null(Merged::COLUMN))
}

/// Whether rows of this table can be merged.
pub(crate) fn can_be_merged(table: Table) -> bool {
    [ACCOUNT, CASE, CONTACT, LEAD].contains(&table)
}

/// A reference whose record was merged into another one.
#[derive(Clone)]
pub struct Merged {
    table: Table,
    handle: Handle,
    master: Uuid,
    hint: String,
}

/// The reference may be a person's name.
impl fmt::Debug for Merged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Merged").field("master", &self.master).finish_non_exhaustive()
    }
}

impl Merged {
    /// The column that points at the master.
    pub const COLUMN: &'static str = "_masterid_value";

    /// Whether the record that a reference means was merged. It must have been read with
    /// [`Merged::COLUMN`].
    pub fn of<R: Reference>(reference: &R, record: &Record) -> Option<Merged> {
        if !can_be_merged(R::TABLE) || !record.has_column(Merged::COLUMN) {
            return None;
        }
        let master = record.lookup(Merged::COLUMN)?;
        let name = |name: Option<&str>| name.map(|name| format!(" {}", quoted(name)));
        let own = name(record.text(R::NAME_COLUMN)).unwrap_or_default();
        let into = name(master.name.as_deref()).unwrap_or_default();
        let noun = R::NOUN;
        Some(Merged {
            table: R::TABLE,
            handle: reference.handle().clone(),
            master: master.id,
            hint: format!(
                "The {noun}{own} was merged into the {noun}{into}: this is about that one."
            ),
        })
    }

    /// The id of the master.
    pub fn master(&self) -> Uuid {
        self.master
    }

    /// What the caller should know.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

thread_local! {
    /// The merged records that are known while arguments are read.
    static KNOWN: RefCell<Vec<Merged>> = const { RefCell::new(Vec::new()) };
}

/// The merged records that are known now.
pub(super) fn known_merged() -> Vec<Merged> {
    KNOWN.with_borrow(Vec::clone)
}

/// Reads arguments so that each reference to one of these merged records means its master.
pub fn as_masters<T>(merged: &[Merged], read: impl FnOnce() -> T) -> T {
    /// Puts back what was known before, also after a panic.
    struct Before(Vec<Merged>);
    impl Drop for Before {
        fn drop(&mut self) {
            KNOWN.replace(std::mem::take(&mut self.0));
        }
    }
    let _before = Before(KNOWN.replace(merged.to_vec()));
    read()
}

/// The master, if the reference is to a record that is known to be merged.
pub(super) fn master_of<R: Reference>(reference: R) -> R {
    KNOWN.with_borrow(|known| {
        // They are in the order in which one led to the next.
        known.iter().filter(|one| one.table == R::TABLE).fold(reference, |reference, one| {
            if one.handle == *reference.handle() { R::of_ids(vec![one.master]) } else { reference }
        })
    })
}

/// The rows without those that were merged into others. Where there are only such, one is left for each
/// master, to lead to it.
pub fn without_merged<R: Reference>(mut records: Vec<Record>) -> Vec<Record> {
    if records.len() < 2 || !can_be_merged(R::TABLE) {
        return records;
    }
    let master = |record: &Record| {
        record.has_column(Merged::COLUMN).then(|| record.id(Merged::COLUMN)).flatten()
    };
    if records.iter().any(|record| master(record).is_none()) {
        records.retain(|record| master(record).is_none());
        return records;
    }
    let mut stand_for: Vec<_> = records.iter().map(|record| record.id(R::TABLE.key)).collect();
    records.retain(|record| {
        let master = master(record);
        let is_new = !stand_for.contains(&master);
        stand_for.push(master);
        is_new
    });
    records
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reference::ContactRef;

    /// The ids that are left of rows, each with its master (0: none).
    fn left(rows: &[(u128, u128)]) -> Vec<u128> {
        let row = |(id, master): &(u128, u128)| -> Record {
            let master = (*master > 0).then(|| Uuid::from_u128(*master));
            let row = json!({"contactid": Uuid::from_u128(*id), (Merged::COLUMN): master});
            serde_json::from_value(row).unwrap()
        };
        let records = rows.iter().map(row).collect();
        let records = without_merged::<ContactRef>(records);
        records.iter().map(|record| record.id("contactid").unwrap().as_u128()).collect()
    }

    #[test]
    fn one_row_is_left_for_each_person() {
        assert_eq!(left(&[(1, 0), (2, 1), (3, 9)]), [1]);
        assert_eq!(left(&[(1, 0), (2, 0), (3, 1)]), [1, 2]);
        assert_eq!(left(&[(2, 1), (3, 1)]), [2]);
        assert_eq!(left(&[(2, 3), (3, 1)]), [3]);
        assert_eq!(left(&[(2, 1), (3, 9)]), [2, 3]);
        assert_eq!(left(&[(2, 1)]), [2]);
    }
}
