//! Answers GET requests for collections, single rows, columns, counts and links.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode, header};
use uuid::Uuid;

use super::conditional::{if_none_match, with_etag};
use super::evaluate::{follow, passes};
use super::filter::Filter;
use super::options::QueryOptions;
use super::paging::{Cookie, next_link};
use super::plan::candidates;
use super::render::{Renderer, bare_value, json_value};
use super::resource::{End, Key, RowsPath, Step, wrong_key};
use super::selection::{Selection, Selector, Sorting};
use crate::data::{Relationship, Table, TableId, Value};
use crate::message::{
    ApiError, ApiRequest, ApiResponse, Array, MetadataLevel, Object, PAGE_SIZE_LIMIT, Preferences,
};
use crate::organization::{Access, Caller, Moment, Row, Store};

/// Reads rows for one request.
pub(crate) struct Reader<'a> {
    /// The rows that the caller may read.
    pub(crate) store: &'a Store,
    /// All rows. Lookups show the names of rows that the caller may not read.
    whole: &'a Store,
    caller: &'a Caller,
    pub(crate) request: &'a ApiRequest,
    pub(crate) moment: Moment,
    pub(crate) options: QueryOptions,
    pub(crate) preferences: Preferences,
    level: MetadataLevel,
}

/// The rows at the end of a path, before any filter.
enum PathRows<'a> {
    /// One row. `None` if a lookup is empty.
    One(Option<&'a Arc<Row>>),
    /// All rows of the table.
    Table,
    /// The keys of the rows of a collection, in order.
    Keys(Vec<Uuid>),
}

/// One page of rows.
struct Page<'a> {
    rows: Vec<&'a Arc<Row>>,
    /// Whether more rows follow.
    more: bool,
}

