//! What a log remembers of its idempotent producers, so that a batch sent twice is stored once and a batch that overtook
//! another is refused.
//!
//! Of each producer id the log keeps the epoch and the last five batches. [`ProducerState::check`] judges a batch before it is
//! appended and changes nothing; [`ProducerState::append`] notes it once its offset is fixed, and rebuilds the state when a log
//! is read again at start. The rules are those of Apache Kafka 4.4, asked of it request by request.

use std::collections::HashMap;

use naru_protocol::records::BatchHeader;

use super::types::{Offset, ProducerId};

/// Batches remembered of each producer. Kafka's number: clients keep at most five requests in flight.
pub const WINDOW: usize = 5;

/// Producers remembered by one log at most, about 16 MB. When there are more, the quarter that appended longest ago is forgotten:
/// their next batch is taken as that of a new producer, as after an expiry.
pub const MAX_PRODUCERS: usize = 100_000;

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A Produce request. Sequences are checked.
    Client,
    /// A coordinator of this broker. Its batches carry no sequences; only the producer's epoch is checked.
    Coordinator,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is new and in order.
    Append,
    /// It was appended before: nothing is stored, and the answer is that of the first time.
    Duplicate {
        /// Where the original begins.
        base_offset: Offset,
        /// Where the original ends. The answer waits until this offset is durable.
        last_offset: Offset,
        /// The original's largest timestamp. Kafka answers it as log append time, whatever the topic's timestamp type.
        timestamp: i64,
    },
}

/// Why a batch is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// `OUT_OF_ORDER_SEQUENCE_NUMBER`: a batch before this one is missing, or this one is older than the window.
    #[error("producer {producer_id} sent sequence {found} where {expected} was next")]
    OutOfOrderSequence {
        /// The producer.
        producer_id: ProducerId,
        /// The sequence that would be in order.
        expected: i32,
        /// The batch's first sequence.
        found: i32,
    },
    /// `INVALID_PRODUCER_EPOCH`: a newer instance of the producer has taken over.
    #[error("producer {producer_id} sent epoch {found}, but epoch {current} has taken over")]
    StaleEpoch {
        /// The producer.
        producer_id: ProducerId,
        /// The epoch of its newest batch.
        current: i16,
        /// The batch's epoch.
        found: i16,
    },
}

/// A batch as its producer numbered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequencedBatch {
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// Its number of records less one.
    pub offset_delta: i32,
    /// Its largest timestamp.
    pub timestamp: i64,
}

impl SequencedBatch {
    fn first_sequence(&self) -> i32 {
        wrap(i64::from(self.last_sequence) - i64::from(self.offset_delta))
    }

    fn first_offset(&self) -> Offset {
        Offset(self.last_offset.0.saturating_sub(i64::from(self.offset_delta)))
    }
}

/// Sequences count from 0 to 2³¹-1 and around.
fn wrap(sequence: i64) -> i32 {
    sequence.rem_euclid(1 << 31) as i32
}

/// One producer of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    epoch: i16,
    /// The batches of this epoch, oldest first.
    window: Window,
    last_seen_ms: i64,
}

impl Producer {
    fn new(epoch: i16) -> Self {
        Self { epoch, window: Window::default(), last_seen_ms: 0 }
    }

    /// The producer's newest epoch.
    pub fn epoch(&self) -> i16 {
        self.epoch
    }

    /// Its last batches in this epoch, oldest first. None when the epoch is known by a transaction marker alone.
    pub fn batches(&self) -> &[SequencedBatch] {
        self.window.batches()
    }

    /// When it last appended, or when the log was opened if it did not since. Milliseconds since 1970.
    pub fn last_seen_ms(&self) -> i64 {
        self.last_seen_ms
    }

    fn newest(&self) -> Option<&SequencedBatch> {
        self.batches().last()
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.window = Window::default();
        }
    }
}

/// Up to five batches without an allocation of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    batches: [SequencedBatch; WINDOW],
    len: usize,
}

impl Default for Window {
    fn default() -> Self {
        let unused = SequencedBatch { last_sequence: 0, last_offset: Offset(0), offset_delta: 0, timestamp: 0 };
        Self { batches: [unused; WINDOW], len: 0 }
    }
}

impl Window {
    fn batches(&self) -> &[SequencedBatch] {
        &self.batches[..self.len]
    }

    fn push(&mut self, batch: SequencedBatch) {
        if self.len == WINDOW {
            self.batches.rotate_left(1);
            self.len -= 1;
        }
        self.batches[self.len] = batch;
        self.len += 1;
    }
}

/// The producers of one log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProducerState {
    producers: HashMap<ProducerId, Producer>,
}

