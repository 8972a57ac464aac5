//! The Lambda function that finds out who a visitor is.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    let routes = visitor_function::tools(toolkit::Routes::default());
    toolkit::lambda::run(visitor_function::operations(routes)).await
}
