//! The messages between the HTTP side and the organization: requests, answers, refusals, and the
//! preferences of a client.

mod error;
mod json;
mod prefer;
mod preferences;
mod request;
mod response;

pub(crate) use error::{ApiError, UnknownNames};
pub(crate) use json::{Array, Object, quoted};
pub(crate) use prefer::preferences;
pub(crate) use preferences::{Annotations, MetadataLevel, PAGE_SIZE_LIMIT, Preferences};
pub(crate) use request::ApiRequest;
pub(crate) use response::ApiResponse;
