//! The API keys that stand in the deployment's secret, as hashes, and are compared in constant time.

use std::collections::BTreeSet;
use std::fmt;

use auth::{Confirm, Failure, SecretError};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use state::{MadeKey, StateError};
use subtle::ConstantTimeEq as _;

use super::caller::HEADER;
use crate::{Caller, Grants, Scope, Scopes, Serves, TOOL_PREFIX, Template};

/// The API keys of all clients.
#[derive(Clone, Default)]
pub struct ApiKeys {
    keys: Vec<ApiKey>,
    left_out: Vec<WrongEntry>,
}

#[derive(Clone)]
struct ApiKey {
    hash: [u8; 32],
    caller: Caller,
}

/// Why the API keys cannot be read. It holds no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeysError {
    /// The secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It does not have the expected JSON.
    #[error(
        "the secret with the API keys is malformed: it must be a JSON object with a list of keys \
         and nothing else"
    )]
    Malformed,
    /// The table with the keys that were made over the API did not give one.
    #[error("the table with the API keys: {0}")]
    Table(#[from] StateError),
    /// The table holds a key that does not say whom it serves.
    #[error("an API key in the table does not say whom it is for")]
    ForNobody,
    /// The table holds a key that this version does not understand.
    #[error("an API key in the table allows what this version does not know")]
    Unknown,
}

impl ApiKeysError {
    /// Advice for the people who run the service.
    pub fn cure(&self) -> &'static str {
        use SecretError::*;
        match self {
            ApiKeysError::Malformed => "correct the secret; docs/deploying.md says what it holds",
            ApiKeysError::Table(error) if error.is_unavailable() => {
                "nothing, if it passes; else look at the way to AWS DynamoDB"
            }
            ApiKeysError::Table(_) => "let the function's role read the table's API keys",
            ApiKeysError::ForNobody => "give it its `for` with d365tools key change --for",
            ApiKeysError::Unknown => "deploy the version that made the key, or revoke the key",
            ApiKeysError::Secret(NotFound { .. }) => "make the secret, as docs/deploying.md says",
            ApiKeysError::Secret(NotText { .. }) => "store the secret as text",
            ApiKeysError::Secret(Denied { .. } | NotWritable { .. }) => {
                "let the function's role read the secret, and use its KMS key"
            }
            ApiKeysError::Secret(Unavailable { .. }) => {
                "nothing, if it passes; else look at the way to AWS Secrets Manager"
            }
            ApiKeysError::Secret(NoDescriptor | Exists { .. }) => "report it: this is a defect",
        }
    }

    /// Whether the error may disappear soon without a correction.
    pub fn is_retryable(&self) -> bool {
        match self {
            ApiKeysError::Secret(error) => matches!(error, SecretError::Unavailable { .. }),
            ApiKeysError::Table(error) => error.is_unavailable(),
            ApiKeysError::Malformed | ApiKeysError::ForNobody | ApiKeysError::Unknown => false,
        }
    }
}

impl Failure for ApiKeysError {
    /// A mistake in the secret locks nobody out. Only a deleted secret means that all keys are
    /// deleted.
    fn may_pass(&self) -> bool {
        match self {
            ApiKeysError::Secret(error) => error.may_pass(),
            ApiKeysError::Malformed
            | ApiKeysError::Table(_)
            | ApiKeysError::ForNobody
            | ApiKeysError::Unknown => true,
        }
    }

    fn stopped() -> ApiKeysError {
        ApiKeysError::Secret(SecretError::stopped())
    }
}

/// An entry that is left out because its meaning is unclear. The error contains no part of the
/// entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct WrongEntry {
    /// The place of the mistake, such as `keys[2].scopes`.
    pub place: String,
    /// The mistake.
    pub problem: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    client: String,
    sha256: String,
    connections: Vec<String>,
    scopes: Scopes,
    r#for: Serves,
    tools: Option<BTreeSet<String>>,
    template: Option<Template>,
    #[serde(default)]
    vouches: bool,
    conversation: Option<ConversationIn>,
    #[serde(default)]
    confirm: Confirm,
    #[serde(default)]
    message_is_enough: bool,
}

/// Where the id of a chat counts.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ConversationIn {
    Header,
}

