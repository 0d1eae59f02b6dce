//! The reading of one request: looks at what is due, waits for more, looks again at what moved.

use std::sync::Arc;
use std::time::Duration;

use naru_protocol::messages::fetch::FetchRequest;
use tokio::time::Instant;

use crate::fetch::{Due, Following};

use super::lookup::{Lookup, Present};
use super::visit::Visit;

/// How much, and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    min_bytes: usize,
    max_bytes: usize,
    deadline: Instant,
}

impl Bounds {
    /// What a request asks for, within what the broker gives this client. Negative numbers ask for nothing.
    pub(super) fn of(request: &FetchRequest, most: usize) -> Self {
        let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0).min(most);
        Self {
            // Whoever takes less than it waits for would wait in vain.
            min_bytes: usize::try_from(request.min_bytes).unwrap_or(0).min(max_bytes),
            max_bytes,
            deadline: Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)),
        }
    }
}

/// What was found so far.
pub(super) struct Reading {
    bounds: Bounds,
    /// Sorted by turn.
    visits: Vec<Visit>,
    bytes: usize,
    /// What counts towards `min_bytes`.
    available: usize,
    is_final: bool,
}

impl Reading {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, visits: Vec::new(), bytes: 0, available: 0, is_final: false }
    }

    /// Reads until there is enough, or something that the reader should know at once, or no time left; or until `is_over`,
    /// which is asked whenever the list's news are rung.
    ///
    /// Batches leave as they were stored, whole, and never above the high watermark. The first batch of the first partition
    /// that has one is taken even when it is larger than asked for, so that every reader gets on.
    pub(super) async fn run(&mut self, following: &mut Following, lookup: &Lookup<'_>, is_over: impl Fn() -> bool) {
        let due = following.due();
        self.visits.reserve_exact(due.len());
        // What is not due exists.
        let all_are_due = due.len() == following.len();
        self.visit_all(following, due, lookup).await;
        // In a list of what does not exist there is nothing to wait for.
        self.is_final |= all_are_due && self.visits.iter().all(Visit::is_unknown);
        let broker = lookup.broker;
        loop {
            let is_complete = self.available >= self.bounds.min_bytes || self.is_final;
            if is_complete || Instant::now() >= self.bounds.deadline || broker.is_stopping() || is_over() {
                break;
            }
            for visit in &self.visits {
                if let Some((high_watermark, target)) = visit.next() {
                    following.watch(visit.due.slot, high_watermark, target);
                }
            }
            // Whichever comes first, one more look tells what there is to answer.
            let news = Arc::clone(following.news());
            tokio::select! {
                _ = tokio::time::timeout_at(self.bounds.deadline, news.arrived()) => {}
                () = broker.stopping() => {}
            }
            let present = lookup.now();
            for due in following.due_since() {
                let visit = self.visit(following, due, &present).await;
                self.is_final |= visit.is_some_and(Visit::note_deletion);
            }
        }
        // Others were waited for: what was found first may be deleted by now, and is not given out.
        let outdated: Vec<Due> =
            self.visits.iter().filter(|visit| visit.is_outdated()).map(|visit| visit.due).collect();
        self.visit_all(following, outdated, lookup).await;
    }

    async fn visit_all(&mut self, following: &mut Following, all: Vec<Due>, lookup: &Lookup<'_>) {
        let present = lookup.now();
        for due in all {
            self.visit(following, due, &present).await;
        }
    }

    async fn visit(&mut self, following: &mut Following, due: Due, present: &Present<'_>) -> Option<&mut Visit> {
        let followed = following.get_mut(due.slot)?;
        let (partition, asked) = (present.find(followed), followed.asked);
        let known = self.visits.binary_search_by_key(&due.turn, |visit| visit.due.turn);
        let (before, available_before) =
            known.map_or((0, 0), |at| (self.visits[at].bytes(), self.visits[at].available()));
        let others = self.bytes - before;
        let wanted = usize::try_from(asked.max_bytes).unwrap_or(0);
        let max_bytes = wanted.min(self.bounds.max_bytes.saturating_sub(others));
        let visit = Visit::pay(due, partition, asked, max_bytes, others == 0).await;
        self.bytes = others + visit.bytes();
        self.available = (self.available - available_before).saturating_add(visit.available());
        self.is_final |= visit.is_final();
        match known {
            Ok(at) => self.visits[at] = visit,
            Err(at) => self.visits.insert(at, visit),
        }
        self.visits.get_mut(known.unwrap_or_else(|at| at))
    }

    /// Bytes of the records that were found.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that was found, in the order of the answer: that of the list, and last what does not exist.
    pub(super) fn in_order(self) -> Vec<Visit> {
        let mut visits = self.visits;
        if visits.iter().any(Visit::is_unknown) {
            visits.sort_by_key(Visit::is_unknown);
        }
        visits
    }
}
