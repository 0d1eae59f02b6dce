//! The rate of something over a sliding window, as Kafka measures it.

use std::collections::VecDeque;
use std::time::Duration;

/// The time over which a rate is measured: `quota.window.num` samples of `quota.window.size.seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Samples in the window, 1 or more.
    pub samples: u32,
    /// Length of a sample in milliseconds, 1 or more.
    pub sample_ms: u64,
}

impl Window {
    fn length_ms(self) -> u64 {
        u64::from(self.samples) * self.sample_ms
    }

    /// The whole samples of the window, without the one that is under way: a rate is measured over no less.
    fn least_ms(self) -> u64 {
        u64::from(self.samples.saturating_sub(1)) * self.sample_ms
    }

    /// The same, in seconds.
    pub fn least_seconds(self) -> f64 {
        self.least_ms() as f64 / 1000.0
    }
}

/// A sum by samples. Those that are older than the window are forgotten whole, so there is one more than the window has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowedRate {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    start_ms: u64,
    last_ms: u64,
    sum: f64,
}

impl WindowedRate {
    /// Adds an amount; a negative one takes back what was added.
    pub fn record(&mut self, window: Window, amount: f64, now_ms: u64) {
        self.forget(window, now_ms);
        match self.samples.back_mut() {
            Some(sample) if now_ms.saturating_sub(sample.start_ms) < window.sample_ms => {
                sample.sum += amount;
                sample.last_ms = now_ms;
            }
            _ => self.samples.push_back(Sample { start_ms: now_ms, last_ms: now_ms, sum: amount }),
        }
    }

    /// The time without anything new after which the rate is `bound` or less, both a second; zero if it is now.
    pub fn pause(&mut self, window: Window, bound: f64, now_ms: u64) -> Duration {
        let measured_ms = self.measured_ms(window, now_ms) as f64;
        let sum: f64 = self.samples.iter().map(|sample| sample.sum).sum();
        let above = sum * 1000.0 / measured_ms - bound;
        if above <= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_millis((above / bound * measured_ms).round() as u64)
    }

    /// Whether nothing is left of what was added.
    pub fn is_idle(&self, window: Window, now_ms: u64) -> bool {
        self.samples.back().is_none_or(|sample| is_obsolete(sample, window, now_ms))
    }

    /// The time over which the rate is measured: since the first sample, or longer if that is too recent to tell.
    fn measured_ms(&mut self, window: Window, now_ms: u64) -> u64 {
        self.forget(window, now_ms);
        let elapsed_ms = self.samples.front().map_or(0, |sample| now_ms.saturating_sub(sample.start_ms));
        let whole_samples = elapsed_ms / window.sample_ms;
        let missing = u64::from(window.samples.saturating_sub(1)).saturating_sub(whole_samples);
        (elapsed_ms + missing * window.sample_ms).max(1)
    }

    fn forget(&mut self, window: Window, now_ms: u64) {
        while self.samples.front().is_some_and(|sample| is_obsolete(sample, window, now_ms)) {
            self.samples.pop_front();
        }
    }
}

fn is_obsolete(sample: &Sample, window: Window, now_ms: u64) -> bool {
    now_ms.saturating_sub(sample.last_ms) >= window.length_ms()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kafka's defaults: eleven samples of a second.
    const WINDOW: Window = Window { samples: 11, sample_ms: 1000 };

    #[test]
    fn what_a_whole_window_may_have_can_come_at_once() {
        let mut rate = WindowedRate::default();
        rate.record(WINDOW, 1000.0, 5);
        assert_eq!(rate.pause(WINDOW, 100.0, 5), Duration::ZERO);
        rate.record(WINDOW, 100.0, 5);
        assert_eq!(rate.pause(WINDOW, 100.0, 5), Duration::from_secs(1));
        // What was taken back never was.
        rate.record(WINDOW, -100.0, 5);
        assert_eq!(rate.pause(WINDOW, 100.0, 5), Duration::ZERO);
    }

    #[test]
    fn who_pauses_as_told_gets_the_rate() {
        let (mut rate, bound, mut now_ms, mut sent) = (WindowedRate::default(), 1000.0, 0_u64, 0.0);
        while now_ms < 100_000 {
            rate.record(WINDOW, 700.0, now_ms);
            sent += 700.0;
            now_ms += 1 + rate.pause(WINDOW, bound, now_ms).as_millis() as u64;
        }
        let average = sent * 1000.0 / now_ms as f64;
        // The first window may be filled at once.
        assert!((bound..bound * 1.12).contains(&average), "{average}");
        assert!(rate.samples.len() <= 12);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut rate = WindowedRate::default();
        rate.record(WINDOW, 1e9, 100);
        assert!(!rate.is_idle(WINDOW, 11_099));
        assert!(rate.is_idle(WINDOW, 11_100));
        assert_eq!(rate.pause(WINDOW, 1.0, 11_100), Duration::ZERO);
    }

    #[test]
    fn one_sample_is_measured_over_what_has_passed() {
        const ONE: Window = Window { samples: 1, sample_ms: 1000 };
        let mut rate = WindowedRate::default();
        rate.record(ONE, 10.0, 0);
        // 10 in a millisecond, 5 a second allowed.
        assert_eq!(rate.pause(ONE, 5.0, 0), Duration::from_millis(1999));
        assert_eq!(rate.pause(ONE, 5.0, 500), Duration::from_millis(1500));
    }
}
