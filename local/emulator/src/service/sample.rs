//! The sample organization: an invented company with customers, sales, cases and activities. Its
//! rows are created like the rows of requests, so that computed values are computed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::data::sample::{self, SampleTable};
use crate::data::well_known::APPLICATION_USER_ID;
use crate::data::{Metadata, Value};
use crate::message::ApiError;
use crate::organization::{Caller, Numbers, Organization, Privileges, Role, Row, Store, platform};
use crate::tables;
use crate::write::body::{BodyReader, Purpose};
use crate::write::{Context, How, Writer};

/// The creation time of rows that do not say when they were created.
const BEGINNING: Timestamp = Timestamp::constant(1_730_707_200, 0);

/// Why rows of the sample, or in its form, cannot be loaded.
#[derive(Debug, thiserror::Error)]
enum SampleError {
    #[error("sample.json is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("unknown entity set {0}")]
    UnknownTable(String),
    #[error("{0}: {1}")]
    Refused(String, ApiError),
}

/// An organization with the sample data.
pub(crate) fn organization() -> Organization {
    Organization::new(store(), tables::numbers(), tables::duplicate_rules())
}

/// Resets an organization to the sample data.
pub(crate) fn restart(organization: &Organization) {
    organization.restart(store(), tables::duplicate_rules());
}

/// Adds rows in the form of the sample to a table, given by its entity set: all of them or none. The
/// error says why that is not possible.
pub(crate) fn add(
    organization: &Organization,
    entity_set: &str,
    rows: &[Map<String, Json>],
) -> Result<(), String> {
    let mut store = organization.store.write();
    store
        .transaction(|store| insert(store, &organization.numbers, entity_set, rows))
        .map_err(|error| error.to_string())
}

/// The rows of the sample.
pub(super) fn store() -> Store {
    #[expect(clippy::expect_used, reason = "the file is embedded and a test loads it")]
    static LOADED: LazyLock<Store> = LazyLock::new(|| load().expect("the sample is consistent"));
    LOADED.copy()
}

fn load() -> Result<Store, SampleError> {
    let mut store = Store::new();
    let numbers = tables::numbers();
    for SampleTable { entity_set, rows } in &sample::tables()? {
        insert(&mut store, &numbers, entity_set, rows)?;
    }
    add_roles(&mut store);
    Ok(store)
}

/// Adds rows of one table.
fn insert(
    store: &mut Store,
    numbers: &Numbers,
    entity_set: &str,
    rows: &[Map<String, Json>],
) -> Result<(), SampleError> {
    let table = Metadata::get()
        .entity_set(entity_set)
        .ok_or_else(|| SampleError::UnknownTable(entity_set.to_owned()))?;
    let privileges = Arc::new(Privileges::of_roles(&[Role::SystemAdministrator]));
    let caller = Caller { user: APPLICATION_USER_ID, privileges };
    let mut writer = Writer {
        context: Context { store, caller: &caller, now: BEGINNING, numbers },
        rules: tables::rules(),
        duplicate_rules: &tables::duplicate_rules(),
    };
    let reader = BodyReader {
        entity_set,
        base: "",
        content_ids: &HashMap::new(),
        installed: &|_| true,
        typed_owners: true,
    };
    for row in rows {
        reader
            .object(table, Purpose::Sample, row)
            .and_then(|body| writer.create(body, How::Sample))
            .map_err(|error| SampleError::Refused(entity_set.to_owned(), error))?;
    }
    Ok(())
}

