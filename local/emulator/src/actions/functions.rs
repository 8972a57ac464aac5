//! Functions: they answer questions about the caller, the organization and the service.

use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

use crate::data::Reference;
use crate::data::well_known::{ENVIRONMENT_ID, TENANT_ID, UNIQUE_NAME, URL_NAME};
use crate::message::{ApiError, ApiRequest, ApiResponse, Array, Object};
use crate::organization::{Access, Caller, Privileges, Store, platform, privilege_id};
use crate::query::options::QueryOptions;
use crate::query::resource::Call;

/// The version that the service reports. It is one of 2025.
const VERSION: &str = "9.2.25063.190";

/// Whether there is an unbound function with this name.
pub(super) fn is_unbound(name: &str) -> bool {
    matches!(name, "WhoAmI" | "RetrieveVersion" | "RetrieveCurrentOrganization")
}

/// Answers an unbound function, which is not called on a row.
pub(crate) fn unbound(
    store: &Store,
    caller: &Caller,
    request: &ApiRequest,
    call: &Call,
) -> Result<ApiResponse, ApiError> {
    match call.name.as_str() {
        "WhoAmI" => {
            takes(call, &[])?;
            Ok(who_am_i(store, caller, request))
        }
        "RetrieveVersion" => {
            takes(call, &[])?;
            let mut object = typed(request, "RetrieveVersionResponse");
            object.text("Version", VERSION);
            Ok(json(StatusCode::OK, object))
        }
        "RetrieveCurrentOrganization" => {
            takes(call, &["AccessType"])?;
            current_organization(store, request, call)
        }
        name => Err(ApiError::unknown_segment(name)),
    }
}

/// Answers a function that is called on a row.
pub(crate) fn bound(
    store: &Store,
    caller: &Caller,
    request: &ApiRequest,
    row: Reference,
    call: &Call,
) -> Result<ApiResponse, ApiError> {
    let table = row.table.table();
    let wanted = match (table.name.as_str(), call.name.as_str()) {
        ("systemuser", "RetrieveUserPrivileges") => {
            takes(call, &[])?;
            None
        }
        ("systemuser", "RetrieveUserPrivilegeByPrivilegeName") => {
            takes(call, &["PrivilegeName"])?;
            Some(text_argument(request, call, "PrivilegeName")?)
        }
        (_, name) => {
            return Err(ApiError::unknown_segment(&format!("Microsoft.Dynamics.CRM.{name}")));
        }
    };
    caller.require(Access::Read, table)?;
    let user = store.follow(row).ok_or_else(|| ApiError::no_such_row(&table.name, row.id))?;
    let of_user = if row.id == caller.user {
        Privileges::clone(&caller.privileges)
    } else {
        Privileges::of_roles(&platform::roles_of(store, row.id))
    };
    let unit = user.value("_businessunitid_value").as_id().unwrap_or_default();
    let mut list = Array::new();
    for (name, depth) in of_user.names() {
        if wanted.as_ref().is_some_and(|wanted| !name.eq_ignore_ascii_case(wanted)) {
            continue;
        }
        let mut privilege = Object::new();
        privilege.text("Depth", depth.name());
        privilege.text("PrivilegeId", &privilege_id(&name).to_string());
        privilege.text("BusinessUnitId", &unit.to_string());
        privilege.text("PrivilegeName", &name);
        privilege.text("RecordFilterId", &Uuid::nil().to_string());
        list.push(&privilege.finish());
    }
    let mut object = typed(request, &format!("{}Response", call.name));
    object.raw("RolePrivileges", &list.finish());
    Ok(json(StatusCode::OK, object))
}

fn who_am_i(store: &Store, caller: &Caller, request: &ApiRequest) -> ApiResponse {
    let unit = platform::business_unit(store, caller.user);
    let organization = platform::organization(store).map(|organization| organization.id);
    let mut object = typed(request, "WhoAmIResponse");
    object.text("BusinessUnitId", &unit.unwrap_or_default().to_string());
    object.text("UserId", &caller.user.to_string());
    object.text("OrganizationId", &organization.unwrap_or_default().to_string());
    json(StatusCode::OK, object)
}

