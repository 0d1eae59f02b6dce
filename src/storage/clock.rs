//! Seam 2 to the system: time. Production reads the system's clocks; tests own the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of wall-clock and monotonic time.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch. May jump; only record time stamps and retention look at it.
    fn now_ms(&self) -> i64;

    /// Time since an arbitrary start. Never goes back; durations, leases and timeouts are made of it.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that moves only when a test says so.
#[cfg(any(test, feature = "fault-injection"))]
#[derive(Debug)]
pub struct ManualClock {
    now_ms: std::sync::atomic::AtomicI64,
    monotonic_ms: std::sync::atomic::AtomicU64,
}

#[cfg(any(test, feature = "fault-injection"))]
impl ManualClock {
    /// A clock that stands at `now_ms`.
    pub fn new(now_ms: i64) -> Self {
        Self { now_ms: now_ms.into(), monotonic_ms: 0.into() }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        use std::sync::atomic::Ordering::SeqCst;
        self.now_ms.fetch_add(by.as_millis() as i64, SeqCst);
        self.monotonic_ms.fetch_add(by.as_millis() as u64, SeqCst);
    }
}

#[cfg(any(test, feature = "fault-injection"))]
impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms.load(std::sync::atomic::Ordering::SeqCst))
    }
}
