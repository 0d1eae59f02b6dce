//! How the network is, until it is told otherwise.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    pub(super) delay_requests: Duration,
    pub(super) delay_answers: Duration,
    /// In each direction of each connection; 0 is no limit.
    pub(super) bytes_per_second: u64,
    pub(super) stalled: bool,
    pub(super) refusing: bool,
    /// Connections with a lower id are reset.
    pub(super) cut_below: u64,
    /// Connections with a lower id send nothing more to their client.
    pub(super) half_closed_below: u64,
}

impl Conditions {
    /// A good network again. What was cut stays cut.
    pub(super) fn heal(&mut self) {
        *self = Self { cut_below: self.cut_below, half_closed_below: self.half_closed_below, ..Self::default() };
    }
}
