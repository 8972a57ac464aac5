//! What a chat writes while nobody knows who the visitor is: how much, and what.
//!
//! An organization's automatic replies would mail any address that somebody types. So a chat writes a
//! few records and no more, and so does everybody together with one API key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use seal::{Code, Digits};
use state::{Hour, SentCode, SignedIn, State, Visit};
use uuid::Uuid;
use visitor::Address;

use crate::contract::behalf::Behalf;
use crate::idioms::codes::{CodeFor, Entered, SHOWN_FOR};
use crate::idioms::once::within;
use crate::{Context, ErrorCode, ToolError, Verification, WriteState};

/// The chat of a call.
#[derive(Clone)]
pub(crate) struct Chat {
    /// The chat, if the call says which it is.
    visit: Option<Visit>,
    hour: Hour,
    /// Whether the record of this call is counted already.
    is_counted: Arc<AtomicBool>,
}

/// What sealed addresses are for.
const ADDRESS: &str = "visitor's address";

/// What hashed codes are for.
const CODE: &str = "visitor's code";

/// How long a code can be entered.
pub const CODE_LIVES: SignedDuration = SignedDuration::from_mins(10);

/// The last call of a chat is written anew after this long.
const WRITTEN_ANEW: SignedDuration = SignedDuration::from_secs(60);

/// The most codes for an address in a chat and hour, and for an address in a day.
const OF_CHAT: u64 = 3;
const OF_DAY: u64 = 10;

/// So many wrong codes in an hour, and codes are longer from then on.
const MANY_WRONG: u64 = 20;

/// So much that was not found in one chat is noted in the log.
const MANY_NOT_FOUND: u64 = 20;

/// Why no code can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCode {
    /// Too many were sent.
    TooMany,
    /// The call does not say which chat it is, or the table or the keys did not answer.
    NotNow,
}

/// A code has shown nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotShown {
    /// Whether many codes were wrong in this hour, for the key's client and the connection.
    pub are_many_wrong: bool,
}

impl Chat {
    /// The chat, if the call says which it is.
    pub(crate) fn visit(&self) -> Option<&Visit> {
        self.visit.as_ref()
    }

    /// The address of the visitor of this chat, if a code has shown it, and the records that the chat
    /// made before that.
    pub(crate) async fn signed_in(
        &self,
        state: &State,
        verification: &Verification,
    ) -> Option<(Address, Vec<Uuid>)> {
        let visit = self.visit.as_ref()?;
        let who = within(state.signed_in(visit)).await??;
        let address = opened(verification, visit, &who.address).await?;
        let (now, made) = (Timestamp::now(), who.made.clone());
        if now.duration_since(who.last) > WRITTEN_ANEW {
            within(state.keep_signed_in(visit, &SignedIn { last: now, ..who })).await;
        }
        Some((address, made))
    }

    /// The address that the visitor of this chat has shown to be theirs, too.
    pub(crate) async fn shown_address(&self, context: &Context) -> Option<Address> {
        let (state, visit) = (context.once().state.as_ref()?, self.visit.as_ref()?);
        let sealed = within(state.shown_address(visit)).await??;
        opened(context.verification()?, visit, &sealed).await
    }

    /// Knows the visitor of this chat by another address from now on.
    pub(crate) async fn sign_in_as(&self, context: &Context, address: &Address) {
        let (Some(state), Some(verification), Some(visit)) =
            (&context.once().state, context.verification(), &self.visit)
        else {
            return;
        };
        let Ok(seals) = verification.seals.seals().await else { return };
        let sealed = seals.seal(ADDRESS, &[visit.as_str()], address.as_str().as_bytes());
        let (Ok(sealed), Some(Some(who))) = (sealed, within(state.signed_in(visit)).await) else {
            return;
        };
        let who = SignedIn { address: hex::encode(sealed), ..who };
        within(state.keep_signed_in(visit, &who)).await;
    }

