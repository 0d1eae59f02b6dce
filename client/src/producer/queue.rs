//! What waits for one partition, and the rules that keep its order.
//!
//! A batch is open, closed, in flight, and then done. Several may be in flight at once. When one fails in a way that may
//! pass, nothing more is sent until all that are in flight are answered; then they go out again in their old order, under
//! their old sequence numbers, so that the broker recognises what it has already. When a batch has failed for good, or the
//! broker has lost count, the sequence numbers begin anew under the next epoch (after KIP-360).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use naru_protocol::records::{BuildError, Codec};
use tokio::time::Instant;

use super::batch::{ClosedBatch, OpenBatch, Place, Sequence};
use super::delivery::{BatchOutcome, Delivery};
use crate::error::Error;
use crate::record::{Record, TopicPartition};

/// The queue of a partition.
#[derive(Debug)]
pub(super) struct PartitionQueue {
    pub(super) id: Arc<TopicPartition>,
    /// Bytes that wait, for whoever chooses between partitions.
    waiting: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<OpenBatch>,
    /// In the order of their places.
    closed: VecDeque<ClosedBatch>,
    in_flight: Vec<(Place, Arc<BatchOutcome>)>,
    next_batch: u64,
    /// Producer id and epoch that the partition's sequence numbers belong to.
    identity: Option<(i64, i16)>,
    next_sequence: i32,
    /// The sequence numbers begin anew when nothing is in flight.
    renew: bool,
    /// Nothing is sent until all that is in flight is answered.
    held: bool,
    not_before: Option<Instant>,
    /// The sender knows that something is here.
    listed: bool,
    /// How large batches have been lately.
    usual_size: usize,
}

/// When records leave for want of company.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) codec: Codec,
    /// A batch of this size is closed.
    pub(super) batch_size: usize,
    /// The longest that an open batch waits for more.
    pub(super) linger: Duration,
    /// A broker that has nothing to do gets records at once.
    pub(super) eager: bool,
}

/// What a queue wants from the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nothing: it is empty.
    Nothing,
    /// To be asked again when an answer has come.
    Answers,
    /// To be asked again at that time.
    Time(Instant),
    /// To send a batch.
    Sending,
}

/// What a push did.
pub(super) struct Pushed {
    pub(super) delivery: Delivery,
    /// The sender should look: there is something new to wait for or to send.
    pub(super) tell_sender: bool,
    /// The sender does not know the queue yet.
    pub(super) list: bool,
}

impl PartitionQueue {
    pub(super) fn new(id: TopicPartition) -> Arc<Self> {
        Arc::new(Self { id: Arc::new(id), waiting: AtomicUsize::new(0), state: Mutex::default() })
    }

    /// Bytes that wait to be sent, roughly.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Adds a record. `reserved` bytes of the buffer are its own until its batch is done.
    pub(super) fn push(
        &self,
        record: &Record,
        timestamp: i64,
        reserved: usize,
        rules: &Rules,
    ) -> Result<Pushed, BuildError> {
        let mut guard = self.state();
        let state = &mut *guard;
        let full = state.open.as_ref().is_some_and(|open| open.size() + reserved > rules.batch_size);
        if full {
            state.close_open();
        }
        let begins = state.open.is_none();
        let open = state.open.get_or_insert_with(|| {
            let capacity = (state.usual_size + state.usual_size / 8).max(reserved);
            OpenBatch::new(Arc::clone(&self.id), rules.codec, capacity, Instant::now())
        });
        let delivery = open.push(record, timestamp, reserved)?;
        self.waiting.fetch_add(reserved, Ordering::Relaxed);
        let list = !std::mem::replace(&mut state.listed, true);
        Ok(Pushed { delivery, tell_sender: full || begins || list, list })
    }

    /// What to do next. `idle`: the leader has nothing in flight. `hurry`: somebody waits for everything to be sent.
    pub(super) fn wants(&self, now: Instant, rules: &Rules, idle: bool, hurry: bool) -> Wants {
        let mut state = self.state();
        if state.held && !state.in_flight.is_empty() {
            return Wants::Answers;
        }
        if let Some(later) = state.not_before.filter(|later| *later > now) {
            return Wants::Time(later);
        }
        if !state.closed.is_empty() {
            return Wants::Sending;
        }
        match &state.open {
            Some(open) => {
                let due = open.created() + rules.linger;
                let full = open.size() >= rules.batch_size;
                if hurry || full || due <= now || (rules.eager && idle) { Wants::Sending } else { Wants::Time(due) }
            }
            None if state.in_flight.is_empty() => {
                state.listed = false;
                Wants::Nothing
            }
            None => Wants::Answers,
        }
    }

