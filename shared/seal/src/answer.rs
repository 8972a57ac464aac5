//! What Amazon SES answers, and what an administrator can do about it.
//!
//! Sources: "SendEmail" in Amazon's SES API v2 reference and its list of common errors; "Operation
//! error serialization" of the restJson1 protocol of Smithy; "Amazon SES email sending errors" in the
//! developer guide for the words of a rejection.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::address::Address;

/// The part of a mail that was refused before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The address that it goes to.
    To,
    /// Its subject.
    Subject,
    /// Its text.
    Text,
}

/// Why Amazon SES rejected a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The sender's address or domain is not verified, in this account and region.
    Sender,
    /// The address that it goes to is not verified: the account is still in the sandbox.
    Sandbox,
    /// There is no such configuration set.
    ConfigurationSet,
    /// Something else is wrong with the mail or its addresses.
    Other,
}

/// Why a mail was not sent. It contains nothing of the mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// A part of the mail may not be sent: an address that is not one plain address, or a line break
    /// in the subject.
    #[error("the mail cannot be sent as it is: {0:?}")]
    Malformed(Part),
    /// SES rejected it.
    #[error("Amazon SES rejected the mail: {code}")]
    Rejected {
        /// Why.
        reason: Rejection,
        /// The error's name in the API.
        code: String,
    },
    /// SES gets too many mails, in this second or on this day.
    #[error("Amazon SES takes no more mails now: {code}")]
    Throttled {
        /// The error's name in the API.
        code: String,
    },
    /// The account, or its configuration set, may not send.
    #[error("sending is paused in Amazon SES: {code}")]
    Paused {
        /// The error's name in the API.
        code: String,
    },
    /// The function's role may not send it, or its credentials or the signature are not accepted.
    #[error("the function may not send mail: {code}")]
    Denied {
        /// The error's name in the API.
        code: String,
    },
    /// SES could not be reached. Nothing was sent.
    #[error("Amazon SES could not be reached")]
    Unreachable,
    /// SES gave no answer that says whether it took the mail. The mail may come.
    #[error("Amazon SES did not say whether it took the mail: {problem}")]
    Unanswered {
        /// What came instead of an answer.
        problem: &'static str,
    },
}

impl MailError {
    /// Advice for the people who run the service.
    pub fn cure(&self) -> &'static str {
        match self {
            MailError::Malformed(Part::To) => {
                "nothing: it is not one plain address that Amazon SES sends to"
            }
            MailError::Malformed(Part::Subject | Part::Text) => {
                "correct the company's name and the text of the mail: no line break in the name"
            }
            MailError::Rejected { reason: Rejection::Sender, .. } => {
                "verify the sender's domain in Amazon SES, in the region of the functions, with its \
                 DKIM records and, if it has one, the MX record of its MAIL FROM domain"
            }
            MailError::Rejected { reason: Rejection::Sandbox, .. } => {
                "ask AWS for production access to Amazon SES in this region: in the sandbox it only \
                 sends to verified addresses"
            }
            MailError::Rejected { reason: Rejection::ConfigurationSet, .. } => {
                "create the configuration set in Amazon SES in this region, or deploy without one"
            }
            MailError::Rejected { reason: Rejection::Other, .. } => {
                "look at the sender's address and at the identity in the console of Amazon SES"
            }
            MailError::Throttled { .. } => {
                "nothing, if it passes; else ask AWS for a higher sending rate or daily quota"
            }
            MailError::Paused { .. } => {
                "see in the console of Amazon SES why sending is paused, for the account or the \
                 configuration set, and start it again there"
            }
            MailError::Denied { .. } => {
                "let the function's role do ses:SendEmail with the sender's identity and with the \
                 configuration set"
            }
            MailError::Unreachable => {
                "nothing, if it passes; else look at the way to Amazon SES, and whether it is offered \
                 in this region"
            }
            MailError::Unanswered { .. } => {
                "nothing, if it passes; the mail may have been sent all the same"
            }
        }
    }

    /// Whether a later try may succeed without a correction. After [`MailError::Unanswered`] a second
    /// mail may come.
    pub fn is_retryable(&self) -> bool {
        use MailError::*;
        matches!(self, Throttled { .. } | Unreachable | Unanswered { .. })
    }
}