impl ProducerState {
    /// Judges a batch that passed validation. Batches without a producer id are always new.
    pub fn check(&self, batch: &BatchHeader, origin: Origin) -> Result<Verdict, ProducerError> {
        let producer_id = ProducerId(batch.producer_id);
        // Of an unknown producer any sequence is accepted: its earlier batches may have been deleted with their segments.
        let Some(producer) = self.producers.get(&producer_id).filter(|_| batch.has_producer()) else {
            return Ok(Verdict::Append);
        };
        if batch.producer_epoch < producer.epoch {
            return Err(ProducerError::StaleEpoch {
                producer_id,
                current: producer.epoch,
                found: batch.producer_epoch,
            });
        }
        match origin {
            Origin::Coordinator => Ok(Verdict::Append),
            Origin::Client => check_sequence(batch, producer_id, producer),
        }
    }

    /// Notes a batch that is appended at `base_offset`, now or, at start, long ago.
    pub fn append(&mut self, batch: &BatchHeader, base_offset: Offset, now_ms: i64) {
        if !batch.has_producer() {
            return;
        }
        // Control batches and those of coordinators carry no sequence; they still bring the producer's epoch.
        let sequenced = (!batch.is_control() && batch.base_sequence >= 0).then(|| SequencedBatch {
            last_sequence: batch.last_sequence(),
            last_offset: Offset(base_offset.0.saturating_add(i64::from(batch.last_offset_delta))),
            offset_delta: batch.last_offset_delta,
            timestamp: batch.max_timestamp,
        });
        self.note(ProducerId(batch.producer_id), batch.producer_epoch, sequenced, now_ms);
    }

    /// Notes a batch that a snapshot remembers. The batches of one producer come oldest first.
    pub fn restore(&mut self, producer_id: ProducerId, epoch: i16, batch: Option<SequencedBatch>, now_ms: i64) {
        self.note(producer_id, epoch, batch, now_ms);
    }

    fn note(&mut self, producer_id: ProducerId, epoch: i16, batch: Option<SequencedBatch>, now_ms: i64) {
        if self.producers.len() >= MAX_PRODUCERS && !self.producers.contains_key(&producer_id) {
            self.forget_oldest_quarter();
        }
        let producer = self.producers.entry(producer_id).or_insert_with(|| Producer::new(epoch));
        producer.enter_epoch(epoch);
        producer.last_seen_ms = now_ms;
        if let Some(batch) = batch {
            producer.window.push(batch);
        }
    }

    fn forget_oldest_quarter(&mut self) {
        let last_append = |p: &Producer| p.newest().map_or(Offset::NONE, |b| b.last_offset);
        let mut appends: Vec<Offset> = self.producers.values().map(last_append).collect();
        let quarter = appends.len() / 4;
        let (_, &mut oldest_kept, _) = appends.select_nth_unstable(quarter);
        self.producers.retain(|_, p| last_append(p) > oldest_kept);
    }

    /// Forgets producers that appended nothing for `expiration_ms` (`producer.id.expiration.ms`). Time counts from the append, or
    /// from the start of the broker, and not as in Kafka from the records' timestamps, which can lie. Answers how many were forgotten.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) -> usize {
        let before = self.producers.len();
        self.producers.retain(|_, p| now_ms.saturating_sub(p.last_seen_ms) < expiration_ms);
        before - self.producers.len()
    }

    /// The producers, in no order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ProducerId, &Producer)> {
        self.producers.iter().map(|(id, producer)| (*id, producer))
    }

    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }
}

/// The batch's epoch is not below the producer's.
fn check_sequence(batch: &BatchHeader, producer_id: ProducerId, producer: &Producer) -> Result<Verdict, ProducerError> {
    let same_epoch = batch.producer_epoch == producer.epoch;
    let (first, last) = (batch.base_sequence, batch.last_sequence());
    if same_epoch
        && let Some(original) =
            producer.batches().iter().find(|b| b.first_sequence() == first && b.last_sequence == last)
    {
        return Ok(Verdict::Duplicate {
            base_offset: original.first_offset(),
            last_offset: original.last_offset,
            timestamp: original.timestamp,
        });
    }
    let expected = match producer.newest() {
        Some(newest) if same_epoch => wrap(i64::from(newest.last_sequence) + 1),
        _ => 0,
    };
    // A producer without an epoch is known by its id alone; Kafka accepts any sequence behind it.
    if first == expected || producer.epoch < 0 {
        return Ok(Verdict::Append);
    }
    Err(ProducerError::OutOfOrderSequence { producer_id, expected, found: first })
}

/// Each expectation is the answer that Apache Kafka 4.4 gave to the same batches (Produce versions 3 to 12 agree).
#[cfg(test)]
mod tests {
    use naru_protocol::records::Attributes;

