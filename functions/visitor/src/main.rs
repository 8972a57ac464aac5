//! The Lambda function that finds out who a visitor is, and what they said yes to.

use toolkit::{Routes, lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let routes = visitor_function::operations(visitor_function::tools(Routes::default()));
    let confirmable = visitor_function::confirmable(Routes::default());
    lambda::serve(lambda::tools(routes, confirmable).await?).await
}
