//! Ids, names and secrets that are the same in every emulator.

use uuid::{Uuid, uuid};

/// The one tenant.
pub const TENANT_ID: &str = "11111111-1111-1111-1111-111111111111";
/// The tenant's domain, which the token endpoint takes for its id.
pub const TENANT_DOMAIN: &str = "contosodemo.onmicrosoft.com";
/// The one app registration's client id.
pub const CLIENT_ID: &str = "22222222-2222-2222-2222-222222222222";
/// Its client secret.
pub const CLIENT_SECRET: &str = "emulator-secret";
/// Its client secret after `PUT /_emulator/client-secret {"state":"rotated"}`.
pub const ROTATED_CLIENT_SECRET: &str = "rotated-emulator-secret";
/// The object id of the app registration in Graph.
pub const APPLICATION_REGISTRATION_ID: &str = "44444444-4444-4444-4444-444444444444";
/// The object id of its service principal: the `oid` of tokens, and the application user's
/// `azureactivedirectoryobjectid`.
pub const APPLICATION_OBJECT_ID: &str = "33333333-3333-3333-3333-333333333333";
/// The `systemuserid` of the application user in the sample.
pub const APPLICATION_USER_ID: Uuid = uuid!("13e151d3-145a-5574-8ada-338f91277337");

/// The organization's environment, as `RetrieveCurrentOrganization` gives it.
pub(crate) const ENVIRONMENT_ID: &str = "a610cea4-4850-5649-bd00-2fd4471a1cbd";
/// What the organization's address starts with.
pub(crate) const URL_NAME: &str = "contosodemo";
/// The organization's unique name.
pub(crate) const UNIQUE_NAME: &str = "unqcontosodemo";