/// The bodies of SES's answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(rename = "MessageId")]
    message_id: Option<String>,
    #[serde(rename = "__type")]
    kind: Option<String>,
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// What an answer means.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    from: &Address,
    to: &Address,
) -> Result<(), MailError> {
    let body: Option<Body> = serde_json::from_slice(body).ok();
    if status.is_success() {
        let is_taken = body.is_some_and(|body| body.message_id.is_some_and(|id| !id.is_empty()));
        let problem = "an answer without the mail's id";
        return if is_taken { Ok(()) } else { Err(MailError::Unanswered { problem }) };
    }
    if status.is_server_error() {
        return Err(MailError::Unanswered { problem: "an error on its side" });
    }
    let body = body.unwrap_or_default();
    let named = headers.get("x-amzn-errortype").and_then(|name| name.to_str().ok());
    let code = bare(named.or(body.kind.as_deref()).or(body.code.as_deref()).unwrap_or_default());
    let message = body.message.unwrap_or_default().to_lowercase();
    let has = |part: &str| code.contains(part);
    Err(match &*code {
        _ if has("TooManyRequests") || has("LimitExceeded") || has("Throttl") => {
            MailError::Throttled { code }
        }
        _ if has("Paused") || has("Suspended") => MailError::Paused { code },
        "MessageRejected" | "BadRequestException" if message.contains("not verified") => {
            let reason = unverified(&message, from, to);
            MailError::Rejected { reason, code }
        }
        "MailFromDomainNotVerifiedException" => {
            MailError::Rejected { reason: Rejection::Sender, code }
        }
        "NotFoundException" => MailError::Rejected { reason: Rejection::ConfigurationSet, code },
        _ if is_denial(&code) => MailError::Denied { code },
        "MessageRejected" | "BadRequestException" => {
            MailError::Rejected { reason: Rejection::Other, code }
        }
        _ if status == StatusCode::TOO_MANY_REQUESTS => MailError::Throttled { code },
        _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            MailError::Denied { code }
        }
        _ => MailError::Rejected { reason: Rejection::Other, code },
    })
}

/// The error's name alone: no namespace in front, no address behind, and nothing that is no name.
fn bare(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    let code = code.split_once('#').map_or(code, |(_, code)| code).trim();
    let is_name = (1..=80).contains(&code.len())
        && code.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'.' || one == b'_');
    if is_name { code.to_owned() } else { "an error without a name".to_owned() }
}

/// Whether the error says that the caller may not do this, or that SES does not know who it is.
fn is_denial(code: &str) -> bool {
    const PARTS: [&str; 9] = [
        "AccessDenied",
        "NotAuthorized",
        "UnrecognizedClient",
        "Signature",
        "Token",
        "OptInRequired",
        "RequestExpired",
        "InvalidAccessKeyId",
        "Authentication",
    ];
    PARTS.iter().any(|part| code.contains(part))
}

