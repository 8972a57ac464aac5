//! What a new row holds before its body is applied.

use super::Writer;
use crate::data::{ColumnKind, Metadata, Ownership};
use crate::data::{Reference, Value};
use crate::store::Row;

/// Choices and numbers that a new row starts with: the default values of the columns, as
/// Microsoft's table reference and recorded rows have them.
const NUMBERS: &[(&str, &[(&str, i32)])] = &[
    (
        "account",
        &[
            ("accountclassificationcode", 1),
            ("accountratingcode", 1),
            ("businesstypecode", 1),
            ("customersizecode", 1),
            ("preferredcontactmethodcode", 1),
            ("shippingmethodcode", 1),
            ("territorycode", 1),
            ("address2_addresstypecode", 1),
            ("address2_freighttermscode", 1),
            ("address2_shippingmethodcode", 1),
        ],
    ),
    (
        "contact",
        &[
            ("customersizecode", 1),
            ("customertypecode", 1),
            ("educationcode", 1),
            ("haschildrencode", 1),
            ("leadsourcecode", 1),
            ("preferredappointmenttimecode", 1),
            ("preferredcontactmethodcode", 1),
            ("shippingmethodcode", 1),
            ("territorycode", 1),
            ("address2_addresstypecode", 1),
            ("address2_freighttermscode", 1),
            ("address2_shippingmethodcode", 1),
        ],
    ),
    ("lead", &[("leadqualitycode", 2), ("preferredcontactmethodcode", 1), ("prioritycode", 1)]),
    (
        "opportunity",
        &[
            ("opportunityratingcode", 2),
            ("prioritycode", 1),
            ("salesstagecode", 1),
            ("pricingerrorcode", 0),
            ("skippricecalculation", 0),
        ],
    ),
    (
        "incident",
        &[
            ("prioritycode", 2),
            ("severitycode", 1),
            ("incidentstagecode", 1),
            ("contractservicelevelcode", 1),
            ("customersatisfactioncode", 1),
            ("numberofchildincidents", 0),
        ],
    ),
    (
        "quote",
        &[
            ("revisionnumber", 0),
            ("pricingerrorcode", 0),
            ("skippricecalculation", 0),
            ("freighttermscode", 1),
            ("paymenttermscode", 1),
            ("shippingmethodcode", 1),
        ],
    ),
    (
        "quotedetail",
        &[
            ("pricingerrorcode", 0),
            ("producttypecode", 1),
            ("propertyconfigurationstatus", 2),
            ("skippricecalculation", 0),
            ("quotestatecode", 0),
        ],
    ),
    (
        "opportunityproduct",
        &[
            ("pricingerrorcode", 0),
            ("producttypecode", 1),
            ("propertyconfigurationstatus", 2),
            ("skippricecalculation", 0),
            ("opportunitystatecode", 0),
        ],
    ),
    ("product", &[("productstructure", 1), ("producttypecode", 1), ("quantitydecimal", 2)]),
    (
        "productpricelevel",
        &[
            ("pricingmethodcode", 1),
            ("quantitysellingcode", 1),
            ("roundingpolicycode", 1),
            ("roundingoptioncode", 1),
        ],
    ),
    ("phonecall", &[("prioritycode", 1)]),
    ("task", &[("prioritycode", 1), ("percentcomplete", 0)]),
    ("appointment", &[("prioritycode", 1)]),
    ("email", &[("prioritycode", 1), ("attachmentcount", 0), ("deliveryprioritycode", 1)]),
    ("activityparty", &[("instancetypecode", 0)]),
];

/// Flags that start as true; all others start as false.
const TRUE: &[(&str, &str)] = &[
    ("account", "followemail"),
    ("contact", "followemail"),
    ("lead", "followemail"),
    ("phonecall", "directioncode"),
    ("email", "directioncode"),
    ("email", "followemailuserpreference"),
];

/// Fills in what follows from the table, the caller and the moment.
pub(crate) fn fill(writer: &Writer<'_>, row: &mut Row) {
    let table = row.table.table();
    for column in table.columns() {
        if matches!(column.kind, ColumnKind::Boolean { .. }) && !column.is_custom() {
            let yes = TRUE.contains(&(table.name.as_str(), column.name.as_str()));
            row.set(column.id, Value::Boolean(yes));
        }
    }
    for (_, numbers) in NUMBERS.iter().filter(|(name, _)| *name == table.name) {
        for (column, number) in *numbers {
            row.set_value(column, Value::Integer(*number));
        }
    }
    if table.is_activity {
        row.set_value("instancetypecode", Value::Integer(0));
    }
    row.set_value("createdon", Value::DateTime(writer.now));
    row.set_value("modifiedon", Value::DateTime(writer.now));
    writer.stamp(row, "_createdby_value");
    writer.stamp(row, "_modifiedby_value");
    if table.ownership == Ownership::User {
        writer.stamp(row, "_ownerid_value");
    }
    let has_money =
        table.columns().iter().any(|column| matches!(column.kind, ColumnKind::Money { .. }));
    if has_money && let Some(currency) = base_currency(writer) {
        row.set_value("_transactioncurrencyid_value", Value::Reference(currency));
    }
}

/// The currency of the organization, which a row has if nothing names another.
fn base_currency(writer: &Writer<'_>) -> Option<Reference> {
    let organizations = Metadata::get().table("organization")?;
    let organization = writer.store.scan(organizations, None).next()?;
    organization.value("_basecurrencyid_value").as_reference()
}