    use super::*;

    const MAX: i32 = i32::MAX;
    const PID: i64 = 4001;
    const NOW: i64 = 1_700_000_000_000;

    fn batch(epoch: i16, base_sequence: i32, count: i32) -> BatchHeader {
        BatchHeader {
            base_offset: 0,
            batch_length: 49,
            partition_leader_epoch: -1,
            magic: 2,
            crc: 0,
            attributes: Attributes(0),
            last_offset_delta: count - 1,
            base_timestamp: NOW,
            max_timestamp: NOW + i64::from(base_sequence),
            producer_id: PID,
            producer_epoch: epoch,
            base_sequence,
            records_count: count,
        }
    }

    /// A log that numbers and remembers, and answers as Produce does: base offset and log append time, or the error code.
    #[derive(Default)]
    struct Log {
        state: ProducerState,
        end: i64,
    }

    impl Log {
        fn produce(&mut self, epoch: i16, base_sequence: i32, count: i32) -> Result<(i64, Option<i64>), i16> {
            let batch = batch(epoch, base_sequence, count);
            match self.state.check(&batch, Origin::Client) {
                Ok(Verdict::Append) => {
                    self.state.append(&batch, Offset(self.end), NOW);
                    self.end += i64::from(count);
                    Ok((self.end - i64::from(count), None))
                }
                Ok(Verdict::Duplicate { base_offset, last_offset, timestamp }) => {
                    assert_eq!(last_offset.0, base_offset.0 + i64::from(count) - 1);
                    Ok((base_offset.0, Some(timestamp)))
                }
                Err(ProducerError::OutOfOrderSequence { found, .. }) => {
                    assert_eq!(found, base_sequence);
                    Err(45)
                }
                Err(ProducerError::StaleEpoch { found, .. }) => {
                    assert_eq!(found, epoch);
                    Err(47)
                }
            }
        }

        fn with(batches: &[(i16, i32, i32)]) -> Self {
            let mut log = Self::default();
            for (epoch, base_sequence, count) in batches {
                log.produce(*epoch, *base_sequence, *count).unwrap();
            }
            log
        }
    }

    #[test]
    fn a_duplicate_is_answered_with_the_original_offset_and_timestamp_five_batches_deep() {
        let mut log = Log::default();
        for i in 0..7 {
            assert_eq!(log.produce(0, 2 * i, 2), Ok((i64::from(2 * i), None)));
        }
        for i in (2..7).rev() {
            assert_eq!(log.produce(0, 2 * i, 2), Ok((i64::from(2 * i), Some(NOW + i64::from(2 * i)))));
        }
        assert_eq!(log.produce(0, 2, 2), Err(45), "the sixth is forgotten");
        assert_eq!(log.produce(0, 0, 2), Err(45));
        assert_eq!(log.produce(0, 14, 1), Ok((14, None)), "duplicates move nothing");
    }

    #[test]
    fn only_the_same_range_is_a_duplicate() {
        let mut log = Log::with(&[(0, 0, 2), (0, 2, 2), (0, 4, 2)]);
        assert_eq!(log.produce(0, 5, 1), Err(45), "the end of the newest");
        assert_eq!(log.produce(0, 4, 3), Err(45), "the newest and one more");
        assert_eq!(log.produce(0, 2, 4), Err(45), "two merged");
        assert_eq!(log.produce(0, 0, 1), Err(45), "the beginning of an old one");
    }

    #[test]
    fn a_gap_is_out_of_order_and_changes_nothing() {
        let mut log = Log::with(&[(0, 0, 3)]);
        assert_eq!(log.produce(0, 4, 1), Err(45));
        assert_eq!(
            log.state.check(&batch(0, 4, 1), Origin::Client),
            Err(ProducerError::OutOfOrderSequence { producer_id: ProducerId(PID), expected: 3, found: 4 })
        );
        assert_eq!(log.produce(0, 3, 1), Ok((3, None)));
    }

    #[test]
    fn the_first_batch_of_an_unknown_producer_is_accepted_at_any_sequence_and_epoch() {
        let mut log = Log::default();
        assert_eq!(log.produce(9, 77, 2), Ok((0, None)));
        assert_eq!(log.produce(9, 79, 1), Ok((2, None)));
        assert_eq!(log.produce(9, 76, 1), Err(45));
    }

    #[test]
    fn a_new_epoch_starts_at_sequence_zero() {
        let mut log = Log::with(&[(0, 0, 1), (0, 1, 1)]);
        assert_eq!(log.produce(1, 2, 1), Err(45));
        assert_eq!(log.produce(1, 0, 2), Ok((2, None)));
        assert_eq!(log.produce(1, 0, 2), Ok((2, Some(NOW))), "and its retry is known");
        assert_eq!(log.produce(1, 1, 1), Err(45));
        assert_eq!(log.produce(5, 0, 1), Ok((4, None)), "epochs may be skipped");
    }