impl<'a> Reader<'a> {
    /// Reads the options and headers of the request.
    pub(crate) fn new(
        store: &'a Store,
        caller: &'a Caller,
        request: &'a ApiRequest,
        moment: Moment,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            store,
            whole: store,
            caller,
            request,
            moment,
            options: QueryOptions::parse(request.query.as_deref())?,
            preferences: Preferences::of(&request.headers),
            level: MetadataLevel::of(&request.headers)?,
        })
    }

    /// Reads only the rows that the caller may read. `whole` has the others, too.
    #[must_use]
    pub(crate) fn within(self, whole: &'a Store) -> Self {
        Self { whole, ..self }
    }

    /// Answers with the given rows, with all their columns.
    pub(crate) fn list(
        &self,
        table: &'static Table,
        rows: &[&Arc<Row>],
    ) -> Result<ApiResponse, ApiError> {
        self.require(table.id)?;
        let mut selector = Selector::new(self.moment, &self.options.aliases);
        let selection = selector.selection(table, &QueryOptions::default())?;
        let renderer = self.renderer();
        let mut object = Object::new();
        renderer.context(&mut object, &table.entity_set);
        let mut array = Array::new();
        for row in rows {
            let mut inner = Object::new();
            renderer.row(&mut inner, row, &selection);
            array.push(&inner.finish());
        }
        object.raw("value", &array.finish());
        Ok(self.json(object))
    }

    /// Answers a GET of rows.
    pub(crate) fn get(&self, path: &RowsPath) -> Result<ApiResponse, ApiError> {
        self.refuse_what_is_not_emulated()?;
        self.require(path.root.id)?;
        for step in &path.steps {
            self.require(step.table().id)?;
        }
        let target = path.target();
        let found = self.walk(path)?;
        match (&path.end, found) {
            (End::Count, found) => self.count(target, found),
            (End::Reference, found) => self.references(target, found),
            (End::Column(column), PathRows::One(Some(row))) => {
                self.no_collection_options()?;
                let value = row.get(column.id);
                if value.is_null() {
                    return Ok(ApiResponse::empty(StatusCode::NO_CONTENT));
                }
                let mut object = Object::new();
                let fragment = format!("{}({})/{}", target.entity_set, row.id, column.name);
                self.renderer().context(&mut object, &fragment);
                object.raw("value", &json_value(column, value));
                Ok(self.json(object))
            }
            (End::ColumnValue(column), PathRows::One(Some(row))) => {
                let value = row.get(column.id);
                if value.is_null() {
                    return Ok(ApiResponse::empty(StatusCode::NO_CONTENT));
                }
                Ok(self.text(bare_value(column, value)))
            }
            // An empty lookup: OData answers 204.
            (_, PathRows::One(None)) => Ok(ApiResponse::empty(StatusCode::NO_CONTENT)),
            (_, PathRows::One(Some(row))) => self.row(target, row),
            (_, found) => self.collection(target, &found),
        }
    }

    /// A row as the body of an answer, with the `$select` and `$expand` of the request. This is the
    /// answer for `Prefer: return=representation`.
    pub(crate) fn representation(
        &self,
        table: &'static Table,
        row: &Row,
        status: StatusCode,
    ) -> Result<ApiResponse, ApiError> {
        let mut selector = Selector::new(self.moment, &self.options.aliases);
        let selection = selector.selection(table, &self.options)?;
        self.require_all(selector.touched())?;
        let mut response = self.json(self.row_object(table, row, &selection));
        response.status = status;
        Ok(response)
    }

    fn row(&self, table: &'static Table, row: &Row) -> Result<ApiResponse, ApiError> {
        self.no_collection_options()?;
        let mut selector = Selector::new(self.moment, &self.options.aliases);
        let selection = selector.selection(table, &self.options)?;
        self.require_all(selector.touched())?;
        let etag = row.etag();
        let conditional = selection.expansions.is_empty() && !self.preferences.annotations.any();
        if conditional && if_none_match(&self.request.headers, &etag) {
            return Ok(with_etag(ApiResponse::empty(StatusCode::NOT_MODIFIED), &etag));
        }
        let response = self.json(self.row_object(table, row, &selection));
        Ok(with_etag(response, &etag))
    }

    fn row_object(&self, table: &Table, row: &Row, selection: &Selection) -> Object {
        let renderer = self.renderer();
        let mut object = Object::new();
        let fragment = format!("{}{}/$entity", table.entity_set, selection.context);
        renderer.context(&mut object, &fragment);
        renderer.row(&mut object, row, selection);
        object
    }

    fn collection(
        &self,
        table: &'static Table,
        found: &PathRows<'_>,
    ) -> Result<ApiResponse, ApiError> {
        let mut selector = Selector::new(self.moment, &self.options.aliases);
        let selection = selector.selection(table, &self.options)?;
        let filter = selector.filter(table, &self.options)?;
        let sorting = selector.sorting(table, &self.options.order_by)?;
        self.require_all(selector.touched())?;

        let cookie = self.options.skip_token.as_deref().map(Cookie::parse).transpose()?;
        let page = self.page(table, found, filter.as_ref(), &sorting, cookie);
        let renderer = self.renderer();
        let mut object = Object::new();
        renderer.context(&mut object, &format!("{}{}", table.entity_set, selection.context));
        let total = self.options.count.then(|| self.total(table, found, filter.as_ref()));
        self.write_counts(&mut object, total);
        let mut array = Array::new();
        for row in &page.rows {
            let mut inner = Object::new();
            renderer.row(&mut inner, row, &selection);
            array.push(&inner.finish());
        }
        object.raw("value", &array.finish());
        if let (true, Some(first), Some(last)) = (page.more, page.rows.first(), page.rows.last()) {
            let page = cookie.map_or(1, |cookie| cookie.page) + 1;
            let cookie = Cookie { page, last: last.id };
            let token = cookie.encoded(&table.key_column().name, first.id);
            object.text("@odata.nextLink", &next_link(self.request, &token));
        }
        Ok(self.json(object))
    }

    /// Writes the counts. `@odata.count` never exceeds 5,000, as in Dataverse. The annotations say
    /// so.
    pub(crate) fn write_counts(&self, object: &mut Object, total: Option<usize>) {
        let annotations = self.preferences.annotations;
        if let Some(total) = total {
            object.raw("@odata.count", &total.min(PAGE_SIZE_LIMIT).to_string());
        }
        if annotations.total_record_count {
            let count = total.map_or("-1".to_owned(), |t| t.min(PAGE_SIZE_LIMIT).to_string());
            object.raw("@Microsoft.Dynamics.CRM.totalrecordcount", &count);
        }
        if annotations.total_record_count_limit_exceeded {
            let exceeded = total.is_some_and(|total| total > PAGE_SIZE_LIMIT);
            object.raw(
                "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded",
                &exceeded.to_string(),
            );
        }
        if annotations.global_metadata_version {
            object.text("@Microsoft.Dynamics.CRM.globalmetadataversion", "1000000");
        }
    }

    fn count(&self, table: &'static Table, found: PathRows<'_>) -> Result<ApiResponse, ApiError> {
        let mut selector = Selector::new(self.moment, &self.options.aliases);
        let filter = selector.filter(table, &self.options)?;
        self.require_all(selector.touched())?;
        let total = self.total(table, &found, filter.as_ref()).min(PAGE_SIZE_LIMIT);
        Ok(self.text(total.to_string()))
    }

    fn references(
        &self,
        table: &'static Table,
        found: PathRows<'_>,
    ) -> Result<ApiResponse, ApiError> {
        let renderer = self.renderer();
        let mut object = Object::new();
        if let PathRows::One(one) = found {
            let Some(row) = one else { return Ok(ApiResponse::empty(StatusCode::NO_CONTENT)) };
            renderer.context(&mut object, "$ref");
            object.text("@odata.id", &renderer.address(row.reference()));
            return Ok(self.json(object));
        }
        let mut selector = Selector::new(self.moment, &self.options.aliases);
        let filter = selector.filter(table, &self.options)?;
        let sorting = selector.sorting(table, &self.options.order_by)?;
        self.require_all(selector.touched())?;
        let page = self.page(table, &found, filter.as_ref(), &sorting, None);
        renderer.context(&mut object, "Collection($ref)");
        let mut array = Array::new();
        for row in page.rows {
            array.push(&renderer.reference(row.reference()).finish());
        }
        object.raw("value", &array.finish());
        Ok(self.json(object))
    }

    /// Follows the path to its last row or collection.
    fn walk(&self, path: &RowsPath) -> Result<PathRows<'a>, ApiError> {
        let mut found = match &path.key {
            None => PathRows::Table,
            Some(Key::Id(id)) => {
                let row = self.store.get(path.root, *id);
                PathRows::One(Some(row.ok_or_else(|| self.not_found(path.root, *id))?))
            }
            Some(Key::Alternate(_)) => return Err(wrong_key(path.root)),
        };
        for step in &path.steps {
            found = match (step, found) {
                (Step::Single(navigation), PathRows::One(Some(row))) => {
                    PathRows::One(follow(self.store, row, navigation))
                }
                (Step::Collection(navigation, id), PathRows::One(Some(row))) => {
                    let target = navigation.target.table();
                    let keys = match &navigation.relationship {
                        Relationship::OneToMany { lookup, .. } => self
                            .store
                            .ids_by_index(target, *lookup, &Value::Guid(row.id))
                            .unwrap_or_default(),
                        Relationship::ManyToMany { name } => self.store.linked(name, row.id),
                    };
                    match id {
                        None => PathRows::Keys(keys),
                        Some(id) => {
                            let row = self.store.get(target, *id).filter(|_| keys.contains(id));
                            PathRows::One(Some(row.ok_or_else(|| no_such_row(target, *id))?))
                        }
                    }
                }
                (Step::Cast(table), PathRows::One(Some(row))) => {
                    if row.table != table.id {
                        return Err(no_such_row(table, row.id));
                    }
                    PathRows::One(Some(row))
                }
                (Step::Cast(table), PathRows::Keys(mut keys)) => {
                    keys.retain(|id| self.store.get(table, *id).is_some());
                    PathRows::Keys(keys)
                }
                (Step::Cast(_), PathRows::Table) => PathRows::Table,
                // Nothing can follow an empty lookup in a path.
                (step, PathRows::One(None)) => {
                    return Err(ApiError::unknown_segment(&step.table().name));
                }
                (step, _) => return Err(ApiError::unknown_segment(&step.table().name)),
            };
        }
        Ok(found)
    }

    /// Why there is no row with this key: it does not exist, or the caller may not read it.
    fn not_found(&self, table: &Table, id: Uuid) -> ApiError {
        let hidden = self.whole.get(table, id);
        let denied = hidden.map(|row| self.caller.require_row(Access::Read, self.whole, row));
        denied.and_then(Result::err).unwrap_or_else(|| no_such_row(table, id))
    }

    /// The keys of the rows that may match, in order. `None` means the whole table.
    fn narrowed(
        &self,
        table: &'static Table,
        found: &PathRows<'_>,
        filter: Option<&Filter>,
    ) -> Option<Vec<Uuid>> {
        let by_filter = filter.and_then(|filter| candidates(self.store, table, filter));
        match (found, by_filter) {
            (PathRows::Keys(keys), Some(ids)) if ids.len() < keys.len() => {
                Some(ids.into_iter().filter(|id| keys.binary_search(id).is_ok()).collect())
            }
            (PathRows::Keys(keys), _) => Some(keys.clone()),
            (_, by_filter) => by_filter,
        }
    }

    /// The matching rows in the order of their keys. If a key is given, only rows after it.
    fn matching<'f>(
        &self,
        table: &'static Table,
        found: &PathRows<'_>,
        filter: Option<&'f Filter>,
        after: Option<Uuid>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Row>> + 'f>
    where
        'a: 'f,
    {
        let store = self.store;
        let rows: Box<dyn Iterator<Item = &'a Arc<Row>>> = match self.narrowed(table, found, filter)
        {
            Some(mut ids) => {
                if let Some(after) = after {
                    ids.drain(..ids.partition_point(|id| *id <= after));
                }
                Box::new(ids.into_iter().filter_map(move |id| store.get(table, id)))
            }
            None => store.scan(table, after),
        };
        Box::new(rows.filter(move |row| {
            filter.is_none_or(|filter| passes(store, &mut vec![&***row], filter))
        }))
    }

    fn total(&self, table: &'static Table, found: &PathRows<'_>, filter: Option<&Filter>) -> usize {
        match (found, filter) {
            (PathRows::Table, None) => self.store.len(table),
            (PathRows::Keys(keys), None) => keys.len(),
            _ => self.matching(table, found, filter, None).take(PAGE_SIZE_LIMIT + 1).count(),
        }
    }

    fn page(
        &self,
        table: &'static Table,
        found: &PathRows<'_>,
        filter: Option<&Filter>,
        sorting: &Sorting,
        cookie: Option<Cookie>,
    ) -> Page<'a> {
        let top = self.options.top.map(|top| usize::try_from(top).unwrap_or(usize::MAX));
        // If there is a page size, Dataverse ignores $top.
        let (size, cut) = match (self.preferences.page_size, top) {
            (None, Some(top)) => (top.min(PAGE_SIZE_LIMIT), top <= PAGE_SIZE_LIMIT),
            (size, _) => (size.unwrap_or(PAGE_SIZE_LIMIT), false),
        };
        let mut rows: Vec<&'a Arc<Row>> = if sorting.is_empty() {
            let after = cookie.map(|cookie| cookie.last);
            self.matching(table, found, filter, after).take(size + 1).collect()
        } else {
            let mut rows: Vec<_> = self.matching(table, found, filter, None).collect();
            sorting.sort(self.store, &mut rows);
            if let Some(cookie) = cookie {
                // If the last row is gone or no longer matches, the page number is used.
                let place = rows.iter().position(|row| row.id == cookie.last);
                let start = place.map_or((cookie.page - 1) * size, |place| place + 1);
                rows.drain(..start.min(rows.len()));
            }
            rows
        };
        let more = rows.len() > size && !cut;
        rows.truncate(size);
        Page { rows, more }
    }

    /// Writes rows as this request wants them.
    pub(crate) fn renderer(&self) -> Renderer<'a> {
        let annotations = self.preferences.annotations;
        Renderer::new(self.store, self.whole, &self.request.base, annotations, self.level)
    }

    /// Refuses to read a table that does not exist, or that the caller may not read.
    pub(crate) fn require(&self, table: TableId) -> Result<(), ApiError> {
        let table = table.table();
        if !self.moment.apps.bring(table) {
            return Err(ApiError::unknown_segment(&table.entity_set));
        }
        self.caller.require(Access::Read, table)
    }

    /// Refuses to read one of these tables.
    pub(crate) fn require_all(
        &self,
        tables: impl IntoIterator<Item = TableId>,
    ) -> Result<(), ApiError> {
        tables.into_iter().try_for_each(|table| self.require(table))
    }

    fn refuse_what_is_not_emulated(&self) -> Result<(), ApiError> {
        if self.options.apply.is_some() {
            return Err(ApiError::not_emulated("$apply"));
        }
        // Whoever tracks changes relies on the link to the next changes.
        if self.preferences.track_changes {
            return Err(ApiError::not_emulated("odata.track-changes"));
        }
        Ok(())
    }

    fn no_collection_options(&self) -> Result<(), ApiError> {
        let options = &self.options;
        if options.filter.is_some()
            || !options.order_by.is_empty()
            || options.top.is_some()
            || options.count
            || options.skip_token.is_some()
        {
            return Err(ApiError::odata(
                "The query specified in the URI is not valid. Query options $filter, $orderby, \
                 $count, $skip, and $top can be applied only on collections.",
            ));
        }
        Ok(())
    }

    /// An answer of this content.
    pub(crate) fn json(&self, object: Object) -> ApiResponse {
        let mut response = ApiResponse::empty(StatusCode::OK);
        let content_type = HeaderValue::from_static(self.level.content_type());
        response.headers.insert(header::CONTENT_TYPE, content_type);
        let applied: Vec<&str> = self.preferences.applied.iter().map(String::as_str).collect();
        if let (false, Ok(applied)) = (applied.is_empty(), applied.join(",").parse()) {
            response.headers.insert(HeaderName::from_static("preference-applied"), applied);
        }
        let version = HeaderValue::from_static("4.0");
        response.headers.insert(HeaderName::from_static("odata-version"), version);
        response.body = object.finish().into();
        response
    }

    fn text(&self, text: String) -> ApiResponse {
        let mut response = ApiResponse::empty(StatusCode::OK);
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response.body = text.into();
        response
    }
}

fn no_such_row(table: &Table, id: Uuid) -> ApiError {
    ApiError::no_such_row(&table.name, id)
}
