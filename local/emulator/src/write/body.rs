//! The body of a create or an update: JSON that is read with the metadata of its table.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{literal, refusal};
use crate::data::{
    CollectionNavigation, ColumnId, Metadata, Reference, SingleNavigation, Table, Value,
};
use crate::message::ApiError;

/// The purpose of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To create a row.
    Create,
    /// To change a row.
    Update,
    /// To create a row of the sample. It may set columns that nobody can write through the API.
    Sample,
}

/// A lookup to set.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub navigation: &'static SingleNavigation,
    /// The row to point at. `None` clears the lookup.
    pub to: Option<Reference>,
}

/// A body that fits its table: its names, JSON types and links are right. Lengths, options and the
/// existence of linked rows are checked later, when it is written.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub table: &'static Table,
    /// The primary key, if the body names one.
    pub id: Option<Uuid>,
    pub values: Vec<(ColumnId, Value)>,
    pub links: Vec<Link>,
    /// Rows to create first. This row will then link to them.
    pub parents: Vec<(&'static SingleNavigation, Body)>,
    /// Rows to create that will link to this row.
    pub children: Vec<(&'static CollectionNavigation, Vec<Body>)>,
    /// Existing rows to link to this row.
    pub attached: Vec<(&'static CollectionNavigation, Vec<Reference>)>,
}

impl Body {
    /// A body without any content.
    pub(crate) fn empty(table: &'static Table) -> Self {
        Self {
            table,
            id: None,
            values: Vec::new(),
            links: Vec::new(),
            parents: Vec::new(),
            children: Vec::new(),
            attached: Vec::new(),
        }
    }

    /// The value that the body gives a column.
    pub(crate) fn value(&self, column: &str) -> Option<&Value> {
        let column = self.table.column(column)?;
        self.values.iter().rev().find(|(id, _)| *id == column.id).map(|(_, value)| value)
    }

    /// Whether the body only sets columns, lookups among them, and changes no other rows.
    pub(crate) fn is_columns_alone(&self) -> bool {
        self.parents.is_empty() && self.children.is_empty() && self.attached.is_empty()
    }

    /// Adds a value to the body.
    pub(crate) fn set(&mut self, column: &str, value: Value) {
        if let Some(column) = self.table.column(column) {
            self.values.push((column.id, value));
        }
    }
}

/// Reads bodies. It knows what the names in them may refer to.
pub(crate) struct BodyReader<'a> {
    /// The name of the entity set in error messages.
    pub entity_set: &'a str,
    /// The address of the service. Links may contain it.
    pub base: &'a str,
    /// The rows that `$1` and the like stand for in a change set.
    pub content_ids: &'a HashMap<String, Reference>,
    /// Whether a table exists in this environment.
    pub installed: &'a dyn Fn(&Table) -> bool,
    /// Whether the owner of a task is also declared as `ownerid_task`, and so on.
    pub typed_owners: bool,
}

impl BodyReader<'_> {
    /// Reads the bytes of a request.
    pub(crate) fn bytes(
        &self,
        table: &'static Table,
        purpose: Purpose,
        bytes: &[u8],
    ) -> Result<Body, ApiError> {
        let object = object(self.entity_set, bytes)?;
        self.object(table, purpose, &object)
    }

    /// Reads a JSON object.
    pub(crate) fn object(
        &self,
        table: &'static Table,
        purpose: Purpose,
        object: &Map<String, Json>,
    ) -> Result<Body, ApiError> {
        let mut body = Body::empty(table);
        for (name, json) in object {
            self.property(&mut body, purpose, name, json)?;
        }
        Ok(body)
    }

    fn property(
        &self,
        body: &mut Body,
        purpose: Purpose,
        name: &str,
        json: &Json,
    ) -> Result<(), ApiError> {
        let table = body.table;
        if let Some((property, annotation)) = name.split_once('@') {
            return self.annotation(body, property, annotation, json);
        }
        if let Some(navigation) = self.single(table, name) {
            let Json::Object(object) = json else {
                return Err(self.not_an_object(json));
            };
            if purpose == Purpose::Update {
                return Err(deep_update(name));
            }
            let parent =
                self.object(concrete(navigation.target.table(), object), purpose, object)?;
            body.parents.push((navigation, parent));
            return Ok(());
        }
        if let Some(navigation) = self.collection(table, name) {
            let Json::Array(items) = json else {
                return Err(refusal::odata(
                    self.entity_set,
                    "An unexpected 'StartObject' node was found when reading from the JSON reader. \
                     A 'StartArray' node was expected.",
                ));
            };
            // Rows that are part of another row may be written with an update of it, too. Other
            // rows can only be written in depth when the row is created.
            if purpose == Purpose::Update && !navigation.target.table().is_part {
                return Err(deep_update(name));
            }
            let mut children = Vec::with_capacity(items.len());
            for item in items {
                let Json::Object(object) = item else { return Err(self.not_an_object(item)) };
                let of = concrete(navigation.target.table(), object);
                let child_purpose =
                    if purpose == Purpose::Update { Purpose::Create } else { purpose };
                children.push(self.object(of, child_purpose, object)?);
            }
            body.children.push((navigation, children));
            return Ok(());
        }
        let Some(column) = table.column(name) else {
            return Err(refusal::unknown_property(self.entity_set, &table.type_name(), name));
        };
        if column.is_lookup() {
            return Err(refusal::lookup_as_value());
        }
        let value = literal::read(self.entity_set, column, json)?;
        if column.id == table.key {
            body.id = value.as_id();
            return Ok(());
        }
        let writable = match purpose {
            Purpose::Create => column.valid_for_create,
            Purpose::Update => column.valid_for_update,
            Purpose::Sample => true,
        };
        // Dataverse silently ignores a column that may not be written.
        if writable {
            body.values.push((column.id, value));
        }
        Ok(())
    }

    fn annotation(
        &self,
        body: &mut Body,
        property: &str,
        annotation: &str,
        json: &Json,
    ) -> Result<(), ApiError> {
        let table = body.table;
        if property.is_empty() {
            return self.control(table, annotation, json);
        }
        if annotation == "odata.bind" {
            if let Some(navigation) = self.single(table, property) {
                let to = match json {
                    Json::Null => None,
                    Json::String(link) => {
                        Some(self.link(navigation.target.table(), property, link)?)
                    }
                    other => return Err(self.bad_link(property, &other.to_string())),
                };
                body.links.push(Link { navigation, to });
                return Ok(());
            }
            if let Some(navigation) = self.collection(table, property) {
                let Json::Array(links) = json else {
                    return Err(self.bad_link(property, &json.to_string()));
                };
                let references = links
                    .iter()
                    .map(|link| match link {
                        Json::String(link) => self.link(navigation.target.table(), property, link),
                        other => Err(self.bad_link(property, &other.to_string())),
                    })
                    .collect::<Result<_, _>>()?;
                body.attached.push((navigation, references));
                return Ok(());
            }
            return Err(refusal::undeclared(self.entity_set, property));
        }
        // Other annotations appear when a client sends back what it has read.
        let known = table.column(property).is_some()
            || self.single(table, property).is_some()
            || self.collection(table, property).is_some();
        if known { Ok(()) } else { Err(refusal::undeclared(self.entity_set, property)) }
    }

    fn control(&self, table: &Table, annotation: &str, json: &Json) -> Result<(), ApiError> {
        if annotation != "odata.type" {
            return Ok(());
        }
        let name = json.as_str().unwrap_or_default().trim_start_matches('#');
        if name == table.type_name() {
            return Ok(());
        }
        Err(refusal::odata(
            self.entity_set,
            &format!(
                "A type named '{name}' could not be resolved by the model or is not compatible with \
                 the expected type '{}'.",
                table.type_name()
            ),
        ))
    }

    /// The row that a link such as `/contacts(…)` names. It need not exist.
    pub(crate) fn link(
        &self,
        target: &Table,
        property: &str,
        link: &str,
    ) -> Result<Reference, ApiError> {
        let reference = if link.starts_with('$') {
            self.content_ids.get(link.trim_start_matches('$')).copied()
        } else {
            row_address(link, self.base)
        };
        let reference = reference.ok_or_else(|| self.bad_link(property, link))?;
        if (self.installed)(reference.table.table()) && target.covers(reference.table) {
            Ok(reference)
        } else {
            Err(self.bad_link(property, link))
        }
    }

    fn single(&self, table: &'static Table, name: &str) -> Option<&'static SingleNavigation> {
        let navigation = table.single_navigation(name)?;
        if !self.typed_owners && name.starts_with("ownerid_") {
            return None;
        }
        self.reachable(navigation.target.table()).then_some(navigation)
    }

    fn collection(
        &self,
        table: &'static Table,
        name: &str,
    ) -> Option<&'static CollectionNavigation> {
        let navigation = table.collection_navigation(name)?;
        self.reachable(navigation.target.table()).then_some(navigation)
    }

    fn reachable(&self, target: &Table) -> bool {
        target.is_abstract || (self.installed)(target)
    }

    fn not_an_object(&self, json: &Json) -> ApiError {
        let node = if json.is_array() { "StartArray" } else { "PrimitiveValue" };
        refusal::odata(
            self.entity_set,
            &format!(
                "An unexpected '{node}' node was found when reading from the JSON reader. A \
                 'StartObject' node was expected."
            ),
        )
    }

    fn bad_link(&self, property: &str, link: &str) -> ApiError {
        refusal::odata(
            self.entity_set,
            &format!(
                "The value '{link}' of the 'odata.bind' annotation of property '{property}' is no \
                 link to a row that the property may refer to."
            ),
        )
    }
}

