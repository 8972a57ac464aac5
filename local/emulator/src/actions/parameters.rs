//! The parameters of an action: a JSON object with known names.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::data::{Metadata, Reference, Table};
use crate::message::{ApiError, ApiRequest};
use crate::write::body::{Body, Purpose, hyphenated};
use crate::write::{Session, body, refusal};

/// The parameters that a request passes to an action.
pub(super) struct Parameters<'a> {
    action: &'a str,
    session: &'a Session<'a>,
    request: &'a ApiRequest,
    given: Map<String, Json>,
}

impl<'a> Parameters<'a> {
    /// Reads the body. Names that are not in `known` are refused.
    pub(super) fn read(
        action: &'a str,
        session: &'a Session<'a>,
        request: &'a ApiRequest,
        known: &[&str],
    ) -> Result<Self, ApiError> {
        let given = body::object(action, &request.body)?;
        for name in given.keys().filter(|name| !name.starts_with('@')) {
            if !known.contains(&name.as_str()) {
                return Err(refusal::odata(
                    action,
                    &format!(
                        "The parameter '{name}' in the request payload is not a valid parameter \
                         for the operation '{action}'."
                    ),
                ));
            }
        }
        Ok(Self { action, session, request, given })
    }

    fn get(&self, name: &str) -> Option<&Json> {
        self.given.get(name).filter(|json| !json.is_null())
    }

    fn wrong(&self, name: &str, expected: &str) -> ApiError {
        let json = self.given.get(name).unwrap_or(&Json::Null);
        refusal::odata(
            self.action,
            &format!(
                "Cannot convert the literal '{json}' of '{name}' to the expected type '{expected}'."
            ),
        )
    }

    fn missing(&self, name: &str) -> ApiError {
        refusal::odata(
            self.action,
            &format!("The parameter '{name}' of the operation '{}' must not be null.", self.action),
        )
    }

    /// A required whole number.
    pub(super) fn integer(&self, name: &str) -> Result<i32, ApiError> {
        let json = self.get(name).ok_or_else(|| self.missing(name))?;
        json.as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .ok_or_else(|| self.wrong(name, "Edm.Int32"))
    }

    /// A required flag.
    pub(super) fn boolean(&self, name: &str) -> Result<bool, ApiError> {
        let json = self.get(name).ok_or_else(|| self.missing(name))?;
        json.as_bool().ok_or_else(|| self.wrong(name, "Edm.Boolean"))
    }

    /// A required GUID.
    pub(super) fn guid(&self, name: &str) -> Result<Uuid, ApiError> {
        let json = self.get(name).ok_or_else(|| self.missing(name))?;
        json.as_str().and_then(hyphenated).ok_or_else(|| self.wrong(name, "Edm.Guid"))
    }

    /// A row to create, in the same form as in a POST to its table.
    pub(super) fn row(&self, name: &str, table: &'static Table) -> Result<Body, ApiError> {
        let json = self.get(name).ok_or_else(|| self.missing(name))?;
        let object = json.as_object().ok_or_else(|| self.wrong(name, &table.type_name()))?;
        self.session.read(&table.entity_set, self.request, |reader| {
            reader.object(table, Purpose::Create, object)
        })
    }

    /// An existing row: an object with its type and its key. `table` is given if only one type is
    /// allowed.
    pub(super) fn existing(
        &self,
        name: &str,
        table: Option<&Table>,
    ) -> Result<Option<Reference>, ApiError> {
        let Some(json) = self.get(name) else { return Ok(None) };
        let wrong = || self.wrong(name, "Microsoft.Dynamics.CRM.crmbaseentity");
        let object = json.as_object().ok_or_else(wrong)?;
        let named = object.get("@odata.type").and_then(Json::as_str).map(|name| {
            Metadata::get().table(name.rsplit('.').next().unwrap_or_default()).ok_or_else(wrong)
        });
        let of = match (named.transpose()?, table) {
            (Some(named), Some(table)) if named != table => return Err(wrong()),
            (Some(named), _) => named,
            (None, Some(table)) => table,
            (None, None) => return Err(wrong()),
        };
        let key = object.get(&of.key_column().name).and_then(Json::as_str).and_then(hyphenated);
        Ok(Some(Reference { table: of.id, id: key.ok_or_else(wrong)? }))
    }

    /// The columns that a `ColumnSet` asks for. `None` means all.
    pub(super) fn column_set(&self) -> Result<Option<Vec<String>>, ApiError> {
        let Some(json) = self.get("ColumnSet") else { return Ok(None) };
        if json.get("AllColumns").and_then(Json::as_bool) == Some(true) {
            return Ok(None);
        }
        let columns = json.get("Columns").and_then(Json::as_array);
        let columns =
            columns.ok_or_else(|| self.wrong("ColumnSet", "Microsoft.Dynamics.CRM.ColumnSet"))?;
        Ok(Some(columns.iter().filter_map(Json::as_str).map(str::to_owned).collect()))
    }
}

/// A table of the metadata. The code only names tables that exist.
pub(super) fn table(name: &str) -> Result<&'static Table, ApiError> {
    Metadata::get().table(name).ok_or_else(|| ApiError::unknown_segment(name))
}
