//! The preparations before the first call.

use std::time::Duration;

use auth::ConnectionId;
use tokio::time::{Instant, timeout};

use crate::Service;

/// The longest that the warm-up may take. Lambda allows ten seconds for the start.
const WARM_UP: Duration = Duration::from_secs(4);

/// Prepares the first call while Lambda provides a full processor. It reads the secret of the
/// default connection, gets its token and opens a connection to Dataverse. At the same time, it
/// opens one to the state table. If something fails here, the first call tries it again.
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
