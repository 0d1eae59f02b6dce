//! Batches on their way: open while records join, closed when they are sent.

use std::sync::Arc;

use bytes::Bytes;
use naru_protocol::records::{Batch, BatchBuilder, BatchHeader, BuildError, Codec, HEADER_LEN};
use tokio::time::Instant;

use super::delivery::{BatchOutcome, Delivery};
use crate::record::{Record, TopicPartition};

/// A batch that records still join.
#[derive(Debug)]
pub(super) struct OpenBatch {
    builder: BatchBuilder,
    outcome: Arc<BatchOutcome>,
    created: Instant,
    /// Bytes of the buffer that its records hold.
    reserved: usize,
}

/// A batch that no record joins any more.
#[derive(Debug)]
pub(super) struct ClosedBatch {
    payload: Payload,
    pub(super) outcome: Arc<BatchOutcome>,
    pub(super) created: Instant,
    pub(super) reserved: usize,
    pub(super) records: u32,
    /// Its place in the partition: batches are sent, and sent again, in this order.
    pub(super) place: Place,
    /// Under which producer id, epoch and sequence it was sent last, if it ever was.
    pub(super) sent_as: Option<Sequence>,
    /// Its number among the batches that were sent, from its first try on.
    pub(super) number: Option<u64>,
    /// How often it was sent.
    pub(super) tries: u32,
    /// A try was not answered, or in a way that leaves it open.
    pub(super) maybe_written: bool,
}

#[derive(Debug)]
enum Payload {
    Gathered(Box<BatchBuilder>),
    /// As it was sent; made anew only under another sequence.
    Encoded(Bytes),
}

/// The number of a batch in its partition, and which of its records is the first, for the halves of a batch that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) batch: u64,
    pub(super) first_record: u32,
}

/// What makes a batch recognisable to the broker when it comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) producer_id: i64,
    pub(super) epoch: i16,
    pub(super) base: i32,
}

impl Sequence {
    /// How a batch says that it has none.
    const NONE: Self = Self { producer_id: -1, epoch: -1, base: -1 };
}

impl OpenBatch {
    /// An empty batch with room for so many bytes.
    pub(super) fn new(partition: Arc<TopicPartition>, codec: Codec, capacity: usize, created: Instant) -> Self {
        let builder = BatchBuilder::new(codec).capacity(capacity);
        Self { builder, outcome: BatchOutcome::new(partition), created, reserved: 0 }
    }

    pub(super) fn push(&mut self, record: &Record, timestamp: i64, reserved: usize) -> Result<Delivery, BuildError> {
        let index = self.builder.len() as u32;
        self.builder.push(timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers)?;
        self.reserved += reserved;
        Ok(self.outcome.delivery(index, timestamp))
    }

    /// Bytes before compression.
    pub(super) fn size(&self) -> usize {
        self.builder.uncompressed_size()
    }

    pub(super) fn created(&self) -> Instant {
        self.created
    }

    pub(super) fn outcome(&self) -> &Arc<BatchOutcome> {
        &self.outcome
    }

    pub(super) fn close(self, batch: u64) -> ClosedBatch {
        let Self { builder, outcome, created, reserved } = self;
        let (records, payload) = (builder.len() as u32, Payload::Gathered(Box::new(builder)));
        let place = Place { batch, first_record: 0 };
        ClosedBatch {
            payload,
            outcome,
            created,
            reserved,
            records,
            place,
            sent_as: None,
            number: None,
            tries: 0,
            maybe_written: false,
        }
    }
}

impl ClosedBatch {
    /// Bytes of the batch; before compression as long as it was not sent.
    pub(super) fn size(&self) -> usize {
        match &self.payload {
            Payload::Gathered(builder) => builder.uncompressed_size(),
            Payload::Encoded(bytes) => bytes.len(),
        }
    }

    /// The bytes to send, under this sequence, or without one.
    pub(super) fn encoded(&mut self, sequence: Option<Sequence>) -> Result<Bytes, BuildError> {
        let before = std::mem::replace(&mut self.sent_as, sequence);
        let bytes = match std::mem::replace(&mut self.payload, Payload::Encoded(Bytes::new())) {
            Payload::Gathered(mut builder) => {
                if let Some(Sequence { producer_id, epoch, base }) = sequence {
                    *builder = builder.producer(producer_id, epoch, base);
                }
                builder.build()?
            }
            Payload::Encoded(bytes) if before == sequence => bytes,
            Payload::Encoded(bytes) => resequenced(&bytes, sequence),
        };
        self.payload = Payload::Encoded(bytes.clone());
        Ok(bytes)
    }

