//! The address of a record's page in Dynamics 365, as earlier answers show it.

use dataverse::Table;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::ReferenceError;

/// The address of a page that shows one record.
pub(super) struct RecordPage {
    /// The logical name of the record's table.
    table: Option<String>,
    /// The id, which may be none.
    id: String,
}

impl RecordPage {
    /// Reads an address in the web. `None` if it is not that of a record's page.
    pub(super) fn of(text: &str) -> Option<RecordPage> {
        let (scheme, rest) = text.split_once("://")?;
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return None;
        }
        let (_, query) = rest.split_once('?')?;
        let parameter = |wanted: &str| {
            let mut pairs = query.split(['&', '#']).filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(name, _)| {
                let name = name.trim_start_matches("amp;");
                name.eq_ignore_ascii_case(wanted)
            })?;
            Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let is_page = parameter("pagetype").is_some_and(|page| page == "entityrecord");
        let id = is_page.then(|| parameter("id")).flatten()?;
        Some(RecordPage { table: parameter("etn"), id })
    }

    /// The id of the record, which must be in one of these tables.
    pub(super) fn id(&self, tables: &[Table]) -> Result<Uuid, ReferenceError> {
        let is_of = |name: &String| {
            tables.iter().any(|table| table.logical_name.eq_ignore_ascii_case(name))
        };
        if !self.table.as_ref().is_none_or(is_of) {
            return Err(ReferenceError::OtherTable);
        }
        Uuid::parse_str(self.id.trim()).map_err(|_| ReferenceError::NotGuid)
    }
}
