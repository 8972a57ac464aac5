//! The user who calls.

use std::sync::Arc;

use http::StatusCode;
use uuid::Uuid;

use super::privileges::{Access, Privileges, privilege_id, privilege_name};
use super::reach::reaches;
use super::store::{Row, Store};
use crate::data::Table;
use crate::message::ApiError;

/// A user of the organization, with the privileges of its roles.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The `systemuserid`.
    pub user: Uuid,
    /// The privileges that its security roles give.
    pub privileges: Arc<Privileges>,
}

impl Caller {
    /// Checks that the caller may do this. The refusal has the words recorded from the online
    /// service.
    pub fn require(&self, access: Access, table: &Table) -> Result<(), ApiError> {
        if self.privileges.allows(access, table) {
            return Ok(());
        }
        let name = privilege_name(access, table);
        let user = self.user;
        let message = format!(
            "Principal user (Id={user}, type=8, roleCount={}, privilegeCount={}, accessMode='4 \
             Non-interactive'), is missing {name} privilege (Id={}) on OTC={} for entity '{}' \
             (LocalizedName='{}'). context.Caller={user}. Consider adding missed privilege to one \
             of the principal (user/team) roles.",
            self.privileges.role_count(),
            self.privileges.count(),
            privilege_id(&name),
            table.object_type_code,
            table.name,
            table.label,
        );
        Err(ApiError::new(StatusCode::FORBIDDEN, 0x8004_0220, message).named("PrivilegeDenied"))
    }

    /// Checks that the caller may do this with a row of a table that it may do it with.
    pub fn require_row(&self, access: Access, store: &Store, row: &Row) -> Result<(), ApiError> {
        let table = row.table.table();
        self.require(access, table)?;
        let depth = self.privileges.depth(access, table);
        if depth.is_some_and(|depth| reaches(store, self.user, depth, row)) {
            return Ok(());
        }
        let id = |column: &str| row.value(column).as_id().unwrap_or_default();
        let message = format!(
            "SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: {}, OwnerId: {}, \
             OwnerIdType: 8 and CallingUser: {}. ObjectTypeCode: {}, objectBusinessUnitId: {}, \
             AccessRights: {}Access",
            row.id,
            id("_ownerid_value"),
            self.user,
            table.object_type_code,
            id("_owningbusinessunit_value"),
            access.name(),
        );
        Err(ApiError::new(StatusCode::FORBIDDEN, 0x8004_0220, message).named("PrivilegeDenied"))
    }
}
