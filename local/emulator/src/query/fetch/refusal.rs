//! The refusals of FetchXML. The codes and words are from Microsoft's list of error codes; the
//! status of all of them is 400.

use crate::message::ApiError;

/// Text that is no XML, or XML with a document type.
pub(super) fn not_xml() -> ApiError {
    ApiError::bad_request(0x8004_0201, "Invalid XML.")
}

/// XML that is no FetchXML.
pub(super) fn malformed() -> ApiError {
    ApiError::bad_request(0x8004_0303, "Malformed FetchXml.")
}

/// An element that has no place where it is.
pub(super) fn unknown_element() -> ApiError {
    ApiError::bad_request(0x8004_111c, "The element node encountered is invalid.")
}

/// An element that must be there and is not.
pub(super) fn missing_element() -> ApiError {
    ApiError::bad_request(0x8004_1123, "A required element was not specified.")
}

/// An attribute that must be there and is not.
pub(super) fn missing_attribute() -> ApiError {
    ApiError::bad_request(0x8004_111e, "A required attribute was not specified.")
}

/// An attribute with a value that it cannot have.
pub(super) fn invalid_attribute_value() -> ApiError {
    ApiError::bad_request(0x8004_1139, "The attribute value provided is invalid.")
}

/// A flag that is neither yes nor no.
pub(super) fn invalid_flag(attribute: &str) -> ApiError {
    let code = match attribute {
        "distinct" => 0x8004_1115,
        "no-lock" => 0x8004_1118,
        "descending" => 0x8004_1119,
        "groupby" => 0x8004_112e,
        "isquickfindfields" => 0x8004_1138,
        "useraworderby" => 0x8004_10fd,
        _ => return invalid_attribute_value(),
    };
    ApiError::bad_request(
        code,
        format!(
            "The only valid values for {attribute} attribute are 'true', 'false', '1', and '0'."
        ),
    )
}

/// A mapping other than `logical`.
pub(super) fn invalid_mapping() -> ApiError {
    ApiError::bad_request(
        0x8004_1116,
        "The only valid values for mapping are 'logical' or 'internal' which is deprecated.",
    )
}

/// A number of rows or a page that is 0.
pub(super) fn not_above_zero() -> ApiError {
    ApiError::bad_request(0x8004_110c, "A value greater than zero must be specified.")
}

/// More rows than one answer may hold.
pub(super) fn over_paging_limit() -> ApiError {
    ApiError::bad_request(0x8004_4305, "Paging limit over maximum configured value.")
}

/// `top` together with pages. Microsoft's documentation forbids it; the code is not published.
pub(super) fn top_with_paging(attribute: &str) -> ApiError {
    ApiError::bad_request(
        0x8004_0203,
        format!("The top attribute can't be specified with paging attribute {attribute}."),
    )
}

/// `utc-offset`, an attribute of old versions.
pub(super) fn utc_offset() -> ApiError {
    ApiError::bad_request(
        0x8004_111d,
        "The utc-offset attribute is not supported for deserialization.",
    )
}

/// More joins than Dataverse allows.
pub(super) fn too_many_links() -> ApiError {
    ApiError::bad_request(0x8004_430d, "Number of link entities in query exceeded maximum limit.")
}

/// More conditions and joins than Dataverse allows.
pub(super) fn too_many_conditions() -> ApiError {
    ApiError::bad_request(0x8004_430c, "Number of conditions in query exceeded maximum limit.")
}

/// More values in one condition than Dataverse allows.
pub(super) fn too_many_values() -> ApiError {
    ApiError::bad_request(
        0x8004_430e,
        "Number of parameters in a condition exceeded maximum limit.",
    )
}

/// A kind of join that does not exist, or not in this place.
pub(super) fn invalid_link_type() -> ApiError {
    ApiError::bad_request(
        0x8004_1117,
        "The only valid values for link-type attribute are 'natural', 'inner','in','exists',\
         'matchfirstrowusingcrossapply' and 'outer'.",
    )
}

/// A join with only one of its two columns.
pub(super) fn one_sided_link() -> ApiError {
    ApiError::bad_request(
        0x8004_1111,
        "AttributeFrom and AttributeTo must be either both specified or both omitted.",
    )
}

/// A join that the database cannot carry out, because its columns have different types.
pub(super) fn sql_error() -> ApiError {
    ApiError::bad_request(0x8004_4150, "Sql error: Generic SQL error.")
}

/// A query whose joins multiply the rows beyond what can be answered in time.
pub(super) fn timeout() -> ApiError {
    ApiError::bad_request(0x8004_4151, "SQL timeout expired.")
}

/// A filter that is neither `and` nor `or`.
pub(super) fn invalid_filter_type() -> ApiError {
    ApiError::bad_request(0x8004_1122, "Unsupported filter type. Valid values are 'and', or 'or'.")
}

