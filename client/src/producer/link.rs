//! The way to one broker: its connection, and the requests that are open on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use naru_protocol::messages::produce::ProduceResponse;
use tokio::time::Instant;

use super::request::Sent;
use crate::error::Error;
use crate::network::{Backoff, Channel};

/// What became of a request: an answer, or none with acks=0, when it is written.
pub(super) type Outcome = Result<Option<ProduceResponse>, Error>;

pub(super) struct Link {
    pub(super) channel: Option<Arc<Channel>>,
    pub(super) connecting: bool,
    pub(super) in_flight: usize,
    /// The number of the next request.
    next: u64,
    /// What became of requests, before it was known of earlier ones: the records of a partition resolve in order.
    early: BTreeMap<u64, (Vec<Sent>, Outcome)>,
    pub(super) backoff: Backoff,
    /// No connection is tried before.
    pub(super) not_before: Instant,
    /// What went wrong last, until something goes well.
    pub(super) trouble: Option<Error>,
}

impl Link {
    /// No connection yet.
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            channel: None,
            connecting: false,
            in_flight: 0,
            next: 0,
            early: BTreeMap::new(),
            backoff,
            not_before: Instant::now(),
            trouble: None,
        }
    }

    /// A request goes out; this is its number.
    pub(super) fn begin(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.in_flight += 1;
        number
    }

    /// It is known what became of a request.
    pub(super) fn known(&mut self, number: u64, batches: Vec<Sent>, outcome: Outcome) {
        self.early.insert(number, (batches, outcome));
    }

    /// What became of the oldest open request, once it is known. It is open no more.
    pub(super) fn next_outcome(&mut self) -> Option<(Vec<Sent>, Outcome)> {
        let oldest = self.next - self.in_flight as u64;
        let outcome = self.early.remove(&oldest)?;
        self.in_flight -= 1;
        Some(outcome)
    }
}
