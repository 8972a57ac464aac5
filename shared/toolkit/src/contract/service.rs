//! Answers requests by calling tools.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::{Connection, ConnectionId, Connections, Visitors};
use crm::reference::as_masters;
use crm::visible::{Sight, shape_of};
use http::HeaderMap;
use jiff::Timestamp;
use state::{State, Visit};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;
use visitor::KeySets;

use crate::contract::behalf::{Behalf, Way};
use crate::contract::context::later;
use crate::contract::refusals::with_codes;
use crate::contract::tool::PATH;
use crate::edge::call::ForVisitor;
use crate::edge::{IDEMPOTENCY_KEY, header};
use crate::idioms::chat::Chat;
use crate::idioms::consent::{Consent, MESSAGE_ID, policy};
use crate::idioms::idempotency::{Identity, canonical};
use crate::idioms::once::{Once, Tie};
use crate::operation::{Arguments, ByName, Declaration, Function, Home, Input as _};
use crate::{
    Answer, Body, Call, Caller, Context, Edge, ErrorCode, Incoming, Journal, Routes, Tool,
    ToolError, Verification, WriteState, sha256_hex,
};

/// The longest that a tool waits in total while Dataverse throttles, if the tool only reads. A
/// waiting call occupies a function, and an account has a limited number of those. A read can be
/// repeated later. A tool that writes waits until the deadline, because a caller may forget a
/// failed write.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How often a call begins anew, at most, because who its visitor is was not known before.
pub const BEGINNINGS: usize = 8;

/// The data that tools work with.
pub struct Tools {
    connections: Connections,
    state: Option<State>,
    verification: Option<Verification>,
    journal: Option<Arc<Journal>>,
    /// The keys that others publish, to check visitors' tokens, once there has been a token.
    keys: OnceLock<KeySets>,
    /// The tools whose calls somebody can say yes to.
    confirmable: Option<ByName<Tools>>,
}

impl Tools {
    /// Tools that use these connections.
    pub fn new(connections: Connections) -> Tools {
        Tools {
            connections,
            state: None,
            verification: None,
            journal: None,
            keys: OnceLock::new(),
            confirmable: None,
        }
    }

