//! Why a connection does not work. Programs get a name; people read what is wrong and how to mend
//! it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use crate::Step;

/// Declares each cause: the step of the set-up that mends it, what is wrong, and what to do.
/// [`crate::Diagnosis`] fills in the names in braces, and names the step before what to do.
macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident $step:expr, $detail:literal, $action:literal;)*) => {
        /// Why a connection does not work. Each has one cure, in one step of the set-up.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema,
            strum::IntoStaticStr, strum::VariantArray,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// The step of the set-up that is at fault.
            pub fn step(self) -> Option<Step> {
                use Step::*;
                match self {
                    $(Cause::$name => $step,)*
                }
            }

            /// What is wrong.
            pub(crate) fn detail(self) -> &'static str {
                match self {
                    $(Cause::$name => $detail,)*
                }
            }

            /// What to do, without the step.
            pub(crate) fn action(self) -> &'static str {
                match self {
                    $(Cause::$name => $action,)*
                }
            }
        }
    };
}

causes! {
    /// The tenant id is neither a directory id nor a domain.
    TenantInvalid Some(Tenant),
        "the connection's credentials are not valid: {problem}",
        "give the Directory (tenant) ID, or one of the directory's domains.";
    /// Entra ID has no such tenant.
    TenantUnknown Some(Tenant),
        "Entra ID has no tenant with this id",
        "compare the Tenant ID.";
    /// The tenant id and the client id stand in each other's place.
    IdsSwapped Some(Tenant),
        "the tenant id and the client id stand in each other's place",
        "swap them: tenant_id takes the Directory (tenant) ID, and client_id the Application \
         (client) ID.";
    /// The environment belongs to another tenant.
    TenantMismatch Some(Tenant),
        "the environment belongs to another tenant than the one given",
        "give the Tenant ID of the directory that the environment belongs to, and register the \
         application there.";
    /// Microsoft has blocked the tenant.
    TenantBlocked Some(Tenant),
        "Microsoft has blocked the tenant",
        "an administrator of the tenant asks Microsoft to reactivate it; or compare the Tenant ID.";
    /// The tenant belongs to another national cloud than the environment.
    CloudMismatch Some(Tenant),
        "the tenant belongs to another national cloud than the instance URL",
        "give the tenant, and an application registered in it, of the same cloud as the Instance \
         URL (public, US Government or China).";
    /// The client id is no application id.
    ClientInvalid Some(Application),
        "the connection's credentials are not valid: {problem}",
        "give the Application (client) ID.";
    /// The tenant has no such application.
    ApplicationUnknown Some(Application),
        "the tenant has no application with this client id",
        "compare the Application (client) ID, and the tenant that it was registered in.";
    /// The application is disabled.
    ApplicationDisabled Some(Application),
        "the application is disabled in Entra ID",
        "let users sign in to the enterprise application again.";
    /// The tenant has no service principal for the application.
    ServicePrincipalMissing Some(Application),
        "the application is registered, but the tenant has no service principal for it",
        "an administrator of the tenant grants admin consent to the application, or runs az ad sp \
         create --id CLIENT_ID: that makes the enterprise application.";
    /// Nobody consented to the application.
    ConsentMissing Some(Permission),
        "nobody has consented to the application in this tenant",
        "give the application the API permission Dynamics CRM, user_impersonation, and let an \
         administrator of the tenant grant admin consent.";
    /// Dataverse is open only to assigned applications, and this is none.
    AssignmentMissing Some(Application),
        "Dataverse is open only to assigned applications in this tenant",
        "assign the application to the enterprise application Dataverse (Common Data Service), or \
         set \"Assignment required\" to No there.";
    /// A conditional access policy keeps the application out.
    ConditionalAccess Some(Application),
        "a conditional access policy keeps the application out",
        "exclude the application's workload identity from the policy, or allow the addresses that \
         the functions call from.";
    /// Entra ID refused for another reason.
    EntraRefused Some(Application),
        "Entra ID refused {reason}",
        "look the code up in Entra ID's sign-in logs of the application{trace}.";
    /// There is no client secret.
    SecretMissing Some(Secret),
        "the connection's credentials are not valid: {problem}",
        "give the client secret's Value.";
    /// The secret's id was given instead of its value.
    SecretIdGiven Some(Secret),
        "the connection's credentials are not valid: {problem}",
        "give the client secret's Value. It is shown only when the secret is made: if it was lost, \
         make a new one.";
    /// Entra ID does not accept the client secret.
    SecretWrong Some(Secret),
        "Entra ID does not accept the client secret",
        "store the secret's Value, not its Secret ID. If it was deleted or replaced, store the new \
         one; if it was lost, make another.";
    /// The client secret has expired.
    SecretExpired Some(Secret),
        "the client secret has expired",
        "make a new client secret and store its Value.";
    /// The instance URL is not one.
    InstanceInvalid Some(Instance),
        "the connection's credentials are not valid: {problem}",
        "give the environment's address, such as https://yourorg.crm4.dynamics.com.";
    /// The tenant has no such environment.
    InstanceUnknown Some(Instance),
        "the tenant has no environment with this instance URL",
        "compare the Instance URL, and that it belongs to the tenant.";
    /// Dataverse is disabled in the tenant, or its subscription has lapsed.
    DataverseDisabled Some(Instance),
        "Dataverse is disabled in the tenant, or its subscription has lapsed",
        "renew the subscription, or let users sign in to the enterprise application Dataverse \
         (Common Data Service) again.";
    /// Nothing answers at the instance URL.
    InstanceUnreachable Some(Instance),
        "no connection to Dynamics 365 could be made",
        "compare the Instance URL.";
    /// Nothing of Dynamics 365 is at the instance URL.
    InstanceMissing Some(Instance),
        "there is no Dynamics 365 at the instance URL",
        "compare the Instance URL. The environment may have been deleted, or moved to another \
         address.";
    /// The instance URL leads to another address.
    InstanceRedirected Some(Instance),
        "the instance URL leads to another address, such as a login or parking page",
        "compare the Instance URL. If it is right, something on the way answers in the place of \
         Dynamics 365: let the functions connect directly.";
    /// The environment's IP firewall does not let the functions in.
    AddressBlocked None,
        "the environment's IP firewall does not let this service in",
        "In the Power Platform admin center, Environments, the environment, Settings, Privacy + \
         Security, IP firewall: allow the address that the functions call from. They have one of \
         their own only in a VPC with a NAT gateway.";
    /// The environment is disabled, or in administration mode.
    EnvironmentDisabled None,
        "the environment is disabled, or in administration mode",
        "In the Power Platform admin center, Environments, the environment: end its administration \
         mode, or enable it again.";
    /// A proxy on the way refuses.
    ProxyRefused None,
        "a proxy on the way to {service} refuses the connection",
        "Let the functions reach {service} without the proxy, or through it with its user and \
         password: their environment variables HTTPS_PROXY and NO_PROXY say which.";
    /// The certificate of whoever answers is not trusted.
    CertificateUntrusted None,
        "the certificate that {service} seems to have is not trusted",
        "Something on the way answers in the place of {service}, such as a firewall that looks into \
         TLS: let the functions connect directly.";
    /// The environment does not accept the token.
    TokenRefused Some(Instance),
        "Dynamics 365 does not accept the access token",
        "compare the Instance URL, and that it belongs to the tenant.";
    /// The environment has no application user for the application.
    ApplicationUserMissing Some(User),
        "Dynamics 365 has no application user for this application",
        "create the application user in this environment.";
    /// The application user is disabled.
    ApplicationUserDisabled Some(User),
        "the application user is disabled",
        "enable the application user again.";
    /// The application user has no security role.
    NoRole Some(User),
        "the application user has no security role, or none that lets it read users",
        "give the application user the roles Salesperson and Customer Service Representative, or \
         one of your own with Read on User.";
    /// The app that a tool needs is not installed.
    AppMissing None,
        "this environment does not have the {app} app",
        "Install Dynamics 365 {app} in this environment, or do not offer the bot the tools that \
         need it.";
    /// The secret in AWS Secrets Manager cannot be read.
    SecretUnreadable None,
        "the connection's credentials are not readable",
        "Store the secret {secret} as text: a JSON object with the four credentials.";
    /// The secret in AWS Secrets Manager does not hold credentials.
    CredentialsMalformed None,
        "the connection's credentials are not valid: {problem}",
        "Correct the JSON that the secret in AWS Secrets Manager holds. See \
         docs/connections.md#store-a-connection-by-hand.";
}

