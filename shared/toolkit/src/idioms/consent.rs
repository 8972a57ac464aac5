//! Calls that wait until somebody says yes to them.
//!
//! Where a key or a connection wants it, a call with a [`Consequence`] reads as always and stops before
//! it writes. What it would do is shown, and the call waits, sealed, in the state table. Saying yes
//! carries out that call, with the same key for its row, if it would still do what was shown. No
//! argument is said twice, so a model cannot say another.

use auth::{Confirm, Visitors};
use http::HeaderName;
use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::{State, Visit};
use uuid::Uuid;

use crate::{Caller, Change, Context, ErrorCode, ToolError, Verification, WriteState};

/// The header with the value that came in the same header with what is shown. Whoever sends it has
/// pressed a button of the platform: no model has seen the value.
pub const CONFIRMATION: HeaderName = HeaderName::from_static("x-confirmation");

/// The header with the platform's id of the visitor's message that a call answers.
pub const MESSAGE_ID: HeaderName = HeaderName::from_static("x-message-id");

/// What sealed calls and outcomes are for.
pub(crate) const CALL: &str = "call that waits";
pub(crate) const OUTCOME: &str = "outcome of a call that waited";

/// The namespace of the ids of rows that depend on a confirmation alone. It is a random one.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d0e_33b8_7c1a_4a5f_9d52_b0a4_5e6f_21d9);

/// What it takes to say yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yes {
    /// A further message of the visitor is enough.
    Message,
    /// It takes a button, unless the policy is content with a message: it cannot be undone, binds the
    /// company, or changes how somebody is recognised.
    Button,
}

/// What a call is about to do that somebody should have said yes to.
#[derive(Clone, Debug)]
pub struct Consequence {
    takes: Yes,
    preview: Preview,
}

/// What a call would do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Preview {
    /// In one sentence.
    sentence: String,
    /// What changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
    /// The record that is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Value>,
}

impl Consequence {
    /// What a call is about to do, in one sentence, and what it takes to say yes.
    pub fn new(takes: Yes, sentence: impl Into<String>) -> Consequence {
        let preview = Preview { sentence: sentence.into(), changes: Vec::new(), record: None };
        Consequence { takes, preview }
    }

    /// Shows what changes.
    #[must_use]
    pub fn changing(mut self, changes: &[Change]) -> Consequence {
        self.preview.changes = changes.to_vec();
        self
    }

    /// Shows the record that is made.
    #[must_use]
    pub fn making(mut self, record: Value) -> Consequence {
        self.preview.record = Some(record);
        self
    }
}

/// What is said to be confirmed in an error.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The id of the call that waits.
    pub(crate) id: String,
    /// What it would do.
    pub(crate) preview: Value,
    /// What the platform sends to say yes. No model may see it.
    pub(crate) button: Option<SecretString>,
}

/// A call that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitingCall {
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    pub(crate) idempotency_key: Option<String>,
    /// For whom it was made.
    pub(crate) visitor: Option<String>,
    /// What was shown.
    pub(crate) preview: Value,
    button: String,
    /// The message that was answered, if the platform said it.
    message: Option<String>,
    /// Whether a further message says yes.
    message_counts: bool,
    asked_at: Timestamp,
}

/// How long after what was shown a message can be an answer to it.
const READING: jiff::SignedDuration = jiff::SignedDuration::from_secs(3);

impl WaitingCall {
    /// Checks that somebody has said yes: by a button, or by a message.
    pub(crate) fn check(
        &self,
        button: Option<&str>,
        message: Option<&str>,
    ) -> Result<(), &'static str> {
        use subtle::ConstantTimeEq as _;
        if let Some(button) = button {
            let is_same = bool::from(button.as_bytes().ct_eq(self.button.as_bytes()));
            return if is_same { Ok(()) } else { Err("X-Confirmation is not what came with it") };
        }
        if !self.message_counts {
            return Err("this takes the platform's button: a message is not enough");
        }
        match (&self.message, message) {
            (Some(before), Some(now)) if before == now => {
                Err("the visitor has not written since this was shown")
            }
            (Some(_), Some(_)) if Timestamp::now().duration_since(self.asked_at) < READING => {
                Err("the visitor has not had the time to read this")
            }
            (Some(_), Some(_)) => Ok(()),
            _ => Err(
                "without the header X-Message-Id on both calls, this takes the platform's button",
            ),
        }
    }
}

