//! The loop with the Lambda runtime, and the extension that writes the activity log.

use std::sync::Arc;
use std::time::Duration;

use lambda_extension::{Extension, LambdaEvent, NextEvent};
use lambda_http::{Request, RequestExt as _, service_fn};
use tokio::time::timeout;

use super::{Error, answer};
use crate::Front;

/// How long before the end of an invocation the extension stops writing the activity log.
const LEFT_OVER: Duration = Duration::from_millis(250);

/// Answers requests until Lambda stops the process.
///
/// An extension inside the process writes the activity log after the answer. Lambda waits for it
/// before it freezes the process, but not before it answers.
/// Source: AWS's page on the Lambda Extensions API, "internal extensions".
pub async fn serve(front: impl Front) -> Result<(), Error> {
    let front = &front;
    let (answered, answers) = tokio::sync::mpsc::unbounded_channel::<String>();
    let handler = service_fn(|request: Request| {
        let answered = answered.clone();
        async move {
            let id = request.lambda_context_ref().map(|context| context.request_id.clone());
            let response = answer(front, request).await;
            // Without an extension, nothing receives this.
            let _ = answered.send(id.unwrap_or_default());
            Ok::<_, Error>(response)
        }
    });
    let Some(journal) = front.journal().cloned() else {
        return lambda_http::run(handler).await;
    };
    let answers = Arc::new(tokio::sync::Mutex::new(answers));
    let writer = journal.clone();
    let processor = lambda_extension::service_fn(move |event: LambdaEvent| {
        let (journal, answers) = (writer.clone(), answers.clone());
        async move {
            if let NextEvent::Invoke(invocation) = event.next {
                let work = async {
                    // The runtime itself answers an event that is not a request. A received answer
                    // may also be a late one of an earlier invocation.
                    let mut answers = answers.lock().await;
                    while let Some(id) = answers.recv().await {
                        if id == invocation.request_id {
                            break;
                        }
                    }
                    journal.flush().await;
                };
                let _ = timeout(until(invocation.deadline_ms), work).await;
            }
            Ok::<_, Error>(())
        }
    });
    let extension = Extension::new()
        .with_events(&["INVOKE"])
        .with_extension_name("activity-log")
        .with_events_processor(processor)
        .register()
        .await;
    match extension {
        Ok(extension) => tokio::try_join!(lambda_http::run(handler), extension.run()).map(drop),
        Err(error) => {
            // Outside of Lambda, entries are written immediately.
            tracing::warn!(%error, "no extension: the activity log is written alongside");
            tokio::select! {
                ended = lambda_http::run(handler) => ended,
                () = journal.run() => Ok(()),
            }
        }
    }
}

/// The time until shortly before a deadline, which is given in milliseconds since 1970.
fn until(deadline_ms: u64) -> Duration {
    let deadline = std::time::UNIX_EPOCH.checked_add(Duration::from_millis(deadline_ms));
    deadline
        .and_then(|deadline| deadline.duration_since(std::time::SystemTime::now()).ok())
        .unwrap_or_default()
        .saturating_sub(LEFT_OVER)
}