/// When calls begin to fail, once a connection is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once.
    AtOnce,
    /// When the functions read the connection's secret again, which they do every ten minutes.
    NextReading,
    /// When the tokens at hand have ended: Entra ID gives no new one.
    WithoutToken,
    /// A day after the functions have last read the connection's secret.
    WithoutSecret,
}

impl Cause {
    /// When calls begin to fail for this cause.
    pub fn effect(self) -> Effect {
        use Cause::*;
        match self {
            TenantUnknown
            | IdsSwapped
            | TenantBlocked
            | CloudMismatch
            | ApplicationUnknown
            | ApplicationDisabled
            | ServicePrincipalMissing
            | ConsentMissing
            | AssignmentMissing
            | ConditionalAccess
            | EntraRefused
            | SecretWrong
            | SecretExpired
            | InstanceUnknown
            | DataverseDisabled => Effect::WithoutToken,
            TenantInvalid | ClientInvalid | SecretMissing | SecretIdGiven | InstanceInvalid
            | CredentialsMalformed => Effect::NextReading,
            SecretUnreadable => Effect::WithoutSecret,
            TenantMismatch
            | InstanceUnreachable
            | InstanceMissing
            | InstanceRedirected
            | AddressBlocked
            | EnvironmentDisabled
            | ProxyRefused
            | CertificateUntrusted
            | TokenRefused
            | ApplicationUserMissing
            | ApplicationUserDisabled
            | NoRole
            | AppMissing => Effect::AtOnce,
        }
    }

    /// All causes.
    pub fn all() -> impl Iterator<Item = Cause> {
        Cause::VARIANTS.iter().copied()
    }

    /// The cause with this name.
    pub fn of_name(name: &str) -> Option<Cause> {
        Cause::all().find(|cause| cause.as_str() == name)
    }

    /// The cause's name, such as `secret_expired`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
