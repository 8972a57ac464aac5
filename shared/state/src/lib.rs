//! What the bundle remembers between calls, in one DynamoDB table.
//!
//! | partition `pk` | sort key `sk` | what |
//! | --- | --- | --- |
//! | `connections` | the connection's id | a [`Connection`]; never a secret |
//! | `connection#{id}` | `sidebar` | its [`SidebarField`]s |
//! | `connection#{id}` | `health` | its [`Health`] |
//! | `connection#{id}` | `alert#{alert}` | an alert that has been sent, until `expires_at` |
//! | `alerts` | `alert#{alert}` | the same, for an alert that is no one connection's |
//! | `alerts` | `outage` | since when hardly any connection answers, while that is so |
//! | `alerts` | `outage#{region}` | the same, for the connections of one region |
//! | `checks` | `place` | where the next run of the check begins, where one had no time for all |
//! | `activity#{id}` | `{time}#{request id}#{position}` | an [`Entry`] of the log, until `expires_at` |
//! | `idem#{id}` | `create` | the [`Intent`] of a call that may come again, until `expires_at` |
//! | `claim#{hash}` | `create` | the [`Intent`] of a call that others may want, too, until `expires_at` |
//!
//! [`Partition`] says who may do what with which of them, and how long items are kept. The table's
//! time-to-live attribute is `expires_at`. DynamoDB may take days to delete what has
//! expired, so nothing here relies on that: what has expired is not read.

mod activity;
mod alerts;
mod checks;
mod connections;
mod creates;
mod cursor;
mod error;
mod event;
mod health;
mod outage;
mod partitions;
mod sidebar;
mod table;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

pub use activity::{Entry, Filter, Kind, Page};
pub use alerts::Claim;
pub use connections::{Connection, ConnectionPage, Organization};
pub use creates::{Announced, Bond, Intent, Ticket};
pub use cursor::{ConnectionCursor, Cursor, InvalidCursor};
pub use error::StateError;
pub use event::{Event, Fault};
pub use health::{Health, Noticed, SecretExpiry, SecretNotice, Status};
pub use outage::Outage;
pub use partitions::{Action, Grant, Partition, Role};
pub use sidebar::{FieldType, SidebarField};

use table::Table;

/// How long one try and one call may take. The table answers in milliseconds; the log must not
/// hold a tool's answer back.
const TRY: Duration = Duration::from_secs(1);
const CALL: Duration = Duration::from_secs(4);

/// The table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    table: Table,
}

impl State {
    /// The table of this name, as the Lambda environment says. `AWS_ENDPOINT_URL_DYNAMODB` is
    /// honoured.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> State {
        State::open(Builder::from(config), table.into())
    }

    /// The table in a stand-in for DynamoDB at this address, with credentials of no worth.
    pub fn at_endpoint(url: &str, table: impl Into<String>) -> State {
        State::with_access_key(url, table, "local")
    }

    /// The same, where the stand-in shall see which functions ask.
    pub fn at_endpoint_as(role: Role, url: &str, table: impl Into<String>) -> State {
        State::with_access_key(url, table, role.access_key())
    }

    fn with_access_key(url: &str, table: impl Into<String>, access_key: &str) -> State {
        State::new(&auth::stand_in(url, access_key), table)
    }

    fn open(config: Builder, table: String) -> State {
        let patience =
            TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(CALL).build();
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(50));
        let config = config.timeout_config(patience).retry_config(retries).build();
        State { table: Table::new(aws_sdk_dynamodb::Client::from_conf(config), table) }
    }

    /// Makes the table unless it is there. For stand-ins: in AWS the template makes it, with
    /// encryption, point-in-time recovery and time-to-live.
    pub async fn create_table(&self) -> Result<(), StateError> {
        self.table.create().await
    }
}
