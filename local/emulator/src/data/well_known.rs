//! Ids, names and secrets that are the same in every emulator.

use uuid::{Uuid, uuid};

/// The only tenant.
pub const TENANT_ID: &str = "11111111-1111-1111-1111-111111111111";
/// The domain of the tenant. The token endpoint accepts it in place of the id.
pub const TENANT_DOMAIN: &str = "contosodemo.onmicrosoft.com";
/// The client id of the only app registration.
pub const CLIENT_ID: &str = "22222222-2222-2222-2222-222222222222";
/// The client secret of the app registration.
pub const CLIENT_SECRET: &str = "emulator-secret";
/// The client secret after `PUT /_emulator/client-secret {"state":"rotated"}`.
pub const ROTATED_CLIENT_SECRET: &str = "rotated-emulator-secret";
/// The object id of the app registration in Graph.
pub const APPLICATION_REGISTRATION_ID: &str = "44444444-4444-4444-4444-444444444444";
/// The object id of the service principal: the `oid` in tokens, and the
/// `azureactivedirectoryobjectid` of the application user.
pub const APPLICATION_OBJECT_ID: &str = "33333333-3333-3333-3333-333333333333";
/// The `systemuserid` of the application user in the sample.
pub const APPLICATION_USER_ID: Uuid = uuid!("13e151d3-145a-5574-8ada-338f91277337");

/// The environment of the organization, as in `RetrieveCurrentOrganization`.
pub(crate) const ENVIRONMENT_ID: &str = "a610cea4-4850-5649-bd00-2fd4471a1cbd";
/// The beginning of the organization's address.
pub(crate) const URL_NAME: &str = "contosodemo";
/// The organization's unique name.
pub(crate) const UNIQUE_NAME: &str = "unqcontosodemo";