    /// Two batches with half of the records each, under the same sequence numbers; none for a single record.
    pub(super) fn halves(&self, codec: Codec) -> Option<(Self, Self)> {
        let Payload::Encoded(bytes) = &self.payload else { return None };
        let batch = Batch::parse(bytes.clone()).ok()?;
        let second_from = self.records / 2;
        if second_from == 0 {
            return None;
        }
        let (mut first, mut second) = (BatchBuilder::new(codec), BatchBuilder::new(codec));
        for (index, record) in batch.records().enumerate() {
            let record = record.ok()?;
            let half = if (index as u32) < second_from { &mut first } else { &mut second };
            half.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers).ok()?;
        }
        let half = |builder: BatchBuilder, reserved, skipped: u32| Self {
            records: builder.len() as u32,
            payload: Payload::Gathered(Box::new(builder)),
            outcome: BatchOutcome::new(self.outcome.partition()),
            created: self.created,
            reserved,
            place: Place { first_record: self.place.first_record + skipped, ..self.place },
            sent_as: self.sent_as.map(|sequence| sequence.behind(skipped)),
            number: None,
            tries: self.tries,
            maybe_written: self.maybe_written,
        };
        let halves = (half(first, 0, 0), half(second, self.reserved, second_from));
        self.outcome.split(Arc::clone(&halves.0.outcome), second_from, Arc::clone(&halves.1.outcome));
        Some(halves)
    }
}

impl Sequence {
    /// The sequence of what follows so many records.
    pub(super) fn behind(self, records: u32) -> Self {
        // Sequence numbers wrap from the largest to 0.
        let base = (i64::from(self.base) + i64::from(records)) % (i64::from(i32::MAX) + 1);
        Self { base: base as i32, ..self }
    }
}

fn resequenced(bytes: &Bytes, sequence: Option<Sequence>) -> Bytes {
    let Ok(mut header) = BatchHeader::parse(bytes) else { return bytes.clone() };
    let Sequence { producer_id, epoch, base } = sequence.unwrap_or(Sequence::NONE);
    (header.producer_id, header.producer_epoch, header.base_sequence) = (producer_id, epoch, base);
    let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
    header.seal(payload);
    [&header.encode(), payload].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(codec: Codec, records: usize) -> ClosedBatch {
        let mut open = OpenBatch::new(Arc::new(TopicPartition::new("orders", 0)), codec, 0, Instant::now());
        for number in 0..records {
            drop(open.push(&Record::to("orders").key("k").value(format!("value {number}")), 1000, 10).unwrap());
        }
        open.close(7)
    }

    fn values(bytes: &Bytes) -> Vec<Bytes> {
        let batch = Batch::parse(bytes.clone()).unwrap();
        assert!(batch.crc_is_valid());
        batch.records().map(|record| record.unwrap().value.unwrap()).collect()
    }

    #[tokio::test]
    async fn a_batch_can_be_sent_again_under_another_sequence() {
        for codec in [Codec::None, Codec::Lz4] {
            let mut batch = closed(codec, 3);
            let one = batch.encoded(Some(Sequence { producer_id: 5, epoch: 0, base: 40 })).unwrap();
            let same = batch.encoded(Some(Sequence { producer_id: 5, epoch: 0, base: 40 })).unwrap();
            assert_eq!(one.as_ptr(), same.as_ptr());
            let other = batch.encoded(Some(Sequence { producer_id: 5, epoch: 1, base: 0 })).unwrap();
            assert_eq!(values(&one), values(&other));
            let header = BatchHeader::parse(&other).unwrap();
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (5, 1, 0));
        }
    }

    #[tokio::test]
    async fn halves_have_all_records_and_the_sequences_of_the_whole() {
        let mut whole = closed(Codec::Zstd, 5);
        let sequence = Sequence { producer_id: 5, epoch: 0, base: i32::MAX - 1 };
        let all = values(&whole.encoded(Some(sequence)).unwrap());
        let (mut first, mut second) = whole.halves(Codec::Zstd).unwrap();
        assert_eq!((first.records, second.records), (2, 3));
        assert_eq!((first.sent_as, second.sent_as.map(|second| second.base)), (Some(sequence), Some(0)));
        let (of_first, of_second) = (first.sent_as, second.sent_as);
        let both = [values(&first.encoded(of_first).unwrap()), values(&second.encoded(of_second).unwrap())].concat();
        assert_eq!(both, all);
        assert_eq!(first.reserved + second.reserved, whole.reserved);
        assert!(closed(Codec::None, 1).halves(Codec::None).is_none());
    }
}
