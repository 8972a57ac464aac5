//! Says to API Gateway who calls, by the API key in `Authorization: Bearer KEY`.
//!
//! API Gateway keeps an answer for a while by the key alone, whatever the route: so an answer says
//! who the caller is and what the key is bound to, and the tools check connection and scope
//! themselves. A kept answer grants nothing more than a fresh one.

use std::collections::HashMap;

use aws_lambda_events::apigw::{
    ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request,
};
use serde_json::Value;
use toolkit::{ApiKeysError, Caller, KeyStore, bearer};

/// What API Gateway is told.
pub type Verdict = ApiGatewayV2CustomAuthorizerSimpleResponse<HashMap<String, Value>>;

/// Decides on a request.
///
/// # Errors
///
/// The API keys could not be read. API Gateway then answers 500, and keeps nothing.
pub async fn authorize(
    keys: &KeyStore,
    request: &ApiGatewayV2CustomAuthorizerV2Request,
) -> Result<Verdict, ApiKeysError> {
    let caller = match bearer(&request.headers) {
        Some(key) => keys.caller(key).await?,
        None => None,
    };
    tracing::info!(client = caller.as_ref().map(|caller| caller.client.as_str()), "authorized");
    let mut verdict = Verdict::default();
    verdict.is_authorized = caller.is_some();
    verdict.context = caller.as_ref().map(Caller::to_context).unwrap_or_default();
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use auth::Secrets;
    use serde_json::json;
    use toolkit::sha256_hex;
    use wiremock::matchers::{body_partial_json, header};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn keys(server: &MockServer) -> KeyStore {
        let document = json!({"keys": [{
            "client": "chat platform",
            "sha256": sha256_hex("a key"),
            "connections": ["emea", "apac"],
            "scopes": ["read", "write"],
        }]});
        Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
            .and(body_partial_json(json!({"SecretId": KeyStore::DEFAULT_SECRET})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "Name": KeyStore::DEFAULT_SECRET, "SecretString": document.to_string(),
            })))
            .mount(server)
            .await;
        KeyStore::new(Secrets::at_endpoint(&server.uri()), KeyStore::DEFAULT_SECRET)
    }

    async fn ask(keys: &KeyStore, authorization: Option<&str>) -> Verdict {
        let headers = authorization.map(|value| json!({"authorization": value}));
        let request = serde_json::from_value(json!({
            "version": "2.0", "type": "REQUEST", "headers": headers.unwrap_or(json!({})),
            "requestContext": {"http": {"method": "POST", "path": "/v1/tools/x"}},
        }))
        .unwrap();
        authorize(keys, &request).await.unwrap()
    }

    #[tokio::test]
    async fn a_good_key_says_who_calls_and_any_other_is_refused() {
        let server = MockServer::start().await;
        let keys = keys(&server).await;
        let verdict = ask(&keys, Some("Bearer a key")).await;
        assert!(verdict.is_authorized);
        assert_eq!(
            serde_json::to_value(&verdict).unwrap(),
            json!({
                "isAuthorized": true,
                "context": {
                    "client": "chat platform", "connections": "apac,emea", "scopes": "read write",
                },
            })
        );
        let caller = Caller::from_context(&verdict.context).unwrap();
        assert_eq!(caller.client, "chat platform");
        for wrong in
            [None, Some("Bearer "), Some("Bearer a kex"), Some("Basic a key"), Some("a key")]
        {
            let verdict = ask(&keys, wrong).await;
            assert!(!verdict.is_authorized && verdict.context.is_empty(), "{wrong:?}");
        }
    }
}
