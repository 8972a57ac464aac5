//! The one app registration: its client secrets, its permissions on Graph and its application user.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data::well_known::{CLIENT_SECRET, ROTATED_CLIENT_SECRET};
use crate::organization::{Privileges, Role};

/// Two years, as Graph gives a secret by default.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// The permission that lets an application manage itself.
pub const OWNED_BY: &str = "Application.ReadWrite.OwnedBy";

/// One client secret.
#[derive(Clone, Debug)]
pub struct Password {
    /// Its id, which people paste for the secret by mistake.
    pub key_id: Uuid,
    /// Its description.
    pub display_name: Option<String>,
    /// The secret itself.
    pub secret: String,
    /// From when on it is good.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
}

impl Password {
    /// A secret that is good for two years unless `end` says otherwise.
    pub fn new(
        secret: String,
        display_name: Option<String>,
        start: Timestamp,
        end: Option<Timestamp>,
    ) -> Self {
        let default_end = start.saturating_add(DEFAULT_LIFETIME).unwrap_or(Timestamp::MAX);
        Self {
            key_id: Uuid::new_v4(),
            display_name,
            secret,
            start,
            end: end.unwrap_or(default_end),
        }
    }

    /// The first three characters, by which an owner tells secrets apart.
    pub fn hint(&self) -> String {
        self.secret.chars().take(3).collect()
    }
}

/// How a secret fares at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretCheck {
    /// Accepted.
    Good,
    /// None of the application's.
    Wrong,
    /// Was accepted once.
    Expired,
}

/// What `PUT /_emulator/client-secret` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// The well-known secret is accepted.
    Valid,
    /// The well-known secret has run out.
    Expired,
    /// The application has another secret than the well-known one.
    Wrong,
    /// The well-known secret was replaced by the rotated one.
    Rotated,
}

/// Whether the environment lets the application in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// There is an application user.
    Enabled,
    /// There is one, disabled.
    Disabled,
    /// There is none.
    Missing,
}

/// The application user of the environment.
#[derive(Clone, Debug)]
pub struct ApplicationUser {
    /// Whether it is there and enabled.
    pub state: UserState,
    /// Its security roles.
    pub roles: Vec<Role>,
    /// What they allow.
    pub privileges: Arc<Privileges>,
}

impl Default for ApplicationUser {
    fn default() -> Self {
        Self::new(UserState::Enabled, Role::OF_APPLICATION_USER.to_vec())
    }
}

impl ApplicationUser {
    /// A user with these roles.
    pub fn new(state: UserState, roles: Vec<Role>) -> Self {
        let privileges = Arc::new(Privileges::of_roles(&roles));
        Self { state, roles, privileges }
    }
}

/// The app registration and its user.
#[derive(Debug)]
pub struct Application {
    passwords: Mutex<Vec<Password>>,
    graph_permissions: RwLock<Vec<String>>,
    user: RwLock<ApplicationUser>,
}

impl Application {
    /// With the well-known secret, allowed to manage itself, and its user enabled.
    pub fn new(now: Timestamp) -> Self {
        let application = Self {
            passwords: Mutex::default(),
            graph_permissions: RwLock::default(),
            user: RwLock::default(),
        };
        application.reset(now);
        application
    }

    /// Back to how it was at the start.
    pub fn reset(&self, now: Timestamp) {
        self.set_secret(SecretState::Valid, None, now);
        self.set_graph_permissions(vec![OWNED_BY.to_owned()]);
        self.set_user(ApplicationUser::default());
    }

    /// How this secret fares now.
    pub fn check(&self, secret: &str, now: Timestamp) -> SecretCheck {
        let passwords = self.passwords.lock();
        let mut same = passwords.iter().filter(|password| password.secret == secret).peekable();
        if same.peek().is_none() {
            return SecretCheck::Wrong;
        }
        if same.any(|password| password.start <= now && now < password.end) {
            SecretCheck::Good
        } else {
            SecretCheck::Expired
        }
    }

    /// Replaces all secrets.
    pub fn set_secret(&self, state: SecretState, expires_at: Option<Timestamp>, now: Timestamp) {
        let a_month = SignedDuration::from_hours(30 * 24);
        let started = now.saturating_sub(a_month).unwrap_or(Timestamp::MIN);
        let (secret, end) = match state {
            SecretState::Valid => (CLIENT_SECRET.to_owned(), expires_at),
            SecretState::Expired => (CLIENT_SECRET.to_owned(), Some(expires_at.unwrap_or(now))),
            SecretState::Wrong => (new_secret(), expires_at),
            SecretState::Rotated => (ROTATED_CLIENT_SECRET.to_owned(), expires_at),
        };
        let name = Some("Emulator".to_owned());
        *self.passwords.lock() = vec![Password::new(secret, name, started, end)];
    }

    /// All secrets.
    pub fn passwords(&self) -> Vec<Password> {
        self.passwords.lock().clone()
    }

    /// Adds a secret of Entra's making.
    pub fn add_password(
        &self,
        display_name: Option<String>,
        start: Timestamp,
        end: Option<Timestamp>,
    ) -> Password {
        let password = Password::new(new_secret(), display_name, start, end);
        self.passwords.lock().push(password.clone());
        password
    }

    /// Removes a secret; false if there is none of this id.
    pub fn remove_password(&self, key_id: Uuid) -> bool {
        let mut passwords = self.passwords.lock();
        let before = passwords.len();
        passwords.retain(|password| password.key_id != key_id);
        passwords.len() < before
    }

    /// The application permissions on Graph, which go into new tokens.
    pub fn graph_permissions(&self) -> Vec<String> {
        self.graph_permissions.read().clone()
    }

    /// Grants these and no others.
    pub fn set_graph_permissions(&self, permissions: Vec<String>) {
        *self.graph_permissions.write() = permissions;
    }

    /// The application user.
    pub fn user(&self) -> ApplicationUser {
        self.user.read().clone()
    }

    /// Replaces the application user.
    pub fn set_user(&self, user: ApplicationUser) {
        *self.user.write() = user;
    }
}

/// 40 characters, as Entra makes them: letters, digits and a few marks.
fn new_secret() -> String {
    let random = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    format!("{}~{}", &random[..3], &random[3..39])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_good_wrong_or_expired() {
        let now = Timestamp::now();
        let application = Application::new(now);
        assert_eq!(application.check(CLIENT_SECRET, now), SecretCheck::Good);
        assert_eq!(application.check("something else", now), SecretCheck::Wrong);
        application.set_secret(SecretState::Expired, None, now);
        assert_eq!(application.check(CLIENT_SECRET, now), SecretCheck::Expired);
        application.set_secret(SecretState::Rotated, None, now);
        assert_eq!(application.check(CLIENT_SECRET, now), SecretCheck::Wrong);
        assert_eq!(application.check(ROTATED_CLIENT_SECRET, now), SecretCheck::Good);
        let added = application.add_password(None, now, None);
        assert_eq!(application.check(&added.secret, now), SecretCheck::Good);
        assert!(application.remove_password(added.key_id));
        assert!(!application.remove_password(added.key_id));
        assert_eq!(application.check(&added.secret, now), SecretCheck::Wrong);
    }
}