    /// The keys that others publish, to check visitors' tokens.
    fn keys(&self) -> Result<KeySets, ToolError> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys.clone());
        }
        let tls = dataverse::tls().map_err(ToolError::internal)?;
        // Only a local stack has environments of its own machine.
        let is_local = !self.connections.environment().local.is_empty();
        let keys = KeySets::new(tls, is_local).map_err(ToolError::internal)?;
        Ok(self.keys.get_or_init(|| keys).clone())
    }

    /// Sets the table in which creates are announced. Without it, two calls at the same time may
    /// create the same record twice.
    #[must_use]
    pub fn with_state(mut self, state: Option<State>) -> Tools {
        self.state = state;
        self
    }

    /// Sets what finds out by mail who a visitor is.
    #[must_use]
    pub fn with_verification(mut self, verification: Verification) -> Tools {
        self.verification = Some(verification);
        self
    }

    /// Sets where work is done after an answer.
    #[must_use]
    pub fn with_journal(mut self, journal: Option<Arc<Journal>>) -> Tools {
        self.journal = journal;
        self
    }

    /// Sets the tools whose calls somebody can say yes to.
    #[must_use]
    pub fn with_confirmable(mut self, tools: Routes<Tools>) -> Tools {
        self.confirmable = Some(ByName::of(tools));
        self
    }

    /// The tools whose calls somebody can say yes to.
    pub(crate) fn confirmable(&self) -> Option<&ByName<Tools>> {
        self.confirmable.as_ref()
    }

    /// What finds out by mail who a visitor is, and seals.
    pub(crate) fn verification(&self) -> Option<&Verification> {
        self.verification.as_ref()
    }

    /// The table in which creates are announced.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Ends all that is known of a chat of this caller: nobody is known in it any more.
    ///
    /// # Errors
    ///
    /// The table does not do it, or the id is none.
    pub async fn end_conversation(
        &self,
        connection: &ConnectionId,
        caller: &Caller,
        conversation: &str,
    ) -> Result<(), ToolError> {
        if conversation.is_empty() || conversation.len() > 255 {
            return Err(ToolError::invalid("id", "must have 1 to 255 characters"));
        }
        let Some(state) = &self.state else { return Ok(()) };
        let visit = Visit::new(connection.as_str(), &caller.client, conversation);
        Box::pin(state.end_visit(&visit)).await.map_err(|error| {
            ToolError::new(ErrorCode::ServiceUnavailable, "the chat could not be ended")
                .next_step("Send it again.")
                .for_log(error)
        })
    }

    /// The connection, with its credentials.
    pub(crate) async fn open(
        &self,
        id: &ConnectionId,
        deadline: Instant,
    ) -> Result<Connection, ToolError> {
        let opened = timeout_at(deadline, self.connections.open(id)).await.map_err(|_| {
            ToolError::new(
                ErrorCode::DeadlineExceeded,
                "the connection's credentials could not be read in time",
            )
            .write(WriteState::NotHappened)
        })?;
        Ok(opened?)
    }

    /// On whose behalf a call is made, by its key, its headers and its chat.
    pub(crate) async fn behalf(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        connection: &ConnectionId,
        visitors: &Visitors,
        chat: &Chat,
    ) -> Result<Behalf, ToolError> {
        let behalf = Behalf::of(caller, headers, connection, visitors, || self.keys()).await?;
        let is_by_token = behalf.way() == Some(Way::Token);
        let state = self
            .state
            .clone()
            .filter(|_| is_by_token && visitors.codes.is_some() && chat.visit().is_some());
        if let Some(state) = state {
            // A code that was entered before ends, and whoever calls need not wait for that.
            later(self.journal.as_ref(), chat.clone().end_code(state));
        }
        Ok(match (&self.state, &self.verification) {
            (Some(state), Some(verification)) if behalf.is_open() && visitors.codes.is_some() => {
                match chat.signed_in(state, verification).await {
                    Some((address, made)) => behalf.known_by(&address, made),
                    None => behalf,
                }
            }
            _ => behalf,
        })
    }

    /// Calls a tool.
    pub(crate) async fn call<T: Tool>(
        &self,
        Arguments { given, read }: Arguments<T::Arguments>,
        connection_id: ConnectionId,
        caller: &Caller,
        incoming: &Incoming,
        call: &mut Call,
    ) -> Result<(Answer<T::Result>, Sight), ToolError> {
        let connection = self.open(&connection_id, incoming.deadline).await?;
        let visitors = &connection.credentials().visitors;
        let chat = Chat::new(&connection_id, &caller.client, call.conversation.as_deref());
        let behalf =
            self.behalf(caller, &incoming.headers, &connection_id, visitors, &chat).await?;
        let behalf = if <T as Tool>::EFFECT.writes() { behalf.for_write() } else { behalf };
        call.visitor = behalf.for_log();
        let takes_codes = visitors.codes.is_some() && chat.visit().is_some();
        let advised = |error| if takes_codes { with_codes(error) } else { error };
        behalf.authorize(T::FOR, shape_of::<T::Arguments>(), &given).map_err(advised)?;
        let visitor = behalf.identity();
        let identity = Identity {
            visitor: visitor.as_deref(),
            connection: connection_id.as_str(),
            client: &caller.client,
            tool: T::NAME,
            idempotency_key: header(&incoming.headers, &IDEMPOTENCY_KEY)?,
            conversation: call.conversation.as_deref(),
            arguments: &given,
        };
        // A tool that only reads creates no row.
        let row = if call.writes { identity.record_id() } else { None };
        let tie = match (row, identity.idempotency_key) {
            (None, _) => Tie::None,
            (Some(_), None) => Tie::Conversation,
            (Some(_), Some(_)) => Tie::Key(sha256_hex(canonical(&given))),
        };
        // If nothing connects this call with others, it creates a row with a new key.
        let by_yes = call.confirmed.as_ref().map(|confirmed| confirmed.row);
        let row = row.or(by_yes).unwrap_or_else(Uuid::new_v4);
        let message = header(&incoming.headers, &MESSAGE_ID)?;
        // Whoever said yes said it to what was shown, whatever the policy is by now.
        let policy = policy(caller, behalf.visitor().map(|_| visitors))
            .or(call.confirmed.as_ref().map(|_| false));
        let consent = policy.filter(|_| call.writes).map(|message_is_enough| {
            let key = identity.idempotency_key;
            let visitor = visitor.clone();
            let consent =
                Consent::new(message_is_enough, caller, given.clone(), key, message, visitor);
            match call.confirmed.take() {
                Some(confirmed) => consent.to(confirmed),
                None => consent,
            }
        });
        let once = Once::new(self.state.clone().filter(|_| call.writes), row, tie);
        let mut session = connection.client().session(incoming.deadline);
        if !<T as Tool>::EFFECT.writes() {
            session = session.with_patience(PATIENCE);
        }
        call.session = Some(session.clone());
        let now = Timestamp::now();
        let tool = T::NAME;
        let (verification, journal) = (self.verification.clone(), self.journal.clone());
        let mut context = Context {
            session,
            connection: connection_id,
            tool,
            sends_mail: T::SENDS_MAIL,
            now,
            once,
            behalf,
            chat,
            consent,
            verification,
            journal,
            merged: OnceLock::new(),
        };
        // What the chat made before it was known who it is, is read meanwhile: hardly any has made anything.
        let made = async {
            let state = self.state.as_ref().filter(|_| context.is_known_by_header());
            match state {
                Some(state) => context.chat.made_by(state, &context.behalf).await,
                None => Vec::new(),
            }
        };
        let (mut result, made) = tokio::join!(<T as Tool>::call(&context, read), made);
        let is_not_found = result.as_ref().is_err_and(|error| error.code() == ErrorCode::NotFound);
        if !made.is_empty()
            && context.has_asked_for_cases()
            && (is_not_found || !<T as Tool>::EFFECT.writes())
        {
            // A call that has found nothing has written nothing.
            context.behalf = context.behalf.clone().with_made(made);
            let read = Arguments::read(Body::Value(given.clone()))?.read;
            result = <T as Tool>::call(&context, read).await;
        }
        // What is merged may have been merged before.
        let mut merged = Vec::new();
        for _ in 0..BEGINNINGS {
            // Nothing has been written yet: who the visitor is, and what was merged, shows before.
            let behalf = context.behalf.again(T::FOR);
            let known = merged.len();
            // A tool that can do without the record has answered.
            merged.extend(context.merged.take().filter(|_| result.is_err()));
            if behalf.is_none() && merged.len() == known {
                break;
            }
            if let Some(behalf) = behalf {
                behalf.authorize(T::FOR, shape_of::<T::Arguments>(), &given).map_err(advised)?;
                context.behalf = behalf;
            }
            let body = Body::Value(given.clone());
            let read = as_masters(&merged, || Arguments::read(body))?.read;
            result = <T as Tool>::call(&context, read).await;
        }
        let hints = merged.iter().map(|merged| merged.hint().to_owned());
        let result = result.map(|answer| answer.with_hints(hints.collect()));
        // Who began anew as nobody is still whom somebody vouched for.
        let way = call.visitor.as_ref().and_then(|visitor| visitor.way);
        let identity = call.visitor.take().and_then(|visitor| visitor.identity);
        let visitor = context.behalf.for_log();
        call.visitor = visitor.map(|visitor| ForVisitor { way, identity, ..visitor });
        if result.as_ref().is_err_and(|error| error.code() == ErrorCode::NotFound) {
            context.chat.note_not_found(&context);
        }
        let sight = context.behalf.sight();
        let result = result.map_err(|error| {
            let error = if context.is_unverified() && call.writes {
                error.for_stranger()
            } else if context.is_for_visitor() {
                error.for_visitor()
            } else {
                error
            };
            // If only reads were sent, nothing was changed, whatever failed.
            let is_certain = error.is_without_effect() || context.session.has_sent_write();
            if is_certain { error } else { error.write(WriteState::NotHappened) }
        });
        if result.as_ref().is_err_and(ToolError::is_without_effect) {
            context.once().withdraw().await;
        }
        result.map(|answer| (answer, sight))
    }
}

impl Home for Tools {
    fn nothing_there(&self, path: &str, operations: &[Declaration], caller: &Caller) -> ToolError {
        if !path.starts_with(PATH) {
            return ToolError::new(ErrorCode::NotFound, "there is nothing at that path")
                .next_step("GET /v1/openapi.json says what there is.");
        }
        let tools = operations.iter().filter_map(|operation| operation.definition.as_ref());
        let names: Vec<_> =
            tools.map(|tool| tool.name).filter(|name| caller.has_at_hand(name)).collect();
        let next_step = match names.as_slice() {
            [] => "GET /v1/tools lists the tools that the key has.".to_owned(),
            names => format!("Call one of: {}.", names.join(", ")),
        };
        ToolError::new(ErrorCode::UnknownTool, "no tool of this group has that name")
            .next_step(next_step)
    }
}

/// Answers HTTP requests with tools.
pub type Service = Edge<Function<Tools>>;
