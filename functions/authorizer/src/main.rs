//! The Lambda function that tells API Gateway who calls.

use auth::Secrets;
use aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use toolkit::KeyStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    toolkit::logging::initialize();
    let secret = std::env::var("API_KEYS_SECRET")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| KeyStore::DEFAULT_SECRET.to_owned());
    let keys = &KeyStore::new(Secrets::from_environment().await, secret);
    lambda_runtime::run(service_fn(
        move |event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>| async move {
            authorizer_function::authorize(keys, &event.payload).await.map_err(Error::from)
        },
    ))
    .await
}
