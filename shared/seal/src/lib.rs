//! What is kept about visitors for a short while, so that nobody else can read it: sealed records,
//! keyed hashes, one-time codes, and the mail that brings a code.
//!
//! One secret of the deployment is the key for all of it. [`SealKeys`] reads and keeps it, and gives
//! [`Seals`]:
//!
//! - [`Seals::seal`] encrypts a record, such as a tool call that waits to be confirmed. A sealed
//!   record only opens for the purpose and the things that it was bound to, such as its connection
//!   and conversation.
//! - [`Seals::hash`] makes a keyed hash of what need only be recognized, such as a code. Whoever reads
//!   the table cannot try all codes.
//! - [`Seals::names`] makes the key of a row out of what must not stand in a table's key or in a log,
//!   such as an address.
//!
//! Two versions of the secret count. After a rotation, new things use the current one, and what the
//! previous one made still opens and is recognized. After a second rotation, it does not.
//!
//! A [`Code`] is what a visitor gets by mail and types into the chat. [`Mailer`] sends the mail with
//! Amazon SES, and [`Mail`] is its text, in the visitor's language or in the administrator's own
//! words ([`Template`]).
//!
//! Nothing here shows a key, a code, an address or a text in an error or in its `Debug`.

mod address;
mod answer;
mod characters;
mod code;
mod key;
mod mail;
mod seal;
mod store;
mod texts;

pub use address::{AddressError, Sender};
pub use answer::{MailError, Part, Rejection};
pub use code::{Code, Digits, NoRandomness, NotACode};
pub use key::{KeyError, KeyId, SealingKey};
pub use mail::Mailer;
pub use seal::{Hashed, Names, SealError, Seals};
pub use store::{OpenError, ReadsSecret, SealKeys, SealKeysError, Stage};
pub use texts::{CODE_LIVES, Company, CompanyError, Language, Mail, Template, TemplateError};
