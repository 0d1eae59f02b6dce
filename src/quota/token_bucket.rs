//! A bucket that fills steadily and is emptied at will (KIP-599).

use std::time::Duration;

use super::Window;

/// Tokens up to what a window brings. Taking more than there are leaves a debt that has to be waited for.
#[derive(Clone, Debug, Default)]
pub struct TokenBucket {
    tokens: f64,
    /// Tokens come from this moment on; a new bucket is full, because none has come for long.
    filled_ms: Option<u64>,
}

impl TokenBucket {
    /// Takes tokens; `rate` is how many come in a second.
    pub fn take(&mut self, window: Window, rate: f64, tokens: f64, now_ms: u64) {
        self.fill(window, rate, now_ms);
        self.tokens -= tokens;
    }

    /// The time until no token is owed.
    pub fn debt(&mut self, window: Window, rate: f64, now_ms: u64) -> Duration {
        self.fill(window, rate, now_ms);
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_millis((-self.tokens / rate * 1000.0).round() as u64).max(Duration::from_millis(1))
    }

    /// Whether it has filled up, at any rate.
    pub fn is_idle(&self, window: Window, now_ms: u64) -> bool {
        let whole_ms = u64::from(window.samples) * window.sample_ms;
        self.tokens >= 0.0 && self.filled_ms.is_none_or(|filled| now_ms.saturating_sub(filled) >= whole_ms)
    }

    fn fill(&mut self, window: Window, rate: f64, now_ms: u64) {
        let most = rate * f64::from(window.samples) * window.sample_ms as f64 / 1000.0;
        let came = self.filled_ms.map_or(most, |filled| rate * now_ms.saturating_sub(filled) as f64 / 1000.0);
        self.tokens = most.min(self.tokens + came);
        self.filled_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_may_be_overdrawn_once_and_then_fills() {
        const WINDOW: Window = Window { samples: 11, sample_ms: 1000 };
        let mut bucket = TokenBucket::default();
        assert_eq!(bucket.debt(WINDOW, 2.0, 0), Duration::ZERO);
        bucket.take(WINDOW, 2.0, 30.0, 0);
        // 22 were there.
        assert_eq!(bucket.debt(WINDOW, 2.0, 0), Duration::from_secs(4));
        assert_eq!(bucket.debt(WINDOW, 2.0, 3_000), Duration::from_secs(1));
        assert!(!bucket.is_idle(WINDOW, 3_000));
        assert_eq!(bucket.debt(WINDOW, 2.0, 4_000), Duration::ZERO);
        assert!(bucket.is_idle(WINDOW, 15_000));
    }
}
