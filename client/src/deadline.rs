//! A point in time by which a call must be done.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::Error;

/// When a call gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        // A wait of thirty years is as good as forever, and no sum overflows.
        let limit = limit.min(Duration::from_secs(1_000_000_000));
        Self { at: Instant::now() + limit, limit }
    }

    /// What is left of it.
    pub(crate) fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it is over.
    pub(crate) fn passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The work, or an error that says what took too long.
    pub(crate) async fn bound<T>(
        self,
        doing: impl fmt::Display,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout_at(self.at, work).await.unwrap_or_else(|_| Err(self.error(doing)))
    }

    /// Sleeps, but not past it.
    pub(crate) async fn sleep(self, pause: Duration) {
        sleep_until(self.at.min(Instant::now() + pause)).await;
    }

    /// The error when it has passed.
    pub(crate) fn error(self, doing: impl fmt::Display) -> Error {
        Error::timed_out(doing, self.limit)
    }
}
