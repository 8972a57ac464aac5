//! The Lambda function that tells API Gateway who calls.

use auth::{SecretNames, Secrets};
use aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use state::State;
use toolkit::KeyStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    toolkit::logging::initialize();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
    let secrets = Secrets::with_config(&config).with_names(SecretNames::from_environment());
    let table = std::env::var("STATE_TABLE").ok().filter(|name| !name.is_empty());
    let keys = &KeyStore::new(secrets, table.map(|table| State::new(&config, table)));
    lambda_runtime::run(service_fn(
        move |event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>| async move {
            authorizer_function::authorize(keys, &event.payload).await.map_err(Error::from)
        },
    ))
    .await
}
