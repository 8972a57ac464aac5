//! Functions of the Web API: calls that only read.

use uuid::Uuid;

use crate::Table;

/// A call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub(crate) path: String,
}

impl Function {
    /// Who the caller is: `UserId`, `BusinessUnitId`, `OrganizationId`.
    pub fn who_am_i() -> Function {
        Function { path: "WhoAmI".to_owned() }
    }

    /// What the organization is: its `Detail` has `FriendlyName`, `OrganizationVersion`, `Geo`,
    /// `TenantId` and more.
    pub fn current_organization() -> Function {
        let path = "RetrieveCurrentOrganization(AccessType=@p1)\
                    ?@p1=Microsoft.Dynamics.CRM.EndpointAccessType%27Default%27";
        Function { path: path.to_owned() }
    }

    /// The definitions of a table's columns: `LogicalName`, `AttributeType`, `DisplayName` and
    /// more. The Web API has no function for that, but the request looks like the call of one.
    pub fn columns_of(table: Table) -> Function {
        let path = format!(
            "EntityDefinitions(LogicalName=%27{}%27)/Attributes\
             ?$select=LogicalName,AttributeType,AttributeOf,DisplayName,IsValidForRead",
            table.logical_name
        );
        Function { path }
    }

    /// A function on a row, without parameters.
    pub fn bound(table: Table, id: Uuid, name: &'static str) -> Function {
        Function { path: format!("{}({id})/Microsoft.Dynamics.CRM.{name}", table.entity_set) }
    }
}
