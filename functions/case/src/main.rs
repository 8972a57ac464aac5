//! The Lambda function with the tools for cases.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(case_function::tools(toolkit::Routes::default())).await
}
