//! What waits for one partition, and the rules that keep its order.
//!
//! A batch is open, closed, in flight, and then done. Several may be in flight at once. When one fails in a way that may
//! pass, nothing more is sent until all that are in flight are answered; then they go out again in their old order, under
//! their old sequence numbers, so that the broker recognises what it has already. When the broker has lost count, the
//! numbers begin anew under the next epoch (after KIP-360). When a batch was given up, whether the broker has it may not be
//! known: what was sent after it goes out again under its old numbers, and only if the broker misses something do they begin
//! anew; nothing is written twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use naru_protocol::records::{BuildError, Codec};
use tokio::time::Instant;

use super::batch::{ClosedBatch, OpenBatch, Place, Sequence};
use super::delivery::{BatchOutcome, Delivery};
use crate::error::Error;
use crate::record::{Record, TopicPartition};

/// A broker recognises the last five batches of a producer when they come again: of so many that follow each other none may
/// be open.
const MOST_OPEN: u64 = 5;

/// The queue of a partition.
#[derive(Debug)]
pub(super) struct PartitionQueue {
    pub(super) id: Arc<TopicPartition>,
    /// Bytes that wait, for whoever chooses between partitions.
    waiting: AtomicUsize,
    /// There is an open batch, for whoever chooses between partitions.
    gathering: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<OpenBatch>,
    /// In the order of their places.
    closed: VecDeque<ClosedBatch>,
    in_flight: Vec<InFlight>,
    next_batch: u64,
    /// How many batches were sent, retries aside.
    sent: u64,
    /// Producer id and epoch that the partition's sequence numbers belong to.
    identity: Option<(i64, i16)>,
    /// The broker has taken a batch of this producer id. Before, it would take any sequence number for the first, and so a
    /// second batch before the first.
    recognised: bool,
    /// A producer id whose epochs are used up here.
    spent: Option<i64>,
    next_sequence: i32,
    /// The sequence numbers begin anew when nothing is in flight.
    renew: bool,
    /// The last batch that was given up under a sequence number. The broker may miss it.
    gap: Option<Place>,
    /// Nothing is sent until all that is in flight is answered.
    held: bool,
    not_before: Option<Instant>,
    /// The sender knows that something is here.
    listed: bool,
    /// How large batches have been lately.
    usual_size: usize,
}

/// A batch that the sender has.
#[derive(Debug)]
struct InFlight {
    place: Place,
    /// How many batches were sent before it, when it was sent first.
    number: u64,
    created: Instant,
    outcome: Arc<BatchOutcome>,
    /// Its records were told already that it takes too long.
    overdue: bool,
}

/// A batch whose time is over.
pub(super) struct Overdue {
    pub(super) outcome: Arc<BatchOutcome>,
    /// Whether the broker may have it.
    pub(super) maybe_written: bool,
    /// Bytes of the buffer that are free now; those of a batch in flight are not.
    pub(super) freed: usize,
}

