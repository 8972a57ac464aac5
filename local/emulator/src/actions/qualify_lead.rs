//! `QualifyLead`: turns a lead into an account, a contact and an opportunity.

use std::sync::Arc;

use http::StatusCode;

use super::close::{put, status_of};
use super::copying::{copied, link};
use super::parameters::{Parameters, table};
use crate::data::{Reference, Value};
use crate::message::{ApiError, ApiRequest, ApiResponse, Array, Object};
use crate::organization::{Access, Row};
use crate::tables::customer::{is_account, is_contact};
use crate::write::body::Body;
use crate::write::{How, Session, Writer, Written, refusal, suppresses_duplicate_detection};

/// Columns that are copied under the same name.
const TO_ACCOUNT: &[&str] = &[
    "telephone1",
    "fax",
    "websiteurl",
    "emailaddress1",
    "industrycode",
    "revenue",
    "numberofemployees",
    "sic",
    "address1_line1",
    "address1_line2",
    "address1_line3",
    "address1_city",
    "address1_stateorprovince",
    "address1_postalcode",
    "address1_country",
    "description",
];
const TO_CONTACT: &[&str] = &[
    "firstname",
    "middlename",
    "lastname",
    "salutation",
    "jobtitle",
    "emailaddress1",
    "emailaddress2",
    "emailaddress3",
    "telephone1",
    "telephone2",
    "mobilephone",
    "fax",
    "address1_line1",
    "address1_line2",
    "address1_line3",
    "address1_city",
    "address1_stateorprovince",
    "address1_postalcode",
    "address1_country",
    "description",
    "donotemail",
    "donotphone",
    "donotbulkemail",
    "preferredcontactmethodcode",
];
const TO_OPPORTUNITY: &[&str] = &[
    "estimatedclosedate",
    "budgetamount",
    "budgetstatus",
    "need",
    "purchaseprocess",
    "purchasetimeframe",
    "decisionmaker",
    "qualificationcomments",
    "description",
];

/// Qualifies the lead.
pub(super) fn qualify(
    session: &Session<'_>,
    writer: &mut Writer<'_>,
    request: &ApiRequest,
    lead: Reference,
) -> Result<Written, ApiError> {
    let known = [
        "CreateAccount",
        "CreateContact",
        "CreateOpportunity",
        "OpportunityCurrencyId",
        "OpportunityCustomerId",
        "SourceCampaignId",
        "Status",
        "ProcessInstanceId",
    ];
    let parameters = Parameters::read("QualifyLead", session, request, &known)?;
    let wants_account = parameters.boolean("CreateAccount")?;
    let wants_contact = parameters.boolean("CreateContact")?;
    let wants_opportunity = parameters.boolean("CreateOpportunity")?;
    let status = parameters.integer("Status")?;
    let currency =
        parameters.existing("OpportunityCurrencyId", Some(table("transactioncurrency")?))?;
    let customer = parameters.existing("OpportunityCustomerId", None)?;
    for row in currency.iter().chain(&customer) {
        writer.context.find(*row)?;
    }
    if customer.is_some_and(|row| !is_account(row) && !is_contact(row)) {
        return Err(refusal::bad_request(
            0x8004_0203,
            "The customer of an opportunity is an account or a contact.",
        ));
    }
    writer.context.caller.require(Access::Write, lead.table.table())?;
    let row = writer.context.find(lead)?;
    writer.context.may(Access::Write, &row)?;
    if row.value("statecode") != &Value::Integer(0) {
        return Err(refusal::bad_request(0x8004_0519, "The lead is already closed."));
    }
    let status = status_of(&row, 1, status)?;
    if wants_opportunity && !session.apps.sales {
        return Err(ApiError::unknown_segment("opportunities"));
    }
    // Qualifying looks for duplicates unless the request says otherwise. A plain create does the
    // opposite. Field reports agree on this; Microsoft's documentation does not mention it. An old
    // support article (2693711) says that the lead is checked once more when it is closed, by rules
    // that compare leads with contacts or accounts, which include the new ones. Whether this is
    // still true is unknown, and it is not emulated.
    let detect_duplicates = suppresses_duplicate_detection(&request.headers) != Some(true);
    let how = How::Request { detect_duplicates };

    let account = if wants_account {
        Some(writer.create(account_of(&row, lead)?, how)?)
    } else {
        row.value("_parentaccountid_value").as_reference()
    };
    let contact = if wants_contact {
        Some(writer.create(contact_of(&row, lead, account)?, how)?)
    } else {
        row.value("_parentcontactid_value").as_reference()
    };
    let opportunity = if wants_opportunity {
        let mut body = opportunity_of(&row, lead)?;
        let given = |is: fn(Reference) -> bool| customer.filter(|row| is(*row));
        link(&mut body, "parentaccountid", given(is_account).or(account));
        link(&mut body, "parentcontactid", given(is_contact).or(contact));
        if let Some(given) = customer {
            let navigation = format!("customerid_{}", given.table.table().name);
            link(&mut body, &navigation, Some(given));
        }
        let currency = currency.or(row.value("_transactioncurrencyid_value").as_reference());
        link(&mut body, "transactioncurrencyid", currency);
        Some(writer.create(body, how)?)
    } else {
        None
    };

    put(writer, lead, 1, status, |row| {
        let value = |to: Option<Reference>| to.map_or(Value::Null, Value::Reference);
        row.set_value("_parentaccountid_value", value(account));
        row.set_value("_accountid_value", value(account));
        row.set_value("_parentcontactid_value", value(contact));
        row.set_value("_contactid_value", value(contact));
        row.set_value("_qualifyingopportunityid_value", value(opportunity));
    })?;

    let made = [(wants_account, account), (wants_contact, contact), (true, opportunity)];
    let made = made.into_iter().filter(|(wanted, _)| *wanted).filter_map(|(_, row)| row);
    Ok(Written::Answer(answer(&request.base, made)))
}

