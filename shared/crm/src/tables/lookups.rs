//! Lookups: each has a column, a navigation property, and the table that it points at.

use dataverse::{Link, Table};

use super::{
    ACCOUNT, ACTIVITY, ACTIVITY_PARTY, APPOINTMENT, CASE, CONTACT, CURRENCY, EMAIL, LEAD, NOTE,
    OPPORTUNITY, PRICE_LIST, PRICE_LIST_ITEM, PRODUCT, QUOTE, QUOTE_LINE, UNIT, USER,
};

macro_rules! lookups {
    ($($(#[$doc:meta])* $name:ident = $of:ident $column:literal $navigation:literal to $to:ident;)*) => {
        $($(#[$doc])* pub const $name: Link =
            Link { column: $column, navigation: $navigation, to: $to };)*

        /// Every lookup here, with the table whose rows have the lookup.
        pub const ALL: &[(Table, Link)] = &[$(($of, $name),)*];
    };
}

/// The navigation property of the owner of a row of any table.
pub const OWNER: &str = "ownerid";

/// The navigation property that the owner of an activity has besides. Some environments only have
/// [`OWNER`], and some may only have this one.
pub fn typed_owner(activity: Table) -> String {
    format!("{OWNER}_{}", activity.logical_name)
}

lookups! {
    /// The company that a contact belongs to.
    EMPLOYER = CONTACT "_parentcustomerid_value" "parentcustomerid_account" to ACCOUNT;

    /// The customer of a case, if that is a contact.
    CASE_CONTACT = CASE "_customerid_value" "customerid_contact" to CONTACT;
    /// The customer of a case, if that is an account.
    CASE_ACCOUNT = CASE "_customerid_value" "customerid_account" to ACCOUNT;
    /// The primary contact of a case: the person at the account that has the case.
    CASE_PERSON = CASE "_primarycontactid_value" "primarycontactid" to CONTACT;
    /// The owner of a case: a user, or a team if `to` is set to teams.
    CASE_OWNER = CASE "_ownerid_value" "ownerid" to USER;

    /// The contact of a lead.
    LEAD_CONTACT = LEAD "_parentcontactid_value" "parentcontactid" to CONTACT;
    /// The account of a lead.
    LEAD_ACCOUNT = LEAD "_parentaccountid_value" "parentaccountid" to ACCOUNT;
    /// The customer of a lead, if that is a contact.
    LEAD_CUSTOMER = LEAD "_customerid_value" "customerid_contact" to CONTACT;

    /// The contact of an opportunity.
    OPPORTUNITY_CONTACT = OPPORTUNITY "_parentcontactid_value" "parentcontactid" to CONTACT;
    /// The account of an opportunity.
    OPPORTUNITY_ACCOUNT = OPPORTUNITY "_parentaccountid_value" "parentaccountid" to ACCOUNT;
    /// The potential customer of an opportunity, if that is a contact.
    OPPORTUNITY_TO_CONTACT = OPPORTUNITY "_customerid_value" "customerid_contact" to CONTACT;
    /// The potential customer of an opportunity, if that is an account.
    OPPORTUNITY_TO_ACCOUNT = OPPORTUNITY "_customerid_value" "customerid_account" to ACCOUNT;

    /// The opportunity that a quote is for.
    QUOTE_OPPORTUNITY = QUOTE "_opportunityid_value" "opportunityid" to OPPORTUNITY;
    /// The customer of a quote, if that is a contact.
    QUOTE_CONTACT = QUOTE "_customerid_value" "customerid_contact" to CONTACT;
    /// The customer of a quote, if that is an account.
    QUOTE_ACCOUNT = QUOTE "_customerid_value" "customerid_account" to ACCOUNT;
    /// The price list of a quote.
    QUOTE_PRICE_LIST = QUOTE "_pricelevelid_value" "pricelevelid" to PRICE_LIST;
    /// The currency of a quote.
    QUOTE_CURRENCY = QUOTE "_transactioncurrencyid_value" "transactioncurrencyid" to CURRENCY;
    /// The quote that a line belongs to.
    LINE_QUOTE = QUOTE_LINE "_quoteid_value" "quoteid" to QUOTE;
    /// The product that a quote line sells.
    LINE_PRODUCT = QUOTE_LINE "_productid_value" "productid" to PRODUCT;
    /// The unit in which a quote line sells the product.
    LINE_UNIT = QUOTE_LINE "_uomid_value" "uomid" to UNIT;
    /// The family that a product belongs to.
    PRODUCT_FAMILY = PRODUCT "_parentproductid_value" "parentproductid" to PRODUCT;
    /// The currency of a row of any table, here of a product.
    CURRENCY_OF = PRODUCT "_transactioncurrencyid_value" "transactioncurrencyid" to CURRENCY;
    /// The price list that a price list item belongs to.
    ITEM_PRICE_LIST = PRICE_LIST_ITEM "_pricelevelid_value" "pricelevelid" to PRICE_LIST;

    /// The contact that has a note.
    NOTE_ON_CONTACT = NOTE "_objectid_value" "objectid_contact" to CONTACT;
    /// The account that has a note.
    NOTE_ON_ACCOUNT = NOTE "_objectid_value" "objectid_account" to ACCOUNT;
    /// The lead that has a note.
    NOTE_ON_LEAD = NOTE "_objectid_value" "objectid_lead" to LEAD;
    /// The opportunity that has a note.
    NOTE_ON_OPPORTUNITY = NOTE "_objectid_value" "objectid_opportunity" to OPPORTUNITY;
    /// The case that has a note.
    NOTE_ON_CASE = NOTE "_objectid_value" "objectid_incident" to CASE;

    /// The contact that an activity of any type is about.
    ACTIVITY_ABOUT_CONTACT =
        ACTIVITY "_regardingobjectid_value" "regardingobjectid_contact" to CONTACT;
    /// The contact that an email is about.
    EMAIL_ABOUT_CONTACT =
        EMAIL "_regardingobjectid_value" "regardingobjectid_contact_email" to CONTACT;
    /// The case that an email is about.
    EMAIL_ABOUT_CASE =
        EMAIL "_regardingobjectid_value" "regardingobjectid_incident_email" to CASE;
    /// The contact that an appointment is about.
    APPOINTMENT_ABOUT_CONTACT =
        APPOINTMENT "_regardingobjectid_value" "regardingobjectid_contact_appointment" to CONTACT;
    /// The host of an appointment, its owner: the appointment is synchronized with the owner's
    /// calendar.
    APPOINTMENT_OWNER = APPOINTMENT "_ownerid_value" "ownerid_appointment" to USER;
    /// The contact who takes part in an activity.
    PARTY_CONTACT = ACTIVITY_PARTY "_partyid_value" "partyid_contact" to CONTACT;
    /// The user who takes part in an activity.
    PARTY_USER = ACTIVITY_PARTY "_partyid_value" "partyid_systemuser" to USER;
}
