//! Refusals, in the words and the form of Dataverse.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use uuid::Uuid;

use super::prefer::annotation_wanted;
use super::response::ApiResponse;

/// A refusal by Dataverse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} 0x{code:08x}: {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// Dataverse's own code, as in its list of error codes. `0` is written as an empty string, as
    /// by the OData layer in front of Dataverse.
    pub code: u32,
    /// The sentence for developers.
    pub message: String,
    /// The name of the exception. It is shown if the caller asked for error annotations.
    pub exception_name: Option<&'static str>,
    /// Whether the OData library itself refuses. It writes a code of 0 as `0x0`.
    pub bare: bool,
    /// Whether the emulator speaks for itself and not for Dataverse.
    pub own: bool,
    /// The same refusal in the form of other organizations.
    pub other: Option<Box<ApiError>>,
}

/// The form in which an organization refuses an unknown name. Both forms have been recorded. A
/// client cannot know beforehand which form it will get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownNames {
    /// The form that was recorded from Dataverse online in 2025.
    #[default]
    Online,
    /// The form of other organizations: 404 `0x8006088a` for a table, and 400 `0x0` for a column,
    /// in a URL or in a body.
    Other,
}

/// The code of all errors in a URL that the OData layer does not understand.
pub const ODATA_ERROR: u32 = 0x8006_0888;

/// The code and the header of what the emulator says for itself.
const NOT_EMULATED: &str = "not-emulated";

/// The other code for an unknown table, function or action. The list of error codes calls it
/// `CrmHttpError`.
const HTTP_ERROR: u32 = 0x8006_088a;

impl ApiError {
    /// A refusal with this status, code and message.
    pub fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, exception_name: None, bare: false, own: false, other: None }
    }

    /// A 400 with this code.
    pub fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A 400 from the OData layer: something in the URL is unknown or malformed.
    pub fn odata(message: impl Into<String>) -> Self {
        Self::bad_request(ODATA_ERROR, message)
    }

    /// A 404 from the OData layer: there is no such table, column, function or action.
    pub fn unknown_segment(segment: &str) -> Self {
        let message = format!("Resource not found for the segment '{segment}'.");
        Self::new(StatusCode::NOT_FOUND, ODATA_ERROR, message.clone()).or(Self::new(
            StatusCode::NOT_FOUND,
            HTTP_ERROR,
            message,
        ))
    }

    /// A 400 from the OData library itself, with the code `0x0`.
    pub fn bare(message: impl Into<String>) -> Self {
        Self { bare: true, ..Self::bad_request(0, message) }
    }

    /// Sets the refusal of organizations that refuse unknown names in the other form.
    #[must_use]
    pub fn or(self, other: ApiError) -> Self {
        Self { other: Some(Box::new(other)), ..self }
    }

    /// The refusal in the form of this organization.
    #[must_use]
    pub fn in_form(mut self, form: UnknownNames) -> Self {
        match (form, self.other.take()) {
            (UnknownNames::Other, Some(other)) => *other,
            _ => self,
        }
    }

    /// A 501 from the emulator itself, for something that Dataverse has and the emulator does not.
    /// A header tells it apart from all answers of Dataverse.
    pub fn not_emulated(what: &str) -> Self {
        let message = format!("The emulator does not have {what}.");
        Self { own: true, ..Self::new(StatusCode::NOT_IMPLEMENTED, 0, message) }
    }

    /// A 404 from Dataverse: the table has no row with this key.
    pub fn no_such_row(table: &str, id: Uuid) -> Self {
        let message = format!("Entity '{table}' With Id = {id} Does Not Exist");
        Self::new(StatusCode::NOT_FOUND, 0x8004_0217, message).named("ObjectDoesNotExist")
    }

    /// Sets the name of the exception.
    #[must_use]
    pub fn named(mut self, exception_name: &'static str) -> Self {
        self.exception_name = Some(exception_name);
        self
    }

    /// The answer as Dataverse writes it. The headers in `request` decide whether error annotations
    /// are added.
    pub fn into_response(self, request: &HeaderMap) -> ApiResponse {
        if self.own {
            let error = json!({ "error": { "code": NOT_EMULATED, "message": self.message } });
            let mut response = ApiResponse::json(self.status, &error);
            let value = HeaderValue::from_static(NOT_EMULATED);
            response.headers.insert("x-dataverse-emulator", value);
            return response;
        }
        let code = match self.code {
            0 if self.bare => "0x0".to_owned(),
            0 => String::new(),
            code => format!("0x{code:08x}"),
        };
        let mut error = Map::new();
        error.insert("code".into(), code.into());
        error.insert("message".into(), self.message.clone().into());
        let wanted = |name: &str| annotation_wanted(request, name);
        for (name, value) in [
            ("ApiExceptionSourceKey", "Plugin/Microsoft.Crm.ObjectModel".to_owned()),
            ("ApiActivityIdKey", Uuid::new_v4().to_string()),
            ("ApiExceptionCategory", "ClientError".to_owned()),
            (
                "ApiExceptionMessageName",
                self.exception_name.unwrap_or("InvalidArgument").to_owned(),
            ),
            ("ApiExceptionHttpStatusCode", self.status.as_u16().to_string()),
        ] {
            // Clients ask for `Microsoft.PowerApps…`. The members are written with a leading `@`.
            let name = format!("Microsoft.PowerApps.CDS.ErrorDetails.{name}");
            if wanted(&name) {
                error.insert(format!("@{name}"), value.into());
            }
        }
        for (name, value) in [
            ("Microsoft.PowerApps.CDS.HelpLink", help_link(self.code)),
            ("Microsoft.PowerApps.CDS.TraceText", String::new()),
            ("Microsoft.PowerApps.CDS.InnerError.Message", self.message),
        ] {
            if wanted(name) && !value.is_empty() {
                error.insert(format!("@{name}"), value.into());
            }
        }
        ApiResponse::json(self.status, &json!({ "error": error }))
    }
}

fn help_link(code: u32) -> String {
    format!(
        "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{code:x}&client=platform"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn prefer(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("prefer"),
            HeaderValue::from_static(value),
        )])
    }

    #[test]
    fn an_error_is_code_and_message_alone_unless_annotations_are_asked_for() {
        let error = ApiError::odata("No.").into_response(&HeaderMap::new());
        let body: Value = serde_json::from_slice(&error.body).unwrap();
        assert_eq!(body, json!({"error": {"code": "0x80060888", "message": "No."}}));

        let error =
            ApiError::odata("No.").into_response(&prefer("odata.include-annotations=\"*\""));
        let body: Value = serde_json::from_slice(&error.body).unwrap();
        let status =
            &body["error"]["@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionHttpStatusCode"];
        assert_eq!(status, "400");
    }

    #[test]
    fn an_unknown_name_has_another_form() {
        let error = ApiError::unknown_segment("x");
        assert_eq!(error.clone().in_form(UnknownNames::Online).code, ODATA_ERROR);
        let other = error.in_form(UnknownNames::Other);
        assert_eq!((other.status, other.code), (StatusCode::NOT_FOUND, HTTP_ERROR));
        assert_eq!(ApiError::odata("No.").in_form(UnknownNames::Other).code, ODATA_ERROR);
        let bare = ApiError::bare("No.").into_response(&HeaderMap::new());
        let body: Value = serde_json::from_slice(&bare.body).unwrap();
        assert_eq!(body["error"]["code"], "0x0");
    }
}