    /// The next batch with its sequence, to be put in flight; called when it [wants](Self::wants) that. `identity` is the
    /// producer's id and epoch, if it has one.
    pub(super) fn take(&self, identity: Option<(i64, i16)>) -> Option<(ClosedBatch, Option<Sequence>)> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.in_flight.is_empty() {
            state.held = false;
            state.begin_anew();
        }
        if state.closed.is_empty() {
            state.close_open();
        }
        let batch = state.closed.pop_front()?;
        let sequence = match (batch.sent_as, state.identity.or(identity)) {
            (Some(sequence), _) => Some(sequence),
            (None, Some((producer_id, epoch))) => {
                state.identity = Some((producer_id, epoch));
                let sequence = Sequence { producer_id, epoch, base: state.next_sequence };
                state.next_sequence = sequence.behind(batch.records).base;
                Some(sequence)
            }
            (None, None) => None,
        };
        state.in_flight.push((batch.place, Arc::clone(&batch.outcome)));
        self.waiting.fetch_sub(batch.reserved.min(self.waiting()), Ordering::Relaxed);
        Some((batch, sequence))
    }

    /// A batch is done, well or not. One that failed under a sequence number leaves a gap, so the numbers begin anew.
    pub(super) fn done(&self, batch: &ClosedBatch, failed: bool) {
        let mut state = self.state();
        state.land(batch.place);
        state.usual_size = batch.size();
        if failed && batch.sent_as.is_some() {
            state.held = true;
            state.renew = true;
        }
    }

    /// A batch is to be sent again, not before that time.
    pub(super) fn again(&self, batch: ClosedBatch, not_before: Instant) {
        let mut state = self.state();
        state.land(batch.place);
        state.held = true;
        state.not_before = Some(not_before);
        self.waiting.fetch_add(batch.reserved, Ordering::Relaxed);
        state.insert(batch);
    }

    /// The broker has lost count: a batch is sent again, under new numbers.
    pub(super) fn again_anew(&self, batch: ClosedBatch, not_before: Instant) {
        self.state().renew = true;
        self.again(batch, not_before);
    }

    /// A batch goes on in two halves.
    pub(super) fn split(&self, whole: &ClosedBatch, (first, second): (ClosedBatch, ClosedBatch)) {
        let mut state = self.state();
        state.land(whole.place);
        state.held = true;
        self.waiting.fetch_add(whole.reserved, Ordering::Relaxed);
        state.insert(second);
        state.insert(first);
    }

    /// Whether something older than this batch is in flight or waits to be sent again: then a gap in the sequence numbers is
    /// no wonder.
    pub(super) fn something_before(&self, place: Place) -> bool {
        let state = self.state();
        state.in_flight.iter().any(|(other, _)| *other < place)
            || state.closed.front().is_some_and(|other| other.place < place)
    }

    /// Takes out what is older than `oldest`; only what is not in flight.
    pub(super) fn expired(&self, oldest: Instant) -> Vec<ClosedBatch> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.open.as_ref().is_some_and(|open| open.created() < oldest) {
            state.close_open();
        }
        let mut expired = Vec::new();
        while let Some(batch) = state.closed.pop_front_if(|batch| batch.created < oldest) {
            if batch.sent_as.is_some() {
                state.held = true;
                state.renew = true;
            }
            self.waiting.fetch_sub(batch.reserved.min(self.waiting()), Ordering::Relaxed);
            expired.push(batch);
        }
        expired
    }

    /// When the oldest of what is not in flight was made.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let state = self.state();
        state.closed.front().map(|batch| batch.created).or(state.open.as_ref().map(OpenBatch::created))
    }

    /// Everything whose outcome is open.
    pub(super) fn outcomes(&self) -> Vec<Arc<BatchOutcome>> {
        let state = self.state();
        let closed = state.closed.iter().map(|batch| &batch.outcome);
        let open = state.open.iter().map(OpenBatch::outcome);
        state.in_flight.iter().map(|(_, outcome)| outcome).chain(closed).chain(open).cloned().collect()
    }

    /// Fails everything.
    pub(super) fn abandon(&self, error: &Error) {
        for outcome in self.outcomes() {
            outcome.failed(error.clone());
        }
        let mut state = self.state();
        (state.open, state.closed, state.in_flight) = (None, VecDeque::new(), Vec::new());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.closed.push_back(open.close(self.next_batch));
            self.next_batch += 1;
        }
    }

    /// It is in flight no more.
    fn land(&mut self, place: Place) {
        self.in_flight.retain(|(other, _)| *other != place);
    }

    fn insert(&mut self, batch: ClosedBatch) {
        let at = self.closed.partition_point(|other| other.place < batch.place);
        self.closed.insert(at, batch);
    }

    fn begin_anew(&mut self) {
        if !std::mem::take(&mut self.renew) {
            return;
        }
        // The largest epoch is not left: a producer that fails as often is beyond help, and the broker says so.
        self.identity = self.identity.map(|(id, epoch)| (id, epoch.saturating_add(1)));
        self.next_sequence = 0;
        for batch in &mut self.closed {
            batch.sent_as = None;
        }
    }
}

#[cfg(test)]
mod tests;
