//! POST, PATCH, PUT and DELETE of rows, columns and links, with their conditions.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value as Json;

use super::body::{self, Body, Purpose, Reader, row_address};
use super::writer::link_body;
use super::{How, Writer, refusal};
use crate::actions;
use crate::api::{ApiError, ApiRequest, ApiResponse};
use crate::apps::Apps;
use crate::data::Reference;
use crate::data::{Relationship, SingleNavigation, Table};
use crate::odata::resource::{Call, End, Key, Resource, RowsPath, Step, wrong_key};

/// What a write came to; the answer is made of it once the transaction is through.
pub(crate) enum Outcome {
    /// A new row.
    Created(Reference),
    /// A changed row.
    Updated(Reference),
    /// Done, and nothing to show.
    Done,
    /// A row that an action gives back, with these columns or all.
    Row(Reference, Option<Vec<String>>),
    /// What an action answers.
    Answer(ApiResponse),
}

/// The requests that belong together: one alone, or those of a change set.
pub(crate) struct Session<'a> {
    pub apps: Apps,
    /// What earlier requests of the change set made, by content id.
    pub content_ids: &'a HashMap<String, Reference>,
}

impl Session<'_> {
    /// A reader for the bodies of a request.
    pub(crate) fn read<T>(
        &self,
        entity_set: &str,
        request: &ApiRequest,
        work: impl FnOnce(&Reader<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let apps = self.apps;
        let installed = move |table: &Table| apps.bring(table);
        work(&Reader {
            entity_set,
            base: &request.base,
            content_ids: self.content_ids,
            installed: &installed,
        })
    }

    /// Carries out one writing request.
    pub(crate) fn carry_out(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        resource: Resource,
    ) -> Result<Outcome, ApiError> {
        check_content_type(request)?;
        match resource {
            Resource::Rows(path) => self.rows(writer, request, &path),
            Resource::Unbound(call) if request.method == Method::POST => {
                actions::unbound(self, writer, request, &call)
            }
            Resource::Unbound(Call { name, .. }) => Err(ApiError::unknown_segment(&name)),
            _ => Err(method_not_allowed(&request.method)),
        }
    }

    fn rows(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        path: &RowsPath,
    ) -> Result<Outcome, ApiError> {
        for table in std::iter::once(path.root).chain(path.steps.iter().map(Step::table)) {
            if !table.is_abstract && !self.apps.bring(table) {
                return Err(ApiError::unknown_segment(&table.entity_set));
            }
        }
        let row = match &path.key {
            None => None,
            Some(Key::Id(id)) => Some(Reference { table: path.root.id, id: *id }),
            Some(Key::Alternate(_)) => return Err(wrong_key(path.root)),
        };
        match (&path.end, path.steps.as_slice(), row) {
            (End::Rows, [], None) if request.method == Method::POST => {
                self.post(writer, request, path.root, None)
            }
            (End::Rows, [Step::Collection(navigation, None)], Some(row))
                if request.method == Method::POST =>
            {
                let row = concrete(writer, row)?;
                let target = navigation.target.table();
                self.post(writer, request, target, Some((row, &navigation.relationship)))
            }
            (End::Rows, [], Some(row)) if request.method == Method::PATCH => {
                self.patch(writer, request, row)
            }
            (End::Rows, [], Some(row)) if request.method == Method::DELETE => {
                let row = concrete(writer, row)?;
                let found = writer.find(row)?;
                check_if_match(&request.headers, &found.etag())?;
                writer.delete(row)?;
                Ok(Outcome::Done)
            }
            (End::Column(column), [], Some(row)) => {
                let row = concrete(writer, row)?;
                let name = column.name.as_str();
                self.column(writer, request, row, name)
            }
            (End::Reference, [Step::Single(navigation)], Some(row)) => {
                let row = concrete(writer, row)?;
                self.single_link(writer, request, row, navigation)
            }
            (End::Reference, [Step::Collection(navigation, member)], Some(row)) => {
                let row = concrete(writer, row)?;
                let target = navigation.target.table();
                let member = member.map(|id| Reference { table: target.id, id });
                self.collection_link(writer, request, row, &navigation.relationship, target, member)
            }
            (End::Bound(call), [], Some(row)) if request.method == Method::POST => {
                let row = concrete(writer, row)?;
                actions::bound(self, writer, request, row, call)
            }
            _ => Err(method_not_allowed(&request.method)),
        }
    }

    /// Creates a row, on its own or in the collection of another.
    fn post(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        table: &'static Table,
        within: Option<(Reference, &'static Relationship)>,
    ) -> Result<Outcome, ApiError> {
        if table.name == "activityparty" {
            return Err(refusal::bad_request(
                0x8004_0800,
                "The 'Create' method does not support entities of type 'activityparty'.",
            ));
        }
        let mut body = self.read(&table.entity_set, request, |reader| {
            reader.bytes(table, Purpose::Create, &request.body)
        })?;
        let mut link_after = None;
        if let Some((owner, relationship)) = within {
            writer.find(owner)?;
            match relationship {
                Relationship::OneToMany { partner, .. } => {
                    body.links.append(&mut link_body_of(body.table, partner, owner)?.links);
                }
                Relationship::ManyToMany { .. } => link_after = Some((owner, relationship)),
            }
        }
        let created = writer.create(body, how(&request.headers))?;
        if let Some((owner, relationship)) = link_after {
            writer.attach(owner, relationship, created, How::REQUEST)?;
        }
        Ok(Outcome::Created(created))
    }

    /// Updates a row, or creates it where that is not ruled out.
    fn patch(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
    ) -> Result<Outcome, ApiError> {
        let table = row.table.table();
        let found = writer.store.get(table, row.id).cloned();
        let purpose = if found.is_some() { Purpose::Update } else { Purpose::Create };
        let mut body = self.read(&table.entity_set, request, |reader| {
            reader.bytes(table, purpose, &request.body)
        })?;
        let how = how(&request.headers);
        let Some(found) = found else {
            if request.headers.contains_key(header::IF_MATCH) {
                return Err(refusal::not_found(table, row.id));
            }
            // The key in the address counts, whatever the body says.
            body.id = Some(row.id);
            return Ok(Outcome::Created(writer.create(body, how)?));
        };
        if wants_none(&request.headers) {
            return Err(refusal::key_exists());
        }
        check_if_match(&request.headers, &found.etag())?;
        if found.table != row.table {
            return Err(refusal::bad_request(
                0x8004_0800,
                format!("The 'Update' method does not support entities of type '{}'.", table.name),
            ));
        }
        writer.update(row, body, how)?;
        Ok(Outcome::Updated(row))
    }

    /// Sets or empties one column.
    fn column(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
        name: &str,
    ) -> Result<Outcome, ApiError> {
        let table = row.table.table();
        let value = match request.method {
            Method::PUT | Method::PATCH => {
                let mut object = body::object(&table.entity_set, &request.body)?;
                object.remove("value").ok_or_else(|| {
                    refusal::odata(&table.entity_set, "The property 'value' is missing.")
                })?
            }
            Method::DELETE => Json::Null,
            _ => return Err(method_not_allowed(&request.method)),
        };
        let found = writer.find(row)?;
        check_if_match(&request.headers, &found.etag())?;
        let object = serde_json::Map::from_iter([(name.to_owned(), value)]);
        let body = self.read(&table.entity_set, request, |reader| {
            reader.object(table, Purpose::Update, &object)
        })?;
        writer.update(row, body, how(&request.headers))?;
        Ok(Outcome::Done)
    }

    /// `…/parentcustomerid_account/$ref`
    fn single_link(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
        navigation: &'static SingleNavigation,
    ) -> Result<Outcome, ApiError> {
        let to = match request.method {
            Method::PUT => Some(self.linked_row(request, navigation.target.table())?),
            Method::DELETE => None,
            _ => return Err(method_not_allowed(&request.method)),
        };
        writer.find(row)?;
        writer.update(row, link_body(row, &navigation.name, to)?, How::REQUEST)?;
        Ok(Outcome::Done)
    }

    /// `…/contact_customer_accounts/$ref`
    fn collection_link(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
        relationship: &'static Relationship,
        target: &Table,
        member: Option<Reference>,
    ) -> Result<Outcome, ApiError> {
        match (&request.method, member) {
            (&Method::POST, None) => {
                let other = concrete(writer, self.linked_row(request, target)?)?;
                writer.attach(row, relationship, other, How::REQUEST)?;
            }
            (&Method::DELETE, Some(other)) => {
                let other = concrete(writer, other)?;
                writer.detach(row, relationship, other, How::REQUEST)?;
            }
            (&Method::DELETE, None) => {
                let other = linked_by_query(request, target)?;
                let other = concrete(writer, other)?;
                writer.detach(row, relationship, other, How::REQUEST)?;
            }
            _ => return Err(method_not_allowed(&request.method)),
        }
        Ok(Outcome::Done)
    }

    /// The row that the body's `@odata.id` names.
    fn linked_row(&self, request: &ApiRequest, target: &Table) -> Result<Reference, ApiError> {
        let object = body::object(&target.entity_set, &request.body)?;
        let id = object.get("@odata.id").and_then(Json::as_str).ok_or_else(|| {
            refusal::odata(
                &target.entity_set,
                "The annotation 'odata.id' was not found in the entity reference link.",
            )
        })?;
        self.read(&target.entity_set, request, |reader| reader.link(target, "@odata.id", id))
    }
}

/// The row that `$id=` names, as a DELETE of a link carries it.
fn linked_by_query(request: &ApiRequest, target: &Table) -> Result<Reference, ApiError> {
    let query = request.query.as_deref().unwrap_or_default();
    let id = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "$id");
    id.and_then(|(_, id)| row_address(&id, &request.base))
        .filter(|row| target.covers(row.table))
        .ok_or_else(|| ApiError::odata("Bad Request - Error in query syntax."))
}