fn current_organization(
    store: &Store,
    request: &ApiRequest,
    call: &Call,
) -> Result<ApiResponse, ApiError> {
    let options = QueryOptions::parse(request.query.as_deref())?;
    let access = call.argument("AccessType", &options.aliases).unwrap_or_default();
    let known = ["Default", "Internet", "Intranet"]
        .iter()
        .any(|name| access == format!("Microsoft.Dynamics.CRM.EndpointAccessType'{name}'"));
    if !known {
        return Err(ApiError::odata("Request message has unresolved parameters."));
    }
    let organization = platform::organization(store).ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, 0x8004_0217, "The organization does not exist.")
    })?;
    let name = organization.name().unwrap_or_default();
    let host = request.base.split("/api/data/").next().unwrap_or_default();
    let mut endpoints = Object::new();
    endpoints.raw("Count", "3");
    endpoints.raw("IsReadOnly", "false");
    endpoints.raw(
        "Keys",
        &strings(["WebApplication", "OrganizationService", "OrganizationDataService"]),
    );
    endpoints.raw(
        "Values",
        &strings([
            &format!("{host}/"),
            &format!("{host}/XRMServices/2011/Organization.svc"),
            &format!("{host}/XRMServices/2011/OrganizationData.svc"),
        ]),
    );
    let mut detail = Object::new();
    detail.text("OrganizationId", &organization.id.to_string());
    detail.text("FriendlyName", name);
    detail.text("OrganizationVersion", VERSION);
    detail.text("EnvironmentId", ENVIRONMENT_ID);
    detail.text("DatacenterId", &Uuid::nil().to_string());
    detail.text("Geo", "EMEA");
    detail.text("TenantId", TENANT_ID);
    detail.text("UrlName", URL_NAME);
    detail.text("UniqueName", UNIQUE_NAME);
    detail.raw("Endpoints", &endpoints.finish());
    detail.text("State", "Enabled");
    let mut object = typed(request, "RetrieveCurrentOrganizationResponse");
    object.raw("Detail", &detail.finish());
    Ok(json(StatusCode::OK, object))
}

/// Refuses a call with missing or additional parameters.
pub(super) fn takes(call: &Call, parameters: &[&str]) -> Result<(), ApiError> {
    let same = call.arguments.len() == parameters.len()
        && call.arguments.iter().all(|(name, _)| parameters.contains(&name.as_str()));
    if same { Ok(()) } else { Err(ApiError::unknown_segment(&call.name)) }
}

pub(super) fn text_argument(
    request: &ApiRequest,
    call: &Call,
    name: &str,
) -> Result<String, ApiError> {
    let options = QueryOptions::parse(request.query.as_deref())?;
    let value = call.argument(name, &options.aliases).unwrap_or_default();
    let text = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    text.map(|text| text.replace("''", "'"))
        .ok_or_else(|| ApiError::odata("Request message has unresolved parameters."))
}

fn typed(request: &ApiRequest, response: &str) -> Object {
    let mut object = Object::new();
    let context = format!("{}$metadata#Microsoft.Dynamics.CRM.{response}", request.base);
    object.text("@odata.context", &context);
    object
}

fn strings<const N: usize>(texts: [&str; N]) -> String {
    let mut array = Array::new();
    for text in texts {
        array.push(&serde_json::Value::from(text).to_string());
    }
    array.finish()
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, object: Object) -> ApiResponse {
    let mut response = ApiResponse::empty(status);
    let content_type = HeaderValue::from_static("application/json; odata.metadata=minimal");
    response.headers.insert(header::CONTENT_TYPE, content_type);
    response.headers.insert("odata-version", HeaderValue::from_static("4.0"));
    response.body = object.finish().into();
    response
}
