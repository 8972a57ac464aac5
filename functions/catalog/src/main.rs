//! The Lambda function of the catalogue.

use catalog_function::Catalog;
use toolkit::Routes;
use toolkit::lambda::{self, Error, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let parts = Parts::from_environment().await?;
    let routes = catalog_function::operations(Routes::default());
    lambda::serve(parts.function(Catalog::new(), routes)?).await
}