/// The next batch to send, if there is one.
pub(super) enum Taken {
    /// It is in flight now, under that sequence, or without one.
    Batch(Box<ClosedBatch>, Option<Sequence>),
    /// It needs another producer id: the epochs of this one are used up.
    Spent(i64),
    Nothing,
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
        Arc::new(Self {
            id: Arc::new(id),
            waiting: AtomicUsize::new(0),
            gathering: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// Bytes that wait to be sent, roughly.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether there is a batch that records still join, roughly.
    pub(super) fn gathering(&self) -> bool {
        self.gathering.load(Ordering::Relaxed)
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
        if begins {
            self.gathering.store(true, Ordering::Relaxed);
        }
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
        let sent_before = state.closed.front().is_some_and(|batch| batch.number.is_some());
        let oldest = state.in_flight.iter().map(|batch| batch.number).min();
        let far_ahead = !sent_before && oldest.is_some_and(|oldest| state.sent - oldest >= MOST_OPEN);
        let one_by_one = state.held || (state.identity.is_some() && !state.recognised);
        if far_ahead || (one_by_one && !state.in_flight.is_empty()) {
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
    /// producer's id and epoch, if it has one. A batch larger than `room` stays where it is.
    pub(super) fn take(&self, identity: Option<(i64, i16)>, room: usize) -> Taken {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.in_flight.is_empty() {
            state.held = false;
            state.settle_numbers();
        }
        if state.closed.is_empty() {
            self.close_open(state);
        }
        let Some(mut batch) = state.closed.pop_front_if(|batch| batch.size() <= room) else { return Taken::Nothing };
        let sequence = match (batch.sent_as, state.identity.or(identity)) {
            (Some(sequence), _) => Some(sequence),
            (None, Some((producer_id, _))) if state.spent == Some(producer_id) => {
                state.closed.push_front(batch);
                return Taken::Spent(producer_id);
            }
            (None, Some((producer_id, epoch))) => {
                state.identity = Some((producer_id, epoch));
                let sequence = Sequence { producer_id, epoch, base: state.next_sequence };
                state.next_sequence = sequence.behind(batch.records).base;
                Some(sequence)
            }
            (None, None) => None,
        };
        let (place, created, outcome) = (batch.place, batch.created, Arc::clone(&batch.outcome));
        let number = *batch.number.get_or_insert_with(|| {
            state.sent += 1;
            state.sent - 1
        });
        state.in_flight.push(InFlight { place, number, created, outcome, overdue: false });
        self.waiting.fetch_sub(batch.reserved.min(self.waiting()), Ordering::Relaxed);
        Taken::Batch(Box::new(batch), sequence)
    }

    /// A batch is done, well or not.
    pub(super) fn done(&self, batch: &ClosedBatch, failed: bool) {
        let mut state = self.state();
        state.land(batch.place);
        state.recognised |= !failed;
        if failed {
            state.given_up(batch);
        } else if state.gap.is_some_and(|gap| gap < batch.place) {
            // The broker has taken what comes after it: it misses nothing.
            state.gap = None;
        }
    }

    /// A batch is to be sent again, not before that time.
    pub(super) fn again(&self, batch: ClosedBatch, not_before: Instant) {
        let mut state = self.state();
        state.land(batch.place);
        state.held = true;
        state.not_before = state.not_before.max(Some(not_before));
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
        state.in_flight.iter().any(|other| other.place < place)
            || state.closed.front().is_some_and(|other| other.place < place)
    }

    /// What is older than `timeout` and was not reported yet; only what is not in flight is taken out. And when the next
    /// will be as old.
    pub(super) fn overdue(&self, now: Instant, timeout: Duration) -> (Vec<Overdue>, Option<Instant>) {
        let mut guard = self.state();
        let state = &mut *guard;
        let is_over = |created: Instant| now.saturating_duration_since(created) >= timeout;
        let mut overdue = Vec::new();
        for batch in state.in_flight.iter_mut().filter(|batch| !batch.overdue && is_over(batch.created)) {
            batch.overdue = true;
            overdue.push(Overdue { outcome: Arc::clone(&batch.outcome), maybe_written: true, freed: 0 });
        }
        if state.open.as_ref().is_some_and(|open| is_over(open.created())) {
            self.close_open(state);
        }
        while let Some(batch) = state.closed.pop_front_if(|batch| is_over(batch.created)) {
            state.given_up(&batch);
            self.waiting.fetch_sub(batch.reserved.min(self.waiting()), Ordering::Relaxed);
            let (maybe_written, freed) = (batch.maybe_written, batch.reserved);
            overdue.push(Overdue { outcome: batch.outcome, maybe_written, freed });
        }
        let in_flight = state.in_flight.iter().filter(|batch| !batch.overdue).map(|batch| batch.created);
        let closed = state.closed.front().map(|batch| batch.created);
        let oldest = in_flight.chain(closed).chain(state.open.as_ref().map(OpenBatch::created)).min();
        (overdue, oldest.and_then(|created| created.checked_add(timeout)))
    }

    /// Everything whose outcome is open.
    pub(super) fn outcomes(&self) -> Vec<Arc<BatchOutcome>> {
        let state = self.state();
        let closed = state.closed.iter().map(|batch| &batch.outcome);
        let open = state.open.iter().map(OpenBatch::outcome);
        state.in_flight.iter().map(|batch| &batch.outcome).chain(closed).chain(open).cloned().collect()
    }

    /// Fails everything.
    pub(super) fn abandon(&self, error: &Error) {
        let State { open, closed, in_flight, .. } = std::mem::take(&mut *self.state());
        let closed = closed.into_iter().map(|batch| (batch.outcome, batch.maybe_written));
        let open = open.map(|batch| (Arc::clone(batch.outcome()), false));
        for (outcome, maybe_written) in
            in_flight.into_iter().map(|batch| (batch.outcome, true)).chain(closed).chain(open)
        {
            let error = error.clone();
            outcome.failed(if maybe_written { error.maybe_written() } else { error });
        }
    }

    fn close_open(&self, state: &mut State) {
        self.gathering.store(false, Ordering::Relaxed);
        state.close_open();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.usual_size = open.size();
            self.closed.push_back(open.close(self.next_batch));
            self.next_batch += 1;
        }
    }

    /// It is in flight no more.
    fn land(&mut self, place: Place) {
        self.in_flight.retain(|other| other.place != place);
    }

    fn insert(&mut self, batch: ClosedBatch) {
        let at = self.closed.partition_point(|other| other.place < batch.place);
        self.closed.insert(at, batch);
    }

    /// The broker may never see a batch that was sent, or was to be sent again, under a sequence number.
    fn given_up(&mut self, batch: &ClosedBatch) {
        if batch.sent_as.is_some() {
            self.held = true;
            self.gap = self.gap.max(Some(batch.place));
        }
    }

    /// Nothing is in flight: decides whether the numbers begin anew. After a gap, what was sent behind it finds out whether
    /// the broker misses something; if there is no such batch, new numbers are safe.
    fn settle_numbers(&mut self) {
        let sent_before = self.closed.front().is_some_and(|batch| batch.sent_as.is_some());
        if !self.renew && (self.gap.is_none() || sent_before) {
            return;
        }
        (self.renew, self.gap, self.next_sequence) = (false, None, 0);
        for batch in &mut self.closed {
            batch.sent_as = None;
        }
        if let Some((producer_id, epoch)) = self.identity.take() {
            self.identity = epoch.checked_add(1).map(|next| (producer_id, next));
            if self.identity.is_none() {
                (self.spent, self.recognised) = (Some(producer_id), false);
            }
        }
    }
}

#[cfg(test)]
mod tests;
