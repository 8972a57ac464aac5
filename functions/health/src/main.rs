//! The Lambda function that looks after the connections, on a schedule.

use health_function::{Checker, Request, Topic};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use toolkit::Needs;
use toolkit::lambda::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let parts = Parts::from_environment().await?;
    let topic = std::env::var("ALERTS_TOPIC_ARN").map_err(|_| "there is no ALERTS_TOPIC_ARN")?;
    let state = parts.required_state()?;
    let topic = Topic::new(&parts.config, topic);
    let connections = parts.connections.short_lived();
    let checker = &Checker::new(connections, state, topic, Needs::of(&tools::definitions()));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Request>| async move {
        health_function::handle(checker, event.payload, &event.context).await
    }))
    .await
}
