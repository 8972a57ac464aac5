//! The tables that the tools use.

use dataverse::Table;

pub mod parties;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $logical:literal $set:literal $key:literal;)*) => {
        $($(#[$doc])* pub const $name: Table =
            Table { logical_name: $logical, entity_set: $set, key: $key };)*
    };
}

tables! {
    /// People.
    CONTACT = "contact" "contacts" "contactid";
    /// Companies.
    ACCOUNT = "account" "accounts" "accountid";
    /// People and companies that may become customers. Comes with the Sales app.
    LEAD = "lead" "leads" "leadid";
    /// Deals. Comes with the Sales app.
    OPPORTUNITY = "opportunity" "opportunities" "opportunityid";
    /// Lines of an opportunity.
    OPPORTUNITY_PRODUCT = "opportunityproduct" "opportunityproducts" "opportunityproductid";
    /// Cases. Comes with the Customer Service app.
    CASE = "incident" "incidents" "incidentid";
    /// How a case was resolved.
    CASE_RESOLUTION = "incidentresolution" "incidentresolutions" "activityid";
    /// Notes.
    NOTE = "annotation" "annotations" "annotationid";
    /// Activities of all types, for reading.
    ACTIVITY = "activitypointer" "activitypointers" "activityid";
    /// Calls.
    PHONE_CALL = "phonecall" "phonecalls" "activityid";
    /// Tasks.
    TASK = "task" "tasks" "activityid";
    /// Appointments.
    APPOINTMENT = "appointment" "appointments" "activityid";
    /// Emails.
    EMAIL = "email" "emails" "activityid";
    /// Quotes. Come with the Sales app.
    QUOTE = "quote" "quotes" "quoteid";
    /// Lines of a quote.
    QUOTE_LINE = "quotedetail" "quotedetails" "quotedetailid";
    /// Products. Come with the Sales app.
    PRODUCT = "product" "products" "productid";
    /// Price lists.
    PRICE_LIST = "pricelevel" "pricelevels" "pricelevelid";
    /// Prices of products in price lists.
    PRICE_LIST_ITEM = "productpricelevel" "productpricelevels" "productpricelevelid";
    /// Units of products.
    UNIT = "uom" "uoms" "uomid";
    /// Users.
    USER = "systemuser" "systemusers" "systemuserid";
    /// Teams.
    TEAM = "team" "teams" "teamid";
    /// Currencies.
    CURRENCY = "transactioncurrency" "transactioncurrencies" "transactioncurrencyid";
    /// The organization itself: one row.
    ORGANIZATION = "organization" "organizations" "organizationid";
}
