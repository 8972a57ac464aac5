//! The only app registration: its client secrets, its permissions on Graph, and its application
//! user.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data::well_known::{CLIENT_SECRET, ROTATED_CLIENT_SECRET};
use crate::organization::{Privileges, Role};

/// Two years: the default lifetime of a secret in Graph.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// The permission that lets an application manage itself.
pub const OWNED_BY: &str = "Application.ReadWrite.OwnedBy";

/// One client secret.
#[derive(Clone, Debug)]
pub struct Password {
    /// The id of the secret. People sometimes paste it in place of the secret.
    pub key_id: Uuid,
    /// The description of the secret.
    pub display_name: Option<String>,
    /// The secret itself.
    pub secret: String,
    /// The time from which the secret is valid.
    pub start: Timestamp,
    /// The time at which the secret expires.
    pub end: Timestamp,
}

impl Password {
    /// A secret that is valid for two years, unless `end` is given.
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

    /// The first three characters of the secret. Owners tell secrets apart by them.
    pub fn hint(&self) -> String {
        self.secret.chars().take(3).collect()
    }
}

/// The result of checking a secret at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretCheck {
    /// The secret is accepted.
    Good,
    /// The application does not have this secret.
    Wrong,
    /// The secret was accepted once, but it has expired.
    Expired,
}

/// The state that `PUT /_emulator/client-secret` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// The well-known secret is accepted.
    Valid,
    /// The well-known secret has expired.
    Expired,
    /// The application has another secret, and not the well-known one.
    Wrong,
    /// The rotated secret has replaced the well-known one.
    Rotated,
}

/// Whether the application may use the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// There is an enabled application user.
    Enabled,
    /// There is an application user, but it is disabled.
    Disabled,
    /// There is no application user.
    Missing,
}

/// The application user of the environment.
#[derive(Clone, Debug)]
pub struct ApplicationUser {
    /// Whether the user exists and is enabled.
    pub state: UserState,
    /// The security roles of the user.
    pub roles: Vec<Role>,
    /// The privileges that the roles give.
    pub privileges: Arc<Privileges>,
}

impl Default for ApplicationUser {
    fn default() -> Self {
        Self::new(UserState::Enabled, Role::OF_APPLICATION_USER.to_vec())
    }
}

impl ApplicationUser {
    /// A user in this state, with these roles.
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
    /// The registration at the start: with the well-known secret, the right to manage itself, and
    /// an enabled user.
    pub fn new(now: Timestamp) -> Self {
        let application = Self {
            passwords: Mutex::default(),
            graph_permissions: RwLock::default(),
            user: RwLock::default(),
        };
        application.reset(now);
        application
    }

    /// Resets everything to the state at the start.
    pub fn reset(&self, now: Timestamp) {
        self.set_secret(SecretState::Valid, None, now);
        self.set_graph_permissions(vec![OWNED_BY.to_owned()]);
        self.set_user(ApplicationUser::default());
    }

    /// Checks a secret at this time.
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

    /// Adds a new secret, made as Entra makes it.
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

    /// Removes a secret. Returns false if no secret has this id.
    pub fn remove_password(&self, key_id: Uuid) -> bool {
        let mut passwords = self.passwords.lock();
        let before = passwords.len();
        passwords.retain(|password| password.key_id != key_id);
        passwords.len() < before
    }

    /// The application permissions on Graph. New tokens get them.
    pub fn graph_permissions(&self) -> Vec<String> {
        self.graph_permissions.read().clone()
    }

    /// Grants these permissions and removes all others.
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

/// A new secret with 40 characters, as Entra makes them: letters, digits and a few marks.
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
