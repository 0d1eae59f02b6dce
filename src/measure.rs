//! What rooms count about themselves. A room keeps its numbers in these types and knows nothing of who reads them; `http/` reads
//! them when it is asked for metrics.
//!
//! All of it is relaxed atomics: a number costs a few nanoseconds where it is counted, and a reader may see one of two numbers
//! that belong together a moment earlier than the other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Something that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// All that was counted.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of the buckets of a [`Latency`], in microseconds; a last bucket takes what is longer.
const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
const BUCKETS: usize = BOUNDS_US.len() + 1;

/// How long something took, in buckets from 100 µs to 10 s.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

impl Latency {
    /// Counts one that took so long.
    pub fn record(&self, took: Duration) {
        let us = took.as_micros();
        let bucket = BOUNDS_US.partition_point(|bound| u128::from(*bound) < us);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// What was counted so far.
    pub fn summary(&self) -> LatencySummary {
        LatencySummary {
            buckets: self.buckets.each_ref().map(|count| count.load(Relaxed)),
            nanoseconds: self.nanoseconds.load(Relaxed),
        }
    }
}

/// The numbers of a [`Latency`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySummary {
    buckets: [u64; BUCKETS],
    nanoseconds: u64,
}

impl LatencySummary {
    /// Adds the numbers of another one.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += more;
        }
        self.nanoseconds += other.nanoseconds;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How long all of them took together.
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds).as_secs_f64()
    }

    /// Each bucket: its upper bound in seconds, the last one infinite, and how many are in it and in no lower one.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_in_the_first_bucket_that_holds_it() {
        let latency = Latency::default();
        for us in [0, 100, 101, 9_999_999, 10_000_001] {
            latency.record(Duration::from_micros(us));
        }
        let summary = latency.summary();
        let filled: Vec<_> = summary.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.0001, 2), (0.00025, 1), (10.0, 1), (f64::INFINITY, 1)]);
        assert_eq!(summary.count(), 5);
        assert!((summary.seconds() - 20.000_201).abs() < 1e-9, "{}", summary.seconds());
    }

    #[test]
    fn summaries_add_up() {
        let (a, b) = (Latency::default(), Latency::default());
        a.record(Duration::from_millis(1));
        b.record(Duration::from_millis(2));
        let mut sum = a.summary();
        sum.add(&b.summary());
        assert_eq!(sum.count(), 2);
        assert!((sum.seconds() - 0.003).abs() < 1e-9);
    }
}