fn answer(base: &str, made: impl Iterator<Item = Reference>) -> ApiResponse {
    let mut rows = Array::new();
    for reference in made {
        let table = reference.table.table();
        let mut row = Object::new();
        row.text("@odata.type", &format!("#{}", table.type_name()));
        row.text(&table.key_column().name, &reference.id.to_string());
        rows.push(&row.finish());
    }
    let mut object = Object::new();
    object.text(
        "@odata.context",
        &format!("{base}$metadata#Collection(Microsoft.Dynamics.CRM.crmbaseentity)"),
    );
    object.raw("value", &rows.finish());
    super::functions::json(StatusCode::OK, object)
}

fn account_of(lead: &Arc<Row>, reference: Reference) -> Result<Body, ApiError> {
    let mut body = of_lead(lead, "account", TO_ACCOUNT)?;
    body.set("name", lead.value("companyname").clone());
    link(&mut body, "originatingleadid", Some(reference));
    Ok(body)
}

fn contact_of(
    lead: &Arc<Row>,
    reference: Reference,
    account: Option<Reference>,
) -> Result<Body, ApiError> {
    let mut body = of_lead(lead, "contact", TO_CONTACT)?;
    link(&mut body, "originatingleadid", Some(reference));
    link(&mut body, "parentcustomerid_account", account);
    Ok(body)
}

fn opportunity_of(lead: &Arc<Row>, reference: Reference) -> Result<Body, ApiError> {
    let mut body = of_lead(lead, "opportunity", TO_OPPORTUNITY)?;
    let topic = lead.value("subject");
    body.set("name", if topic.is_null() { lead.value("fullname") } else { topic }.clone());
    body.set("estimatedvalue", lead.value("estimatedamount").clone());
    body.set("isrevenuesystemcalculated", Value::Boolean(false));
    link(&mut body, "originatingleadid", Some(reference));
    Ok(body)
}

/// A body with these columns of the lead, its owner and its currency.
fn of_lead(lead: &Row, to: &str, columns: &[&str]) -> Result<Body, ApiError> {
    copied(lead, to, columns, &["ownerid", "transactioncurrencyid"])
}
