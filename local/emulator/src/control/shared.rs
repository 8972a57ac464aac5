//! The state that all requests share, and the settings from control calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::faults::Faults;
use super::log::Log;
use crate::identity::Instance;
use crate::identity::application::Application;
use crate::identity::entra::{Entra, Tokens};
use crate::identity::graph::Graph;
use crate::organization::throttle::Throttle;
use crate::organization::{Clock, Organization};
use crate::service::sample;

/// The state that all requests share.
#[derive(Debug)]
pub struct Shared {
    /// The rows and the rules.
    pub organization: Arc<Organization>,
    /// The app registration.
    pub application: Application,
    /// The issued tokens.
    pub tokens: Tokens,
    /// The emulated time.
    pub clock: Clock,
    /// The organization's own addresses.
    pub instance: Instance,
    /// The armed faults.
    pub faults: Faults,
    /// The service protection limits.
    pub throttle: Throttle,
    /// The requests so far.
    pub log: Log,
    latency_ms: AtomicU64,
}

impl Shared {
    /// The state with the sample data, for these addresses.
    pub fn new(instance: Instance, latency: Duration) -> Self {
        let clock = Clock::default();
        Self {
            organization: Arc::new(sample::organization()),
            application: Application::new(clock.now()),
            tokens: Tokens::default(),
            clock,
            instance,
            faults: Faults::default(),
            throttle: Throttle::default(),
            log: Log::default(),
            latency_ms: AtomicU64::new(latency.as_millis().try_into().unwrap_or(u64::MAX)),
        }
    }

    /// The delay of every answer.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.load(Ordering::Relaxed))
    }

    /// Sets the delay of every answer.
    pub fn set_latency(&self, latency_ms: u64) {
        self.latency_ms.store(latency_ms, Ordering::Relaxed);
    }

    /// Entra ID.
    pub fn entra(&self) -> Entra<'_> {
        Entra {
            tokens: &self.tokens,
            application: &self.application,
            clock: &self.clock,
            instance: &self.instance,
        }
    }

    /// Microsoft Graph.
    pub fn graph(&self) -> Graph<'_> {
        Graph { tokens: &self.tokens, application: &self.application, clock: &self.clock }
    }

    /// Resets everything to the state at the start, except the latency, the limits and the tokens.
    pub fn reset(&self) {
        self.clock.reset();
        sample::restart(&self.organization);
        self.application.reset(self.clock.now());
        self.faults.clear();
        self.log.clear();
    }
}
