//! The partitions of the table. Each is declared once: its key, what it holds, for how long, and
//! who may do what with it. The code makes its keys from these declarations, and the policies of
//! the functions are written from them (with `cargo run -p template`). The local stack refuses what
//! they do not grant.

use std::fmt;

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

/// One partition of the table, or all partitions whose keys have the same prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The key `pk`. If this ends with `#`, an id follows in the table, and each id has its own
    /// partition.
    pub key: &'static str,
    /// How long an item is kept, if that is the same for all items; their `expires_at` says so.
    /// With `None`, an item stays until it is removed, or has its own `expires_at`.
    pub kept: Option<SignedDuration>,
    /// Who may do what with it.
    pub grants: &'static [Grant],
}

/// What some functions may do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Which functions.
    pub role: Role,
    /// What they may do, in alphabetical order.
    pub actions: &'static [Action],
}

/// The functions that use the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `authorizer`.
    Authorizer,
    /// Those that call tools: each group of tools, and `mcp`.
    Tools,
    /// `connection`.
    Connection,
    /// `health`.
    Health,
}

/// An operation of DynamoDB, under the name that it has there.
#[expect(missing_docs, reason = "the names are DynamoDB's")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Action {
    BatchGetItem,
    BatchWriteItem,
    DeleteItem,
    GetItem,
    PutItem,
    Query,
    UpdateItem,
}

use Action::{BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, Query, UpdateItem};

const fn grant(role: Role, actions: &'static [Action]) -> Grant {
    Grant { role, actions }
}

/// The list of the API keys that were made over the API: `sk` is a key's id, the item its hash.
pub const KEYS: Partition = Partition {
    key: "keys",
    kept: None,
    grants: &[grant(Role::Connection, &[BatchWriteItem, GetItem, PutItem, Query])],
};

/// An API key that was made over the API, by its hash: whose it is, and what it allows.
pub const KEY: Partition = Partition {
    key: "key#",
    kept: None,
    grants: &[
        grant(Role::Authorizer, &[GetItem]),
        grant(Role::Connection, &[BatchGetItem, BatchWriteItem, GetItem, PutItem]),
    ],
};

/// The list of the connections: `sk` is a connection's id, the item a [`Registration`].
///
/// [`Registration`]: crate::Registration
pub const CONNECTIONS: Partition = Partition {
    key: "connections",
    kept: None,
    grants: &[
        grant(Role::Connection, &[BatchGetItem, BatchWriteItem, GetItem, PutItem, Query]),
        grant(Role::Health, &[BatchGetItem, DeleteItem, GetItem, PutItem, Query]),
    ],
};

/// What belongs to one connection and goes with it: its sidebar, its health, alerts that were sent.
pub const CONNECTION: Partition = Partition {
    key: "connection#",
    kept: None,
    grants: &[
        grant(
            Role::Connection,
            &[BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, Query],
        ),
        grant(Role::Health, &[BatchGetItem, DeleteItem, GetItem, PutItem]),
    ],
};

/// Alerts and outages that are not about a single connection.
pub const ALERTS: Partition = Partition {
    key: "alerts",
    kept: None,
    grants: &[grant(Role::Health, &[BatchWriteItem, DeleteItem, GetItem, PutItem, Query])],
};

/// Where the next run of the scheduled check begins.
pub const CHECKS: Partition = Partition {
    key: "checks",
    kept: None,
    grants: &[grant(Role::Health, &[BatchWriteItem, GetItem, PutItem])],
};

/// How long an entry of the activity log is kept.
pub(crate) const ACTIVITY_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How long the table knows which call an idempotency key belongs to.
pub(crate) const KEY_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a second call about the same subject is led to the row of the first. After that, a
/// search finds the row.
pub(crate) const SUBJECT_KEPT: SignedDuration = SignedDuration::from_mins(5);

/// The activity log of one connection.
pub const ACTIVITY: Partition = Partition {
    key: "activity#",
    kept: Some(ACTIVITY_KEPT),
    grants: &[
        grant(Role::Tools, &[BatchWriteItem]),
        grant(Role::Connection, &[BatchWriteItem, Query]),
        grant(Role::Health, &[BatchWriteItem]),
    ],
};

/// What a call with an idempotency key is about to create.
pub const IDEMPOTENCY: Partition = Partition {
    key: "idem#",
    kept: Some(KEY_KEPT),
    grants: &[grant(Role::Tools, &[GetItem, PutItem])],
};

/// What a call is about to create, if another call may want the same.
pub const SUBJECT: Partition = Partition {
    key: "claim#",
    kept: Some(SUBJECT_KEPT),
    grants: &[grant(Role::Tools, &[GetItem, PutItem])],
};

/// How long the table knows what a chat has made.
pub(crate) const VISIT_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What a chat with a visitor has shown, made and left waiting for a yes, and how often that happens. Each
/// item has its own `expires_at`.
pub const VISIT: Partition = Partition {
    key: "visit#",
    kept: None,
    grants: &[grant(Role::Tools, &[GetItem, PutItem, UpdateItem])],
};

impl Partition {
    /// All of them.
    pub const ALL: [Partition; 10] =
        [KEYS, KEY, CONNECTIONS, CONNECTION, ALERTS, CHECKS, ACTIVITY, IDEMPOTENCY, SUBJECT, VISIT];

    /// The keys of the partition, as policies name them: `activity#*`.
    pub fn pattern(&self) -> String {
        let rest = if self.is_each() { "*" } else { "" };
        format!("{}{rest}", self.key)
    }

    /// Whether this key belongs to the partition.
    pub fn has(&self, key: &str) -> bool {
        if self.is_each() { key.starts_with(self.key) } else { key == self.key }
    }

    /// Whether these functions may do this with the partition.
    pub fn grants(&self, role: Role, action: &str) -> bool {
        let of_role = self.grants.iter().filter(|grant| grant.role == role);
        of_role.flat_map(|grant| grant.actions).any(|one| one.to_string() == action)
    }

    fn is_each(&self) -> bool {
        self.key.ends_with('#')
    }

    /// The key of the partition with this id.
    pub(crate) fn of(&self, id: impl fmt::Display) -> String {
        format!("{}{id}", self.key)
    }

    /// The id in the key of a partition.
    pub(crate) fn id<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(self.key)
    }
}

impl Serialize for Partition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            keys: String,
            kept_seconds: Option<i64>,
            grants: &'a [Grant],
        }
        let kept_seconds = self.kept.map(|kept| kept.as_secs());
        Shown { keys: self.pattern(), kept_seconds, grants: self.grants }.serialize(serializer)
    }
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Authorizer, Role::Tools, Role::Connection, Role::Health];

    /// The access key by which a stand-in for DynamoDB knows these functions.
    pub fn access_key(self) -> &'static str {
        match self {
            Role::Authorizer => "authorizer",
            Role::Tools => "tools",
            Role::Connection => "connection",
            Role::Health => "health",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_of_one_partition() {
        for one in Partition::ALL {
            let key = one.of(if one.is_each() { "default" } else { "" });
            let has: Vec<_> = Partition::ALL.iter().filter(|other| other.has(&key)).collect();
            assert_eq!(has, [&one], "{key}");
        }
    }

    #[test]
    fn a_partition_is_printed_with_its_keys_and_grants() {
        assert_eq!(
            serde_json::to_value(SUBJECT).unwrap(),
            serde_json::json!({
                "keys": "claim#*",
                "kept_seconds": 300,
                "grants": [{"role": "tools", "actions": ["GetItem", "PutItem"]}],
            })
        );
        assert_eq!(CHECKS.pattern(), "checks");
    }
}
