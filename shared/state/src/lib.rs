//! What the bundle remembers between calls, in one DynamoDB table.
//!
//! | partition `pk` | sort key `sk` | what |
//! | --- | --- | --- |
//! | `keys` | the key's id | the hash of an API key that was made over the API |
//! | `key#{sha256}` | `key` | the [`MadeKey`] with that hash |
//! | `connections` | the connection's id | a [`Registration`]; never a secret |
//! | `connection#{id}` | `sidebar` | its [`SidebarField`]s |
//! | `connection#{id}` | `health` | its [`auth::health::Health`] |
//! | `connection#{id}` | `alert#{alert}` | an alert that has been sent, until `expires_at` |
//! | `alerts` | `alert#{alert}` | the same, for an alert that concerns several connections |
//! | `alerts` | `outage` | since when hardly any connection answers, as long as that lasts |
//! | `alerts` | `outage#{region}` | the same, for the connections of one region |
//! | `checks` | `place` | where the next check begins, if the last had no time for all |
//! | `activity#{id}` | `{time}#{request id}#{position}` | a [`LogEntry`], until `expires_at` |
//! | `idem#{id}` | `create` | the [`Intent`] of a call that may come again, until `expires_at` |
//! | `claim#{hash}` | `create` | the same, of a call that others may want, too, until `expires_at` |
//! | these two | `joined` | that another call went to make the row, until `expires_at` |
//! | `visit#{hash}` | `writes` | how many records a chat, or a client in an hour, has written |
//! | `visit#{hash}` | `codes`, `wrong` | how many codes were sent to an address, or were wrong in an hour |
//! | `visit#{hash}` | `not-found` | how often something was not found in a chat, or in an hour |
//! | `visit#{hash}` | `code` | the keyed hash of a chat's [`SentCode`], until `expires_at` |
//! | `visit#{hash}` | `signed-in` | who the visitor of a chat is by a code: [`SignedIn`] |
//! | `visit#{hash}` | `confirm#{id}` | a sealed call that waits until somebody says yes; `confirm`: the open one |
//! | `visit#{hash}` | `confirm-taken#{id}`, `confirm-outcome#{id}` | that it is carried out, and what came of it |
//! | `visit#{hash}` | `shown-address` | a new address that the visitor has shown to be theirs |
//! | `visit#{hash}` | `made` | which ones a chat has made while nobody knew the visitor |
//!
//! [`Partition`] says who may do what with which of them, and how long items are kept. The table's
//! time-to-live attribute is `expires_at`. DynamoDB may take days to delete an expired item, so
//! nothing here relies on that: an expired item counts as absent.

mod activity;
mod alerts;
mod checks;
mod confirmations;
mod connections;
mod creates;
mod cursor;
mod error;
mod health;
mod keys;
mod outage;
mod partitions;
mod sidebar;
mod table;
mod visits;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

pub use activity::{Ended, EntryKind, Filter, LogEntry, Page};
pub use alerts::Claim;
pub use confirmations::{CONFIRMATION_WAITS, Waiting};
pub use connections::{Added, ConnectionPage, Registration};
pub use creates::{Announced, Bond, Intent, Ticket};
pub use cursor::{ConnectionCursor, Cursor, InvalidCursor};
pub use error::StateError;
pub use keys::{KeyHash, KeyPage, MadeKey};
pub use outage::Outage;
pub use partitions::{Action, Grant, Partition, Role};
pub use sidebar::{FieldType, SidebarField};
pub use visits::{Hour, SentCode, SignedIn, TRIES_OF_CODE, Visit};

use table::Table;

/// How long one try and one call may take. The table answers in milliseconds, and writing the
/// activity log must not delay a tool's answer.
const TRY: Duration = Duration::from_secs(1);
const CALL: Duration = Duration::from_secs(4);

/// The table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    table: Table,
}

impl State {
    /// The table of this name, at the address that the AWS configuration gives
    /// (`AWS_ENDPOINT_URL_DYNAMODB` changes it).
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> State {
        State::open(Builder::from(config), table.into())
    }

    /// The table in a stand-in for DynamoDB at this address, with made-up credentials.
    pub fn at_endpoint(url: &str, table: impl Into<String>) -> State {
        State::with_access_key(url, table, "local")
    }

    /// The same, but the stand-in sees which functions ask.
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

    /// Creates the table unless it exists. This is for stand-ins: in AWS the template creates it,
    /// with encryption, point-in-time recovery and time-to-live.
    pub async fn create_table(&self) -> Result<(), StateError> {
        self.table.create().await
    }
}