impl ApiKey {
    fn of(position: usize, entry: Value) -> Result<ApiKey, WrongEntry> {
        let wrong = |field: &str, problem| {
            // The path may contain names that somebody wrote in place of ours. Those are not shown.
            let is_ours = [
                "client",
                "sha256",
                "connections",
                "scopes",
                "for",
                "tools",
                "template",
                "vouches",
                "conversation",
                "confirm",
                "message_is_enough",
            ]
            .iter()
            .any(|name| field.strip_prefix(name).is_some_and(|rest| !rest.contains('.')));
            let field = if is_ours { format!(".{field}") } else { String::new() };
            WrongEntry { place: format!("keys[{position}]{field}"), problem }
        };
        let entry: KeyEntry = serde_path_to_error::deserialize(entry).map_err(|error| {
            wrong(
                &error.path().to_string(),
                "each key has client, sha256, connections (a list of ids, or of \"*\"), scopes (a list \
                 of read, write, admin) and for (visitors or staff). It may have tools (a list of \
                 names) or a template, vouches (true or false), conversation (header), confirm (none or \
                 consequences) and message_is_enough (true or false). `d365tools key upgrade` gives keys their `for`",
            )
        })?;
        let mut hash = [0; 32];
        hex::decode_to_slice(entry.sha256.trim(), &mut hash)
            .map_err(|_| wrong("sha256", "it must be 64 hexadecimal digits"))?;
        let connections = Grants::parse(entry.connections.iter().map(String::as_str))
            .map_err(|_| wrong("connections", "one is no connection id"))?;
        if entry.scopes.contains(&Scope::Admin) {
            if entry.r#for == Serves::Visitors {
                return Err(wrong("scopes", "a key for visitors has no scope admin"));
            }
            if entry.tools.is_some() || entry.template.is_some() {
                return Err(wrong("scopes", "a key that is limited to tools has no scope admin"));
            }
        }
        if let Some(tools) = &entry.tools {
            if entry.template.is_some() {
                return Err(wrong("template", "either tools or a template limits the key"));
            }
            if tools.is_empty() || !tools.iter().all(|tool| is_tool_name(tool)) {
                return Err(wrong(
                    "tools",
                    "it must be a list of names such as dynamics365_get_case",
                ));
            }
        }
        let caller = Caller {
            client: entry.client,
            connections,
            scopes: entry.scopes,
            key: None,
            serves: entry.r#for,
            tools: limit(entry.tools, entry.template),
            vouches: entry.vouches,
            conversation_in_header: matches!(entry.conversation, Some(ConversationIn::Header)),
            confirm: entry.confirm,
            message_is_enough: entry.message_is_enough,
        };
        Ok(ApiKey { hash, caller })
    }
}

