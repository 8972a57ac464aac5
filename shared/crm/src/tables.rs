//! All that the tools know about the tables of Dynamics 365: names, apps, lookups, parties, and
//! which column holds which choice. A test compares all of it with the metadata of an organization.

use dataverse::Table;

pub mod choices;
pub mod collections;
pub mod lookups;
pub mod parties;

/// An app of Dynamics 365 that adds tables. An environment may lack the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    /// Leads, opportunities, quotes, products.
    Sales,
    /// Cases.
    CustomerService,
}

impl App {
    /// The name of the app.
    pub fn name(self) -> &'static str {
        match self {
            App::Sales => "Sales",
            App::CustomerService => "Customer Service",
        }
    }

    /// The security role that the app brings. It has the privileges on the tables of the app.
    pub fn role(self) -> &'static str {
        match self {
            App::Sales => "Salesperson",
            App::CustomerService => "Customer Service Representative",
        }
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $logical:literal $set:literal $key:literal $(of $app:ident)?;)*) => {
        $($(#[$doc])* pub const $name: Table =
            Table { logical_name: $logical, entity_set: $set, key: $key };)*

        /// Every table here, with the app that adds it. Most tables need no app.
        pub const ALL: &[(Table, Option<App>)] = &[$(($name, tables!(@app $($app)?)),)*];
    };
    (@app $app:ident) => { Some(App::$app) };
    (@app) => { None };
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $action:literal of $app:ident;)*) => {
        $($(#[$doc])* pub const $name: &str = $action;)*

        /// Every action here, with the app that adds it.
        pub const ACTIONS: &[(&str, App)] = &[$(($action, App::$app),)*];
    };
}

actions! {
    /// Resolves a case.
    CLOSE_CASE = "CloseIncident" of CustomerService;
    /// Wins an opportunity.
    WIN_OPPORTUNITY = "WinOpportunity" of Sales;
    /// Loses an opportunity.
    LOSE_OPPORTUNITY = "LoseOpportunity" of Sales;
    /// Turns a lead into a contact, an account and an opportunity.
    QUALIFY_LEAD = "QualifyLead" of Sales;
}

/// The app that adds the thing with this name in an address: an entity set, an action, or the
/// navigation property from a note to a row of a table.
pub fn app_of(segment: &str) -> Option<App> {
    let table = |table: &Table| {
        let on_note = segment.strip_prefix("objectid_");
        table.entity_set == segment || on_note == Some(table.logical_name)
    };
    let by_table = ALL.iter().find(|(one, _)| table(one)).and_then(|(_, app)| *app);
    let by_action = ACTIONS.iter().find(|(action, _)| *action == segment).map(|(_, app)| *app);
    by_table.or(by_action)
}

tables! {
    /// People.
    CONTACT = "contact" "contacts" "contactid";
    /// Companies.
    ACCOUNT = "account" "accounts" "accountid";
    /// People and companies that may become customers.
    LEAD = "lead" "leads" "leadid" of Sales;
    /// Deals.
    OPPORTUNITY = "opportunity" "opportunities" "opportunityid" of Sales;
    /// Lines of an opportunity.
    OPPORTUNITY_PRODUCT = "opportunityproduct" "opportunityproducts" "opportunityproductid" of Sales;
    /// How an opportunity was won or lost.
    OPPORTUNITY_CLOSE = "opportunityclose" "opportunitycloses" "activityid" of Sales;
    /// Cases.
    CASE = "incident" "incidents" "incidentid" of CustomerService;
    /// How a case was resolved.
    CASE_RESOLUTION = "incidentresolution" "incidentresolutions" "activityid" of CustomerService;
    /// Notes.
    NOTE = "annotation" "annotations" "annotationid";
    /// Activities of all types, for reading.
    ACTIVITY = "activitypointer" "activitypointers" "activityid";
    /// The people and records that have a part in an activity.
    ACTIVITY_PARTY = "activityparty" "activityparties" "activitypartyid";
    /// Calls.
    PHONE_CALL = "phonecall" "phonecalls" "activityid";
    /// Tasks.
    TASK = "task" "tasks" "activityid";
    /// Appointments.
    APPOINTMENT = "appointment" "appointments" "activityid";
    /// The files that came with emails.
    ATTACHMENT =
        "activitymimeattachment" "activitymimeattachments" "activitymimeattachmentid";
    /// Emails.
    EMAIL = "email" "emails" "activityid";
    /// Quotes.
    QUOTE = "quote" "quotes" "quoteid" of Sales;
    /// Lines of a quote.
    QUOTE_LINE = "quotedetail" "quotedetails" "quotedetailid" of Sales;
    /// Products.
    PRODUCT = "product" "products" "productid" of Sales;
    /// Price lists.
    PRICE_LIST = "pricelevel" "pricelevels" "pricelevelid" of Sales;
    /// Prices of products in price lists.
    PRICE_LIST_ITEM = "productpricelevel" "productpricelevels" "productpricelevelid" of Sales;
    /// Units of products.
    UNIT = "uom" "uoms" "uomid" of Sales;
    /// Users.
    USER = "systemuser" "systemusers" "systemuserid";
    /// Teams.
    TEAM = "team" "teams" "teamid";
    /// Currencies.
    CURRENCY = "transactioncurrency" "transactioncurrencies" "transactioncurrencyid";
    /// The organization itself: one row.
    ORGANIZATION = "organization" "organizations" "organizationid";
}
