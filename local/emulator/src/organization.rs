//! The emulated organization: its rows, and what a request does to them.

mod changes;

use crate::actions;
use crate::api::{ApiError, ApiRequest, ApiResponse, Caller};
use crate::apps::Apps;
use crate::metadata::Metadata;
use crate::odata::bind::Moment;
use crate::odata::resource::{self, End, Key, Resource, RowsPath};
use crate::privileges::Role;
use crate::read::Reader;
use crate::store::{Row, Store};
use crate::value::Reference;
use crate::write::{AddedRule, DuplicateRules, Numbers};
use crate::{entity_definitions, metadata_document, sample, seed};
use http::{Method, StatusCode};
use jiff::Timestamp;
use parking_lot::RwLock;
use uuid::Uuid;

/// The longest URL that Dataverse reads; outside of a `$batch` the web server stops at half.
const URL_LIMIT: usize = 65_536;

/// One organization. Reads share the rows; a write has them to itself for as long as it takes.
pub struct Organization {
    store: RwLock<Store>,
    apps: RwLock<Apps>,
    numbers: Numbers,
    duplicate_rules: RwLock<DuplicateRules>,
}

impl std::fmt::Debug for Organization {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Organization").finish_non_exhaustive()
    }
}

impl Organization {
    /// With the sample data.
    pub fn sample(_now: Timestamp) -> Self {
        let store = sample::store();
        let numbers = Numbers::after(&store);
        Self {
            store: RwLock::new(store),
            apps: RwLock::new(Apps::ALL),
            numbers,
            duplicate_rules: RwLock::default(),
        }
    }

    /// Back to the sample data and the rules from the start.
    pub fn reset(&self) {
        let fresh = sample::store();
        *self.duplicate_rules.write() = DuplicateRules::default();
        let mut store = self.store.write();
        *store = fresh;
        self.numbers.restart(&store);
    }

    /// Adds rows to a table by its logical name, for load tests; says why it cannot.
    pub fn seed(&self, table: &str, rows: usize) -> Result<(), String> {
        let found = Metadata::get().table(table).filter(|table| !table.is_abstract);
        let table = found.ok_or_else(|| format!("unknown table '{table}'"))?;
        let users = Metadata::get().table("systemuser").ok_or("there are no users")?;
        let owner = Reference { table: users.id, id: sample::APPLICATION_USER };
        seed::seed(&mut self.store.write(), table, rows, owner, Timestamp::now())
            .map_err(|occupied| occupied.to_string())
    }

    /// Carries out one request.
    pub fn handle(&self, caller: &Caller, request: ApiRequest) -> ApiResponse {
        let headers = request.headers.clone();
        self.answer(caller, &request).unwrap_or_else(|error| error.into_response(&headers))
    }

    /// Gives the application user these roles as rows, for whoever reads them.
    pub fn set_roles(&self, user: Uuid, roles: &[Role]) {
        sample::set_roles(&mut self.store.write(), user, roles);
    }

    /// Says which of the two apps are installed: without one, its tables are unknown.
    pub fn set_apps(&self, sales: bool, service: bool) {
        *self.apps.write() = Apps { sales, service };
    }

    /// Publishes these duplicate rules beside those from the start, in the place of any added
    /// before; says which name is unknown.
    pub fn set_duplicate_rules(&self, added: &[AddedRule]) -> Result<(), String> {
        *self.duplicate_rules.write() = DuplicateRules::with(added)?;
        Ok(())
    }

    /// The rows of a table by its entity set name, with all columns, for control calls and tests.
    pub fn rows(&self, entity_set: &str) -> Option<serde_json::Value> {
        let table = Metadata::get().entity_set(entity_set)?;
        let store = self.store.read();
        let rows = store.scan(table, None).map(|row| raw(row)).collect::<Vec<_>>();
        Some(serde_json::Value::from(rows))
    }

    fn answer(&self, caller: &Caller, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
        let query = request.query.as_deref().map_or(0, str::len);
        if request.base.len() + request.path.len() + query > URL_LIMIT {
            let message = "The request URL is too long.";
            return Err(ApiError::new(StatusCode::URI_TOO_LONG, 0, message));
        }
        let resource = resource::parse(&request.path)?;
        let apps = *self.apps.read();
        match (&request.method, &resource) {
            (&Method::GET, Resource::ServiceDocument) => {
                return Ok(metadata_document::service_document(request, apps));
            }
            (&Method::GET, Resource::MetadataDocument) => {
                return Ok(metadata_document::metadata_document(apps));
            }
            (_, Resource::Definitions(segments)) => {
                return entity_definitions::answer(request, segments, apps);
            }
            (&Method::GET, _) => {}
            _ => return self.change(caller, request),
        }
        let store = self.store.read();
        let moment = self.moment(&store, caller);
        match resource {
            Resource::Rows(RowsPath {
                root,
                key: Some(Key::Id(id)),
                steps,
                end: End::Bound(call),
            }) if steps.is_empty() => {
                let row = Reference { table: root.id, id };
                actions::bound_function(&store, caller, request, row, &call)
            }
            Resource::Rows(path) => Reader::new(&store, caller, request, moment)?.get(&path),
            Resource::Unbound(call) if call.name == actions::RETRIEVE_DUPLICATES => {
                let reader = Reader::new(&store, caller, request, moment)?;
                actions::retrieve_duplicates(&reader, &self.duplicate_rules.read(), &call)
            }
            Resource::Unbound(call) => actions::unbound_function(&store, caller, request, &call),
            _ => Err(ApiError::unknown_segment(&request.path)),
        }
    }

    fn moment(&self, store: &Store, caller: &Caller) -> Moment {
        let users = Metadata::get().table("systemuser");
        let unit = users
            .and_then(|users| store.get(users, caller.user))
            .and_then(|user| user.value("_businessunitid_value").as_id());
        Moment {
            now: Timestamp::now(),
            user: caller.user,
            business_unit: unit.unwrap_or(Uuid::nil()),
            apps: *self.apps.read(),
        }
    }
}

/// A row as plain JSON: every column that has a value.
fn raw(row: &Row) -> serde_json::Value {
    let table = row.table.table();
    let members = row.values().map(|(column, value)| {
        let column = table.at(column);
        let json = crate::render::json_value(column, value);
        (column.name.clone(), serde_json::from_str(&json).unwrap_or_default())
    });
    serde_json::Value::Object(members.collect())
}
