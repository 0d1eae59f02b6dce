//! How long things took.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than any run: what takes longer counts as this.
const LONGEST: Duration = Duration::from_hours(1);

/// A distribution of durations, exact to three digits from 1 µs to an hour.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// What a distribution is told in; milliseconds each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of all took no longer.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// The longest of all.
    pub max: f64,
    /// The mean of all.
    pub mean: f64,
}

impl Latencies {
    /// Nothing yet.
    pub fn new() -> Self {
        let bounded = Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, 3);
        Self(bounded.unwrap_or_else(|_| unreachable!("the bounds are constants that the library allows")))
    }

    /// Adds one.
    pub fn record(&mut self, took: Duration) {
        self.0.saturating_record(took.as_micros() as u64);
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// None so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The distribution in a few numbers; none when nothing was recorded.
    pub fn percentiles(&self) -> Option<Percentiles> {
        if self.is_empty() {
            return None;
        }
        let ms = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile| ms(self.0.value_at_quantile(quantile));
        Some(Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: ms(self.0.max()),
            mean: self.0.mean() / 1000.0,
        })
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_three_digits() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.percentiles(), None);
        (1..=1000).for_each(|ms| latencies.record(Duration::from_millis(ms)));
        let percentiles = latencies.percentiles().unwrap();
        for (found, exact) in
            [(percentiles.p50, 500.0), (percentiles.p99, 990.0), (percentiles.p999, 999.0), (percentiles.max, 1000.0)]
        {
            assert!((found - exact).abs() / exact < 0.001, "{found} for {exact}");
        }
    }

    #[test]
    fn what_takes_longer_than_an_hour_is_counted() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(100_000));
        assert_eq!(latencies.len(), 1);
    }
}