    /// Makes a code for this address, and keeps what it takes to recognize it.
    pub(crate) async fn new_code(
        &self,
        context: &Context,
        verification: &Verification,
        address: &Address,
        purpose: CodeFor,
    ) -> Result<Code, NoCode> {
        let (Some(state), Some(visit)) = (&context.once().state, &self.visit) else {
            return Err(NoCode::NotNow);
        };
        let not_now = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "no code can be made for a visitor");
            NoCode::NotNow
        };
        let seals = verification.seals.seals().await.map_err(|error| not_now(&error))?;
        let lower = address.as_str().to_ascii_lowercase();
        let connection = context.connection().as_str();
        let name = |parts: &[&str]| seals.names("visitor's codes", parts).current().to_owned();
        let hours = Timestamp::now().as_second() / 3600;
        let (of_hour, of_day) = (format!("hour {hours}"), format!("day {}", hours / 24));
        let of_chat = name(&[connection, &lower, visit.as_str(), &of_hour]);
        let of_day = name(&[connection, &lower, &of_day]);
        let hour = SignedDuration::from_hours(1);
        for (name, most, kept) in [(of_chat, OF_CHAT, hour * 2), (of_day, OF_DAY, hour * 25)] {
            let count = state.count_code(&name, kept).await.map_err(|error| not_now(&error))?;
            if count > most {
                return Err(NoCode::TooMany);
            }
        }
        let wrong = within(state.wrong_codes(&self.hour)).await.unwrap_or_default();
        let digits = if wrong >= MANY_WRONG { Digits::Eight } else { Digits::Six };
        let code = Code::new(digits).map_err(|error| not_now(&error))?;
        let sealed = seals.seal(ADDRESS, &[visit.as_str()], address.as_str().as_bytes());
        let sent = SentCode {
            hash: seals.hash(CODE, &[visit.as_str(), code.expose()]).into(),
            address: hex::encode(sealed.map_err(|error| not_now(&error))?),
            is_new_address: purpose == CodeFor::NewAddress,
        };
        state.put_code(visit, &sent, CODE_LIVES).await.map_err(|error| not_now(&error))?;
        Ok(code)
    }

    /// What this code shows. If it shows who the visitor is, the visitor is known in this chat from then
    /// on.
    async fn entered(&self, context: &Context, code: Option<&Code>) -> Result<Entered, NotShown> {
        let unknown = || NotShown { are_many_wrong: false };
        let state = context.once().state.as_ref().ok_or_else(unknown)?;
        let verification = context.verification().ok_or_else(unknown)?;
        let visit = self.visit.as_ref().ok_or_else(unknown)?;
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a visitor's code cannot be checked");
        };
        let tried_at = Timestamp::now();
        let sent = state.try_code(visit).await.inspect_err(|error| failed(error));
        let sent = sent.map_err(|_| unknown())?;
        let is_right = match (&sent, code) {
            (Some(sent), Some(code)) => {
                let parts = [visit.as_str(), code.expose()];
                let is = verification.seals.is(CODE, &parts, &sent.hash).await;
                is.inspect_err(|error| failed(error)).map_err(|_| unknown())?
            }
            _ => false,
        };
        let Some(sent) = sent.filter(|_| is_right) else {
            let wrong = within(state.count_wrong(&self.hour)).await.unwrap_or_default();
            return Err(NotShown { are_many_wrong: wrong >= MANY_WRONG });
        };
        if sent.is_new_address {
            let shown = state.put_shown_address(visit, sent.address, SHOWN_FOR).await;
            shown.inspect_err(|error| failed(error)).map_err(|_| unknown())?;
            return Ok(Entered::NewAddress);
        }
        let address = opened(verification, visit, &sent.address).await.ok_or_else(unknown)?;
        let now = Timestamp::now();
        let behalf = context.behalf.clone().known_by(&address, Vec::new());
        let made = self.made_by(state, &behalf).await;
        let who = SignedIn { address: sent.address, since: now, last: now, made };
        let signed_in = state.sign_in(visit, &who, tried_at).await;
        // It is not if somebody has ended the chat meanwhile.
        let is_signed_in = signed_in.inspect_err(|error| failed(error)).unwrap_or_default();
        if is_signed_in { Ok(Entered::SignedIn(address)) } else { Err(unknown()) }
    }

    /// The records that the chat made while nobody was known, if they are this visitor's: of whoever is
    /// known there first.
    pub(crate) async fn made_by(&self, state: &State, behalf: &Behalf) -> Vec<Uuid> {
        let (Some(visit), Some(identity)) = (&self.visit, behalf.identity()) else {
            return Vec::new();
        };
        within(state.made_by(visit, &identity)).await.unwrap_or_default()
    }

    /// Ends what a code has shown in this chat, if there was one.
    pub(crate) async fn end_code(self, state: State) {
        if let Some(visit) = &self.visit {
            within(state.end_signed_in(visit)).await;
        }
    }

    /// The chat of a call.
    pub(crate) fn new(connection: &ConnectionId, client: &str, conversation: Option<&str>) -> Chat {
        let connection = connection.as_str();
        Chat {
            visit: conversation.map(|it| Visit::new(connection, client, it)),
            hour: Hour::new(connection, client, Timestamp::now()),
            is_counted: Arc::default(),
        }
    }

    /// Counts one more record that nobody known writes. While the table does not answer, nothing is
    /// counted, and people can still ask for help.
    ///
    /// # Errors
    ///
    /// `visitor_unverified`: it would be one too many.
    pub(crate) async fn admit(&self, context: &Context) -> Result<(), ToolError> {
        let (Some(state), Some(settings)) = (&context.once().state, context.visitors()) else {
            return Ok(());
        };
        if self.is_counted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(visit) = &self.visit {
            let count = within(state.count_write(visit)).await;
            if count.is_some_and(|count| count > settings.writes_per_conversation) {
                return Err(too_much("this chat has written as many records as it may"));
            }
        }
        let count = within(state.count_write_of_hour(&self.hour)).await;
        if count.is_some_and(|count| count > settings.writes_per_hour) {
            return Err(too_much("chats have written as many records in this hour as they may"));
        }
        Ok(())
    }

    /// Counts one more record that a visitor who is known makes with this tool. While the table does not
    /// answer, nothing is counted.
    ///
    /// # Errors
    ///
    /// `forbidden`: it would be one too many.
    pub(crate) async fn admit_one_more(
        &self,
        context: &Context,
        most: u64,
    ) -> Result<(), ToolError> {
        let (Some(state), true) = (&context.once().state, context.is_for_visitor()) else {
            return Ok(());
        };
        if self.is_counted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let Some(visit) = &self.visit else { return Ok(()) };
        let count = within(state.count_made(visit, context.tool())).await;
        if count.is_none_or(|count| count <= most) {
            return Ok(());
        }
        Err(ToolError::new(ErrorCode::Forbidden, "this chat has made as many of these as it may")
            .next_step("Offer a person for more.")
            .write(WriteState::NotHappened))
    }

    /// Counts one more address that a code is sent to because a visitor wants to have it.
    ///
    /// # Errors
    ///
    /// `forbidden`: it would be one too many.
    pub(crate) async fn admit_new_address(
        &self,
        context: &Context,
        most: u64,
    ) -> Result<(), ToolError> {
        let (Some(state), Some(visit)) = (&context.once().state, &self.visit) else {
            return Ok(());
        };
        let count = within(state.count_made(visit, "new address")).await;
        if count.is_some_and(|count| count <= most) {
            return Ok(());
        }
        Err(ToolError::new(ErrorCode::Forbidden, "this chat has tried as many addresses as it may")
            .next_step("Offer a person.")
            .write(WriteState::NotHappened))
    }

    /// Counts, after the answer, that something was not found that a visitor's call named. Many of them in
    /// one chat may be somebody who tries ids.
    pub(crate) fn note_not_found(&self, context: &Context) {
        let (Some(state), true) = (context.once().state.clone(), context.is_for_visitor()) else {
            return;
        };
        let (visit, hour) = (self.visit.clone(), self.hour.clone());
        context.afterwards(async move {
            let count = within(state.count_not_found(visit.as_ref(), &hour)).await;
            let count = count.unwrap_or_default();
            if count == MANY_NOT_FOUND {
                tracing::warn!(count, "a visitor's chat has named much that is not there");
            }
        });
    }

    /// Notes the record that the call has made.
    pub(crate) async fn note_made(&self, context: &Context) {
        if let (Some(state), Some(visit)) = (&context.once().state, &self.visit) {
            within(state.note_made(visit, context.once().row())).await;
        }
    }

    /// The records that this chat has made.
    async fn made(&self, context: &Context) -> Vec<Uuid> {
        match (&context.once().state, &self.visit) {
            (Some(state), Some(visit)) => within(state.made(visit)).await.unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

/// The address that was sealed for this chat.
async fn opened(verification: &Verification, visit: &Visit, sealed: &str) -> Option<Address> {
    let sealed = hex::decode(sealed).ok()?;
    let opened = verification.seals.open(ADDRESS, &[visit.as_str()], &sealed).await;
    let opened = opened.inspect_err(|error| tracing::warn!(%error, "a visitor is not known"));
    Address::parse(&String::from_utf8(opened.ok()?).ok()?).ok()
}

fn too_much(detail: &str) -> ToolError {
    ToolError::new(ErrorCode::VisitorUnverified, detail)
        .next_step("Offer a person: nothing more can be written down before the visitor is known.")
        .write(WriteState::NotHappened)
}

impl Context {
    /// Whether the call says which chat it is.
    pub fn has_conversation(&self) -> bool {
        self.chat.visit.is_some()
    }

    /// What this code shows, if it is the one that was sent. `None` stands for a text that cannot be a
    /// code; it counts as a try.
    ///
    /// # Errors
    ///
    /// If it is not, or if that cannot be found out.
    pub async fn enter_code(&self, code: Option<&Code>) -> Result<Entered, NotShown> {
        self.chat.entered(self, code).await
    }

    /// The records that the chat of this call has made while nobody knew who the visitor was. `None`
    /// unless that is so now.
    pub async fn made_by_stranger(&self) -> Option<Vec<Uuid>> {
        if self.is_unverified() { Some(self.chat.made(self).await) } else { None }
    }
}
