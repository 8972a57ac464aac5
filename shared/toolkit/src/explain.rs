//! What went wrong below, explained: one cause, one cure.
//!
//! The set-up steps that `admin_action` points at are those of `docs/connections.md`.

use auth::{ConnectionError, CredentialsError, EntraError, Fault, SecretError, TokenError};
use crm::tables::{self, App};
use dataverse::{ApiError, Error, Obstacle, WriteOutcome, codes};

use crate::{Cause, DataverseDetails, ErrorCode, ToolError, WriteState};

const STEP_TENANT: &str = "Set-up step 1 (tenant id)";
const STEP_APPLICATION: &str = "Set-up step 2 (app registration)";
const STEP_SECRET: &str = "Set-up step 3 (client secret)";
const STEP_PERMISSION: &str = "Set-up step 4 (API permission)";
const STEP_INSTANCE: &str = "Set-up step 5 (instance URL)";
const STEP_USER: &str = "Set-up step 6 (application user)";

const DYNAMICS: &str = "Dynamics 365";
const ENTRA: &str = "Microsoft Entra ID";

const BOT_CANNOT_MEND: &str = "Tell the visitor that the CRM cannot be reached right now, and offer \
                               a person; the connection must be mended by its administrator.";
const BOT_TRY_LATER: &str = "Apologise for the delay and try again shortly.";

const THE_WAY_TO_ENTRA: &str = "let the functions reach login.microsoftonline.com (in the national \
                                clouds login.microsoftonline.us or \
                                login.partner.microsoftonline.cn) over HTTPS, by the routes, \
                                security groups and firewalls of their VPC if they are in one";
const MICROSOFTS_STATUS: &str = "look at https://status.cloud.microsoft";

pub(crate) fn broken(fault: Cause, detail: impl Into<String>, admin_action: String) -> ToolError {
    ToolError::new(ErrorCode::ConnectionBroken, detail)
        .fault(fault)
        .admin_action(admin_action)
        .next_step(BOT_CANNOT_MEND)
}

fn unavailable(detail: impl Into<String>) -> ToolError {
    ToolError::new(ErrorCode::DynamicsUnavailable, detail).next_step(BOT_TRY_LATER)
}

impl From<ConnectionError> for ToolError {
    fn from(error: ConnectionError) -> ToolError {
        match error {
            ConnectionError::Secret(error) => of_secret(&error),
            ConnectionError::Credentials(error) => of_credentials(&error),
        }
    }
}

fn of_secret(error: &SecretError) -> ToolError {
    match error {
        SecretError::NotFound { name } => ToolError::new(
            ErrorCode::ConnectionNotFound,
            "there are no credentials for this connection",
        )
        .admin_action(format!(
            "Set the connection up with PUT /v1/connections/{{id}} (its secret is {name}), or call \
             with the id of a connection that exists in the header X-Connection-Id."
        )),
        SecretError::Denied { name, code } => broken(
            Cause::SecretUnreadable,
            "the function may not read the connection's credentials",
            format!("Let the function's role read the secret {name}: AWS answered {code}."),
        ),
        SecretError::NotWritable { name, code } => broken(
            Cause::SecretUnreadable,
            "the function may not store or delete the connection's credentials",
            format!(
                "Let the function's role change the secret {name}, and use its KMS key: AWS \
                 answered {code}."
            ),
        ),
        SecretError::NotText { name } => broken(
            Cause::SecretUnreadable,
            "the connection's credentials are not readable",
            format!("Store the secret {name} as text: a JSON object with the four credentials."),
        ),
        SecretError::Unavailable { .. } => {
            unavailable("the credentials could not be read: Secrets Manager did not answer")
        }
        SecretError::NoDescriptor => ToolError::internal(error),
    }
    .write(WriteState::NotHappened)
    .for_log(error)
}

