//! The Lambda function with the tools for quotes, products, appointments and emails.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(engagement_function::tools(toolkit::Routes::default())).await
}