    #[test]
    fn an_old_epoch_is_refused_even_for_a_duplicate() {
        let mut log = Log::with(&[(0, 0, 1), (0, 1, 1), (1, 0, 1)]);
        assert_eq!(log.produce(0, 1, 1), Err(47));
        assert_eq!(log.produce(0, 2, 1), Err(47));
        assert_eq!(log.produce(1, 1, 1), Ok((3, None)));
    }

    #[test]
    fn sequences_wrap_between_batches() {
        let mut log = Log::with(&[(0, MAX - 1, 1), (0, MAX, 1)]);
        assert_eq!(log.produce(0, 0, 1), Ok((2, None)));
        assert_eq!(log.produce(0, 1, 1), Ok((3, None)));
        assert_eq!(log.produce(0, MAX, 1), Ok((1, Some(NOW + i64::from(MAX)))));
    }

    #[test]
    fn sequences_wrap_inside_a_batch() {
        let mut log = Log::with(&[(0, MAX - 1, 4)]);
        assert_eq!(log.produce(0, MAX - 1, 4), Ok((0, Some(NOW + i64::from(MAX - 1)))));
        assert_eq!(log.produce(0, 2, 1), Ok((4, None)));
        assert_eq!(log.produce(0, MAX, 1), Err(45));
    }

    #[test]
    fn a_producer_without_an_epoch_may_send_any_sequence() {
        let mut log = Log::default();
        assert_eq!(log.produce(-1, 0, 1), Ok((0, None)));
        assert_eq!(log.produce(-1, 0, 1), Ok((0, Some(NOW))));
        assert_eq!(log.produce(-1, 50, 1), Ok((1, None)));
        assert_eq!(log.produce(3, 9, 1), Ok((2, None)));
    }

    #[test]
    fn batches_without_a_producer_leave_no_trace() {
        let mut state = ProducerState::default();
        for producer_id in [-1, -2] {
            let plain = BatchHeader { producer_id, ..batch(0, 0, 1) };
            state.append(&plain, Offset(0), NOW);
            assert_eq!(state.check(&plain, Origin::Client), Ok(Verdict::Append));
        }
        assert!(state.is_empty());
    }

    #[test]
    fn a_marker_brings_an_epoch_and_no_sequence() {
        let mut log = Log::with(&[(0, 0, 1)]);
        let marker = BatchHeader { attributes: Attributes(0x30), base_sequence: -1, ..batch(1, 0, 1) };
        assert_eq!(log.state.check(&marker, Origin::Coordinator), Ok(Verdict::Append));
        log.state.append(&marker, Offset(1), NOW);
        assert_eq!(log.produce(0, 1, 1), Err(47));
        assert_eq!(log.produce(1, 1, 1), Err(45));
        assert_eq!(log.produce(1, 0, 1), Ok((1, None)));
    }

    #[test]
    fn a_coordinator_is_held_to_the_epoch_alone() {
        let log = Log::with(&[(2, 0, 1)]);
        let unsequenced = |epoch| BatchHeader { base_sequence: -1, ..batch(epoch, 0, 1) };
        assert_eq!(log.state.check(&unsequenced(2), Origin::Coordinator), Ok(Verdict::Append));
        assert!(matches!(
            log.state.check(&unsequenced(1), Origin::Coordinator),
            Err(ProducerError::StaleEpoch { current: 2, found: 1, .. })
        ));
    }

    #[test]
    fn a_silent_producer_is_forgotten_and_may_come_back() {
        let mut log = Log::with(&[(1, 0, 1)]);
        assert_eq!(log.state.expire(NOW + 999, 1000), 0);
        assert_eq!(log.produce(0, 8, 1), Err(47));
        assert_eq!(log.state.expire(NOW + 1000, 1000), 1);
        assert_eq!(log.produce(0, 8, 1), Ok((1, None)));
    }

    #[test]
    fn too_many_producers_push_out_those_that_appended_longest_ago() {
        let mut state = ProducerState::default();
        for i in 0..=MAX_PRODUCERS as i64 {
            state.append(&BatchHeader { producer_id: i, ..batch(0, 0, 1) }, Offset(i), NOW);
        }
        assert!(state.len() <= MAX_PRODUCERS);
        let known =
            |i| state.check(&BatchHeader { producer_id: i, ..batch(0, 0, 1) }, Origin::Client) != Ok(Verdict::Append);
        assert!(!known(0) && known(MAX_PRODUCERS as i64 / 2) && known(MAX_PRODUCERS as i64));
    }
}