/// Whose address is not verified: SES lists those that failed. In the sandbox that may only be the
/// address that the mail goes to.
fn unverified(message: &str, from: &Address, to: &Address) -> Rejection {
    let has = |part: &str| message.contains(&part.to_lowercase());
    let is_sender = has(from.as_str()) || (from.domain() != to.domain() && has(from.domain()));
    if has(to.as_str()) && !is_sender { Rejection::Sandbox } else { Rejection::Sender }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: Option<&str>, body: &str) -> Result<(), MailError> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert("x-amzn-errortype", kind.parse().unwrap());
        }
        let from = Address::parse("no-reply@northwind.example").unwrap();
        let to = Address::parse("Maren@customer.example").unwrap();
        judge(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), &from, &to)
    }

    fn code(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn a_mail_with_an_id_was_taken() {
        assert_eq!(answer(200, None, r#"{"MessageId":"0100018f-1"}"#), Ok(()));
        for body in ["", "{}", "<html>Please sign in</html>", r#"{"MessageId":""}"#, "[]", "null"] {
            let error = answer(200, None, body).unwrap_err();
            assert!(matches!(error, MailError::Unanswered { .. }), "{body}");
        }
    }

    #[test]
    fn errors_are_told_apart() {
        let not_verified = r#"{"message":"Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: ADDRESS"}"#;
        let of = |address: &str| not_verified.replace("ADDRESS", address);
        let rejected = |reason, name: &str| MailError::Rejected { reason, code: code(name) };
        for (status, kind, body, expected) in [
            (
                400,
                "MessageRejected",
                of("Maren@Customer.Example"),
                rejected(Rejection::Sandbox, "MessageRejected"),
            ),
            (
                400,
                "MessageRejected",
                of("no-reply@northwind.example, Maren@customer.example"),
                rejected(Rejection::Sender, "MessageRejected"),
            ),
            (
                400,
                "MessageRejected",
                of("Northwind <no-reply@northwind.example>"),
                rejected(Rejection::Sender, "MessageRejected"),
            ),
            (
                400,
                "MessageRejected",
                code(r#"{"message":"It has a virus."}"#),
                rejected(Rejection::Other, "MessageRejected"),
            ),
            (
                400,
                "MailFromDomainNotVerifiedException",
                code("{}"),
                rejected(Rejection::Sender, "MailFromDomainNotVerifiedException"),
            ),
            (
                404,
                "NotFoundException",
                code("{}"),
                rejected(Rejection::ConfigurationSet, "NotFoundException"),
            ),
            (
                400,
                "BadRequestException",
                code(""),
                rejected(Rejection::Other, "BadRequestException"),
            ),
            (
                429,
                "TooManyRequestsException:http://internal.amazon.com/coral/",
                code(r#"{"message":"Maximum sending rate exceeded."}"#),
                MailError::Throttled { code: code("TooManyRequestsException") },
            ),
            (
                400,
                "LimitExceededException",
                code("{}"),
                MailError::Throttled { code: code("LimitExceededException") },
            ),
            (
                400,
                "SendingPausedException",
                code("{}"),
                MailError::Paused { code: code("SendingPausedException") },
            ),
            (
                400,
                "com.amazonaws.sesv2#AccountSuspendedException",
                code("{}"),
                MailError::Paused { code: code("AccountSuspendedException") },
            ),
            (
                403,
                "AccessDeniedException",
                code(r#"{"Message":"User: arn:aws:sts::1:assumed-role/x is not authorized"}"#),
                MailError::Denied { code: code("AccessDeniedException") },
            ),
            (
                403,
                "InvalidSignatureException",
                code("{}"),
                MailError::Denied { code: code("InvalidSignatureException") },
            ),
            (
                400,
                "ExpiredTokenException",
                code("{}"),
                MailError::Denied { code: code("ExpiredTokenException") },
            ),
        ] {
            assert_eq!(answer(status, Some(kind), &body), Err(expected), "{kind}");
        }
    }

    #[test]
    fn the_name_may_stand_in_the_body_or_be_missing() {
        let throttled = MailError::Throttled { code: code("TooManyRequestsException") };
        let paused = MailError::Paused { code: code("SendingPausedException") };
        for (status, body, expected) in [
            (429, r#"{"__type":"a.b#TooManyRequestsException"}"#, throttled),
            (400, r#"{"code":"SendingPausedException"}"#, paused),
            (403, "<html>", MailError::Denied { code: code("an error without a name") }),
            (429, "", MailError::Throttled { code: code("an error without a name") }),
            (
                302,
                "",
                MailError::Rejected {
                    reason: Rejection::Other,
                    code: code("an error without a name"),
                },
            ),
            (500, "{}", MailError::Unanswered { problem: "an error on its side" }),
            (503, "", MailError::Unanswered { problem: "an error on its side" }),
        ] {
            assert_eq!(answer(status, None, body), Err(expected), "{status} {body}");
        }
        // Nothing of a mail gets into the log by an odd name.
        let odd = answer(400, Some("maren@customer.example is bad"), "").unwrap_err();
        assert!(!format!("{odd} {odd:?}").contains("maren"));
    }

    #[test]
    fn every_error_has_a_cure_of_its_own() {
        let code = || code("X");
        let rejected = |reason| MailError::Rejected { reason, code: code() };
        let all = [
            MailError::Malformed(Part::To),
            MailError::Malformed(Part::Subject),
            rejected(Rejection::Sender),
            rejected(Rejection::Sandbox),
            rejected(Rejection::ConfigurationSet),
            rejected(Rejection::Other),
            MailError::Throttled { code: code() },
            MailError::Paused { code: code() },
            MailError::Denied { code: code() },
            MailError::Unreachable,
            MailError::Unanswered { problem: "x" },
        ];
        let cures: std::collections::HashSet<_> = all.iter().map(MailError::cure).collect();
        assert_eq!(cures.len(), all.len());
        assert_eq!(all.iter().filter(|error| error.is_retryable()).count(), 3);
    }
}