/// What makes a call wait, where somebody must say yes.
pub(crate) struct Consent {
    /// Whether a message is enough for everything.
    message_is_enough: bool,
    /// What somebody has said yes to.
    given: Option<Value>,
    arguments: Value,
    idempotency_key: Option<String>,
    message: Option<String>,
    client: String,
    /// For whom the call was made, before anything was read.
    visitor: Option<String>,
    /// Whether the key lists the tool that says yes.
    has_tool: bool,
}

/// Whether somebody must say yes, and whether a message is enough for everything then.
pub(crate) fn policy(caller: &Caller, visitors: Option<&Visitors>) -> Option<bool> {
    let of_key = (caller.confirm == Confirm::Consequences).then_some(caller.message_is_enough);
    let of_connection = visitors
        .filter(|visitors| visitors.confirm == Confirm::Consequences)
        .map(|visitors| visitors.message_is_enough);
    // The stricter of the two counts.
    of_key.into_iter().chain(of_connection).reduce(|one, other| one && other)
}

impl Consent {
    pub(crate) fn new(
        message_is_enough: bool,
        caller: &Caller,
        arguments: Value,
        idempotency_key: Option<&str>,
        message: Option<&str>,
        visitor: Option<String>,
    ) -> Consent {
        Consent {
            message_is_enough,
            given: None,
            arguments,
            idempotency_key: idempotency_key.map(str::to_owned),
            message: message.map(str::to_owned),
            client: caller.client.clone(),
            visitor,
            has_tool: caller.confirm != Confirm::None,
        }
    }

    /// Somebody has said yes to this.
    pub(crate) fn to(self, preview: Value) -> Consent {
        Consent { given: Some(preview), ..self }
    }
}

/// A call that somebody has said yes to.
#[derive(Clone, Debug)]
pub(crate) struct Confirmed {
    /// The id under which it waited.
    pub(crate) id: String,
    /// What was shown.
    pub(crate) preview: Value,
}

impl Confirmed {
    /// The key for the row of a call that nothing else connects with others.
    pub(crate) fn row(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.id.as_bytes())
    }
}

/// Where a call waits: in its chat, or by itself.
pub(crate) fn place(connection: &str, client: &str, visit: Option<&Visit>, id: &str) -> Visit {
    let by_itself = || Visit::of_confirmation(connection, client, id);
    visit.cloned().unwrap_or_else(by_itself)
}

impl Context {
    /// Stops a call before it does what somebody must have said yes to, and has not.
    ///
    /// # Errors
    ///
    /// `confirmation_required`, with what the call would do.
    pub(crate) async fn stop_before(
        &self,
        consequence: Option<Consequence>,
    ) -> Result<(), ToolError> {
        let (Some(consent), Some(consequence)) = (&self.consent, consequence) else {
            return Ok(());
        };
        let mut preview = json!(consequence.preview);
        crate::edge::json::tidy(&mut preview);
        if consent.given.as_ref() == Some(&preview) {
            return Ok(());
        }
        let (Some(state), Some(verification)) = (&self.once.state, &self.verification) else {
            return Err(not_now("there is no state table, or no sealing key"));
        };
        Err(self.wait(consent, consequence.takes, preview, state, verification).await)
    }

    /// Lets the call wait, and returns the error that says so.
    async fn wait(
        &self,
        consent: &Consent,
        takes: Yes,
        preview: Value,
        state: &State,
        verification: &Verification,
    ) -> ToolError {
        let id: String = Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let button = SecretString::from(Uuid::new_v4().simple().to_string());
        let call = WaitingCall {
            tool: self.tool.to_owned(),
            arguments: consent.arguments.clone(),
            idempotency_key: consent.idempotency_key.clone(),
            visitor: consent.visitor.clone(),
            preview: preview.clone(),
            button: button.expose_secret().to_owned(),
            message: consent.message.clone(),
            message_counts: takes == Yes::Message || consent.message_is_enough,
            asked_at: Timestamp::now(),
        };
        let place = place(self.connection.as_str(), &consent.client, self.chat.visit(), &id);
        let sealed = seal(verification, CALL, &place, &id, &json!(call)).await;
        let stored = match sealed {
            Ok(sealed) => state.put_confirmation(&place, &id, sealed).await.map_err(not_now),
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            return error;
        }
        let takes_button = !call.message_counts || call.message.is_none() || !consent.has_tool;
        asks(Asked { id, preview, button: Some(button) }, takes_button)
    }
}

