//! Who a visitor of a chat is, as somebody vouched.
//!
//! The platform that a chat runs on knows its visitors. It says who the visitor is in a visitor
//! token: a JWT that it signs. A connection says whose tokens count ([`TokenSettings`]), and
//! [`verify`] says whom one of them vouches for ([`Vouched`]).
//!
//! - The settings say which key and which algorithm a token must be signed with. What the token says
//!   about that is compared with them, and never followed.
//! - Public keys are fetched from the issuer, and kept ([`KeySets`]). They are only fetched from
//!   public networks.
//! - An email address is compared byte for byte ([`Address::is`]), because what Dataverse finds for
//!   it may be another one that only looks like it.

mod address;
mod claims;
mod entra;
mod jwks;
mod network;
mod published;
mod settings;
mod settings_form;
#[cfg(test)]
mod testing;
mod token;
mod verified;
mod vouched;

pub use address::{Address, InvalidAddress};
pub use jwks::{KeySets, KeysError};
pub use settings::{
    Issuer, Keys, PublishedAlgorithm, SettingsError, SharedAlgorithm, SharedKey, Subject,
    TokenSettings,
};
pub use token::{LONGEST_TOKEN, TokenError, verify};
pub use vouched::{ContactKey, Vouched};
