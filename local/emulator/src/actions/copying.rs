//! Bodies with values from another row.

use super::parameters::table;
use crate::data::Reference;
use crate::message::ApiError;
use crate::organization::Row;
use crate::write::body::{Body, Link};

/// A body for a row of another table, with the values of these columns and lookups.
pub(super) fn copied(
    row: &Row,
    to: &str,
    columns: &[&str],
    links: &[&str],
) -> Result<Body, ApiError> {
    let mut body = Body::empty(table(to)?);
    for column in columns {
        let value = row.value(column);
        if !value.is_null() {
            body.set(column, value.clone());
        }
    }
    for lookup in links {
        link(&mut body, lookup, row.value(&format!("_{lookup}_value")).as_reference());
    }
    Ok(body)
}

/// Sets a lookup of a body, if there is a row to set it to.
pub(super) fn link(body: &mut Body, navigation: &str, to: Option<Reference>) {
    if to.is_some()
        && let Some(navigation) = body.table.single_navigation(navigation)
    {
        body.links.push(Link { navigation, to });
    }
}
