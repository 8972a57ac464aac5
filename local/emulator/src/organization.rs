//! The emulated organization: its rows, and what a request does to them.

use crate::api::{ApiError, ApiRequest, ApiResponse, Caller};
use crate::apps::Apps;
use crate::metadata::Metadata;
use crate::odata::bind::Moment;
use crate::odata::resource::{self, Resource};
use crate::read::Reader;
use crate::store::{Row, Store};
use crate::value::Reference;
use crate::{sample, seed};
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
}

impl std::fmt::Debug for Organization {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Organization").finish_non_exhaustive()
    }
}

impl Organization {
    /// With the sample data.
    pub fn sample(_now: Timestamp) -> Self {
        Self { store: RwLock::new(sample::store()), apps: RwLock::new(Apps::ALL) }
    }

    /// Back to the sample data.
    pub fn reset(&self) {
        let fresh = sample::store();
        *self.store.write() = fresh;
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

    /// Carries out a change set: all of it or nothing. The error is the number of the request that
    /// failed and its answer.
    pub fn change_set(
        &self,
        _caller: &Caller,
        requests: Vec<ApiRequest>,
    ) -> Result<Vec<ApiResponse>, (usize, ApiResponse)> {
        let error = ApiError::new(StatusCode::NOT_IMPLEMENTED, 0, "Change sets are not emulated.");
        let headers = requests.first().map(|request| request.headers.clone()).unwrap_or_default();
        Err((0, error.into_response(&headers)))
    }

    /// Carries out one request.
    pub fn handle(&self, caller: &Caller, request: ApiRequest) -> ApiResponse {
        let headers = request.headers.clone();
        self.answer(caller, &request).unwrap_or_else(|error| error.into_response(&headers))
    }

    /// Says which of the two apps are installed: without one, its tables are unknown.
    pub fn set_apps(&self, sales: bool, service: bool) {
        *self.apps.write() = Apps { sales, service };
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
        let store = self.store.read();
        let moment = self.moment(&store, caller);
        match (&request.method, resource) {
            (&Method::GET, Resource::Rows(path)) => {
                Reader::new(&store, caller, request, moment)?.get(&path)
            }
            (&Method::GET, Resource::Unbound(call)) if call.name == "WhoAmI" => {
                Ok(who_am_i(&store, request, moment))
            }
            (_, Resource::Unbound(call)) => Err(ApiError::unknown_segment(&call.name)),
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

fn who_am_i(store: &Store, request: &ApiRequest, moment: Moment) -> ApiResponse {
    let organizations = Metadata::get().table("organization");
    let organization = organizations.and_then(|table| store.scan(table, None).next());
    let context = format!("{}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", request.base);
    let body = serde_json::json!({
        "@odata.context": context,
        "BusinessUnitId": moment.business_unit,
        "UserId": moment.user,
        "OrganizationId": organization.map(|row| row.id),
    });
    ApiResponse::json(StatusCode::OK, &body)
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
