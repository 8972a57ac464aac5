//! Messages to the people who run the connections.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use aws_sdk_sns::error::ProvideErrorMetadata as _;
use aws_sdk_sns::types::MessageAttributeValue;
use serde::Serialize;

/// A message to the people who run the connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// One line: ASCII, shorter than 100 characters.
    pub subject: String,
    /// The text for a person.
    pub message: String,
    /// Values for programs. Subscriptions of the topic can filter by them.
    pub attributes: BTreeMap<&'static str, Attribute>,
}

/// A value of an alert for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Attribute {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Attribute {
        Attribute::Text(text.to_owned())
    }
}

impl From<i32> for Attribute {
    fn from(number: i32) -> Attribute {
        Attribute::Number(number.into())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Number(number) => number.fmt(formatter),
            Attribute::Text(text) => text.fmt(formatter),
        }
    }
}

/// An alert could not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the alert was not sent: {0}")]
pub struct AlertError(pub String);

/// Where alerts go.
pub trait Alerts: Send + Sync + 'static {
    /// Sends one.
    fn send(&self, alert: &Alert) -> impl Future<Output = Result<(), AlertError>> + Send;
}

/// How long sending may take, including the SDK's retries.
const PATIENCE: Duration = Duration::from_secs(10);

/// SNS takes subjects of fewer than 100 ASCII characters.
const LONGEST_SUBJECT: usize = 99;

/// A topic of AWS's Simple Notification Service.
#[derive(Clone, Debug)]
pub struct Topic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl Topic {
    /// The topic with this ARN.
    pub fn new(config: &aws_config::SdkConfig, arn: impl Into<String>) -> Topic {
        Topic { client: aws_sdk_sns::Client::new(config), arn: arn.into() }
    }
}

impl Alerts for Topic {
    async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        let mut request = self.client.publish().topic_arn(&self.arn).message(&alert.message);
        request = request.subject(subject(&alert.subject));
        for (name, value) in &alert.attributes {
            request = request.message_attributes(*name, attribute(value)?);
        }
        match tokio::time::timeout(PATIENCE, request.send()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                Err(AlertError(error.code().unwrap_or("SNS did not answer").to_owned()))
            }
            Err(_) => Err(AlertError("SNS did not answer in time".to_owned())),
        }
    }
}

fn subject(text: &str) -> String {
    let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.chars().map(printable).take(LONGEST_SUBJECT).collect()
}

fn attribute(value: &Attribute) -> Result<MessageAttributeValue, AlertError> {
    let data_type = match value {
        Attribute::Number(_) => "Number",
        Attribute::Text(_) => "String",
    };
    MessageAttributeValue::builder()
        .data_type(data_type)
        .string_value(value.to_string())
        .build()
        .map_err(|error| AlertError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::config::{BehaviorVersion, Config, Credentials, Region};
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    const ARN: &str = "arn:aws:sns:eu-central-1:123456789012:alerts";

    async fn publish(answer: ResponseTemplate) -> (Result<(), AlertError>, Vec<(String, String)>) {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .region(Region::new("eu-central-1"))
            .endpoint_url(server.uri())
            .build();
        let topic = Topic { client: aws_sdk_sns::Client::from_conf(config), arn: ARN.to_owned() };
        let alert = Alert {
            subject: format!("Münster\n{}", "x".repeat(120)),
            message: "Set-up step 3 …".to_owned(),
            attributes: [("event", "secret_expires".into()), ("days_left", 14.into())].into(),
        };
        let sent = topic.send(&alert).await;
        let request = server.received_requests().await.unwrap().remove(0);
        let fields = url::form_urlencoded::parse(&request.body).into_owned().collect();
        (sent, fields)
    }

    #[tokio::test]
    async fn a_topic_gets_subject_message_and_attributes() {
        let done = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
                    <PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
        let (sent, fields) = publish(ResponseTemplate::new(200).set_body_string(done)).await;
        assert_eq!(sent, Ok(()));
        let field = |name: &str| {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        assert_eq!(field("TopicArn"), ARN);
        assert!(field("Subject").starts_with("M?nster?xxx") && field("Subject").len() == 99);
        assert_eq!(field("Message"), "Set-up step 3 …");
        // They may come in any order.
        let attribute = |number: u8| {
            let part = |part| field(&format!("MessageAttributes.entry.{number}.{part}")).to_owned();
            [part("Name"), part("Value.DataType"), part("Value.StringValue")]
        };
        let mut attributes = [attribute(1), attribute(2)];
        attributes.sort();
        assert_eq!(
            attributes,
            [["days_left", "Number", "14"], ["event", "String", "secret_expires"]]
        );
    }

    #[tokio::test]
    async fn a_topic_that_may_not_be_used_is_said_so() {
        let refused = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
                       <Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message>\
                       </Error></ErrorResponse>";
        let (sent, _) = publish(ResponseTemplate::new(403).set_body_string(refused)).await;
        assert_eq!(sent, Err(AlertError("AuthorizationError".to_owned())));
    }
}
