//! The two times a coordinator needs. It is told them; it never asks.

use std::ops::Add;

/// A point on the monotonic clock, in milliseconds since an arbitrary start. Sessions and rebalances are timed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// Later than every deadline.
    pub const NEVER: Self = Self(i64::MAX);
}

impl Add<i32> for Millis {
    type Output = Self;

    /// A negative timeout counts as none.
    fn add(self, timeout_ms: i32) -> Self {
        Self(self.0.saturating_add(i64::from(timeout_ms.max(0))))
    }
}

/// The time of an event on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The monotonic clock: what deadlines are compared with.
    pub monotonic: Millis,
    /// The wall clock in milliseconds since 1970: what records carry and retention counts from.
    pub wall_ms: i64,
}
