//! Collections: the rows of another table that point at a row.

use dataverse::{Collection, Table};

use super::{
    ACCOUNT, ACTIVITY, ACTIVITY_PARTY, APPOINTMENT, ATTACHMENT, CASE, CONTACT, EMAIL, PHONE_CALL,
    PRICE_LIST_ITEM, PRODUCT,
};

macro_rules! collections {
    ($($(#[$doc:meta])* $name:ident = $of:ident $navigation:literal to $table:ident by $from:literal;)*) => {
        $($(#[$doc])* pub const $name: Collection = Collection {
            navigation: $navigation,
            table: $table.logical_name,
            from: $from,
            to: $of.key,
        };)*

        /// Every collection here, with the table whose rows have the collection.
        pub const ALL: &[(Table, Collection)] = &[$(($of, $name),)*];
    };
}

collections! {
    /// The parties of an activity of any type.
    ACTIVITY_PARTIES = ACTIVITY "activitypointer_activity_parties" to ACTIVITY_PARTY by "activityid";
    /// The parties of an appointment.
    APPOINTMENT_PARTIES =
        APPOINTMENT "appointment_activity_parties" to ACTIVITY_PARTY by "activityid";
    /// The parties of a call.
    CALL_PARTIES = PHONE_CALL "phonecall_activity_parties" to ACTIVITY_PARTY by "activityid";
    /// The parties of an email.
    EMAIL_PARTIES = EMAIL "email_activity_parties" to ACTIVITY_PARTY by "activityid";
    /// The files that came with an email.
    ATTACHMENTS = EMAIL "email_activity_mime_attachment" to ATTACHMENT by "objectid";
    /// The row of an activity in the table of appointments, if it is one.
    AS_APPOINTMENT = ACTIVITY "activity_pointer_appointment" to APPOINTMENT by "activityid";
    /// The prices of a product.
    PRICES = PRODUCT "product_price_levels" to PRICE_LIST_ITEM by "productid";
    /// The cases whose customer is an account.
    CASES_OF_ACCOUNT = ACCOUNT "incident_customer_accounts" to CASE by "customerid";
    /// The contacts that belong to an account.
    CONTACTS_OF_ACCOUNT = ACCOUNT "contact_customer_accounts" to CONTACT by "parentcustomerid";
}
