//! The Lambda function with the tools for opportunities.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(opportunity_function::tools(toolkit::Routes::default())).await
}
