//! `activity`: the log of a connection.

use jiff::Timestamp;
use serde::Deserialize;

use super::encoded;
use crate::api::Api;
use crate::arguments::Activity;
use crate::error::CliError;
use crate::print::{print, table};

#[derive(Debug, Deserialize)]
struct Page {
    entries: Vec<Entry>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    at: Timestamp,
    kind: String,
    tool: Option<String>,
    outcome: String,
    cause: Option<String>,
    code: Option<String>,
    duration_ms: u64,
    client: Option<String>,
    dataverse_request_id: Option<String>,
    request_id: String,
}

/// Prints a line for each entry, the latest first.
pub(crate) async fn activity(api: &Api, given: &Activity) -> Result<(), CliError> {
    let filters = [
        ("outcome", &given.outcome),
        ("tool", &given.tool),
        ("conversation", &given.conversation),
        ("request_id", &given.request_id),
        ("record", &given.record),
        ("visitor", &given.visitor),
        ("from", &given.from),
        ("to", &given.to),
    ];
    let mut filter = String::new();
    for (name, value) in filters {
        if let Some(value) = value {
            filter.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    let path = format!("/v1/connections/{}/activity", given.connection.id);
    let limit = usize::from(given.limit);
    let mut entries = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let left = (limit - entries.len()).min(200);
        let more = cursor.map(|next| format!("&cursor={}", encoded(&next))).unwrap_or_default();
        let page: Page = api.get(&format!("{path}?limit={left}{filter}{more}")).await?;
        entries.extend(page.entries);
        cursor = page.next;
        if cursor.is_none() || entries.len() >= limit {
            break;
        }
    }
    if entries.is_empty() {
        print("The log has no such entry.");
        return Ok(());
    }
    let heads = ["TIME", "WHAT", "OUTCOME", "MS", "CLIENT", "REQUEST", "DATAVERSE'S REQUEST"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for entry in entries {
        let details: Vec<_> = [entry.cause, entry.code].into_iter().flatten().collect();
        let details =
            if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
        rows.push(vec![
            format!("{:.0}", entry.at),
            entry.tool.unwrap_or(entry.kind),
            format!("{}{details}", entry.outcome),
            entry.duration_ms.to_string(),
            entry.client.unwrap_or_default(),
            entry.request_id,
            entry.dataverse_request_id.unwrap_or_default(),
        ]);
    }
    table(&rows);
    if cursor.is_some() {
        print(&format!("There are more: --limit {} shows them.", limit * 2));
    }
    Ok(())
}