/// Adds the security roles as rows, and gives the application user its roles.
fn add_roles(store: &mut Store) {
    let Some(table) = platform::roles() else { return };
    for role in Role::ALL {
        let mut row = Row::new(table, role.id());
        row.set_value("name", Value::text(role.name()));
        row.set_value("createdon", Value::DateTime(BEGINNING));
        row.set_value("modifiedon", Value::DateTime(BEGINNING));
        // A new store has no row with this key.
        let _ = store.insert(row);
    }
    platform::set_roles(store, APPLICATION_USER_ID, &Role::OF_APPLICATION_USER);
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use uuid::Uuid;

    use super::*;
    use crate::data::Reference;

    /// Links to rows that do not exist.
    fn dangling(store: &Store) -> Vec<String> {
        let mut found = Vec::new();
        for table in Metadata::get().tables().iter().filter(|table| !table.is_abstract) {
            for row in store.scan(table, None) {
                for (column, value) in row.values() {
                    if let Value::Reference(to) = value
                        && store.follow(*to).is_none()
                    {
                        found.push(format!("{} {} {}", table.name, row.id, table.at(column).name));
                    }
                }
            }
        }
        found
    }

    /// A reference to a row of the sample, for tests.
    fn reference(table: &str, id: &str) -> Reference {
        let table = Metadata::get().table(table).expect("a table").id;
        Reference { table, id: id.parse().expect("a GUID") }
    }

    fn row(store: &Store, table: &str, id: &str) -> Arc<Row> {
        store.follow(reference(table, id)).expect("a row").clone()
    }

    #[test]
    fn every_link_of_the_sample_leads_to_a_row() {
        let store = store();
        assert_eq!(dangling(&store), [""; 0]);
        assert!(store.len(Metadata::get().table("activitypointer").unwrap()) >= 12);
        assert_eq!(store.len(Metadata::get().table("organization").unwrap()), 1);
    }

    #[test]
    fn what_dataverse_computes_is_computed() {
        let store = store();
        let contact = row(&store, "contact", "731b1c78-9df5-524c-bb8f-48a20155d777");
        assert_eq!(contact.name(), Some("Siobhan O'Rell"));
        assert_eq!(contact.value("_accountid_value"), contact.value("_parentcustomerid_value"));
        let quote = row(&store, "quote", "17483665-dc0a-5b6a-8d1b-6db1d6acf3d7");
        assert_eq!(quote.value("totallineitemamount").as_decimal(), Some(Decimal::new(9480, 0)));
        assert_eq!(quote.value("totaldiscountamount").as_decimal(), Some(Decimal::new(474, 0)));
        assert_eq!(quote.value("totalamount").as_decimal(), Some(Decimal::new(9006, 0)));
        let product = row(&store, "product", "8d5b8623-0870-5866-824f-2ea1143ea073");
        assert_eq!(product.value("hierarchypath").as_text(), Some("Chat products"));
        // 1,400,000 euros, at 0.92 euros to the dollar.
        let account = row(&store, "account", "68e8a051-7eaa-5a7d-8686-dfe5fb6d5e50");
        assert_eq!(
            account.value("revenue_base").as_decimal(),
            Some(Decimal::new(15_217_391_304, 4))
        );
    }

    #[test]
    fn rows_keep_their_dates_and_owners() {
        let store = store();
        let contact = row(&store, "contact", "d61abde7-181e-5f77-b59e-84c544c5040b");
        let created = contact.value("createdon");
        assert_eq!(created.as_date_time().unwrap().to_string(), "2025-02-01T10:30:00Z");
        assert_eq!(contact.value("modifiedon"), created);
        assert_eq!(contact.value("_createdby_value"), contact.value("_ownerid_value"));
        assert!(!contact.value("_owningbusinessunit_value").is_null());
        // The lines that follow a document do not change its dates.
        let quote = row(&store, "quote", "17483665-dc0a-5b6a-8d1b-6db1d6acf3d7");
        assert_eq!(quote.value("modifiedon"), quote.value("createdon"));
    }

    #[test]
    fn the_owner_and_what_an_activity_is_about_are_parties_too() {
        let store = store();
        let parties = Metadata::get().table("activityparty").unwrap();
        let column = parties.column("_activityid_value").unwrap().id;
        let call = reference("phonecall", "4c8f53b3-5c06-599e-a64e-b5e61cfa0048");
        let ids = store.ids_by_index(parties, column, &Value::Reference(call)).unwrap();
        let mut masks: Vec<i32> = ids
            .iter()
            .filter_map(|id| store.get(parties, *id)?.value("participationtypemask").as_integer())
            .collect();
        masks.sort_unstable();
        assert_eq!(masks, [1, 2, 8, 9]);
    }

    #[test]
    fn numbers_go_on_where_the_sample_ends() {
        let store = store();
        let numbers = tables::numbers();
        numbers.go_on_after(&store);
        for (table, column, start) in
            [("incident", "ticketnumber", "CAS-01009-"), ("quote", "quotenumber", "QUO-01001-")]
        {
            let mut row = Row::new(Metadata::get().table(table).unwrap(), Uuid::new_v4());
            numbers.number(&mut row);
            let number = row.value(column).as_text().unwrap().to_owned();
            assert!(number.starts_with(start), "{number}");
        }
    }
}
