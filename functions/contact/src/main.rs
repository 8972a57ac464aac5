//! The Lambda function with the tools for contacts.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toolkit::lambda::Error> {
    toolkit::lambda::run(contact_function::tools(toolkit::Routes::default())).await
}
