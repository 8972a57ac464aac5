//! `GenerateQuoteFromOpportunity` and `ReviseQuote`.

use std::sync::Arc;

use super::close::put;
use super::parameters::{Parameters, table};
use crate::api::{ApiError, ApiRequest};
use crate::data::{Reference, Value};
use crate::privileges::Access;
use crate::store::Row;
use crate::write::body::{Body, Link};
use crate::write::{How, Outcome, Session, Writer, lines_of, refusal};

/// What a line keeps on its way into another document.
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

/// `GenerateQuoteFromOpportunity`
pub(super) fn generate(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
) -> Result<Outcome, ApiError> {
    let known = ["OpportunityId", "ColumnSet", "ProcessInstanceId"];
    let parameters = Parameters::read("GenerateQuoteFromOpportunity", session, request, &known)?;
    let id = parameters.guid("OpportunityId")?;
    let columns = parameters.column_set()?;
    let opportunity = Reference { table: table("opportunity")?.id, id };
    writer.require(Access::Read, opportunity.table.table())?;
    let row = writer.find(opportunity)?;
    let mut body = copied(&row, "quote", OF_DOCUMENT, LINKS_OF_DOCUMENT)?;
    copy_customer(&row, &mut body);
    link(&mut body, "opportunityid", Some(opportunity));
    copy_lines(writer, opportunity, &mut body)?;
    let quote = writer.create(body, How::REQUEST)?;
    Ok(Outcome::Row(quote, columns))
}

/// `ReviseQuote`: an active quote is closed as revised, and a draft of the next revision made.
pub(super) fn revise(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
) -> Result<Outcome, ApiError> {
    let parameters = Parameters::read("ReviseQuote", session, request, &["QuoteId", "ColumnSet"])?;
    let id = parameters.guid("QuoteId")?;
    let columns = parameters.column_set()?;
    let quote = Reference { table: table("quote")?.id, id };
    writer.require(Access::Write, quote.table.table())?;
    let row = writer.find(quote)?;
    if row.value("statecode") == &Value::Integer(0) {
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
    copy_lines(writer, quote, &mut body)?;
    if row.value("statecode") == &Value::Integer(1) {
        put(writer, quote, 3, 7, |_| {})?;
    }
    let revised = writer.create(body, How::REQUEST)?;
    Ok(Outcome::Row(revised, columns))
}

fn copied(row: &Arc<Row>, to: &str, columns: &[&str], links: &[&str]) -> Result<Body, ApiError> {
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

fn copy_customer(row: &Row, body: &mut Body) {
    if let Some(customer) = row.value("_customerid_value").as_reference() {
        let navigation = format!("customerid_{}", customer.table.table().name);
        link(body, &navigation, Some(customer));
    }
}

fn copy_lines(writer: &Writer<'_>, from: Reference, to: &mut Body) -> Result<(), ApiError> {
    let lines = lines_of(writer.store, from)
        .iter()
        .map(|line| copied(line, "quotedetail", OF_LINE, LINKS_OF_LINE))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(navigation) = to.table.collection_navigation("quote_details") {
        to.children.push((navigation, lines));
    }
    Ok(())
}

fn link(body: &mut Body, navigation: &str, to: Option<Reference>) {
    if to.is_some()
        && let Some(navigation) = body.table.single_navigation(navigation)
    {
        body.links.push(Link { navigation, to });
    }
}
