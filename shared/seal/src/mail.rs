//! Sends one mail with Amazon SES: one signed request, without the SDK for SES, which is large.
//!
//! Source: "SendEmail" in Amazon's SES API v2 reference; the restJson1 protocol of Smithy.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use dataverse::{HttpClients, read_up_to};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::address::{Address, Sender, is_line_break_or_control};
use crate::answer::{MailError, Part, judge};

/// How long sending one mail may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of an answer.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The longest subject, in characters, and the longest text, in bytes.
const LONGEST_SUBJECT: usize = 200;
const LONGEST_TEXT: usize = 64 * 1024;

const PATH: &str = "/v2/email/outbound-emails";
const SERVICE: &str = "ses";
const JSON: &str = "application/json";

/// Sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    from: Sender,
    configuration_set: Option<String>,
    region: String,
    origin: String,
    credentials: Option<SharedCredentialsProvider>,
    http: HttpClients,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mailer").field("region", &self.region).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail<'a> {
    from_email_address: String,
    destination: Destination<'a>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Destination<'a> {
    to_addresses: [&'a str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Content<'a> {
    simple: Message<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    subject: Text<'a>,
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    text: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Text<'a> {
    data: &'a str,
    charset: &'static str,
}

impl<'a> Text<'a> {
    fn new(data: &'a str) -> Text<'a> {
        Text { data, charset: "UTF-8" }
    }
}

impl Mailer {
    /// Sends with the region and the credentials of this configuration, and to its endpoint, if it
    /// names one for all services.
    pub fn new(config: &SdkConfig, http: impl Into<HttpClients>, from: Sender) -> Mailer {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let origin = config.endpoint_url().map_or_else(|| endpoint(&region), ToOwned::to_owned);
        Mailer {
            from,
            configuration_set: None,
            region,
            origin: origin.trim_end_matches('/').to_owned(),
            credentials: config.credentials_provider(),
            http: http.into(),
        }
    }

    /// Sends with this configuration set; `None` means the identity's own, if it has one.
    #[must_use]
    pub fn with_configuration_set(self, configuration_set: Option<String>) -> Mailer {
        let configuration_set = configuration_set.filter(|name| !name.is_empty());
        Mailer { configuration_set, ..self }
    }

    /// Sends to SES of another region than that of the configuration.
    #[must_use]
    pub fn in_region(self, region: impl Into<String>) -> Mailer {
        let region = region.into();
        Mailer { origin: endpoint(&region), region, ..self }
    }

    /// Sends to a stand-in for SES at this address.
    #[must_use]
    pub fn at_endpoint(self, url: &str) -> Mailer {
        Mailer { origin: url.trim_end_matches('/').to_owned(), ..self }
    }

    /// Sends a mail, once. It is tried a second time only if there was no connection, so that nothing
    /// was sent. It takes five seconds at most.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), MailError> {
        let deadline = Instant::now() + PATIENCE;
        let to = Address::parse(to).map_err(|_| MailError::Malformed(Part::To))?;
        let body = self.body(&to, subject, text)?;
        let mut is_second = false;
        loop {
            let request = self.signed(&body, deadline).await?;
            let sending = self.http.of(&self.origin).execute(request);
            let error = match timeout_at(deadline, sending).await {
                Err(_) => return Err(LATE),
                Ok(Ok(answer)) => {
                    let (status, headers) = (answer.status(), answer.headers().clone());
                    let body = timeout_at(deadline, read_up_to(answer, LONGEST_ANSWER)).await;
                    let body = body.map_err(|_| LATE)?.unwrap_or_default();
                    return judge(status, &headers, &body, self.from.address(), &to);
                }
                Ok(Err(error)) => error,
            };
            // This also closes idle sockets, if this process has no descriptor left.
            self.http.made_room_after(&error);
            if !error.is_connect() {
                let problem = "the connection broke";
                return Err(MailError::Unanswered { problem });
            }
            if is_second {
                return Err(MailError::Unreachable);
            }
            is_second = true;
        }
    }

    fn body(&self, to: &Address, subject: &str, text: &str) -> Result<Vec<u8>, MailError> {
        let is_long = subject.chars().count() > LONGEST_SUBJECT;
        if is_long || subject.contains(is_line_break_or_control) {
            return Err(MailError::Malformed(Part::Subject));
        }
        if text.len() > LONGEST_TEXT || text.contains('\0') {
            return Err(MailError::Malformed(Part::Text));
        }
        let mail = SendEmail {
            from_email_address: self.from.header(),
            destination: Destination { to_addresses: [to.as_str()] },
            content: Content {
                simple: Message {
                    subject: Text::new(subject),
                    body: Body { text: Text::new(text) },
                },
            },
            configuration_set_name: self.configuration_set.as_deref(),
        };
        serde_json::to_vec(&mail).map_err(|_| MailError::Malformed(Part::Text))
    }

    /// The request with this body, signed now.
    async fn signed(&self, body: &[u8], deadline: Instant) -> Result<Request, MailError> {
        let denied = |code: &str| MailError::Denied { code: code.to_owned() };
        if self.region.is_empty() {
            return Err(denied("NoRegion"));
        }
        let url = Url::parse(&format!("{}{PATH}", self.origin));
        let url = url.ok().filter(Url::has_host).ok_or(MailError::Unreachable)?;
        let provider = self.credentials.as_ref().ok_or_else(|| denied("NoCredentials"))?;
        let credentials = timeout_at(deadline, provider.provide_credentials()).await;
        let credentials = credentials.map_err(|_| MailError::Unreachable)?;
        let identity = credentials.map_err(|_| denied("NoCredentials"))?.into();
        let settings = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| denied("NotSigned"))?
            .into();
        // The hash and not the body, so that nothing of the mail gets into a log of the signing.
        let hash = hex::encode(digest(&SHA256, body));
        let headers = [(CONTENT_TYPE.as_str(), JSON)];
        let signable = SignableRequest::new(
            Method::POST.as_str(),
            url.as_str(),
            headers.into_iter(),
            SignableBody::Precomputed(hash),
        );
        let signed = signable.and_then(|request| sign(request, &settings));
        let (instructions, _) = signed.map_err(|_| denied("NotSigned"))?.into_parts();
        let mut request = Request::new(Method::POST, url);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        for header in instructions.into_parts().0 {
            let mut value =
                HeaderValue::from_str(header.value()).map_err(|_| denied("NotSigned"))?;
            value.set_sensitive(header.sensitive());
            let name = HeaderName::try_from(header.name()).map_err(|_| denied("NotSigned"))?;
            request.headers_mut().insert(name, value);
        }
        *request.body_mut() = Some(body.to_vec().into());
        Ok(request)
    }
}

const LATE: MailError = MailError::Unanswered { problem: "no answer in time" };

/// The address of SES in a region.
fn endpoint(region: &str) -> String {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://email.{region}.amazonaws.com{china}")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_credential_types::Credentials;
    use reqwest::dns::{Addrs, Resolve, Resolving};
    use serde_json::{Value, json};
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, Request, ResponseTemplate};

    use super::*;
    use crate::Rejection;

    const TO: &str = "maren.quist@northwind.example";

    fn mailer(url: &str) -> Mailer {
        let from = Sender::parse("Support <no-reply@shop.example>").unwrap();
        Mailer::new(&auth::stand_in(url, "AKIDLOCAL"), reqwest::Client::new(), from)
    }

    async fn server(answer: ResponseTemplate) -> MockServer {
        let server = MockServer::builder().start().await;
        let post = Mock::given(method("POST")).and(path("/v2/email/outbound-emails"));
        post.respond_with(answer).mount(&server).await;
        server
    }

    fn taken() -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({"MessageId": "0100018f-1"}))
    }

    async fn only(server: &MockServer) -> Request {
        let mut requests = server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }

    fn header<'a>(request: &'a Request, name: &str) -> &'a str {
        request.headers[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn one_signed_request_is_sent() {
        let server = server(taken()).await;
        let mailer = mailer(&server.uri()).with_configuration_set(Some("codes".to_owned()));
        mailer.send(TO, "Ihr Bestätigungscode", "Zeile 1\n\"Zeile\" 2").await.unwrap();
        let request = only(&server).await;
        assert_eq!(
            request.body_json::<Value>().unwrap(),
            json!({
                "FromEmailAddress": "\"Support\" <no-reply@shop.example>",
                "Destination": {"ToAddresses": [TO]},
                "Content": {"Simple": {
                    "Subject": {"Data": "Ihr Bestätigungscode", "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": "Zeile 1\n\"Zeile\" 2", "Charset": "UTF-8"}},
                }},
                "ConfigurationSetName": "codes",
            })
        );
        assert_eq!(header(&request, "content-type"), "application/json");
        let date = header(&request, "x-amz-date");
        assert_eq!((date.len(), &date[8..9], &date[15..]), (16, "T", "Z"));
        let authorization = header(&request, "authorization");
        let scope = format!("{}/us-east-1/ses/aws4_request", &date[..8]);
        let (beginning, signature) = authorization.split_once(", Signature=").unwrap();
        assert_eq!(
            beginning,
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/{scope}, \
                 SignedHeaders=content-type;host;x-amz-date"
            )
        );
        assert_eq!(signature, signature_of(&request, date, &scope));
    }

    /// The signature that AWS makes of the request as it arrived, with the stand-in's secret key.
    fn signature_of(request: &Request, date: &str, scope: &str) -> String {
        use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
        let host = header(request, "host");
        let body = hex::encode(digest(&SHA256, &request.body));
        let canonical = format!(
            "POST\n/v2/email/outbound-emails\n\ncontent-type:application/json\nhost:{host}\n\
             x-amz-date:{date}\n\ncontent-type;host;x-amz-date\n{body}"
        );
        let hash = hex::encode(digest(&SHA256, canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
        let mut key = b"AWS4local".to_vec();
        for part in scope.split('/') {
            key = sign(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        hex::encode(sign(&Key::new(HMAC_SHA256, &key), to_sign.as_bytes()))
    }

    /// In Lambda, credentials are those of a session.
    #[tokio::test]
    async fn the_token_of_a_session_is_sent_and_signed() {
        let server = server(taken()).await;
        let of_session =
            Credentials::new("AKID", "local", Some("a-token".to_owned()), None, "test");
        let config = auth::stand_in(&server.uri(), "unused").into_builder();
        let config = config.credentials_provider(SharedCredentialsProvider::new(of_session));
        let mailer =
            Mailer { credentials: config.build().credentials_provider(), ..mailer(&server.uri()) };
        mailer.send(TO, "s", "t").await.unwrap();
        let request = only(&server).await;
        assert_eq!(header(&request, "x-amz-security-token"), "a-token");
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,";
        assert!(header(&request, "authorization").contains(signed));
    }

    /// Resolves a name to an address at which nobody listens, and then to the right one.
    #[derive(Debug, Default)]
    struct WrongFirst(AtomicU32);

    impl Resolve for WrongFirst {
        fn resolve(&self, _: reqwest::dns::Name) -> Resolving {
            let last = if self.0.fetch_add(1, Ordering::SeqCst) == 0 { 2 } else { 1 };
            let address = SocketAddr::from(([127, 0, 0, last], 0));
            Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
        }
    }

    #[tokio::test]
    async fn it_is_tried_again_if_there_was_no_connection() {
        let server = server(taken()).await;
        let resolver = Arc::new(WrongFirst::default());
        let http = reqwest::Client::builder().dns_resolver(Arc::clone(&resolver)).build().unwrap();
        let url = format!("http://ses.example:{}", server.address().port());
        let mailer = Mailer { http: http.into(), ..mailer(&url) };
        mailer.send(TO, "s", "t").await.unwrap();
        assert_eq!(resolver.0.load(Ordering::SeqCst), 2);
        only(&server).await;
    }

    #[tokio::test]
    async fn a_configuration_set_is_named_only_if_there_is_one() {
        let server = server(taken()).await;
        let mailer = mailer(&server.uri()).with_configuration_set(Some(String::new()));
        mailer.send(TO, "s", "t").await.unwrap();
        let body = only(&server).await.body_json::<Value>().unwrap();
        assert_eq!(body.as_object().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn nothing_can_be_slipped_into_a_header() {
        let server = server(taken()).await;
        let mailer = mailer(&server.uri());
        for to in ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "A <a@b.example>"]
        {
            let sent = mailer.send(to, "s", "t").await;
            assert_eq!(sent, Err(MailError::Malformed(Part::To)), "{to:?}");
        }
        for subject in ["a\nb", "a\rb", "a\u{2028}b", "a\u{85}b", "a\0b", &"a".repeat(201)] {
            let sent = mailer.send(TO, subject, "t").await;
            assert_eq!(sent, Err(MailError::Malformed(Part::Subject)), "{subject:?}");
        }
        assert_eq!(mailer.send(TO, "s", "a\0b").await, Err(MailError::Malformed(Part::Text)));
        assert!(server.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_ses_refuses_is_sent_once() {
        let rejected = ResponseTemplate::new(400)
            .insert_header("x-amzn-errortype", "MessageRejected")
            .set_body_json(json!({"message": format!(
                "Email address is not verified. The following identities failed the check in region \
                 US-EAST-1: {TO}"
            )}));
        let server = server(rejected).await;
        let error = mailer(&server.uri()).send(TO, "subject", "text").await.unwrap_err();
        assert!(matches!(error, MailError::Rejected { reason: Rejection::Sandbox, .. }));
        assert!(!format!("{error} {error:?}").contains("maren"));
        only(&server).await;
    }

    #[tokio::test]
    async fn an_error_on_its_side_or_a_broken_connection_is_not_tried_again() {
        let server = server(ResponseTemplate::new(500)).await;
        let error = mailer(&server.uri()).send(TO, "subject", "text").await.unwrap_err();
        assert!(matches!(error, MailError::Unanswered { .. }));
        only(&server).await;
        // It takes the connection and hangs up.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hangs_up = tokio::spawn(async move {
            let mut count = 0_u32;
            while let Ok(Ok((mut stream, _))) =
                tokio::time::timeout(Duration::from_secs(1), listener.accept()).await
            {
                use tokio::io::AsyncReadExt as _;
                let mut beginning = [0; 64];
                stream.read_exact(&mut beginning).await.unwrap();
                count += 1;
            }
            count
        });
        let error = mailer(&url).send(TO, "subject", "text").await.unwrap_err();
        assert_eq!(error, MailError::Unanswered { problem: "the connection broke" });
        assert_eq!(hangs_up.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(mailer(&url).send(TO, "s", "t").await, Err(MailError::Unreachable));
        for url in ["", "127.0.0.1", "no address", "mailto:a@b.example"] {
            assert_eq!(mailer(url).send(TO, "s", "t").await, Err(MailError::Unreachable), "{url}");
        }
    }

    #[tokio::test]
    async fn it_waits_five_seconds_at_most() {
        let server = server(taken().set_delay(Duration::from_secs(20))).await;
        let started = Instant::now();
        assert_eq!(mailer(&server.uri()).send(TO, "s", "t").await, Err(LATE));
        let took = started.elapsed();
        assert!((PATIENCE..PATIENCE + Duration::from_secs(2)).contains(&took), "{took:?}");
        only(&server).await;
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_sent() {
        let region = aws_config::Region::new("us-east-1");
        let config = SdkConfig::builder().region(region).build();
        let from = Sender::parse("no-reply@shop.example").unwrap();
        let mailer = Mailer::new(&config, reqwest::Client::new(), from);
        assert_eq!(mailer.origin, "https://email.us-east-1.amazonaws.com");
        let error = mailer.send(TO, "s", "t").await.unwrap_err();
        assert_eq!(error, MailError::Denied { code: "NoCredentials".to_owned() });
        let error = mailer.clone().in_region("").send(TO, "s", "t").await.unwrap_err();
        assert_eq!(error, MailError::Denied { code: "NoRegion".to_owned() });
        let mailer = mailer.in_region("eu-central-1");
        assert_eq!(mailer.origin, "https://email.eu-central-1.amazonaws.com");
        assert_eq!(format!("{mailer:?}"), "Mailer { region: \"eu-central-1\", .. }");
        assert_eq!(mailer.at_endpoint("http://127.0.0.1:1/").origin, "http://127.0.0.1:1");
    }
}