fn of_credentials(error: &CredentialsError) -> ToolError {
    use CredentialsError::*;
    let fault = match error {
        Tenant | Empty { field: "tenant_id" } => Cause::TenantInvalid,
        Client | Empty { field: "client_id" } => Cause::ClientInvalid,
        SecretId => Cause::SecretIdGiven,
        Empty { field: "client_secret" } => Cause::SecretMissing,
        Instance(_) => Cause::InstanceInvalid,
        Empty { .. } | Malformed { .. } | Expiry => Cause::CredentialsMalformed,
    };
    let step = match fault.set_up_step() {
        Some(1) => STEP_TENANT,
        Some(2) => STEP_APPLICATION,
        Some(3) => STEP_SECRET,
        Some(5) => STEP_INSTANCE,
        _ => "The set-up (docs/connections.md)",
    };
    broken(
        fault,
        format!("the connection's credentials are not valid: {error}"),
        format!("{step}: correct the connection's secret: {error}."),
    )
    .write(WriteState::NotHappened)
}

fn of_token(error: &TokenError) -> ToolError {
    match error {
        TokenError::Entra(error) => of_entra(error),
        TokenError::Connection(ConnectionError::Secret(error)) => of_secret(error),
        TokenError::Connection(ConnectionError::Credentials(error)) => of_credentials(error),
        TokenError::Moved => unavailable("the connection was changed a moment ago").for_log(error),
        TokenError::Deadline => {
            ToolError::new(ErrorCode::DeadlineExceeded, "Microsoft Entra ID did not answer in time")
                .next_step(BOT_TRY_LATER)
        }
    }
    .write(WriteState::NotHappened)
}

fn of_entra(error: &EntraError) -> ToolError {
    let explained = match error.fault {
        Fault::WrongSecret => broken(
            Cause::SecretWrong,
            "Entra ID does not accept the client secret",
            format!(
                "{STEP_SECRET}: store the secret's Value, not its Secret ID; if it was lost, make \
                 a new one."
            ),
        ),
        Fault::ExpiredSecret => broken(
            Cause::SecretExpired,
            "the client secret has expired",
            format!("{STEP_SECRET}: make a new client secret and store its Value."),
        ),
        Fault::UnknownApplication => broken(
            Cause::ApplicationUnknown,
            "the tenant has no application with this client id",
            format!(
                "{STEP_APPLICATION}: compare the Application (client) ID, and the tenant that it \
                 was registered in."
            ),
        ),
        Fault::MissingServicePrincipal => broken(
            Cause::ServicePrincipalMissing,
            "the application is registered, but the tenant has no service principal for it",
            format!(
                "{STEP_APPLICATION}: an administrator of the tenant grants admin consent to the \
                 application, or runs az ad sp create --id CLIENT_ID: that makes the enterprise \
                 application."
            ),
        ),
        Fault::MissingConsent => broken(
            Cause::ConsentMissing,
            "nobody has consented to the application in this tenant",
            format!(
                "{STEP_PERMISSION}: give the application the API permission Dynamics CRM, \
                 user_impersonation, and let an administrator of the tenant grant admin consent."
            ),
        ),
        Fault::MissingAssignment => broken(
            Cause::AssignmentMissing,
            "Dataverse is open only to assigned applications in this tenant",
            format!(
                "{STEP_APPLICATION}: assign the application to the enterprise application \
                 Dataverse (Common Data Service), or set \"Assignment required\" to No there."
            ),
        ),
        Fault::BlockedTenant => broken(
            Cause::TenantBlocked,
            "Microsoft has blocked the tenant",
            format!(
                "{STEP_TENANT}: an administrator of the tenant asks Microsoft to reactivate it; or \
                 compare the Tenant ID."
            ),
        ),
        Fault::OtherCloud => broken(
            Cause::CloudMismatch,
            "the tenant belongs to another national cloud than the instance URL",
            format!(
                "{STEP_TENANT}: give the tenant, and an application registered in it, of the same \
                 cloud as the Instance URL (public, US Government or China)."
            ),
        ),
        Fault::DisabledDataverse => broken(
            Cause::DataverseDisabled,
            "Dataverse is disabled in the tenant, or its subscription has lapsed",
            format!(
                "{STEP_INSTANCE}: renew the subscription, or let users sign in to the enterprise \
                 application Dataverse (Common Data Service) again."
            ),
        ),
        Fault::UnknownTenant => broken(
            Cause::TenantUnknown,
            "Entra ID has no tenant with this id",
            format!("{STEP_TENANT}: compare the Tenant ID."),
        ),
        Fault::UnknownInstance => broken(
            Cause::InstanceUnknown,
            "the tenant has no environment with this instance URL",
            format!(
                "{STEP_INSTANCE}: compare the Instance URL, and that it belongs to the tenant."
            ),
        ),
        Fault::DisabledApplication => broken(
            Cause::ApplicationDisabled,
            "the application is disabled in Entra ID",
            format!("{STEP_APPLICATION}: let users sign in to the enterprise application again."),
        ),
        Fault::ConditionalAccess => broken(
            Cause::ConditionalAccess,
            "a conditional access policy keeps the application out",
            format!(
                "{STEP_APPLICATION}: exclude the application's workload identity from the policy, \
                 or allow the addresses that the functions call from."
            ),
        ),
        Fault::Obstacle(obstacle) => kept_out(obstacle, ENTRA),
        Fault::Unavailable => unavailable("Microsoft Entra ID is busy, and refused for the moment")
            .retry_after(error.retry_after)
            .admin_action(format!("If it goes on: {MICROSOFTS_STATUS}.")),
        Fault::Unreachable => unavailable("Microsoft Entra ID could not be reached")
            .admin_action(format!("If it goes on: {THE_WAY_TO_ENTRA}; {MICROSOFTS_STATUS}.")),
        Fault::Unreadable => {
            unavailable("what answered for Microsoft Entra ID gave nothing that can be read")
                .admin_action(format!(
                    "If it goes on: look whether a proxy or a firewall answers in its place; \
                     {THE_WAY_TO_ENTRA}."
                ))
        }
        Fault::NoDescriptor => ToolError::internal(error),
        Fault::Other => broken(
            Cause::EntraRefused,
            match error.code {
                Some(code) => format!("Entra ID refused with AADSTS{code}"),
                None => "Entra ID refused for a reason that is not known".to_owned(),
            },
            format!(
                "{STEP_APPLICATION}: look the code up in Entra ID's sign-in logs of the \
                 application{}.",
                error.trace_id.as_ref().map(|id| format!(", trace {id}")).unwrap_or_default()
            ),
        ),
    };
    explained.for_log(error)
}

