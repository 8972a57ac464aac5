//! The Lambda function with the tools for leads.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(lead_function::tools(toolkit::Routes::default())).await
}