/// An operator that does not exist, or not for the type of the column.
pub(super) fn invalid_operator() -> ApiError {
    ApiError::bad_request(0x8004_1120, "Unsupported condition operator.")
}

/// A condition with too few or too many values.
pub(super) fn bad_condition() -> ApiError {
    ApiError::bad_request(0x8004_1106, "Incorrect filter condition or conditions.")
}

/// A value that does not fit the type of the column.
pub(super) fn invalid_value() -> ApiError {
    ApiError::bad_request(0x8004_1108, "Invalid value specified for type.")
}

/// A table that does not exist.
pub(super) fn unknown_entity() -> ApiError {
    ApiError::bad_request(0x8004_1102, "The specified entity was not found.")
}

/// A table other than that of the URL.
pub(super) fn other_entity() -> ApiError {
    ApiError::bad_request(
        0x8004_1128,
        "The entity name specified in fetchxml does not match the entity name specified in the \
         Entity or Query Expression.",
    )
}

/// A condition or an order for a join that is not there.
pub(super) fn unknown_alias() -> ApiError {
    ApiError::bad_request(
        0x8004_110a,
        "The specified alias for the given entity in the condition does not exist.",
    )
}

/// An order for a join that is not there.
pub(super) fn order_of_unknown_link() -> ApiError {
    ApiError::bad_request(
        0x8004_1126,
        "Converting from Query to EntityExpression failed. Link Node for order was not found.",
    )
}

/// Two columns or joins with the same alias.
pub(super) fn duplicate_alias() -> ApiError {
    ApiError::bad_request(0x8004_1130, "FetchXML should have unique aliases.")
}

/// A cookie of a query that sorts by other columns.
pub(super) fn cookie_of_other_order() -> ApiError {
    ApiError::bad_request(0x8004_1129, "Order by columns do not match those in paging cookie.")
}

/// A cookie without a page.
pub(super) fn invalid_cookie() -> ApiError {
    ApiError::bad_request(0x8004_112a, "Invalid page number in paging cookie.")
}

/// A page that is too far away to be reached without a cookie.
pub(super) fn page_without_cookie() -> ApiError {
    ApiError::bad_request(
        0x8004_430a,
        "Over upper limit of records that can be requested without a paging cookie. A paging \
         cookie is required when retrieving a high page number.",
    )
}

/// An aggregate that does not exist.
pub(super) fn invalid_aggregate() -> ApiError {
    ApiError::bad_request(0x8004_111a, "An error occurred while processing Aggregates in Query")
}

/// A plain column among aggregates.
pub(super) fn column_among_aggregates() -> ApiError {
    ApiError::bad_request(
        0x8004_1107,
        "Attributes can not be returned when aggregate operation is specified.",
    )
}

/// An aggregate without a name for its result.
pub(super) fn aggregate_without_alias() -> ApiError {
    ApiError::bad_request(0x8004_1109, "Invalid alias for aggregate operation.")
}

/// A column that is both grouped by and aggregated.
pub(super) fn group_and_aggregate() -> ApiError {
    ApiError::bad_request(
        0x8004_1137,
        "An attribute can either be an aggregate or a Group By but not both",
    )
}

/// An aggregate that cannot be made of columns of this type.
pub(super) fn aggregate_of_type(aggregate: &str, edm_type: &str) -> ApiError {
    ApiError::bad_request(
        0x8004_112f,
        format!("Aggregate {aggregate} is not supported for attribute of type {edm_type}."),
    )
}

/// A period of time that dates cannot be grouped by.
pub(super) fn invalid_date_grouping() -> ApiError {
    ApiError::bad_request(0x8004_1135, "An invalid value was specified for dategrouping.")
}

/// An aggregate of too many rows.
pub(super) fn too_many_to_aggregate() -> ApiError {
    ApiError::bad_request(
        0x8004_e023,
        "The maximum record limit is exceeded. Reduce the number of records.",
    )
}

/// An order of aggregates by a column.
pub(super) fn order_of_aggregates_by_column() -> ApiError {
    ApiError::bad_request(
        0x8004_1131,
        "An attribute cannot be specified for an order clause for an aggregate Query. Use an \
         alias.",
    )
}

/// An order of aggregates by nothing.
pub(super) fn order_of_aggregates_without_alias() -> ApiError {
    ApiError::bad_request(
        0x8004_1134,
        "An alias is required for an order clause for an aggregate Query.",
    )
}

/// An order of rows by an alias.
pub(super) fn order_of_rows_by_alias() -> ApiError {
    ApiError::bad_request(
        0x8004_1132,
        "An alias cannot be specified for an order clause for a non-aggregate Query. Use an \
         attribute.",
    )
}

/// An order of rows by nothing.
pub(super) fn order_of_rows_without_column() -> ApiError {
    ApiError::bad_request(
        0x8004_1133,
        "An attribute is required for an order clause for a non-aggregate Query.",
    )
}
