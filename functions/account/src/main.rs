//! The Lambda function with the tools for accounts.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(account_function::tools(toolkit::Routes::default())).await
}
