//! POST, PATCH, PUT and DELETE of rows, columns and links, with their conditions.

use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value as Json;

use super::body::{self, Body, Purpose, row_address};
use super::context::How;
use super::refusal;
use super::session::{Session, Written, suppresses_duplicate_detection};
use super::writer::{Writer, link_body};
use crate::data::{Reference, Relationship, SingleNavigation, Table};
use crate::message::{ApiError, ApiRequest};
use crate::query::resource::{End, Key, RowsPath, Step, wrong_key};

impl Session<'_> {
    /// Carries out one request that writes rows, columns or links.
    pub(crate) fn write(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        path: &RowsPath,
    ) -> Result<Written, ApiError> {
        self.refuse_missing(path)?;
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
                let found = writer.context.find(row)?;
                check_if_match(&request.headers, &found.etag())?;
                writer.delete(row)?;
                Ok(Written::Done)
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
            _ => Err(method_not_allowed(&request.method)),
        }
    }

    /// Refuses a path through tables of a missing app.
    pub(crate) fn refuse_missing(&self, path: &RowsPath) -> Result<(), ApiError> {
        for table in std::iter::once(path.root).chain(path.steps.iter().map(Step::table)) {
            if !table.is_abstract && !self.apps.bring(table) {
                return Err(ApiError::unknown_segment(&table.entity_set));
            }
        }
        Ok(())
    }

    /// Creates a row, either in its table or in a collection of another row.
    fn post(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        table: &'static Table,
        within: Option<(Reference, &'static Relationship)>,
    ) -> Result<Written, ApiError> {
        if table.is_part {
            return Err(refusal::method_of_table("Create", table));
        }
        let mut body = self.read(&table.entity_set, request, |reader| {
            reader.bytes(table, Purpose::Create, &request.body)
        })?;
        let mut link_after = None;
        if let Some((owner, relationship)) = within {
            writer.context.find(owner)?;
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
        Ok(Written::Created(created))
    }

    /// Updates a row. If the row does not exist, it is created, unless the request forbids that.
    fn patch(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
    ) -> Result<Written, ApiError> {
        let table = row.table.table();
        let found = writer.context.store.get(table, row.id).cloned();
        let purpose = if found.is_some() { Purpose::Update } else { Purpose::Create };
        let mut body = self.read(&table.entity_set, request, |reader| {
            reader.bytes(table, purpose, &request.body)
        })?;
        let how = how(&request.headers);
        let Some(found) = found else {
            if request.headers.contains_key(header::IF_MATCH) {
                return Err(ApiError::no_such_row(&table.name, row.id));
            }
            // The key in the address counts, even if the body has another.
            body.id = Some(row.id);
            return Ok(Written::Created(writer.create(body, how)?));
        };
        if wants_none(&request.headers) {
            return Err(refusal::key_exists());
        }
        check_if_match(&request.headers, &found.etag())?;
        if found.table != row.table {
            return Err(refusal::method_of_table("Update", table));
        }
        writer.update(row, body, how)?;
        Ok(Written::Updated(row))
    }

    /// Sets or clears one column.
    fn column(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
        name: &str,
    ) -> Result<Written, ApiError> {
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
        let found = writer.context.find(row)?;
        check_if_match(&request.headers, &found.etag())?;
        let object = serde_json::Map::from_iter([(name.to_owned(), value)]);
        let body = self.read(&table.entity_set, request, |reader| {
            reader.object(table, Purpose::Update, &object)
        })?;
        writer.update(row, body, how(&request.headers))?;
        Ok(Written::Done)
    }

    /// `…/parentcustomerid_account/$ref`
    fn single_link(
        &self,
        writer: &mut Writer<'_>,
        request: &ApiRequest,
        row: Reference,
        navigation: &'static SingleNavigation,
    ) -> Result<Written, ApiError> {
        let to = match request.method {
            Method::PUT => Some(self.linked_row(request, navigation.target.table())?),
            Method::DELETE => None,
            _ => return Err(method_not_allowed(&request.method)),
        };
        writer.context.find(row)?;
        writer.update(row, link_body(row, &navigation.name, to)?, How::REQUEST)?;
        Ok(Written::Done)
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
    ) -> Result<Written, ApiError> {
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
        Ok(Written::Done)
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

/// The row that `$id=` names in the query of a DELETE of a link.
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

/// The reference with the real table of the row, if the address names an abstract one.
pub(crate) fn concrete(writer: &Writer<'_>, row: Reference) -> Result<Reference, ApiError> {
    let table = row.table.table();
    let found = writer.context.store.get(table, row.id);
    found.map(|found| found.reference()).ok_or_else(|| ApiError::no_such_row(&table.name, row.id))
}

fn how(headers: &HeaderMap) -> How {
    How::Request { detect_duplicates: suppresses_duplicate_detection(headers) == Some(false) }
}

fn wants_none(headers: &HeaderMap) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == "*")
}

/// Refuses a write if `If-Match` names another version.
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

/// Checks that a body is declared as JSON.
pub(crate) fn check_content_type(request: &ApiRequest) -> Result<(), ApiError> {
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

pub(crate) fn method_not_allowed(method: &Method) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        0,
        format!("The requested resource does not support http method '{method}'."),
    )
}
