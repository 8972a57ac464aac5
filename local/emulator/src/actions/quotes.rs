//! `GenerateQuoteFromOpportunity` and `ReviseQuote`.

use super::close::put;
use super::copying::{copied, link};
use super::parameters::{Parameters, table};
use crate::data::{Reference, Value};
use crate::message::{ApiError, ApiRequest};
use crate::organization::{Access, Row};
use crate::tables::lines_of;
use crate::tables::quote::{ACTIVE, CLOSED, DRAFT};
use crate::write::body::Body;
use crate::write::{How, Session, Writer, Written, refusal};

/// The columns of a line that are copied into another document.
const OF_LINE: &[&str] = &[
    "quantity",
    "priceperunit",
    "ispriceoverridden",
    "isproductoverridden",
    "productdescription",
    "manualdiscountamount",
    "tax",
    "description",
    "lineitemnumber",
];
const LINKS_OF_LINE: &[&str] = &["productid", "uomid"];
const OF_DOCUMENT: &[&str] =
    &["name", "description", "discountamount", "discountpercentage", "freightamount"];
const LINKS_OF_DOCUMENT: &[&str] = &["pricelevelid", "transactioncurrencyid", "ownerid"];

/// The status reason of a quote that has a later revision.
const REVISED: i32 = 7;

/// `GenerateQuoteFromOpportunity`
pub(super) fn generate(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    action: &str,
) -> Result<Written, ApiError> {
    let known = ["OpportunityId", "ColumnSet", "ProcessInstanceId"];
    let parameters = Parameters::read(action, session, request, &known)?;
    let id = parameters.guid("OpportunityId")?;
    let columns = parameters.column_set()?;
    let opportunity = Reference { table: table("opportunity")?.id, id };
    writer.context.caller.require(Access::Read, opportunity.table.table())?;
    let row = writer.context.find(opportunity)?;
    writer.context.may(Access::Read, &row)?;
    let mut body = copied(&row, "quote", OF_DOCUMENT, LINKS_OF_DOCUMENT)?;
    copy_customer(&row, &mut body);
    link(&mut body, "opportunityid", Some(opportunity));
    copy_lines(writer, &row, &mut body)?;
    let quote = writer.create(body, How::REQUEST)?;
    Ok(Written::Row(quote, columns))
}

/// `ReviseQuote`: closes an active quote as revised, and creates a draft of the next revision.
pub(super) fn revise(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    action: &str,
) -> Result<Written, ApiError> {
    let parameters = Parameters::read(action, session, request, &["QuoteId", "ColumnSet"])?;
    let id = parameters.guid("QuoteId")?;
    let columns = parameters.column_set()?;
    let quote = Reference { table: table("quote")?.id, id };
    writer.context.caller.require(Access::Write, quote.table.table())?;
    let row = writer.context.find(quote)?;
    writer.context.may(Access::Write, &row)?;
    if row.value("statecode") == &Value::Integer(DRAFT) {
        return Err(refusal::bad_request(
            0x8004_8d00,
            "Quote cannot be revised as there already exists another quote in Draft/Active state \
             and with same quote number.",
        ));
    }
    let mut body = copied(&row, "quote", OF_DOCUMENT, LINKS_OF_DOCUMENT)?;
    copy_customer(&row, &mut body);
    link(&mut body, "opportunityid", row.value("_opportunityid_value").as_reference());
    for column in ["effectivefrom", "effectiveto", "expireson", "requestdeliveryby", "quotenumber"]
    {
        body.set(column, row.value(column).clone());
    }
    let revision = row.value("revisionnumber").as_integer().unwrap_or(0) + 1;
    body.set("revisionnumber", Value::Integer(revision));
    copy_lines(writer, &row, &mut body)?;
    if row.value("statecode") == &Value::Integer(ACTIVE) {
        put(writer, quote, CLOSED, REVISED, |_| {})?;
    }
    let revised = writer.create(body, How::REQUEST)?;
    Ok(Written::Row(revised, columns))
}

fn copy_customer(row: &Row, body: &mut Body) {
    if let Some(customer) = row.value("_customerid_value").as_reference() {
        let navigation = format!("customerid_{}", customer.table.table().name);
        link(body, &navigation, Some(customer));
    }
}

fn copy_lines(writer: &Writer<'_>, from: &Row, to: &mut Body) -> Result<(), ApiError> {
    let lines = lines_of(writer.context.store, from)
        .iter()
        .map(|line| copied(line, "quotedetail", OF_LINE, LINKS_OF_LINE))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(navigation) = to.table.collection_navigation("quote_details") {
        to.children.push((navigation, lines));
    }
    Ok(())
}
