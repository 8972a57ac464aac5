//! A connection, as the API shows it.

use jiff::civil::Date;
use serde::Deserialize;
use uuid::Uuid;

use crate::api::Problem;
use crate::print::print;

#[derive(Debug, Deserialize)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    pub(crate) instance_url: Option<String>,
    pub(crate) state: String,
    pub(crate) organization: Option<Organization>,
    pub(crate) user: Option<User>,
    pub(crate) secret: Option<Secret>,
    pub(crate) tools: Option<Vec<Tool>>,
    pub(crate) problem: Option<Problem>,
    pub(crate) hints: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) region: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) roles: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Secret {
    pub(crate) begins_with: Option<String>,
    pub(crate) expires_on: Option<Date>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) available: bool,
    pub(crate) missing_privileges: Option<Vec<String>>,
}

impl View {
    /// The tools that the roles do not allow.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter().flatten().filter(|tool| !tool.available)
    }

    /// Whether it works, and all tools with it.
    pub(crate) fn is_well(&self) -> bool {
        self.problem.is_none() && self.refused().next().is_none()
    }

    /// Prints what there is to know.
    pub(crate) fn print(&self) {
        let label = self.label.as_ref().map(|label| format!(", {label}")).unwrap_or_default();
        print(&format!("Connection {}{label}: {}", self.id, self.state));
        if let Some(problem) = &self.problem {
            print(&problem.to_string());
        }
        if let Some(organization) = &self.organization {
            let version = organization.version.as_ref();
            let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
            let region = organization.region.as_ref();
            let region = region.map(|region| format!(", {region}")).unwrap_or_default();
            let name = organization.name.as_deref().unwrap_or("without a name");
            let url = self.instance_url.as_deref().unwrap_or_default();
            print(&format!("Organization: {name}{version}{region}, {url}"));
            if let Some(id) = &organization.id {
                print(&format!("Organization id: {id}"));
            }
        }
        if let Some(user) = &self.user {
            let name = user.name.as_deref().unwrap_or("without a name");
            let roles = user.roles.as_deref().unwrap_or_default().join(", ");
            print(&format!("Application user: {name}; roles: {roles}"));
        }
        if let Some(secret) = &self.secret {
            let begin = secret.begins_with.as_deref().unwrap_or_default();
            let end = secret
                .expires_on
                .map_or_else(|| "its end is not known".to_owned(), |day| format!("ends on {day}"));
            print(&format!("Client secret: {begin}…, {end}"));
        }
        let (tools, refused) = (self.tools.as_deref().unwrap_or_default(), self.refused().count());
        if !tools.is_empty() {
            print(&format!("Tools: {} of {} can be used", tools.len() - refused, tools.len()));
        }
        for tool in self.refused() {
            let missing = tool.missing_privileges.as_deref().unwrap_or_default().join(", ");
            print(&format!("- {}: the roles lack {missing}", tool.name));
        }
        for hint in self.hints.iter().flatten() {
            print(&format!("Hint: {hint}"));
        }
    }
}
