//! The Lambda function with the tools for activities and notes.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(activity_function::tools(toolkit::Routes::default())).await
}
