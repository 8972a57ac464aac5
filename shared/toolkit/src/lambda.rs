//! The entry in AWS Lambda.

mod http_event;
mod parts;
mod runtime;
mod warm_up;

pub use http_event::{Answer, answer};
pub use lambda_http::Error;
pub use parts::{Parts, http_client};
pub use runtime::serve;

use crate::{Routes, Service, Tools};

// A call makes some hundreds of small allocations that do not live long. With the system's
// allocator, they take a sixth of the time of a call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves tools until Lambda stops the process.
pub async fn run(tools: Routes<Tools>) -> Result<(), Error> {
    serve(self::tools(tools, Routes::default()).await?).await
}

/// Makes the service with these tools from the environment, and prepares it for the first call.
/// `confirmable` are the tools whose calls somebody can say yes to.
pub async fn tools(tools: Routes<Tools>, confirmable: Routes<Tools>) -> Result<Service, Error> {
    let parts = Parts::from_environment().await?;
    let journal = parts.journal();
    let home = Tools::new(parts.connections.clone())
        .with_state(parts.state.clone())
        .with_verification(parts.verification())
        .with_journal(journal.clone())
        .with_confirmable(confirmable);
    let service = parts.function_with(home, tools, journal)?;
    warm_up::warm_up(&service).await;
    Ok(service)
}
