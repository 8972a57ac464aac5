//! Tells API Gateway who calls, by the API key in `Authorization: Bearer KEY`.
//!
//! API Gateway keeps an answer for a while, for every request with the same key, whatever the
//! route. So an answer only says who the caller is and what the key is bound to, and the tools
//! check connection and scope themselves. A kept answer grants no more than a fresh one.

use std::collections::HashMap;

use aws_lambda_events::apigw::{
    ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request,
};
use serde_json::Value;
use toolkit::{ApiKeysError, Caller, KeyStore, bearer};

/// The answer to API Gateway.
pub type Verdict = ApiGatewayV2CustomAuthorizerSimpleResponse<HashMap<String, Value>>;

/// Finds out who sends a request, and whether they may.
///
/// # Errors
///
/// The API keys could not be read. API Gateway then answers 500, and keeps no answer.
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
    use std::time::{Duration, Instant};

    use auth::Secrets;
    use secrecy::ExposeSecret as _;
    use serde_json::json;
    use state::State;
    use toolkit::sha256_hex;
    use wiremock::matchers::{body_partial_json, header};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn keys(server: &MockServer) -> KeyStore {
        let document = json!({"keys": [{
            "client": "chat platform",
            "sha256": sha256_hex("a key"),
            "connections": ["emea", "apac"],
            "scopes": ["read", "write"], "for": "staff",
        }]});
        Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
            .and(body_partial_json(json!({"SecretId": "dynamics365/api-keys"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "Name": "dynamics365/api-keys", "SecretString": document.to_string(),
            })))
            .mount(server)
            .await;
        KeyStore::new(Secrets::at_endpoint(&server.uri()), None)
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
                    "client": "chat platform", "connections": "apac,emea", "for": "staff",
                    "scopes": "read write",
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

    fn known(key: &str) -> Value {
        json!({"client": key, "sha256": sha256_hex(key), "connections": ["*"], "scopes": ["read"], "for": "staff"})
    }

    fn document(keys: &[Value]) -> ResponseTemplate {
        let document = json!({"keys": keys});
        ResponseTemplate::new(200).set_body_json(json!({"SecretString": document.to_string()}))
    }

    fn failure(code: &str) -> ResponseTemplate {
        ResponseTemplate::new(400).set_body_json(json!({"__type": code, "Message": "no"}))
    }

    /// Gives these answers in turn, and the last one again and again.
    async fn secret(server: &MockServer, answers: Vec<ResponseTemplate>) -> KeyStore {
        let last = answers.len() - 1;
        for (position, answer) in answers.into_iter().enumerate() {
            let times = if position == last { 1_000 } else { 1 };
            let mock = Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"));
            mock.respond_with(answer).up_to_n_times(times).mount(server).await;
        }
        KeyStore::new(Secrets::at_endpoint(&server.uri()), None)
    }

    async fn reads(server: &MockServer) -> usize {
        server.received_requests().await.unwrap().len()
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    }

    async fn is_known(keys: &KeyStore, key: &str) -> bool {
        ask(keys, Some(&format!("Bearer {key}"))).await.is_authorized
    }

    #[tokio::test]
    async fn unknown_keys_cost_nothing_and_a_new_one_works_within_five_minutes() {
        let server = MockServer::start().await;
        let before = document(&[known("one")]);
        let keys = secret(&server, vec![before, document(&[known("one"), known("two")])]).await;
        assert!(is_known(&keys, "one").await);
        for minute in 0..3 {
            for key in ["two", "three", "d365t_0123456789abcdef"] {
                assert!(!is_known(&keys, key).await, "{minute}");
            }
            assert_eq!(reads(&server).await, 1);
            pass(60).await;
        }
        pass(120).await;
        // It is read again while the callers go on; the next one knows.
        is_known(&keys, "two").await;
        pass(1).await;
        assert!(is_known(&keys, "two").await);
        assert_eq!(reads(&server).await, 2);
    }

    #[tokio::test]
    async fn nobody_is_locked_out_while_the_keys_cannot_be_read() {
        let slip = ResponseTemplate::new(200).set_body_json(json!({"SecretString": "a slip"}));
        let never = document(&[]).set_delay(Duration::from_secs(20));
        for then in [slip, never, failure("AccessDeniedException"), failure("ThrottlingException")]
        {
            let server = MockServer::start().await;
            let keys = secret(&server, vec![document(&[known("one")]), then]).await;
            assert!(is_known(&keys, "one").await);
            pass(3600).await;
            for _ in 0..20 {
                let started = Instant::now();
                assert!(is_known(&keys, "one").await);
                assert!(started.elapsed() < Duration::from_millis(400));
            }
            assert!(!is_known(&keys, "two").await);
        }
    }

    #[tokio::test]
    async fn where_there_is_no_secret_nobody_has_a_key() {
        let server = MockServer::start().await;
        let gone = failure("ResourceNotFoundException");
        let keys = secret(&server, vec![document(&[known("one")]), gone]).await;
        assert!(is_known(&keys, "one").await);
        pass(3600).await;
        assert!(!is_known(&keys, "one").await);
    }

    #[tokio::test]
    async fn a_wrong_entry_takes_out_itself_alone() {
        let server = MockServer::start().await;
        let wrong = json!({"client": "wrong", "sha256": "no hash"});
        let keys = secret(&server, vec![document(&[wrong, known("one")])]).await;
        assert!(is_known(&keys, "one").await);
    }

    #[tokio::test]
    async fn the_first_key_works_while_the_table_fails_and_of_others_nobody_knows() {
        let server = MockServer::start().await;
        let made = || toolkit::new_api_key().unwrap();
        let (first, other) = (made(), made());
        let answer = document(&[known(first.expose_secret())]);
        let secrets = Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"));
        secrets.respond_with(answer).mount(&server).await;
        let table = Mock::given(header("x-amz-target", "DynamoDB_20120810.GetItem"));
        table.respond_with(failure("AccessDeniedException")).mount(&server).await;
        let state = State::at_endpoint(&server.uri(), "table");
        let keys = KeyStore::new(Secrets::at_endpoint(&server.uri()), Some(state));
        assert!(keys.caller(first.expose_secret()).await.unwrap().is_some());
        let error = keys.caller(other.expose_secret()).await.unwrap_err();
        assert!(matches!(error, ApiKeysError::Table(_)), "{error}");
    }
}