impl From<Error> for ToolError {
    fn from(error: Error) -> ToolError {
        let write = match error.write_outcome() {
            WriteOutcome::NotHappened => WriteState::NotHappened,
            WriteOutcome::Happened => WriteState::Happened,
            WriteOutcome::Unknown => WriteState::Unknown,
        };
        let explained = match &error {
            Error::Token(source) => match source.downcast_ref::<TokenError>() {
                Some(token) => of_token(token),
                None => ToolError::internal(source),
            },
            Error::Api(api) => of_api(api),
            Error::NoAnswer { source, .. } => match Obstacle::of_transport(source) {
                Some(obstacle) => kept_out(obstacle, DYNAMICS).for_log(chain(source.as_ref())),
                None => unanswered(source),
            },
            Error::NoDescriptor => ToolError::internal(&error),
            Error::Deadline { .. } => {
                ToolError::new(ErrorCode::DeadlineExceeded, "Dynamics 365 did not answer in time")
                    .next_step(BOT_TRY_LATER)
            }
            Error::TooLarge { .. } => {
                unavailable("Dynamics 365 gave an answer that is too large to be read")
            }
            Error::Unreadable(problem) => {
                unavailable("Dynamics 365 gave an answer that cannot be read").for_log(problem)
            }
        };
        explained.write(write)
    }
}

