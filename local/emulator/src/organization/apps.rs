//! Which Dynamics 365 apps the organization has.

use serde::Deserialize;

use crate::data::{App, Table};

/// The installed apps; without one, its tables do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apps {
    /// Dynamics 365 Sales.
    pub sales: bool,
    /// Dynamics 365 Customer Service.
    pub service: bool,
}

impl Apps {
    /// Both.
    pub const ALL: Self = Self { sales: true, service: true };

    /// Whether the table is there.
    pub fn bring(self, table: &Table) -> bool {
        self.has(table.app)
    }

    /// Whether what comes with this app is there.
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
