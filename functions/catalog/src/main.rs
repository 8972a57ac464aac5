//! The Lambda function that tells bot builders what there is.

use catalog::Catalog;
use toolkit::lambda::{self, Error, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let parts = Parts::from_environment().await?;
    lambda::serve(parts.edge(Catalog::new())).await
}
