//! Accounts.

use crate::write::TableRules;

pub(super) const RULES: TableRules = TableRules {
    table: "account",
    defaults: &[
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
    starts_true: &["followemail"],
    duplicates: &[&["emailaddress1"], &["name", "websiteurl"]],
    ..TableRules::PLAIN
};
