//! A request of API Gateway in the form that Lambda delivers, and its response.

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Body, IntoResponse, Request, RequestExt as _};
use tokio::time::Instant;

use crate::operation::before_api;
use crate::{Caller, Front, Incoming};

/// How long before Lambda's deadline the answer must be ready. Otherwise the caller could get an
/// error of the gateway.
const MARGIN: Duration = Duration::from_secs(2);

/// API Gateway stops waiting after 30 seconds, whatever the timeout of the function.
const GATEWAY: Duration = Duration::from_secs(30);

/// A response that goes to Lambda unchanged. For a plain [`Response`], `lambda_http` would collect
/// the body again and decode its character set, and it links large tables for that.
#[derive(Debug)]
pub struct Answer(Response<Body>);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

/// Answers a request from Lambda.
pub async fn answer(front: &impl Front, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let context = parts.lambda_context_ref();
    let request_id = context.map(|context| context.request_id.clone()).unwrap_or_default();
    let remaining = context
        .and_then(|context| {
            std::time::UNIX_EPOCH.checked_add(Duration::from_millis(context.deadline))
        })
        .and_then(|deadline| deadline.duration_since(std::time::SystemTime::now()).ok())
        .unwrap_or(GATEWAY)
        .min(GATEWAY);
    let context = match parts.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    };
    let authorizer = context.and_then(|context| context.authorizer.as_ref());
    let caller = authorizer.and_then(|authorizer| Caller::from_context(&authorizer.fields));
    let path = parts.raw_http_path().to_owned();
    let incoming = Incoming {
        address: address(context.and_then(|context| context.domain_name.as_deref()), &path),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        caller,
        request_id,
        deadline: Instant::now() + remaining.saturating_sub(MARGIN),
        headers: parts.headers,
        body: match body {
            Body::Text(text) => Bytes::from(text).into(),
            Body::Binary(bytes) => Bytes::from(bytes).into(),
            _ => crate::Body::default(),
        },
    };
    Answer(front.answer(incoming).await.map(|body| match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    }))
}

/// The address of the API, as API Gateway has it. `sam local` and `cargo lambda watch` only say
/// `localhost`, which has no port.
fn address(domain: Option<&str>, path: &str) -> Option<String> {
    let domain = domain.filter(|domain| *domain != "localhost")?;
    Some(format!("https://{domain}{}", before_api(path)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::Journal;

    /// Notes the address of the API.
    #[derive(Default)]
    struct Noting(Mutex<Option<String>>);

    impl Front for Noting {
        async fn answer(&self, incoming: Incoming) -> Response<Bytes> {
            *self.0.lock().unwrap() = incoming.address;
            Response::new(Bytes::new())
        }

        fn journal(&self) -> Option<&Arc<Journal>> {
            None
        }
    }

    /// The address that a request like that of the sample event has.
    async fn address_with(change: impl FnOnce(&mut Value)) -> Option<String> {
        let sample = include_str!("../../../../events/get_openapi.json");
        let mut event: Value = serde_json::from_str(sample).unwrap();
        change(&mut event);
        let noting = Noting::default();
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        answer(&noting, request).await;
        noting.0.into_inner().unwrap()
    }

    #[tokio::test]
    async fn the_gateway_says_the_address_and_no_header_does() {
        const OWN: &str = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com";
        assert_eq!(address_with(|_| ()).await.as_deref(), Some(OWN));
        let with_headers = address_with(|event| {
            for name in ["host", "x-forwarded-host", "forwarded"] {
                event["headers"][name] = "evil.example".into();
            }
        });
        assert_eq!(with_headers.await.as_deref(), Some(OWN));
        let with_stage = address_with(|event| {
            event["rawPath"] = "/dev/v1/openapi.json".into();
            event["requestContext"]["stage"] = "dev".into();
        });
        assert_eq!(with_stage.await, Some(format!("{OWN}/dev")));
        let local =
            address_with(|event| event["requestContext"]["domainName"] = json!("localhost"));
        assert_eq!(local.await, None);
    }
}
