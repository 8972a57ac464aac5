//! A request of API Gateway in the form that Lambda delivers, and its response.

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Body, IntoResponse, Request, RequestExt as _};
use tokio::time::Instant;

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
    let caller = match parts.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context
            .authorizer
            .as_ref()
            .and_then(|authorizer| Caller::from_context(&authorizer.fields)),
        _ => None,
    };
    let incoming = Incoming {
        path: parts.raw_http_path().to_owned(),
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