/// Parses a JSON object.
pub(crate) fn object(entity_set: &str, bytes: &[u8]) -> Result<Map<String, Json>, ApiError> {
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(refusal::odata(
            entity_set,
            "An unexpected node was found when reading from the JSON reader. A 'StartObject' node \
             was expected.",
        )),
        Err(error) => Err(refusal::payload(
            entity_set,
            &format!("Newtonsoft.Json.JsonReaderException: Invalid JSON. {error}"),
        )),
    }
}

/// The type that the object names, if the target is an abstract table and the type belongs to it.
fn concrete(target: &'static Table, object: &Map<String, Json>) -> &'static Table {
    let named = object
        .get("@odata.type")
        .and_then(Json::as_str)
        .and_then(|name| name.rsplit('.').next())
        .and_then(|name| Metadata::get().table(name));
    named.filter(|table| target.covers(table.id)).unwrap_or(target)
}

fn deep_update(property: &str) -> ApiError {
    refusal::bad_request(
        0x8006_0888,
        format!(
            "Deep update of navigation properties is not supported. Navigation property \
             '{property}'."
        ),
    )
}

/// The row that an address such as `/contacts(…)` names. The address may include that of the
/// service.
pub(crate) fn row_address(address: &str, base: &str) -> Option<Reference> {
    let path = match address.split_once("/api/data/") {
        Some((_, versioned)) if !address.starts_with('/') => {
            let host = base.split("/api/data/").next().unwrap_or(base);
            if !address.to_ascii_lowercase().starts_with(&host.to_ascii_lowercase()) {
                return None;
            }
            versioned.split_once('/')?.1
        }
        Some((_, versioned)) => versioned.split_once('/')?.1,
        None => address.strip_prefix('/').unwrap_or(address),
    };
    let (set, key) = path.strip_suffix(')')?.split_once('(')?;
    let table = Metadata::get().entity_set(set)?;
    let key = match key.split_once('=') {
        Some((name, key)) if name == table.key_column().name => key,
        Some(_) => return None,
        None => key,
    };
    Some(Reference { table: table.id, id: hyphenated(key)? })
}

/// A GUID in the only form that an address allows.
pub(crate) fn hyphenated(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(table: &str, purpose: Purpose, json: &Json) -> Result<Body, ApiError> {
        let table = Metadata::get().table(table).unwrap();
        let reader = BodyReader {
            entity_set: &table.entity_set,
            base: "http://127.0.0.1:3001/api/data/v9.2/",
            content_ids: &HashMap::new(),
            installed: &|table| table.name != "quote",
            typed_owners: true,
        };
        reader.object(table, purpose, json.as_object().unwrap())
    }

    const ID: &str = "d61abde7-181e-5f77-b59e-84c544c5040b";

    #[test]
    fn links_are_read_in_every_form_that_dataverse_takes() {
        for link in [
            format!("/contacts({ID})"),
            format!("contacts({ID})"),
            format!("contacts(contactid={ID})"),
            format!("http://127.0.0.1:3001/api/data/v9.2/contacts({ID})"),
            format!("/api/data/v9.2/contacts({ID})"),
        ] {
            let body = read(
                "incident",
                Purpose::Create,
                &json!({ "customerid_contact@odata.bind": link }),
            );
            assert_eq!(body.unwrap().links[0].to.unwrap().id.to_string(), ID, "{link}");
        }
    }

    #[test]
    fn a_link_to_another_table_or_of_no_row_is_refused() {
        for link in [
            format!("/accounts({ID})"),
            format!("/contactss({ID})"),
            "/contacts".to_owned(),
            "/contacts(5)".to_owned(),
            format!("/contacts({{{ID}}})"),
            format!("https://other.example/api/data/v9.2/contacts({ID})"),
            "$1".to_owned(),
        ] {
            let json = json!({ "customerid_contact@odata.bind": link });
            assert_eq!(read("incident", Purpose::Create, &json).unwrap_err().code, 0x8004_8d19);
        }
    }

    #[test]
    fn names_that_are_not_there_are_refused() {
        for (json, text) in [
            (json!({"foo": 1}), "The property 'foo' does not exist on type"),
            (json!({"Title": "x"}), "The property 'Title' does not exist"),
            (
                json!({"customerid@odata.bind": "/contacts(1)"}),
                "An undeclared property 'customerid'",
            ),
            (json!({"Customerid_contact@odata.bind": "/contacts(1)"}), "An undeclared property"),
            (json!({"customerid": ID}), "The property 'customerid' does not exist"),
            (json!({"customerid_contact": ID}), "A 'StartObject' node was expected"),
            (json!({"@odata.type": "Microsoft.Dynamics.CRM.contact"}), "A type named"),
        ] {
            let error = read("incident", Purpose::Create, &json).unwrap_err();
            assert_eq!(error.code, 0x8004_8d19, "{json}");
            assert!(error.message.contains(text), "{json}: {}", error.message);
        }
        let error = read("incident", Purpose::Create, &json!({"_customerid_value": ID}));
        assert_eq!(error.unwrap_err().code, 0x8006_0888);
    }

    #[test]
    fn columns_that_may_not_be_written_are_passed_over() {
        let body =
            read("contact", Purpose::Create, &json!({"fullname": "X", "lastname": "Y"})).unwrap();
        assert_eq!(body.values.len(), 1);
        assert!(body.value("fullname").is_none());
        let sample =
            read("contact", Purpose::Sample, &json!({"createdon": "2025-02-01T10:30:00Z"}));
        assert!(sample.unwrap().value("createdon").is_some());
    }

    #[test]
    fn a_table_that_is_not_installed_cannot_be_referred_to() {
        let json = json!({ "objectid_quote@odata.bind": format!("/quotes({ID})") });
        let error = read("annotation", Purpose::Create, &json).unwrap_err();
        assert!(error.message.contains("An undeclared property 'objectid_quote'"));
    }

    #[test]
    fn related_rows_may_be_written_in_depth_only_on_create() {
        let json = json!({"subject": "x", "phonecall_activity_parties": [
            {"partyid_contact@odata.bind": format!("/contacts({ID})"), "participationtypemask": 2}
        ]});
        assert_eq!(read("phonecall", Purpose::Create, &json).unwrap().children[0].1.len(), 1);
        assert!(read("phonecall", Purpose::Update, &json).is_ok());
        let lines = json!({"quote_details": [{"quantity": 1}]});
        assert_eq!(read("quote", Purpose::Create, &lines).unwrap().children[0].1.len(), 1);
        assert_eq!(read("quote", Purpose::Update, &lines).unwrap_err().code, 0x8006_0888);
    }
}