/// Whether this may be the name of a tool.
fn is_tool_name(name: &str) -> bool {
    let rest = name.strip_prefix(TOOL_PREFIX);
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

/// The tools that a key is limited to: those that are named, or those of a template.
fn limit(tools: Option<BTreeSet<String>>, template: Option<Template>) -> Option<BTreeSet<String>> {
    tools.or_else(|| template.and_then(Template::full_names))
}

impl ApiKeys {
    /// Reads
    /// `{"keys":[{"client":"…","sha256":"<64 hex digits>","connections":["default"],"scopes":["read"],"for":"visitors"}]}`.
    /// A wrong entry is left out. The other entries still count.
    pub fn parse(text: &str) -> Result<ApiKeys, ApiKeysError> {
        let document: Document = serde_json::from_str(text).map_err(|_| ApiKeysError::Malformed)?;
        let mut read = ApiKeys::default();
        for (position, entry) in document.keys.into_iter().enumerate() {
            match ApiKey::of(position, entry) {
                Ok(key) => read.keys.push(key),
                Err(wrong) => read.left_out.push(wrong),
            }
        }
        Ok(read)
    }

    /// The entries that are left out.
    pub fn left_out(&self) -> &[WrongEntry] {
        &self.left_out
    }

    /// The caller that has this key. Known and unknown keys take the same time.
    pub fn caller(&self, key: &str) -> Option<&Caller> {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let mut found = None;
        for candidate in &self.keys {
            if bool::from(candidate.hash.ct_eq(&hash)) {
                found = Some(&candidate.caller);
            }
        }
        found
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiKeys").field("count", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Caller {
    /// Who a key of the table was made for.
    ///
    /// # Errors
    ///
    /// [`ApiKeysError::Unknown`]: a later version made it, and it allows what this one does not know.
    pub fn of_made(key: &MadeKey) -> Result<Caller, ApiKeysError> {
        let connections = key.connections.iter().map(String::as_str);
        let serves = key.serves.as_deref().ok_or(ApiKeysError::ForNobody)?;
        let template = key.template.as_deref().map(str::parse).transpose();
        let template = template.map_err(|_: String| ApiKeysError::Unknown)?;
        let is_admins = key.scopes.iter().any(|scope| scope == Scope::Admin.as_str());
        let is_limited = key.tools.is_some() || key.template.is_some();
        if is_admins && (serves == Serves::Visitors.as_str() || is_limited) {
            return Err(ApiKeysError::Unknown);
        }
        Ok(Caller {
            client: key.client.clone(),
            connections: Grants::parse(connections).map_err(|_| ApiKeysError::Unknown)?,
            scopes: key
                .scopes
                .iter()
                .map(|scope| scope.parse())
                .collect::<Result<Scopes, _>>()
                .map_err(|_| ApiKeysError::Unknown)?,
            key: Some(key.id),
            serves: serves.parse().map_err(|_| ApiKeysError::Unknown)?,
            tools: limit(key.tools.clone().map(BTreeSet::from_iter), template),
            vouches: key.vouches,
            conversation_in_header: key.conversation.as_deref() == Some(HEADER),
            confirm: key
                .confirm
                .as_deref()
                .map_or(Ok(Confirm::None), str::parse)
                .map_err(|_| ApiKeysError::Unknown)?,
            message_is_enough: key.message_is_enough,
        })
    }
}

/// The SHA-256 of a key, as the secret holds it.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes.as_ref()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(hash: &str) -> String {
        json!({"keys": [{
            "client": "chat platform", "sha256": hash, "connections": ["emea"], "scopes": ["read"],
            "for": "visitors", "template": "customer-service",
        }]})
        .to_string()
    }

    #[test]
    fn a_key_is_known_by_its_hash() {
        let keys = ApiKeys::parse(&document(&sha256_hex("a key"))).unwrap();
        let caller = keys.caller("a key").unwrap();
        assert_eq!(caller.client, "chat platform");
        assert!(caller.scopes.contains(&Scope::Read) && !caller.scopes.contains(&Scope::Write));
        assert_eq!(caller.serves, Serves::Visitors);
        assert!(
            caller.has_tool("dynamics365_get_case") && !caller.has_tool("dynamics365_get_lead")
        );
        assert!(keys.caller("another").is_none() && keys.caller("").is_none());
        assert_eq!(format!("{keys:?}"), "ApiKeys { count: 1, .. }");
    }

    #[test]
    fn a_wrong_entry_is_left_out_alone_and_named_without_its_content() {
        let good: Value = serde_json::from_str(&document(&sha256_hex("a key"))).unwrap();
        let good = &good["keys"][0];
        let with = |field: &str, value: Value| {
            let mut entry = good.clone();
            entry[field] = value;
            entry
        };
        for (wrong, place) in [
            (with("sha256", json!("a-hash")), "keys[1].sha256:"),
            (with("sha256", json!(17)), "keys[1].sha256:"),
            (with("connections", json!(["EM EA"])), "keys[1].connections:"),
            (with("connections", json!([17])), "keys[1].connections[0]:"),
            (with("scopes", json!(["reed"])), "keys[1].scopes[0]:"),
            (with("scopes", json!(["admin"])), "keys[1].scopes:"),
            (with("tools", json!(["reed"])), "keys[1].template:"),
            (with("for", json!("reed")), "keys[1].for:"),
            (with("for", json!(null)), "keys[1].for:"),
            (with("template", json!("reed")), "keys[1].template:"),
            (with("a-hash", json!("reed")), "keys[1]:"),
            (json!("a-hash"), "keys[1]:"),
            (json!(null), "keys[1]:"),
            (json!({}), "keys[1]:"),
        ] {
            let other = with("sha256", json!(sha256_hex("another")));
            let text = json!({"keys": [good, wrong, other]}).to_string();
            let keys = ApiKeys::parse(&text).unwrap();
            assert!(keys.caller("a key").is_some() && keys.caller("another").is_some());
            let [left_out] = keys.left_out() else { panic!("{:?}", keys.left_out()) };
            let shown = format!("{left_out} {left_out:?}");
            assert!(shown.starts_with(place), "{shown}");
            for content in ["a-hash", "reed", "EM EA", "17"] {
                assert!(!shown.contains(content), "{shown}");
            }
        }
    }

    #[test]
    fn what_is_no_list_of_keys_is_no_document() {
        for text in ["a key", "", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": [], "kees": []}"#] {
            assert_eq!(ApiKeys::parse(text).unwrap_err(), ApiKeysError::Malformed, "{text}");
        }
        let error = ApiKeysError::Malformed;
        assert!(!format!("{error} {error:?} {}", error.cure()).contains("a key"));
    }
}
