//! The Dynamics 365 apps of the organization.

use serde::Deserialize;

use crate::data::{App, Table};

/// The installed apps. If an app is missing, its tables do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apps {
    /// Dynamics 365 Sales.
    pub sales: bool,
    /// Dynamics 365 Customer Service.
    pub service: bool,
}

impl Apps {
    /// Both apps.
    pub const ALL: Self = Self { sales: true, service: true };

    /// Whether the table exists.
    pub fn bring(self, table: &Table) -> bool {
        self.has(table.app)
    }

    /// Whether the tables of this app exist.
    pub fn has(self, app: App) -> bool {
        match app {
            App::Base => true,
            App::Sales => self.sales,
            App::Service => self.service,
            App::SalesOrService => self.sales || self.service,
        }
    }
}

impl Default for Apps {
    fn default() -> Self {
        Self::ALL
    }
}
