//! `alert`: a test alert.

use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::primitives::Blob;

use crate::arguments::Alert;
use crate::error::CliError;
use crate::print::print;

/// Lets the health function of the stack send a test alert.
pub(crate) async fn alert(given: &Alert) -> Result<(), CliError> {
    let function = format!("{}-health", given.stack);
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
    let client = aws_sdk_lambda::Client::new(&config);
    let call = client.invoke().function_name(&function).payload(Blob::new(r#"{"check":"alert"}"#));
    let answer = call.send().await.map_err(|error| {
        let service = error.as_service_error();
        let problem = match service.and_then(|error| error.code()) {
            Some(code) => code.to_owned(),
            None => deepest(&error),
        };
        CliError::NotInvoked { function: function.clone(), problem }
    })?;
    if answer.function_error.is_some() {
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let problem = String::from_utf8_lossy(&payload).into_owned();
        return Err(CliError::AlertFailed { function, problem });
    }
    print(
        "A test alert was sent. Whoever gets no message has not confirmed the subscription, or is not \
         subscribed to the topic of the stack's output AlertsTopicArn.",
    );
    Ok(())
}

/// What an error of the SDK comes down to, such as that there are no AWS credentials.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(deeper) = error.source() {
        error = deeper;
    }
    error.to_string()
}
