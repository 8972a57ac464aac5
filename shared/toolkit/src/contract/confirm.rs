//! Carries out calls that waited until somebody said yes.

use std::time::Duration;

use auth::ConnectionId;
use http::header::HeaderValue;
use http::{HeaderMap, Method};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use state::{State, Visit};
use uuid::Uuid;

use crate::contract::tool::PATH;
use crate::edge::{IDEMPOTENCY_KEY, header};
use crate::idioms::chat::Chat;
use crate::idioms::consent::{
    CALL, CONFIRMATION, MESSAGE_ID, OUTCOME, WaitingCall, not_now, not_yet, nothing_waits, open,
    place, seal,
};
use crate::{
    Answer, Body, Call, Caller, Done, ErrorCode, Incoming, Reply, ToolError, Tools, Verification,
    WriteState,
};

/// The name of the tool that says yes. Every key has it that may write: without a call that waits, it
/// does nothing.
pub const CONFIRM_TOOL: &str = "dynamics365_confirm";

/// How often, and after which wait each time, it is asked what came of a call that somebody else carries
/// out at the same moment.
const LOOKS: usize = 40;
const BETWEEN: Duration = Duration::from_millis(100);

/// The answer of the tool whose call was carried out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Carried(Value);

impl JsonSchema for Carried {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CarriedOut".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Answer::<Map<String, Value>>::json_schema(generator)
    }
}

/// What is known of a call that waits, besides itself.
struct Found<'a> {
    state: &'a State,
    verification: &'a Verification,
    place: Visit,
    id: &'a str,
}

impl Tools {
    /// Carries out the call that waits under this id, once somebody has said yes. Whoever says yes again
    /// gets the same answer.
    ///
    /// # Errors
    ///
    /// `not_found` if no call waits there, `confirmation_required` if nobody has said yes, or if the
    /// call would do something else by now; and the errors of the tool itself.
    pub async fn confirm(
        &self,
        about: &ConnectionId,
        caller: &Caller,
        incoming: Incoming,
        call: &mut Call,
        id: &str,
    ) -> Result<Done<Carried>, ToolError> {
        let (Some(state), Some(verification)) = (self.state(), self.verification()) else {
            return Err(not_now("there is no state table, or no sealing key"));
        };
        let is_id = (1..=32).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric());
        if !is_id {
            return Err(nothing_waits());
        }
        let connection = self.open(about, incoming.deadline).await?;
        let chat = Chat::new(about, &caller.client, call.conversation.as_deref());
        let visitors = &connection.credentials().visitors;
        let behalf = self.behalf(caller, &incoming.headers, about, visitors, &chat).await?;
        call.tool = Some(CONFIRM_TOOL.to_owned());
        call.visitor = behalf.for_log();
        let place = place(about.as_str(), &caller.client, chat.visit(), id);
        let found = Found { state, verification, place, id };

