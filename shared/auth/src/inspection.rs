//! Finds out whether a connection works, and where it leads.

use crm::tables::USER;
use dataverse::{Code, Error, Expand, Function, Query, Record, Session};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use crate::health::Finding;
use crate::privileges::Privileges;
use crate::{Cause, Connection, ConnectionError, Credentials, Diagnosis, Graph, SecretExpiry};

/// What an inspection found at a connection that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The environment.
    pub organization: Organization,
    /// The application user.
    pub user: User,
    /// All privileges that the application user has.
    pub privileges: Privileges,
    /// When the client secret ends.
    pub secret: SecretExpiry,
}

impl Inspection {
    /// The finding of this inspection. `missing_privileges` are those that the tools need and the
    /// application user lacks.
    pub fn finding(&self, missing_privileges: Vec<String>) -> Finding {
        Finding::Works { missing_privileges, secret: self.secret }
    }
}

/// The environment that a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organization {
    /// Its id.
    pub id: Option<Uuid>,
    /// Its name, for people.
    pub name: Option<String>,
    /// The version of Dataverse.
    pub version: Option<String>,
    /// Where it is hosted.
    pub region: Option<String>,
}

/// The application user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ApplicationUser")]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Option<String>,
    /// The names of its security roles.
    pub roles: Vec<String>,
}

/// Why an inspection did not find a connection that works.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// The connection cannot be opened.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// Dataverse or Entra ID did not answer, or refused.
    #[error(transparent)]
    Dataverse(#[from] dataverse::Error),
    /// They answered, and the answers show what is wrong.
    #[error("{}", .0.detail)]
    Diagnosed(Diagnosis),
}

/// Looks at a connection for real. It gets a token, and asks who the application user is, which
/// organization this is, what the user may do, and when the secret ends. This takes two trips to
/// Dataverse and one to Graph.
///
/// `session` belongs to the connection and sets the deadline.
///
/// # Errors
///
/// If the connection does not work. [`Diagnosis::of_inspection`] says what to mend.
pub async fn inspect(
    connection: &Connection,
    graph: &Graph,
    session: &Session,
) -> Result<Inspection, InspectionError> {
    let credentials = connection.credentials();
    let (environment, secret) = tokio::join!(
        environment(session, &credentials),
        secret_expiry(graph, &credentials, session.deadline())
    );
    let (organization, user, privileges) = match environment {
        Ok(found) => found,
        Err(error) => {
            let are_swapped = are_swapped(connection, &credentials, &error, session.deadline());
            return Err(if are_swapped.await { Cause::IdsSwapped.into() } else { error });
        }
    };
    Ok(Inspection { organization, user, privileges, secret })
}

/// Whether the tenant and the client id stand in each other's place: Entra ID knows no tenant with
/// the one id, but one with the other.
async fn are_swapped(
    connection: &Connection,
    credentials: &Credentials,
    error: &InspectionError,
    deadline: Instant,
) -> bool {
    let cause = Diagnosis::of_inspection(error).map(|diagnosis| diagnosis.cause);
    if cause != Some(Cause::TenantUnknown) {
        return false;
    }
    let tenants = connection.tenants();
    tenants.has_tenant(&credentials.instance_url, credentials.client_id, deadline).await
        == Some(true)
}

async fn environment(
    session: &Session,
    credentials: &Credentials,
) -> Result<(Organization, User, Privileges), InspectionError> {
    let functions = [Function::who_am_i(), Function::current_organization()];
    let ([who, organization], []) = session.functions(functions, []).await?;
    let who = who.map_err(without_role)?;
    let organization = organization.map_err(without_role)?;
    let detail = organization.one("Detail").cloned().unwrap_or_default();
    same_tenant(credentials, &detail)?;
    let unreadable = || dataverse::Error::Unreadable("WhoAmI without UserId".to_owned());
    let id = who.id("UserId").ok_or_else(unreadable)?;

    let privileges = Function::bound(USER, id, "RetrieveUserPrivileges");
    let roles = Expand::new("systemuserroles_association").select(["name"]);
    let user = Query::row(USER, id).select(["fullname"]).expand(roles);
    let ([privileges], [user]) = session.functions([privileges], [user]).await?;
    let privileges = privileges.map_err(without_role)?;
    let privileges = Privileges::of(privileges.many("RolePrivileges"));
    if privileges.is_empty() {
        return Err(no_role());
    }
    let user = user.ok().and_then(|page| page.records.into_iter().next()).unwrap_or_default();
    let mut roles: Vec<_> = user
        .many("systemuserroles_association")
        .iter()
        .filter_map(|role| role.text("name").map(str::to_owned))
        .collect();
    roles.sort_unstable();
    let user = User { id, name: user.text("fullname").map(str::to_owned), roles };
    Ok((organization_of(&detail), user, privileges))
}

fn organization_of(detail: &Record) -> Organization {
    let text = |name| detail.text(name).map(str::to_owned);
    Organization {
        id: detail.id("OrganizationId"),
        name: text("FriendlyName"),
        version: text("OrganizationVersion"),
        region: text("Geo"),
    }
}

/// Checks that the environment belongs to the tenant of the credentials. A tenant that was given by
/// its domain cannot be compared.
fn same_tenant(credentials: &Credentials, detail: &Record) -> Result<(), InspectionError> {
    let given = credentials.tenant_id.parse::<Uuid>().ok();
    match (given, detail.id("TenantId")) {
        (Some(given), Some(actual)) if given != actual => Err(Cause::TenantMismatch.into()),
        _ => Ok(()),
    }
}

/// Reads a lack of a privilege as a lack of roles. Every role lets its users read users, so a user
/// who may not has no role. Other errors say nothing about roles.
fn without_role(error: Error) -> InspectionError {
    if error.is(Code::PrivilegeDenied) { no_role() } else { InspectionError::from(error) }
}

fn no_role() -> InspectionError {
    Cause::NoRole.into()
}

impl From<Cause> for InspectionError {
    fn from(cause: Cause) -> InspectionError {
        InspectionError::Diagnosed(cause.into())
    }
}

async fn secret_expiry(
    graph: &Graph,
    credentials: &Credentials,
    deadline: Instant,
) -> SecretExpiry {
    // If Graph does not say, only the date that was entered is known.
    let known = graph.proof_expires_on(credentials, deadline).await.unwrap_or_default();
    match (known, credentials.secret_expires_on) {
        (Some(expires_on), _) => SecretExpiry::Graph { expires_on },
        (None, Some(expires_on)) => SecretExpiry::Given { expires_on },
        (None, None) => SecretExpiry::Unknown,
    }
}
