//! The steps of a connection's set-up. `docs/setting-up.md` says how to take each.

use std::fmt;
use std::sync::LazyLock;

/// A step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The directory's id is looked up.
    Tenant,
    /// The application is registered.
    Application,
    /// The client secret is made.
    Secret,
    /// The application is allowed to call Dynamics 365.
    Permission,
    /// The environment's address is looked up.
    Instance,
    /// The application user is made, with its roles.
    User,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Step; 6] = [
        Step::Tenant,
        Step::Application,
        Step::Secret,
        Step::Permission,
        Step::Instance,
        Step::User,
    ];

    /// The step with this number.
    pub fn of_number(number: u8) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.number() == number)
    }

    /// The step's number, from 1.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What the step is about.
    pub fn name(self) -> &'static str {
        match self {
            Step::Tenant => "tenant id",
            Step::Application => "app registration",
            Step::Secret => "client secret",
            Step::Permission => "API permission",
            Step::Instance => "instance URL",
            Step::User => "application user",
        }
    }

    /// The guide that says how to take the steps. The environment variable `GUIDE_URL` says under
    /// which address people find it; without it, this is its path in the repository.
    pub fn guide_page() -> String {
        static PAGE: LazyLock<String> = LazyLock::new(|| {
            let given = std::env::var("GUIDE_URL").ok().filter(|url| !url.is_empty());
            given.unwrap_or_else(|| "docs/setting-up.md".to_owned())
        });
        PAGE.clone()
    }

    /// The place in the guide that says how to take the step.
    pub fn guide(self) -> String {
        let name = self.name().to_lowercase().replace(' ', "-");
        format!("{}#step-{}-{name}", Step::guide_page(), self.number())
    }

    /// Where people take the step, for the application with this id; empty if nobody knows it.
    pub fn place(self, client_id: &str) -> String {
        let application = format!(
            "portal.azure.com, Microsoft Entra ID, App registrations, the application {client_id}"
        );
        let application = application.trim_end().to_owned();
        let environment = "admin.powerplatform.microsoft.com, Environments, the environment";
        match self {
            Step::Tenant => "portal.azure.com, Microsoft Entra ID, Overview, Tenant ID".to_owned(),
            Step::Application => application,
            Step::Secret => format!("{application}, Certificates & secrets"),
            Step::Permission => format!("{application}, API permissions"),
            Step::Instance => format!("{environment}, Environment URL"),
            Step::User => {
                format!("{environment}, Settings, Users + permissions, Application users")
            }
        }
    }
}

/// Writes `set-up step 3 (client secret)`. `{:#}` begins with a capital, as a sentence does.
impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = if formatter.alternate() { 'S' } else { 's' };
        write!(formatter, "{first}et-up step {} ({})", self.number(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_known_by_their_numbers() {
        for (step, number) in Step::ALL.into_iter().zip(1..) {
            assert_eq!((step.number(), Step::of_number(number)), (number, Some(step)));
        }
        assert_eq!(Step::of_number(0), None);
        assert_eq!(Step::of_number(7), None);
        assert_eq!(Step::Secret.to_string(), "set-up step 3 (client secret)");
        assert_eq!(format!("{:#}", Step::User), "Set-up step 6 (application user)");
        assert_eq!(Step::Permission.guide(), "docs/setting-up.md#step-4-api-permission");
    }
}