/// No answer came, and nothing tells why.
fn unanswered(source: &reqwest::Error) -> ToolError {
    let never_reached = source.is_connect();
    let detail = if never_reached {
        "no connection to Dynamics 365 could be made"
    } else {
        "the connection to Dynamics 365 broke before an answer came"
    };
    let explained = unavailable(detail).for_log(chain(source));
    if never_reached {
        explained
            .fault(Cause::InstanceUnreachable)
            .admin_action(format!("If it goes on: {STEP_INSTANCE}: compare the Instance URL."))
    } else {
        explained
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// What keeps us out of a service, or answers in its place.
fn kept_out(obstacle: Obstacle, service: &str) -> ToolError {
    const ENVIRONMENT: &str = "In the Power Platform admin center, Environments, the environment";
    match obstacle {
        Obstacle::AddressBlocked => broken(
            Cause::AddressBlocked,
            "the environment's IP firewall does not let this service in",
            format!(
                "{ENVIRONMENT}, Settings, Privacy + Security, IP firewall: allow the address that \
                 the functions call from. They have one of their own only in a VPC with a NAT \
                 gateway."
            ),
        ),
        Obstacle::EnvironmentDisabled => broken(
            Cause::EnvironmentDisabled,
            "the environment is disabled, or in administration mode",
            format!("{ENVIRONMENT}: end its administration mode, or enable it again."),
        ),
        Obstacle::NothingThere => broken(
            Cause::InstanceMissing,
            "there is no Dynamics 365 at the instance URL",
            format!(
                "{STEP_INSTANCE}: compare the Instance URL. The environment may have been deleted, \
                 or moved to another address."
            ),
        ),
        Obstacle::Redirect => broken(
            Cause::InstanceRedirected,
            "the instance URL leads to another address, such as a login or parking page",
            format!(
                "{STEP_INSTANCE}: compare the Instance URL. If it is right, something on the way \
                 answers in the place of Dynamics 365: let the functions connect directly."
            ),
        ),
        Obstacle::Proxy => broken(
            Cause::ProxyRefused,
            format!("a proxy on the way to {service} refuses the connection"),
            format!(
                "Let the functions reach {service} without the proxy, or through it with its user \
                 and password: their environment variables HTTPS_PROXY and NO_PROXY say which."
            ),
        ),
        Obstacle::Certificate => broken(
            Cause::CertificateUntrusted,
            format!("the certificate that {service} seems to have is not trusted"),
            format!(
                "Something on the way answers in the place of {service}, such as a firewall that \
                 looks into TLS: let the functions connect directly."
            ),
        ),
    }
}

/// What is said of a whole environment, whatever was asked of it.
fn of_environment(error: &ApiError) -> Option<ToolError> {
    error.obstacle.map(|obstacle| kept_out(obstacle, DYNAMICS))
}

fn of_api(error: &ApiError) -> ToolError {
    let details =
        DataverseDetails { code: error.code.clone(), request_id: error.request_id.clone() };
    let explained = if let Some(explained) = of_environment(error) {
        explained
    } else if error.is(codes::NOT_A_MEMBER) {
        broken(
            Cause::ApplicationUserMissing,
            "Dynamics 365 has no application user for this application",
            format!("{STEP_USER}: create the application user in this environment."),
        )
    } else if error.is(codes::USER_DISABLED) {
        broken(
            Cause::ApplicationUserDisabled,
            "the application user is disabled",
            format!("{STEP_USER}: enable the application user again."),
        )
    } else if error.status.as_u16() == 401 {
        broken(
            Cause::TokenRefused,
            "Dynamics 365 does not accept the access token",
            format!(
                "{STEP_INSTANCE}: compare the Instance URL, and that it belongs to the tenant."
            ),
        )
    } else if let Some(app) = missing_app(error) {
        broken(
            Cause::AppMissing,
            format!("this environment does not have the {app} app"),
            format!(
                "Install Dynamics 365 {app} in this environment, or do not offer the bot the \
                 tools that need it."
            ),
        )
    } else if error.status.as_u16() == 403 {
        denied(error)
    } else if error.is(codes::NOT_FOUND) || error.is(codes::KEY_NOT_FOUND) {
        ToolError::new(ErrorCode::NotFound, "a record that was named does not exist (any more)")
            .next_step("Look the record up again and call with its present id.")
    } else if error.is(codes::VERSION_MISMATCH) {
        ToolError::new(
            ErrorCode::VersionConflict,
            "somebody else changed the record at the same moment; nothing was changed",
        )
        .next_step("Call again.")
    } else if error.is(codes::DUPLICATE) {
        ToolError::new(
            ErrorCode::Duplicate,
            "the organization's duplicate detection rules found a record like this",
        )
        .next_step(
            "Look for the record that exists; if a second one is really meant, call again with \
             allow_duplicate.",
        )
    } else if [
        codes::CASE_ALREADY_RESOLVED,
        codes::CASE_ALREADY_CLOSED,
        codes::OPPORTUNITY_ALREADY_CLOSED,
        codes::LEAD_ALREADY_CLOSED,
        codes::INACTIVE,
        codes::READ_ONLY,
    ]
    .iter()
    .any(|code| error.is(code))
    {
        ToolError::new(ErrorCode::AlreadyClosed, "the record is closed and cannot be changed")
            .next_step("Say that it is closed; reopen it first if it must be changed.")
    } else if error.is(codes::CASE_OPEN_ACTIVITIES) || error.is(codes::CASE_OPEN_ACTIVITIES_CANCEL)
    {
        ToolError::new(
            ErrorCode::RejectedByDynamics,
            "the case has open activities, and cannot be closed before they are",
        )
        .next_step("Say so, and leave the case open: its owner has to complete them first.")
    } else if error.status.as_u16() == 429 {
        ToolError::new(
            ErrorCode::RateLimited,
            "Dynamics 365 limits the calls of this connection for the moment",
        )
        .retry_after(error.retry_after)
        .next_step(BOT_TRY_LATER)
    } else if error.is_transient()
        || (error.status.is_server_error() && !error.is_of_customization())
    {
        unavailable("Dynamics 365 reported a problem of its own").retry_after(error.retry_after)
    } else if error.is_misunderstanding() {
        // Only a request of our own making can be malformed, or an organization without the column.
        ToolError::new(
            ErrorCode::Internal,
            "Dynamics 365 did not understand the request; the log has the cause",
        )
    } else if is_crash(error) {
        return crash(error).dataverse(details);
    } else {
        ToolError::new(ErrorCode::RejectedByDynamics, cleaned(&error.message))
            .next_step("Say what Dynamics 365 objects to, and ask for what it needs.")
    };
    // The message may quote what a visitor said: the log gets it only where it is about names.
    let explained = match explained.code() {
        ErrorCode::Internal if !error.message.contains("literal") => {
            explained.for_log(format!("{error}: {}", error.message))
        }
        _ => explained.for_log(error),
    };
    explained.dataverse(details)
}

fn denied(error: &ApiError) -> ToolError {
    let (detail, action) = match (error.missing_privilege(), error.denied_table()) {
        (Some(privilege), table) => {
            let on = table.map(|table| format!(" on the table {table}")).unwrap_or_default();
            let role = suggested_role(table.unwrap_or_default());
            (
                format!("the application user lacks the privilege {privilege}{on}"),
                format!(
                    "{STEP_USER}: give the application user a security role with {privilege}{on}, \
                     such as {role}."
                ),
            )
        }
        (None, _) if error.is(codes::PRIVILEGE_DENIED) => (
            "the application user may not do this with this record".to_owned(),
            format!(
                "{STEP_USER}: give the application user a security role with access to records of \
                 the whole organization."
            ),
        ),
        // More is not known: advice would be a guess.
        (None, _) => {
            let code = if error.code.is_empty() { "no code" } else { error.code.as_str() };
            let detail = format!("Dynamics 365 refused this (403, {code})");
            return ToolError::new(ErrorCode::PermissionDenied, detail).next_step(OFFER_A_PERSON);
        }
    };
    ToolError::new(ErrorCode::PermissionDenied, detail)
        .admin_action(action)
        .next_step(OFFER_A_PERSON)
}

const OFFER_A_PERSON: &str = "Say that this cannot be done here, and offer a person.";

/// The role that comes with Dynamics 365 and has the privilege.
fn suggested_role(table: &str) -> &'static str {
    let known = tables::ALL.iter().find(|(one, _)| one.logical_name == table);
    known.and_then(|(_, app)| *app).unwrap_or(App::Sales).role()
}

/// The app that a table belongs to which the environment does not have: the table is asked for by
/// name, or a note is to hang on one of its rows.
fn missing_app(error: &ApiError) -> Option<&'static str> {
    let segment = error.unknown_segment().or_else(|| error.undeclared_property())?;
    tables::app_of(segment).map(App::name)
}

