//! The Lambda function for the Model Context Protocol.

use mcp_function::Mcp;
use toolkit::lambda::{self, Error};
use toolkit::{Origins, Routes};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let origins = Origins::from_environment()?;
    let service =
        lambda::tools(tools::all(Routes::default()), tools::confirmable(Routes::default())).await?;
    lambda::serve(Mcp::new(service)?.with_allowed_origins(origins)).await
}
