//! Contacts: their names and the customer that they belong to.

use super::{customer, people};
use crate::write::TableRules;

pub(super) const RULES: TableRules = TableRules {
    table: "contact",
    defaults: &[
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
    starts_true: &["followemail"],
    duplicates: &[&["emailaddress1"], &["fullname", "telephone1"]],
    parents: &["parentcustomerid"],
    compute: |row| {
        people::name(row);
        customer::split(
            row,
            "_parentcustomerid_value",
            "_accountid_value",
            "_parentcontactid_value",
        );
    },
    ..TableRules::PLAIN
};
