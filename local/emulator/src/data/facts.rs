//! Reads the files in `data/` that describe the tables.

use serde::Deserialize;

/// The errors that the files in `data/` can have.
#[derive(Debug, thiserror::Error)]
pub(super) enum FactsError {
    #[error("{0}.json: {1}")]
    Json(String, serde_json::Error),
    #[error("{table}: there is no table {name}")]
    NoTable { table: String, name: String },
    #[error("{table}: there is no column {name}")]
    NoColumn { table: String, name: String },
    #[error("{table}: {name} is there twice")]
    Twice { table: String, name: String },
    #[error("{table}: a status reason of {name} names no state")]
    NoState { table: String, name: String },
    #[error("there are more tables or columns than a place can count")]
    TooMany,
}

macro_rules! files {
    ($($table:literal),* $(,)?) => {
        [$(($table, include_str!(concat!("../../data/tables/", $table, ".json")))),*]
    };
}

/// One file per table. To add a table, add a file in `data/tables` and its name here.
const TABLES: [(&str, &str); 39] = files![
    "account",
    "contact",
    "opportunity",
    "lead",
    "annotation",
    "systemuser",
    "team",
    "businessunit",
    "incident",
    "competitor",
    "subject",
    "activityparty",
    "activitymimeattachment",
    "organization",
    "pricelevel",
    "product",
    "productpricelevel",
    "role",
    "uom",
    "uomschedule",
    "opportunityproduct",
    "quote",
    "quotedetail",
    "territory",
    "queue",
    "activitypointer",
    "appointment",
    "email",
    "incidentresolution",
    "opportunityclose",
    "phonecall",
    "quoteclose",
    "task",
    "processstage",
    "transactioncurrency",
    "phonetocaseprocess",
    "opportunitysalesprocess",
    "leadtoopportunitysalesprocess",
    "principal",
];

const MANY_TO_MANY: &str = include_str!("../../data/many_to_many.json");

/// The facts of every table.
pub(super) fn tables() -> Result<Vec<TableFacts>, FactsError> {
    let parsed = TABLES.iter().map(|(name, text)| {
        serde_json::from_str(text).map_err(|error| FactsError::Json((*name).to_owned(), error))
    });
    parsed.collect()
}

/// The many-to-many relationships.
pub(super) fn many_to_many() -> Result<Vec<ManyToManyFacts>, FactsError> {
    serde_json::from_str(MANY_TO_MANY)
        .map_err(|error| FactsError::Json("many_to_many".to_owned(), error))
}

/// One file of `data/tables`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFacts {
    pub(super) name: String,
    pub(super) schema: String,
    pub(super) label: String,
    pub(super) plural: String,
    pub(super) code: i32,
    pub(super) set: String,
    pub(super) key: String,
    pub(super) primary_name: Option<String>,
    pub(super) base: Option<String>,
    #[serde(default, rename = "abstract")]
    pub(super) is_abstract: bool,
    #[serde(default)]
    pub(super) activity: bool,
    #[serde(default)]
    pub(super) part: bool,
    #[serde(default = "yes")]
    pub(super) addressable: bool,
    pub(super) parties: Option<PartiesFacts>,
    pub(super) owner: OwnerFacts,
    pub(super) app: Option<AppFacts>,
    pub(super) privilege: String,
    pub(super) columns: Vec<ColumnFacts>,
    pub(super) navigations: Vec<NavigationFacts>,
}

/// The parties that an activity may have.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartiesFacts {
    pub(super) masks: Vec<i32>,
    #[serde(default)]
    pub(super) bare_addresses: bool,
}

fn yes() -> bool {
    true
}

/// One line of `data/many_to_many.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManyToManyFacts {
    pub(super) name: String,
    pub(super) tables: [String; 2],
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OwnerFacts {
    User,
    Business,
    Organization,
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AppFacts {
    Sales,
    Service,
    Either,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFacts {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: KindFacts,
    pub(super) label: String,
    pub(super) length: Option<u32>,
    #[serde(default)]
    pub(super) options: Vec<OptionFacts>,
    pub(super) labels: Option<[String; 2]>,
    pub(super) range: Option<[Option<i64>; 2]>,
    pub(super) base_of: Option<String>,
    pub(super) required: Option<RequiredFacts>,
    pub(super) create: Option<bool>,
    pub(super) update: Option<bool>,
    #[serde(default)]
    pub(super) indexed: bool,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindFacts {
    Guid,
    Lookup,
    String,
    Memo,
    Integer,
    BigInteger,
    Decimal,
    Money,
    Double,
    Boolean,
    Choice,
    State,
    Status,
    DateTime,
    Date,
    EntityName,
    Image,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RequiredFacts {
    Recommended,
    Application,
    System,
}

/// `[value, label]`, or `[value, label, state]` for a status reason.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OptionFacts {
    Plain(i32, String),
    Status(i32, String, i32),
}

/// A lookup as a navigation property.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NavigationFacts {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) target: String,
    /// The collection on the other side. The files do not list it separately.
    pub(super) partner: Option<String>,
}
