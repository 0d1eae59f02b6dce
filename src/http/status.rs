//! What the listener knows of the broker: how far its start is, and the broker itself once it stands.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;

use crate::broker::Broker;
use crate::server::Load;
use crate::storage::DataDirectory;

/// A broker that can be looked at.
#[derive(Clone)]
pub struct Observed {
    /// The broker.
    pub broker: Arc<Broker>,
    /// Its logs.
    pub data: Arc<DataDirectory>,
    /// Its connections.
    pub load: Load,
}

/// Where the broker is in its life. Written by the start, read by the listener.
pub struct Status {
    begun: Instant,
    stage: RwLock<Stage>,
}

#[derive(Clone)]
enum Stage {
    Starting(&'static str),
    Serving(Observed),
}

impl Status {
    /// A broker that begins with `doing`.
    pub fn starting(doing: &'static str) -> Self {
        Self { begun: Instant::now(), stage: RwLock::new(Stage::Starting(doing)) }
    }

    /// The start goes on with `doing`.
    pub fn goes_on(&self, doing: &'static str) {
        *self.stage.write() = Stage::Starting(doing);
    }

    /// The broker serves its clients.
    pub fn serves(&self, observed: Observed) {
        *self.stage.write() = Stage::Serving(observed);
    }

    /// When the start began.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// The broker, once it stands.
    pub(super) fn observed(&self) -> Option<Observed> {
        match &*self.stage.read() {
            Stage::Starting(_) => None,
            Stage::Serving(observed) => Some(observed.clone()),
        }
    }

    /// What the start is doing, while it lasts.
    pub(super) fn start(&self) -> Option<&'static str> {
        match &*self.stage.read() {
            Stage::Starting(doing) => Some(doing),
            Stage::Serving(_) => None,
        }
    }
}
