//! The Lambda function that speaks the Model Context Protocol.

use mcp::Mcp;
use toolkit::Origins;
use toolkit::lambda::{self, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let origins = Origins::from_environment()?;
    let tools = lambda::tools(catalog::all_tools()).await?;
    lambda::serve(Mcp::new(tools)?.with_allowed_origins(origins)).await
}
