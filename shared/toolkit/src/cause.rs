//! Why a connection does not work, for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a connection does not work. Each has one cure, in one step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The tenant id is neither a directory id nor a domain.
    TenantInvalid,
    /// Entra ID has no such tenant.
    TenantUnknown,
    /// The environment belongs to another tenant.
    TenantMismatch,
    /// Microsoft has blocked the tenant.
    TenantBlocked,
    /// The tenant belongs to another national cloud than the environment.
    CloudMismatch,
    /// The client id is no application id.
    ClientInvalid,
    /// The tenant has no such application.
    ApplicationUnknown,
    /// The application is disabled.
    ApplicationDisabled,
    /// The tenant has no service principal for the application.
    ServicePrincipalMissing,
    /// Nobody consented to the application.
    ConsentMissing,
    /// Dataverse is open only to assigned applications, and this is none.
    AssignmentMissing,
    /// A conditional access policy keeps the application out.
    ConditionalAccess,
    /// Entra ID refused for another reason.
    EntraRefused,
    /// There is no client secret.
    SecretMissing,
    /// The secret's id was given instead of its value.
    SecretIdGiven,
    /// Entra ID does not accept the client secret.
    SecretWrong,
    /// The client secret has expired.
    SecretExpired,
    /// The instance URL is not one.
    InstanceInvalid,
    /// The tenant has no such environment.
    InstanceUnknown,
    /// Dataverse is disabled in the tenant, or its subscription has lapsed.
    DataverseDisabled,
    /// Nothing answers at the instance URL.
    InstanceUnreachable,
    /// Nothing of Dynamics 365 is at the instance URL.
    InstanceMissing,
    /// The instance URL leads to another address.
    InstanceRedirected,
    /// The environment's IP firewall does not let the functions in.
    AddressBlocked,
    /// The environment is disabled, or in administration mode.
    EnvironmentDisabled,
    /// A proxy on the way refuses.
    ProxyRefused,
    /// The certificate of whoever answers is not trusted.
    CertificateUntrusted,
    /// The environment does not accept the token.
    TokenRefused,
    /// The environment has no application user for the application.
    ApplicationUserMissing,
    /// The application user is disabled.
    ApplicationUserDisabled,
    /// The application user has no security role.
    NoRole,
    /// The app that a tool needs is not installed.
    AppMissing,
    /// The secret in AWS Secrets Manager cannot be read.
    SecretUnreadable,
    /// The secret in AWS Secrets Manager does not hold credentials.
    CredentialsMalformed,
}

impl Cause {
    /// The step of the set-up that is at fault, 1 to 6.
    pub fn set_up_step(self) -> Option<u8> {
        use Cause::*;
        match self {
            TenantInvalid | TenantUnknown | TenantMismatch | TenantBlocked | CloudMismatch => {
                Some(1)
            }
            ClientInvalid
            | ApplicationUnknown
            | ApplicationDisabled
            | ServicePrincipalMissing
            | AssignmentMissing
            | ConditionalAccess
            | EntraRefused => Some(2),
            ConsentMissing => Some(4),
            SecretMissing | SecretIdGiven | SecretWrong | SecretExpired => Some(3),
            InstanceInvalid | InstanceUnknown | InstanceUnreachable | InstanceMissing
            | InstanceRedirected | DataverseDisabled | TokenRefused => Some(5),
            ApplicationUserMissing | ApplicationUserDisabled | NoRole => Some(6),
            AddressBlocked | EnvironmentDisabled | ProxyRefused | CertificateUntrusted => None,
            AppMissing | SecretUnreadable | CredentialsMalformed => None,
        }
    }
}
