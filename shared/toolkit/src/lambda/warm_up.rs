//! What is done before the first call.

use std::time::Duration;

use auth::ConnectionId;
use tokio::time::{Instant, timeout};

use crate::Service;

/// How long the warm-up may take. Lambda lets the start take ten seconds.
const WARM_UP: Duration = Duration::from_secs(4);

/// Prepares the first call while Lambda gives a full processor: reads the default connection's
/// secret, then gets its token and opens a connection to Dataverse, and at the same time one to the
/// table. The first call tries again what fails here.
pub(super) async fn warm_up(service: &Service) {
    let work = async {
        let connection =
            service.handler().home().connections().open(&ConnectionId::fallback()).await.ok()?;
        let token = connection.tokens().token(Instant::now() + WARM_UP);
        let (token, ()) = tokio::join!(token, connection.client().connect());
        token.ok()
    };
    let table = async {
        if let Some(state) = service.handler().home().state() {
            Box::pin(state.warm_up()).await;
        }
    };
    let work = async { tokio::join!(work, table).0 };
    let warm = timeout(WARM_UP, work).await.is_ok_and(|token| token.is_some());
    tracing::debug!(warm, "ready");
}