        let waiting = state.confirmation(&found.place, id).await.map_err(not_now)?;
        let waiting = waiting.ok_or_else(nothing_waits)?;
        let sealed: WaitingCall = open(verification, CALL, &found.place, id, &waiting.call).await?;
        if !sealed.is_of(caller, behalf.identity().as_deref()) {
            return Err(nothing_waits());
        }
        call.confirmation = Some(id.to_owned());
        let button = header(&incoming.headers, &CONFIRMATION)?;
        let message = header(&incoming.headers, &MESSAGE_ID)?;
        sealed.check(button, message).map_err(|why| not_yet(id, &sealed, why))?;
        if let Some(outcome) = &waiting.outcome {
            return found.opened(outcome).await;
        }
        if waiting.is_taken {
            return found.outcome_of_another().await;
        }
        if !waiting.is_open {
            return Err(nothing_waits());
        }
        if !state.take_confirmation(&found.place, id).await.map_err(not_now)? {
            return found.outcome_of_another().await;
        }
        call.confirmed = Some(sealed.confirmed());
        let result = self.carry_out(sealed, caller, incoming, call).await;
        match &result {
            Ok(reply) => {
                call.is_confirmed = true;
                found.keep(reply).await;
            }
            // Nothing was done: it can be confirmed again, unless a new preview has taken its place. If it
            // is not known whether something was done, it is not done a second time.
            Err(error) if error.is_without_effect() => {
                let is_alone = chat.visit().is_none();
                let is_over = is_alone && error.code() == ErrorCode::ConfirmationRequired;
                if !is_over && let Err(error) = state.release_confirmation(&found.place, id).await {
                    tracing::warn!(%error, "a call that failed cannot be confirmed again");
                }
            }
            Err(_) => {}
        }
        let Reply { body, records, .. } = result?;
        Ok(Done::new(Carried(body.into_value())).with_records(records))
    }

    /// Calls the tool as the call that waited would have.
    async fn carry_out(
        &self,
        waiting: WaitingCall,
        caller: &Caller,
        incoming: Incoming,
        call: &mut Call,
    ) -> Result<Reply, ToolError> {
        let WaitingCall { tool, arguments, idempotency_key, .. } = waiting;
        let headers = with_key(incoming.headers, idempotency_key.as_deref())?;
        let incoming = Incoming {
            method: Method::POST,
            path: format!("{PATH}{tool}"),
            query: String::new(),
            headers,
            body: Body::Value(arguments),
            ..incoming
        };
        let tools = self.confirmable().ok_or_else(|| not_now("no tool can be confirmed here"))?;
        let called = tools.call(self, &tool, incoming, caller.clone(), call);
        called.ok_or_else(|| not_now("a tool is not there that a call waits for"))?.await
    }
}

/// The headers with this idempotency key and no other.
fn with_key(mut headers: HeaderMap, key: Option<&str>) -> Result<HeaderMap, ToolError> {
    headers.remove(&IDEMPOTENCY_KEY);
    if let Some(key) = key {
        let key = HeaderValue::from_str(key).map_err(ToolError::internal)?;
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    Ok(headers)
}

impl Found<'_> {
    /// Keeps what came of the call, for whoever says yes again.
    async fn keep(&self, reply: &Reply) {
        let body = reply.body.clone().into_value();
        let outcome = json!({"body": body, "records": reply.records});
        let Found { state, verification, place, id } = self;
        let sealed = match seal(verification, OUTCOME, place, id, &outcome).await {
            Ok(sealed) => sealed,
            Err(error) => {
                let cause = error.log_cause();
                tracing::warn!(cause, "what came of a confirmed call is not kept");
                return;
            }
        };
        if let Err(error) = state.put_outcome(place, id, sealed).await {
            tracing::warn!(%error, "what came of a confirmed call is not kept");
        }
    }

    async fn opened(&self, outcome: &str) -> Result<Done<Carried>, ToolError> {
        #[derive(serde::Deserialize)]
        struct Kept {
            body: Value,
            records: Vec<Uuid>,
        }
        let kept: Kept = open(self.verification, OUTCOME, &self.place, self.id, outcome).await?;
        Ok(Done::new(Carried(kept.body)).with_records(kept.records))
    }

    /// The outcome of a call that somebody else is carrying out.
    async fn outcome_of_another(&self) -> Result<Done<Carried>, ToolError> {
        for _ in 0..LOOKS {
            tokio::time::sleep(BETWEEN).await;
            let waiting = self.state.confirmation(&self.place, self.id).await.map_err(not_now)?;
            if let Some(outcome) = waiting.and_then(|waiting| waiting.outcome) {
                return self.opened(&outcome).await;
            }
        }
        let detail = "this is being carried out, or it is not known what came of it";
        Err(ToolError::new(ErrorCode::ServiceUnavailable, detail)
            .next_step(
                "Ask again in some seconds: it is not done twice. If that does not help, call the tool \
                 itself again: it shows what is still to be done.",
            )
            .retry_after(Some(Duration::from_secs(5)))
            .write(WriteState::Unknown))
    }
}
