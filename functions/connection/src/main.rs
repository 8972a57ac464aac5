//! The Lambda function that sets connections up and looks after them.

use connection_function::Administration;
use toolkit::Routes;
use toolkit::lambda::{self, Error, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let parts = Parts::from_environment().await?;
    let (connections, state) = (parts.connections.clone(), parts.required_state()?);
    let home = Administration::new(connections, state, tools::definitions());
    lambda::serve(parts.function(home, connection_function::operations(Routes::default()))?).await
}
