//! When each record is due.

use std::time::Duration;

/// An open loop: records are due at a fixed rate, whether or not the broker keeps up. A latency is counted from the time a
/// record was due, so that a stall is paid for by every record it delays, not by the one that met it ("coordinated omission").
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval_ns: f64,
}

impl Pace {
    /// `rate` records a second, above 0.
    pub fn new(rate: f64) -> Self {
        Self { interval_ns: 1e9 / rate }
    }

    /// When record number `index`, from 0, is due after the start.
    pub fn due(self, index: u64) -> Duration {
        Duration::from_nanos((self.interval_ns * index as f64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_due_at_even_distances_forever() {
        let pace = Pace::new(1000.0);
        assert_eq!(pace.due(0), Duration::ZERO);
        assert_eq!(pace.due(5), Duration::from_millis(5));
        let an_hour = 3_600_000;
        assert_eq!(Pace::new(1e6).due(an_hour * 1_000), Duration::from_millis(an_hour));
    }
}
