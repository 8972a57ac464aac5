//! The emulated organization: its rows, and what a request does to them.

mod changes;

use crate::actions;
use crate::api::{ApiError, ApiRequest, ApiResponse, Caller, UnknownNames};
use crate::apps::Apps;
use crate::data::Metadata;
use crate::data::Reference;
use crate::habits::Habits;
use crate::odata::bind::Moment;
use crate::odata::resource::{self, End, Key, Resource, RowsPath};
use crate::privileges::Role;
use crate::read;
use crate::store::{Row, Store};
use crate::write::body::{Purpose, Reader};
use crate::write::{AddedRule, DuplicateRules, Numbers};
use crate::{entity_definitions, metadata_document, sample, seed};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use parking_lot::RwLock;
use std::collections::HashMap;
use uuid::Uuid;

/// The longest URL that Dataverse reads; outside of a `$batch` the web server stops at half.
const URL_LIMIT: usize = 65_536;

/// One organization. Reads share the rows; a write has them to itself for as long as it takes.
pub struct Organization {
    store: RwLock<Store>,
    apps: RwLock<Apps>,
    habits: RwLock<Habits>,
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
            habits: RwLock::default(),
            numbers,
            duplicate_rules: RwLock::default(),
        }
    }

    /// Back to the sample data, and to the apps, habits and rules from the start.
    pub fn reset(&self) {
        let fresh = sample::store();
        *self.apps.write() = Apps::ALL;
        *self.habits.write() = Habits::default();
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
        self.answer(caller, &request).unwrap_or_else(|error| self.refusal(error, &headers))
    }

    /// A refusal, in the form that this organization has for it.
    fn refusal(&self, error: ApiError, request: &HeaderMap) -> ApiResponse {
        error.in_form(self.habits.read().unknown_names).into_response(request)
    }

    /// Gives the application user these roles as rows, for whoever reads them.
    pub fn set_roles(&self, user: Uuid, roles: &[Role]) {
        sample::set_roles(&mut self.store.write(), user, roles);
    }

    /// Says which of the two apps are installed: without one, its tables are unknown.
    pub fn set_apps(&self, sales: bool, service: bool) {
        *self.apps.write() = Apps { sales, service };
    }

    /// Says how unknown names are refused.
    pub fn set_unknown_names(&self, form: UnknownNames) {
        self.habits.write().unknown_names = form;
    }

    /// Says whether a lambda's body may use a path through a lookup.
    pub fn set_refuse_lambda_paths(&self, refuse: bool) {
        self.habits.write().refuse_lambda_paths = refuse;
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

    /// Sets columns of a row to what no client could set them to: no privilege, length, option or
    /// rule is looked at, and nothing else of the row changes but its version.
    pub fn set_columns(
        &self,
        entity_set: &str,
        id: Uuid,
        columns: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), NotSet> {
        let table = Metadata::get()
            .entity_set(entity_set)
            .ok_or_else(|| NotSet::Table(entity_set.to_owned()))?;
        let no_content_ids = HashMap::new();
        let reader =
            Reader { entity_set, base: "", content_ids: &no_content_ids, installed: &|_| true };
        let body = reader
            .object(table, Purpose::Sample, columns)
            .map_err(|error| NotSet::Column(error.message))?;
        if body.id.is_some() || !body.is_columns_alone() {
            return Err(NotSet::Column("only columns can be set, and not the key".to_owned()));
        }
        let reference = Reference { table: table.id, id };
        let changed = self.store.write().update(reference, |row| {
            for (column, value) in body.values {
                row.set(column, value);
            }
        });
        changed.map(drop).ok_or_else(|| NotSet::Row(format!("{entity_set}({id})")))
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
            Resource::Rows(path) => read::Reader::new(&store, caller, request, moment)?.get(&path),
            Resource::Unbound(call) if call.name == actions::RETRIEVE_DUPLICATES => {
                let reader = read::Reader::new(&store, caller, request, moment)?;
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
            habits: *self.habits.read(),
        }
    }
}

/// Why a control call could not set a row's columns.
#[derive(Debug, thiserror::Error)]
pub enum NotSet {
    /// No such table.
    #[error("unknown entity set '{0}'")]
    Table(String),
    /// No such row.
    #[error("there is no row {0}")]
    Row(String),
    /// A column does not exist, or takes values of another type.
    #[error("{0}")]
    Column(String),
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
