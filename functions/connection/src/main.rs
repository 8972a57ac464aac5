//! The Lambda function that sets connections up and looks after them.

use connection::Administration;
use toolkit::lambda::{self, Error, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let parts = Parts::from_environment().await?;
    let administration = Administration::new(parts.connections.clone(), parts.required_state()?);
    lambda::serve(parts.edge(administration)).await
}
