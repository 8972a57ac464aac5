//! The refusals of writes: one function for each, with the status, code and words of Dataverse.
//!
//! The codes and words are from Microsoft's list of error codes and from recorded answers. The
//! status is 400 if no source names another.

use http::StatusCode;
use uuid::Uuid;

use crate::data::{Column, Table};
use crate::message::ApiError;

/// A body that the OData reader does not understand.
pub(crate) fn payload(entity_set: &str, inner: &str) -> ApiError {
    bad_request(
        0x8004_8d19,
        format!(
            "Error identified in Payload provided by the user for Entity :'{entity_set}', For more \
             information on this error please follow this help link \
             https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : {inner}"
        ),
    )
}

/// A message of the OData reader itself.
pub(crate) fn odata(entity_set: &str, message: &str) -> ApiError {
    payload(entity_set, &format!("Microsoft.OData.ODataException: {message}"))
}

/// A property that the table does not have.
pub(crate) fn unknown_property(entity_set: &str, type_name: &str, property: &str) -> ApiError {
    odata(
        entity_set,
        &format!(
            "The property '{property}' does not exist on type '{type_name}'. Make sure to only use \
             property names that are defined by the type."
        ),
    )
    .or(ApiError::bare(format!("Invalid property '{property}' was found in entity '{type_name}'.")))
}

/// An annotation such as `@odata.bind` on a name that is not a navigation property.
pub(crate) fn undeclared(entity_set: &str, property: &str) -> ApiError {
    let message = format!(
        "An undeclared property '{property}' which only has property annotations in the payload \
         but no property value was found in the payload. In OData, only declared navigation \
         properties and declared named streams can be represented as properties without values."
    );
    odata(entity_set, &message).or(ApiError::bare(format!(
        "An error occurred while validating input parameters: Microsoft.OData.ODataException: \
         {message}"
    )))
}

/// A value of the wrong JSON type, or a text that is not a value of the type.
pub(crate) fn wrong_type(entity_set: &str, literal: &str, column: &Column) -> ApiError {
    odata(
        entity_set,
        &format!(
            "Cannot convert the literal '{literal}' to the expected type '{}'. ---> \
             System.FormatException: Input string was not in a correct format.",
            column.edm_type()
        ),
    )
}

/// A lookup written as a value instead of a link.
pub(crate) fn lookup_as_value() -> ApiError {
    bad_request(
        0x8006_0888,
        "CRM do not support direct update of Entity Reference properties, Use Navigation \
         properties instead.",
    )
}

/// A text that is too long for the column. Dataverse itself writes two spaces after the first
/// sentence.
pub(crate) fn too_long(table: &Table, column: &Column, max_length: u32) -> ApiError {
    bad_request(
        0x8004_4331,
        format!(
            "A validation error occurred.  The length of the '{}' attribute of the '{}' entity \
             exceeded the maximum allowed length of '{max_length}'.",
            column.logical_name, table.name
        ),
    )
}

/// A number that is not an option of the choice.
pub(crate) fn option_out_of_range(table: &Table, column: &Column, value: i32) -> ApiError {
    let accepted: Vec<String> =
        column.options().iter().map(|option| option.value.to_string()).collect();
    bad_request(
        0x8004_431a,
        format!(
            "A validation error occurred. The value {value} of '{}' on record of type '{}' is \
             outside the valid range. Accepted Values: {}",
            column.logical_name,
            table.name,
            accepted.join(",")
        ),
    )
}

/// A whole number outside the column's range.
pub(crate) fn integer_out_of_range() -> ApiError {
    bad_request(
        0x8004_432f,
        "A validation error occurred. An integer provided is outside of the allowed values for \
         this attribute.",
    )
}

/// A decimal number or an amount outside the column's range.
pub(crate) fn decimal_out_of_range() -> ApiError {
    bad_request(
        0x8004_4330,
        "A validation error occurred. A decimal value provided is outside of the allowed values \
         for this attribute.",
    )
}

/// A control character in text.
pub(crate) fn invalid_character(column: &Column, character: char) -> ApiError {
    let code = u32::from(character);
    let shown = match character {
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\0' => "\\0".to_owned(),
        other => other.to_string(),
    };
    bad_request(
        0x8004_0278,
        format!(
            "Invalid character in field '{}': '{shown}', hexadecimal value 0x{code:02X}, is an \
             invalid character.",
            column.logical_name
        ),
    )
}

/// A status reason that does not belong to the state.
pub(crate) fn invalid_status(table: &Table, status: i32, state: &str, id: Uuid) -> ApiError {
    let schema = &table.schema_name;
    bad_request(
        0x8004_8408,
        format!(
            "{status} is not a valid status code for state code {schema}State.{state} on {} with \
             Id {id}.",
            table.name
        ),
    )
}

/// A state that only an action may set. The sentence was recorded for cases. No recording has the
/// code, so it is that of an invalid state.
pub(crate) fn needs_message(table: &Table, state: i32, message: &str) -> ApiError {
    let label = table.column("statecode").and_then(|column| column.option_label(state));
    let state = label.unwrap_or_default();
    bad_request(
        0x8004_8408,
        format!(
            "This message can not be used to set the state of {0} to {state}. In order to set state \
             of {0} to {state}, use the {message} message instead.",
            table.name
        ),
    )
}

/// A required column without a value.
pub(crate) fn missing_required(column: &Column) -> ApiError {
    bad_request(0x8004_0203, format!("Attribute '{}' cannot be NULL", column.logical_name))
}

/// A refusal with the status 400.
pub(crate) fn bad_request(code: u32, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

/// A table whose rows are not written separately.
pub(crate) fn method_of_table(method: &str, table: &Table) -> ApiError {
    bad_request(
        0x8004_0800,
        format!("The '{method}' method does not support entities of type '{}'.", table.name),
    )
}

/// A row with this key already exists.
pub(crate) fn key_exists() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        0x8004_0237,
        "A record with matching key values already exists.",
    )
}

/// The row no longer has the version in `If-Match`.
pub(crate) fn version_mismatch() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        0x8006_0882,
        "The version of the existing record doesn't match the RowVersion property provided.",
    )
}

/// A closed or inactive row, which cannot be changed.
pub(crate) fn inactive() -> ApiError {
    bad_request(0x8004_0230, "The object cannot be updated because it is inactive.")
}

/// A row that cannot be changed in its current state.
pub(crate) fn read_only() -> ApiError {
    bad_request(0x8004_022e, "The object cannot be updated because it is read-only.")
}

/// A line of a document that cannot be edited.
pub(crate) fn parent_read_only() -> ApiError {
    bad_request(0x8004_3b09, "The parent is read only and cannot be edited.")
}

/// A duplicate according to the organization's own rules. Recent recordings of batches show 412. An
/// older page of Microsoft's documentation shows 500.
pub(crate) fn duplicate() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        0x8004_0333,
        "A record was not created or updated because a duplicate of the current record already \
         exists.",
    )
}
