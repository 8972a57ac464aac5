//! The emulated organization.

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{ApiError, ApiRequest, ApiResponse, Caller};

/// The rows and rules of one organization.
#[derive(Debug)]
pub struct Organization {}

impl Organization {
    /// With the sample data.
    pub fn sample(_now: Timestamp) -> Self {
        Self {}
    }

    /// Carries out one request.
    pub fn handle(&self, caller: &Caller, request: ApiRequest) -> ApiResponse {
        if request.path.trim_end_matches("()") == "WhoAmI" {
            return ApiResponse::json(
                StatusCode::OK,
                &json!({
                    "@odata.context":
                        format!("{}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", request.base),
                    "BusinessUnitId": "f68a9514-0976-5b41-bbac-bd20a4b635d9",
                    "UserId": caller.user,
                    "OrganizationId": "be61b360-aec4-5ce8-8664-13d8cca08fc7",
                }),
            );
        }
        ApiError::unknown_segment(&request.path).into_response(&request.headers)
    }

    /// Carries out a change set: all of it or nothing. The error is the number of the request that
    /// failed and its answer.
    pub fn change_set(
        &self,
        caller: &Caller,
        requests: Vec<ApiRequest>,
    ) -> Result<Vec<ApiResponse>, (usize, ApiResponse)> {
        let mut answers = Vec::new();
        for (index, request) in requests.into_iter().enumerate() {
            let answer = self.handle(caller, request);
            if answer.status.is_client_error() {
                return Err((index, answer));
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    /// The rows of a table by its entity set name, raw.
    pub fn rows(&self, _set: &str) -> Option<Value> {
        None
    }

    /// Back to the sample data.
    pub fn reset(&self) {}

    /// Says which of the two apps are installed: without one, its tables are unknown.
    pub fn set_apps(&self, _sales: bool, _service: bool) {}

    /// Adds rows to a table by its logical name, for load tests; says why it cannot.
    pub fn seed(&self, table: &str, _rows: usize) -> Result<(), String> {
        let _: Bytes = Bytes::new();
        Err(format!("unknown table '{table}'"))
    }
}
