//! `connections`: the list.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::encoded;
use crate::api::Api;
use crate::error::CliError;
use crate::print::{print, table};

#[derive(Debug, Deserialize)]
struct Page {
    connections: Vec<Connection>,
    next: Option<String>,
}

/// A connection, as the list has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) instance_url: String,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) set_up_step: Option<u8>,
    pub(crate) checked_at: Option<Timestamp>,
    pub(crate) secret_expires_on: Option<Date>,
}

/// All connections of the key.
pub(crate) async fn all(api: &Api) -> Result<Vec<Connection>, CliError> {
    let mut connections = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let more = cursor.map(|next| format!("&cursor={}", encoded(&next))).unwrap_or_default();
        let page: Page = api.get(&format!("/v1/connections?limit=200{more}")).await?;
        connections.extend(page.connections);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(connections);
        }
    }
}

/// Prints a line for each connection.
pub(crate) async fn list(api: &Api) -> Result<(), CliError> {
    let connections = all(api).await?;
    if connections.is_empty() {
        print("There is no connection yet. `d365tools connect` sets one up.");
        return Ok(());
    }
    let mut rows =
        vec![["ID", "STATE", "SECRET ENDS", "CHECKED", "ORGANIZATION"].map(str::to_owned).to_vec()];
    for one in connections {
        let state = match (&one.cause, one.set_up_step) {
            (Some(cause), Some(step)) => format!("{}: {cause} (step {step})", one.state),
            (Some(cause), None) => format!("{}: {cause}", one.state),
            (None, _) => one.state,
        };
        let name = one.organization.or(one.label);
        let name = name.map(|name| format!("{name}, ")).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        rows.push(vec![
            one.id,
            state,
            one.secret_expires_on.map_or_else(unknown, |day| day.to_string()),
            one.checked_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}")),
            format!("{name}{}", one.instance_url),
        ]);
    }
    table(&rows);
    Ok(())
}
