//! The Lambda function that speaks the Model Context Protocol.

use mcp::Mcp;
use toolkit::lambda::{self, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::serve(Mcp::new(lambda::tools(catalog::all_tools()).await?)?).await
}