/// What a plug-in says with this before it, it says to people: it is how a plug-in refuses.
const REFUSAL: &str = "Microsoft.Xrm.Sdk.InvalidPluginExecutionException: ";

/// Whether a plug-in or a workflow broke, and did not refuse: what it says then is for developers.
fn is_crash(error: &ApiError) -> bool {
    const MARKS: [&str; 7] = [
        "Object reference not set",
        "Exception:",
        "Exception from plug-in",
        "---->",
        "---> ",
        "\n   at ",
        " in the plug-in",
    ];
    let message = error.message.replace("\r\n", "\n");
    let said = message.strip_prefix(REFUSAL).unwrap_or(&message);
    error.is(codes::CUSTOMIZATION_BROKE)
        || error.is(codes::UNEXPECTED)
        || MARKS.iter().any(|mark| said.contains(mark))
        || class_names(said).next().is_some()
}

/// The names of classes and methods in a text: `Contoso.Plugins.CasePlugin.Execute`.
fn class_names(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '`' | '+');
    // "L.L.C." has dots, and no class is called so.
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.contains(|next: char| next.is_ascii_lowercase())
    };
    let words = text.split_whitespace().filter(|word| !word.contains('@'));
    let names = words.flat_map(move |word| word.split(move |c| !is_of_name(c)));
    names
        .map(|name| name.trim_matches('.'))
        .filter(move |name| name.matches('.').count() >= 2 && name.split('.').all(is_part))
}

