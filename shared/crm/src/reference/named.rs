//! What a caller says for a record whose type another argument says.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};

use super::ReferenceError;
use super::merged::{Merged, as_masters, known_merged};
use crate::record::{RecordRef, RecordType};
use crate::text::TextError;

/// The most characters of it. A link in a chat has the address of a record and words.
const LIMIT: usize = 1000;

/// What a caller says for a record, as it was said. It becomes a reference once the type of the record is
/// known.
#[derive(Clone)]
pub struct Named {
    text: String,
    /// The merged records that were known when it was read.
    merged: Vec<Merged>,
}

impl Named {
    /// The record of this type that it names.
    pub fn record(&self, kind: RecordType) -> Result<RecordRef, ReferenceError> {
        as_masters(&self.merged, || RecordRef::parse(kind, &self.text))
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let length = text.encode_utf16().count();
        if length > LIMIT {
            return Err(serde::de::Error::custom(TextError::TooLong { limit: LIMIT, length }));
        }
        Ok(Named { text: text.into_owned(), merged: known_merged() })
    }
}

crate::plain_schema!(Named, "string");

impl fmt::Debug for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Named").finish_non_exhaustive()
    }
}