fn link_body_of(table: &'static Table, navigation: &str, to: Reference) -> Result<Body, ApiError> {
    link_body(Reference { table: table.id, id: to.id }, navigation, Some(to))
}

/// The reference with the row's own table, where the address names an abstract one.
fn concrete(writer: &Writer<'_>, row: Reference) -> Result<Reference, ApiError> {
    let table = row.table.table();
    let found = writer.store.get(table, row.id);
    found.map(|found| found.reference()).ok_or_else(|| refusal::not_found(table, row.id))
}

fn how(headers: &HeaderMap) -> How {
    How::Request { detect_duplicates: suppresses_duplicate_detection(headers) == Some(false) }
}

/// What `MSCRM.SuppressDuplicateDetection` says, where it is sent.
pub(crate) fn suppresses_duplicate_detection(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get("mscrm.suppressduplicatedetection")?.to_str().ok()?;
    value.trim().to_ascii_lowercase().parse().ok()
}

fn wants_none(headers: &HeaderMap) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == "*")
}

/// Refuses a write whose `If-Match` names another version.
fn check_if_match(headers: &HeaderMap, etag: &str) -> Result<(), ApiError> {
    let mut versions = headers
        .get_all(header::IF_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .peekable();
    let matches = versions.peek().is_none() || versions.any(|it| it == "*" || it == etag);
    if matches { Ok(()) } else { Err(refusal::version_mismatch()) }
}

/// A body must say that it is JSON.
fn check_content_type(request: &ApiRequest) -> Result<(), ApiError> {
    if request.body.is_empty() {
        return Ok(());
    }
    let sent = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = sent.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        0,
        format!(
            "The content type '{}' of the request is not supported; the Web API takes \
             'application/json'.",
            sent.unwrap_or_default()
        ),
    ))
}

fn method_not_allowed(method: &Method) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        0,
        format!("The requested resource does not support http method '{method}'."),
    )
}

/// An answer of 204 that names the row.
pub(crate) fn named(base: &str, row: Reference, created: bool) -> ApiResponse {
    let mut response = ApiResponse::empty(StatusCode::NO_CONTENT);
    let address = format!("{base}{}({})", row.table.table().entity_set, row.id);
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers.insert("odata-entityid", address.clone());
        if created {
            response.headers.insert(header::LOCATION, address);
        }
    }
    response.headers.insert("odata-version", HeaderValue::from_static("4.0"));
    response
}
