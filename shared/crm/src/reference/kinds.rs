//! The records that people name, and how each is found.

use std::borrow::Cow;
use std::fmt;

use dataverse::{Filter, Name, Query, Record, Table};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::account::{account_by_email, account_by_name, is_exact_account, longer_names};
use super::merged::{in_use, master_of};
use super::{Handle, Reference, ReferenceError, Said};
use crate::labels::{ActiveState, ProductState};
use crate::tables::choices::in_state;
use crate::{person, tables, text};

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident {
        table: $table:expr, noun: $noun:literal, plural: $plural:literal, name: $name_column:literal,
        details: $details:expr, not_found: $not_found:literal,
        $(look_with: $tool:literal,)?
        $(no_such_email: $no_such_email:literal,)?
        filter: |$said:ident| $filter:expr,
        $(said_as: $said_as:literal,)?
        $(siblings: $siblings:path, is_exact: $is_exact:path,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(pub(super) Handle);

        impl $name {
            /// Reads the text that a caller gave.
            pub fn parse(text: &str) -> Result<Self, ReferenceError> {
                Handle::parse(text, &[Self::TABLE]).map(Self).map(master_of)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(Handle::Id(id))
            }
        }

        impl Reference for $name {
            const TABLE: Table = $table;
            const NOUN: &'static str = $noun;
            const PLURAL: &'static str = $plural;
            const NAME_COLUMN: &'static str = $name_column;
            const DETAIL_COLUMNS: &'static [&'static str] = &$details;
            const NOT_FOUND: &'static str = $not_found;
            $(const NO_SUCH_ID: &'static str = concat!(
                "Take the id from an earlier answer, exactly as it is; or look with ", $tool, "."
            );)?
            $(const NO_SUCH_EMAIL: &'static str = $no_such_email;)?
            $(const SAID: &'static str = $said_as;)?

            fn handle(&self) -> &Handle {
                &self.0
            }

            fn of_ids(ids: Vec<Uuid>) -> Self {
                Self(match ids.as_slice() {
                    [id] => Handle::Id(*id),
                    _ => Handle::Ids(ids),
                })
            }

            fn filter(&self) -> Filter {
                match &self.0 {
                    Handle::Id(id) => Filter::equals(Self::TABLE.key, *id),
                    Handle::Ids(ids) => {
                        Filter::any(ids.iter().map(|id| Filter::equals(Self::TABLE.key, *id)))
                    }
                    Handle::Columns(columns, value) => by_columns(columns, value),
                    Handle::Said($said) => $filter,
                }
            }

            $(
                fn siblings(&self) -> Option<Query> {
                    $siblings(&self.0)
                }

                fn is_exact(&self, record: &Record) -> bool {
                    $is_exact(&self.0, record)
                }
            )?
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        $crate::plain_schema!($name, "string");

        /// The output leaves out the value, because it may be a person's name.
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

reference! {
    /// A contact: a GUID, an email address, or a name. Email addresses and names only find active
    /// contacts.
    ContactRef {
        table: tables::CONTACT,
        noun: "contact",
        plural: "contacts",
        name: "fullname",
        details: ["emailaddress1", "_parentcustomerid_value"],
        not_found: "Ask for another spelling or an email address; or look with dynamics365_search_contacts.",
        look_with: "dynamics365_search_contacts",
        no_such_email: "Ask for another address; or look by name with dynamics365_search_contacts.",
        filter: |said| match said {
            Said::Email(email) => any_email(email),
            Said::Name(name) => person::named(name),
        }.and(in_use()),
    }
}

reference! {
    /// An account: a GUID, a name, or a web domain. Names and domains only find active accounts.
    AccountRef {
        table: tables::ACCOUNT,
        noun: "account",
        plural: "accounts",
        name: "name",
        details: ["address1_city", "websiteurl"],
        not_found: "Ask for another spelling; or look with dynamics365_search_accounts.",
        look_with: "dynamics365_search_accounts",
        no_such_email: "Ask for the name of the company; or look with dynamics365_search_accounts.",
        filter: |said| match said {
            Said::Email(email) => account_by_email(email),
            Said::Name(name) => account_by_name(name),
        }.and(in_use()),
        said_as: "name or domain",
        siblings: longer_names,
        is_exact: is_exact_account,
    }
}

reference! {
    /// A case: a GUID, or a case number such as `CAS-01003-B8W7X2`.
    CaseRef {
        table: tables::CASE,
        noun: "case",
        plural: "cases",
        name: "title",
        details: ["ticketnumber", "_customerid_value"],
        not_found: "Ask for the case number again; or look with dynamics365_search_cases.",
        look_with: "dynamics365_search_cases",
        filter: |said| match said {
            Said::Email(text) | Said::Name(text) => text::equals("ticketnumber", text),
        },
        said_as: "number",
    }
}

reference! {
    /// An opportunity: a GUID, or a name.
    OpportunityRef {
        table: tables::OPPORTUNITY,
        noun: "opportunity",
        plural: "opportunities",
        name: "name",
        details: ["statuscode", "_customerid_value"],
        not_found: "Ask for another spelling; or look with dynamics365_search_opportunities.",
        look_with: "dynamics365_search_opportunities",
        filter: |said| match said {
            Said::Email(text) | Said::Name(text) => text::equals("name", text),
        },
    }
}

reference! {
    /// A lead: a GUID, an email address, or a name.
    LeadRef {
        table: tables::LEAD,
        noun: "lead",
        plural: "leads",
        name: "fullname",
        details: ["companyname", "emailaddress1", "statuscode"],
        not_found: "Ask for another spelling; or look with dynamics365_search_leads.",
        look_with: "dynamics365_search_leads",
        no_such_email: "Ask for another address; or look by name with dynamics365_search_leads.",
        filter: |said| match said {
            Said::Email(email) => any_email(email),
            Said::Name(name) => person::named(name),
        },
    }
}

reference! {
    /// A product: a GUID, a product number, or a name. Numbers and names only find active products.
    ProductRef {
        table: tables::PRODUCT,
        noun: "product",
        plural: "products",
        name: "name",
        details: ["productnumber", "_parentproductid_value"],
        not_found: "Look with dynamics365_get_products.",
        filter: |said| match said {
            Said::Email(text) | Said::Name(text) => Filter::any([
                text::equals("productnumber", text),
                text::equals("name", text),
            ]),
        }.and(in_state(ProductState::Active)),
        said_as: "number or name",
    }
}

reference! {
    /// A price list: a GUID, or a name. Names only find active price lists.
    PriceListRef {
        table: tables::PRICE_LIST,
        noun: "price list",
        plural: "price lists",
        name: "name",
        details: ["_transactioncurrencyid_value", "statuscode"],
        not_found: "Leave price_list out, or ask for its name as it is in Dynamics 365.",
        filter: |said| match said {
            Said::Email(text) | Said::Name(text) => text::equals("name", text),
        }.and(in_state(ActiveState::Active)),
    }
}

reference! {
    /// A user of Dynamics 365: a GUID, or an email address.
    UserRef {
        table: tables::USER,
        noun: "user",
        plural: "users",
        name: "fullname",
        details: ["internalemailaddress", "title"],
        not_found: "Ask the Dynamics administrator for the email address of an enabled user.",
        filter: |said| match said {
            Said::Email(text) | Said::Name(text) => {
                Filter::equals("internalemailaddress", text.as_str())
            }
        }.and(Filter::equals("isdisabled", false)),
    }
}

/// Active rows that have this value in one of the columns.
fn by_columns(columns: &[Name], value: &str) -> Filter {
    Filter::any(columns.iter().map(|column| Filter::equals(column.clone(), value)))
        .and(in_state(ActiveState::Active))
}

impl ContactRef {
    /// Active contacts that have this value in one of the columns.
    pub(crate) fn by_columns(columns: Vec<Name>, value: String) -> ContactRef {
        ContactRef(Handle::Columns(columns, value))
    }

    /// Active contacts with this email address, in any of the three columns.
    pub fn of_email(email: &str) -> ContactRef {
        ContactRef::by_columns(EMAILS.map(Name::from).to_vec(), email.to_owned())
    }
}

/// The columns of a person's email addresses.
const EMAILS: [&str; 3] = ["emailaddress1", "emailaddress2", "emailaddress3"];

/// Rows with exactly this address in one of the three address columns of a contact or a lead.
pub fn any_email(email: &str) -> Filter {
    Filter::any(EMAILS.map(|column| Filter::equals(column, email)))
}