/// The error that asks for a yes.
fn asks(asked: Asked, takes_button: bool) -> ToolError {
    let next_step = if takes_button {
        "Say what it would do. It is done once they press the button: do not call it again."
    } else {
        "Say what it would do, and ask. After a yes, call dynamics365_confirm with this id; not before."
    };
    ToolError::new(
        ErrorCode::ConfirmationRequired,
        "this is not done before somebody says yes to it",
    )
    .next_step(next_step)
    .write(WriteState::NotHappened)
    .asking(asked)
}

/// The error if nobody has said yes yet.
pub(crate) fn not_yet(id: &str, call: &WaitingCall, why: &str) -> ToolError {
    let asked = Asked { id: id.to_owned(), preview: call.preview.clone(), button: None };
    ToolError::new(ErrorCode::ConfirmationRequired, why)
        .next_step("Wait for the visitor's answer. Do nothing of it before.")
        .write(WriteState::NotHappened)
        .asking(asked)
}

/// The error if no call waits under an id.
pub(crate) fn nothing_waits() -> ToolError {
    ToolError::new(
        ErrorCode::NotFound,
        "no call waits under this confirmation_id: it was too long ago, or another one came after it",
    )
    .next_step("If it is still wanted, call the tool itself again: it shows what it would do.")
    .write(WriteState::NotHappened)
}

/// The error if a call cannot wait, or cannot be found.
pub(crate) fn not_now(cause: impl std::fmt::Display) -> ToolError {
    ToolError::new(ErrorCode::ServiceUnavailable, "nobody can say yes to this right now")
        .next_step("Apologise for the delay and try again shortly.")
        .write(WriteState::NotHappened)
        .for_log(cause)
}

/// Seals a value for this place and id.
pub(crate) async fn seal(
    verification: &Verification,
    purpose: &str,
    place: &Visit,
    id: &str,
    value: &Value,
) -> Result<String, ToolError> {
    let seals = verification.seals.seals().await.map_err(not_now)?;
    let plain = value.to_string();
    let sealed = seals.seal(purpose, &[place.as_str(), id], plain.as_bytes());
    sealed.map(hex::encode).map_err(not_now)
}

/// Opens what was sealed for this place and id.
pub(crate) async fn open<T: serde::de::DeserializeOwned>(
    verification: &Verification,
    purpose: &str,
    place: &Visit,
    id: &str,
    sealed: &str,
) -> Result<T, ToolError> {
    let sealed = hex::decode(sealed).map_err(not_now)?;
    let bound = [place.as_str(), id];
    let plain = verification.seals.open(purpose, &bound, &sealed).await.map_err(not_now)?;
    // The error is dropped, because it may quote a value.
    serde_json::from_slice(&plain).map_err(|_| not_now("what waited cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(message: Option<&str>, message_counts: bool, seconds_ago: i64) -> WaitingCall {
        WaitingCall {
            tool: "dynamics365_update_case".to_owned(),
            arguments: json!({}),
            idempotency_key: None,
            visitor: None,
            preview: json!({}),
            button: "b".repeat(32),
            message: message.map(str::to_owned),
            message_counts,
            asked_at: Timestamp::now() - jiff::SignedDuration::from_secs(seconds_ago),
        }
    }

    #[test]
    fn a_yes_is_the_button_or_a_further_message_where_that_is_enough() {
        let right = "b".repeat(32);
        let call = waiting(Some("m-1"), true, 10);
        assert!(call.check(Some(&right), None).is_ok());
        assert!(call.check(None, Some("m-2")).is_ok());
        // A wrong button is no message.
        assert!(call.check(Some("b"), Some("m-2")).is_err());
        assert!(call.check(None, Some("m-1")).is_err());
        assert!(call.check(None, None).is_err());
        assert!(waiting(Some("m-1"), true, 1).check(None, Some("m-2")).is_err());
        assert!(waiting(None, true, 10).check(None, Some("m-2")).is_err());
        let grave = waiting(Some("m-1"), false, 10);
        assert!(grave.check(None, Some("m-2")).is_err());
        assert!(grave.check(Some(&right), None).is_ok());
    }
}
