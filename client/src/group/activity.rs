//! Whether the application goes on asking for records (`max.poll.interval.ms`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How the application shows that it is alive. Cheap enough to be told of every record.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    calls: AtomicU64,
    waiting: AtomicBool,
}

impl Activity {
    /// The application has asked for something.
    pub(crate) fn called(&self) {
        // One consumer tells: there is no other writer to lose a call to.
        self.calls.store(self.calls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// The application waits for records, or works.
    pub(crate) fn waits(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }
}

/// Sees whether the application goes on asking.
pub(super) struct Stuck {
    activity: Arc<Activity>,
    calls: u64,
    since: Instant,
}

impl Stuck {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { calls: activity.calls.load(Ordering::Relaxed), activity, since: Instant::now() }
    }

    /// Whether nothing was asked for so long, and nobody waits for records either.
    pub(super) fn for_longer_than(&mut self, limit: Duration) -> bool {
        let calls = self.activity.calls.load(Ordering::Relaxed);
        if calls != self.calls || self.activity.waiting.load(Ordering::Relaxed) {
            (self.calls, self.since) = (calls, Instant::now());
            return false;
        }
        self.since.elapsed() >= limit
    }
}