/// A customization broke. The log gets the names of its classes, and of what it says no more: it may
/// quote what a visitor said.
fn crash(error: &ApiError) -> ToolError {
    const NAMES: usize = 12;
    let mut names: Vec<_> = Vec::new();
    for name in class_names(&error.message) {
        if !names.contains(&name) && names.len() < NAMES {
            names.push(name);
        }
    }
    let request = error.request_id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    ToolError::new(
        ErrorCode::RejectedByDynamics,
        "a customization of this organization (a plug-in or a workflow) failed",
    )
    .admin_action(format!(
        "Look the request{request} up in the plug-in trace log of the environment, and mend the \
         customization that failed."
    ))
    .next_step("Say that this cannot be done right now, and offer a person.")
    .for_log(format!("{error}: {}", names.join(", ")))
}

/// The text of a business rule or plug-in, without what is only for developers.
fn cleaned(message: &str) -> String {
    let text = crm::text::plain(message);
    let text = text.strip_prefix(REFUSAL).unwrap_or(&text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "Dynamics 365 gave no reason".to_owned();
    }
    crm::text::excerpt(&words, 500).text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn answered(status: u16, code: &str, message: &str) -> ToolError {
        ToolError::from(Error::Api(ApiError {
            status: http::StatusCode::from_u16(status).unwrap(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some("r-1".to_owned()),
            retry_after: None,
            obstacle: None,
        }))
    }

    #[test]
    fn what_was_ours_to_get_right_is_not_told_to_a_visitor() {
        for (status, code, message) in [
            (404, "0x8006088a", "Resource not found for the segment 'contactss'."),
            (404, "0x80060888", "Resource not found for the segment 'contactss'."),
            (400, "0x0", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.y'."),
            (400, "0x0", "Invalid property 'x' was found in entity 'Microsoft.Dynamics.CRM.y'."),
            (400, "0x80040216", "An unexpected error occurred."),
            (400, "", "There is an unterminated literal at position 21 in 'O'Brien'."),
        ] {
            let error = answered(status, code, message);
            assert_eq!(error.code(), ErrorCode::Internal, "{message}");
            assert!(!error.detail().contains("property"), "{}", error.detail());
            assert!(!error.log_cause().unwrap().contains("Brien"));
        }
        let app = answered(404, "0x8006088a", "Resource not found for the segment 'incidents'.");
        assert_eq!(app.connection_fault(), Some(Cause::AppMissing));
    }

    #[test]
    fn a_refusal_is_told_and_a_crash_is_not() {
        let told = |message: &str| answered(400, codes::CUSTOMIZATION, message);
        for (message, expected) in [
            ("The VAT number is missing.", "The VAT number is missing."),
            (
                "Microsoft.Xrm.Sdk.InvalidPluginExecutionException: The VAT number is missing.",
                "The VAT number is missing.",
            ),
            ("See www.example.com. Thanks.", "See www.example.com. Thanks."),
            ("Fabrikam L.L.C. is on credit hold.", "Fabrikam L.L.C. is on credit hold."),
            ("Not to the U.S.A.: ask Legal.", "Not to the U.S.A.: ask Legal."),
        ] {
            // Older environments say it with another status, and mean the same.
            let error = answered(500, codes::CUSTOMIZATION, message);
            assert_eq!(error.code(), ErrorCode::RejectedByDynamics);
            let error = told(message);
            assert_eq!(error.detail(), expected);
            assert_eq!(error.code(), ErrorCode::RejectedByDynamics);
        }
        for message in [
            "Object reference not set to an instance of an object.",
            "System.NullReferenceException: Object reference not set\r\n   at \
             Contoso.Plugins.CasePlugin.Execute(IServiceProvider provider)",
            "Unexpected exception from plug-in (Execute): Contoso.Plugins.CasePlugin: \
             System.Collections.Generic.KeyNotFoundException: maren@northwind.example",
            "Error ----> InnerException : Microsoft.OData.ODataException: no",
            "Something in Contoso.Plugins.CasePlugin went wrong for maren@northwind.example",
        ] {
            let error = answered(500, codes::CUSTOMIZATION, message);
            assert!(error.detail().starts_with("a customization") && error.is_without_effect());
            let error = told(message);
            assert!(error.detail().starts_with("a customization"), "{}", error.detail());
            assert!(error.administrators_action().unwrap().contains("r-1"));
            let cause = error.log_cause().unwrap();
            assert!(!cause.contains("maren"), "{cause}");
        }
        let cause = told("x at Contoso.Plugins.CasePlugin.Execute(a)");
        assert!(cause.log_cause().unwrap().contains("Contoso.Plugins.CasePlugin.Execute"));
    }

    fn of_fault(fault: Fault) -> ToolError {
        let error = EntraError { fault, code: None, trace_id: None, retry_after: None };
        ToolError::from(Error::Token(Arc::new(TokenError::Entra(error))))
    }

    #[test]
    fn a_lack_of_descriptors_is_ours_and_told_of_no_customer() {
        let unread = ConnectionError::Secret(SecretError::NoDescriptor);
        for error in [
            ToolError::from(Error::NoDescriptor),
            of_fault(Fault::NoDescriptor),
            ToolError::from(unread),
        ] {
            assert_eq!(error.code(), ErrorCode::Internal);
            assert_eq!(error.connection_fault(), None);
            assert_eq!(error.to_problem("r")["write"], "not_happened");
        }
    }

    #[test]
    fn each_refusal_of_entra_has_a_cause_of_its_own_and_a_step_to_mend() {
        use Fault::*;
        let mut causes = std::collections::HashSet::new();
        for fault in [
            WrongSecret,
            ExpiredSecret,
            UnknownApplication,
            MissingServicePrincipal,
            MissingConsent,
            MissingAssignment,
            UnknownTenant,
            BlockedTenant,
            OtherCloud,
            UnknownInstance,
            DisabledDataverse,
            DisabledApplication,
            ConditionalAccess,
            Other,
        ] {
            let error = of_fault(fault);
            assert_eq!(error.code(), ErrorCode::ConnectionBroken, "{fault:?}");
            let cause = error.connection_fault().unwrap();
            assert!(causes.insert(cause), "{fault:?}");
            let step = format!("Set-up step {} ", cause.set_up_step().unwrap());
            assert!(error.administrators_action().unwrap().starts_with(&step), "{fault:?}");
        }
    }

    #[test]
    fn an_entra_that_gives_no_answer_says_what_to_look_at() {
        for (fault, detail, action) in [
            (Fault::Unreachable, "could not be reached", "let the functions reach login."),
            (Fault::Unavailable, "is busy", "status.cloud.microsoft"),
            (Fault::Unreadable, "nothing that can be read", "a proxy or a firewall"),
        ] {
            let error = of_fault(fault);
            assert_eq!(error.code(), ErrorCode::DynamicsUnavailable);
            assert_eq!(error.connection_fault(), None);
            assert!(error.detail().contains(detail), "{}", error.detail());
            assert!(error.administrators_action().unwrap().contains(action), "{fault:?}");
        }
    }

    #[test]
    fn what_aws_denies_is_for_the_administrator() {
        let (name, code) = ("a-secret".to_owned(), "AccessDeniedException".to_owned());
        for (denied, action) in [
            (
                SecretError::Denied { name: name.clone(), code: code.clone() },
                "role read the secret",
            ),
            (SecretError::NotWritable { name, code }, "role change the secret"),
        ] {
            let of_token = TokenError::Connection(ConnectionError::Secret(denied.clone()));
            for error in [
                ToolError::from(ConnectionError::Secret(denied.clone())),
                ToolError::from(Error::Token(Arc::new(of_token))),
            ] {
                assert_eq!(error.code(), ErrorCode::ConnectionBroken);
                assert!(error.administrators_action().unwrap().contains(action));
            }
        }
    }
}
