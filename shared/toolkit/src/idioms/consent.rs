//! Calls that wait until somebody says yes to them.
//!
//! Where a key or a connection wants it, a call with a [`Consequence`] reads as always and stops before
//! it writes. What it would do is shown, and the call waits, sealed, in the state table. Saying yes
//! carries out that call, with the same key for its row, if it would still do what was shown. No
//! argument is said twice, so a model cannot say another.

use std::fmt;

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

/// The most bytes of a call that waits. DynamoDB takes 400 KB, and the call is kept as hexadecimal
/// digits.
const LARGEST: usize = 150_000;

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
pub struct Consequence {
    takes: Yes,
    preview: Preview,
    /// What is not shown, but must be the same when somebody says yes.
    hidden: Vec<Value>,
}

/// What a call would do.
#[derive(Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ConfirmationPreview")]
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
        Consequence { takes, preview, hidden: Vec::new() }
    }

    /// Says what else must be the same when somebody says yes, such as the ids of the records: two may
    /// have the same name. It is not shown.
    #[must_use]
    pub fn of(mut self, hidden: impl Into<Value>) -> Consequence {
        self.hidden.push(hidden.into());
        self
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

/// Texts of people are in both. No line may show them.
impl fmt::Debug for Consequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Consequence").field("takes", &self.takes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Preview {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Preview").finish_non_exhaustive()
    }
}

/// What is said to be confirmed in an error.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The id of the call that waits.
    pub(crate) id: String,
    /// What it would do.
    pub(crate) preview: Value,
    /// What the platform sends to say yes. No model may see it.
    pub(crate) button: Option<SecretString>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asked").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A call that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct WaitingCall {
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    pub(crate) idempotency_key: Option<String>,
    /// For whom it was made.
    pub(crate) visitor: Option<String>,
    /// The API key that it was made with, if it was made over the API.
    key: Option<Uuid>,
    /// What was shown.
    pub(crate) preview: Value,
    /// What was not shown, but must be the same.
    hidden: Vec<Value>,
    /// The key for its row, if nothing else connects it with others.
    row: Uuid,
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
    /// Whether whoever says yes is who was asked: with the same API key, for the same visitor.
    pub(crate) fn is_of(&self, caller: &Caller, visitor: Option<&str>) -> bool {
        self.key == caller.key && self.visitor.as_deref() == visitor
    }

    /// What somebody says yes to.
    pub(crate) fn confirmed(&self) -> Confirmed {
        let WaitingCall { preview, hidden, row, .. } = self;
        Confirmed { preview: preview.clone(), hidden: hidden.clone(), row: *row }
    }

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
    given: Option<Confirmed>,
    arguments: Value,
    idempotency_key: Option<String>,
    message: Option<String>,
    client: String,
    key: Option<Uuid>,
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
            key: caller.key,
            visitor,
            has_tool: caller.confirm != Confirm::None,
        }
    }

    /// Somebody has said yes to this.
    pub(crate) fn to(self, given: Confirmed) -> Consent {
        Consent { given: Some(given), ..self }
    }
}

/// A call that somebody has said yes to.
#[derive(Clone, PartialEq)]
pub(crate) struct Confirmed {
    /// What was shown.
    preview: Value,
    hidden: Vec<Value>,
    /// The key for its row, if nothing else connects it with others.
    pub(crate) row: Uuid,
}

impl fmt::Debug for Confirmed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Confirmed").field("row", &self.row).finish_non_exhaustive()
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
        let Consequence { takes, hidden, .. } = consequence;
        let is_given = |given: &Confirmed| given.preview == preview && given.hidden == hidden;
        if consent.given.as_ref().is_some_and(is_given) {
            return Ok(());
        }
        let (Some(state), Some(verification)) = (&self.once.state, &self.verification) else {
            return Err(not_now("there is no state table, or no sealing key"));
        };
        Err(self.wait(consent, takes, (preview, hidden), state, verification).await)
    }

    /// Lets the call wait, and returns the error that says so.
    async fn wait(
        &self,
        consent: &Consent,
        takes: Yes,
        (preview, hidden): (Value, Vec<Value>),
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
            key: consent.key,
            preview: preview.clone(),
            hidden,
            row: Uuid::new_v4(),
            button: button.expose_secret().to_owned(),
            message: consent.message.clone(),
            message_counts: takes == Yes::Message || consent.message_is_enough,
            asked_at: Timestamp::now(),
        };
        let place = place(self.connection.as_str(), &consent.client, self.chat.visit(), &id);
        let whole = json!(call);
        if whole.to_string().len() > LARGEST {
            return ToolError::new(
                ErrorCode::InvalidArguments,
                "this is too long to wait for a yes",
            )
            .next_step("Say it in fewer words.")
            .write(WriteState::NotHappened);
        }
        let sealed = seal(verification, CALL, &place, &id, &whole).await;
        let stored = match sealed {
            Ok(sealed) => state.put_confirmation(&place, &id, sealed, self.now).await,
            Err(error) => return error,
        };
        match stored {
            Ok(true) => {}
            Ok(false) => return not_now("the chat was ended meanwhile"),
            Err(error) => return not_now(error),
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
            key: None,
            preview: json!({}),
            hidden: Vec::new(),
            row: Uuid::nil(),
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
