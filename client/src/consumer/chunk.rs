//! What one Fetch brought for one partition: checked when it arrives, read record by record when it is handed out.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use naru_protocol::messages::fetch::AbortedTransaction;
use naru_protocol::records::{
    Batch, BatchError, Codec, EndTransactionMarker, Outcome, RecordIter, TimestampType, batches,
};

use super::config::IsolationLevel;
use super::cursor::Cursor;
use crate::error::{Error, ErrorKind};
use crate::record::{ConsumerRecord, TopicPartition};

/// How a fetched record set is looked at.
pub(super) struct Unpacking {
    pub(super) check_crcs: bool,
    pub(super) isolation: IsolationLevel,
    /// Bytes that decompressed payloads may take now. Those that do not fit stay compressed until they are handed out.
    pub(super) room: usize,
}

/// The batches of one partition in one answer, in order.
pub(super) struct Chunk {
    pub(super) cursor: Arc<Cursor>,
    pending: VecDeque<Pending>,
    open: Option<Open>,
    /// The next record to hand out: those below it are skipped.
    from: i64,
    /// The offset behind the chunk.
    pub(super) next: i64,
    /// The leader epoch of the last batch; −1 if there is none.
    pub(super) last_epoch: i32,
    /// Bytes of memory that it holds.
    pub(super) bytes: usize,
    /// A record was handed out that may not be done with.
    pub(super) handed_out: bool,
}

enum Pending {
    Open(Open),
    /// Compressed still.
    Packed(Batch),
    /// Not readable.
    Damaged(Error),
}

/// A batch whose records can be read.
struct Open {
    records: RecordIter,
    leader_epoch: i32,
    timestamp_type: TimestampType,
    /// Offset of the last record.
    last: i64,
}

impl Open {
    fn new(batch: &Batch) -> Self {
        let header = batch.header();
        Self {
            records: batch.records(),
            leader_epoch: header.partition_leader_epoch,
            timestamp_type: header.timestamp_type(),
            last: header.last_offset(),
        }
    }
}

impl Chunk {
    /// Takes apart what was fetched from `from` on. A batch that is cut off at the end is left out: it comes again.
    pub(super) fn unpack(
        cursor: Arc<Cursor>,
        from: i64,
        records: Bytes,
        aborted: Vec<AbortedTransaction>,
        how: &Unpacking,
    ) -> Self {
        let mut chunk = Self {
            cursor,
            pending: VecDeque::new(),
            open: None,
            from,
            next: from,
            last_epoch: -1,
            bytes: 0,
            handed_out: false,
        };
        let mut aborted = Aborted::new(aborted, how.isolation);
        for batch in batches(records) {
            let batch = match batch {
                Ok(batch) => batch,
                Err(BatchError::Truncated { needed, available }) => {
                    if chunk.pending.is_empty() && chunk.next == from {
                        chunk.cut_off(needed, available);
                    }
                    break;
                }
                Err(error) => {
                    chunk.damaged(from, &error);
                    break;
                }
            };
            let header = batch.header();
            if how.check_crcs && !batch.crc_is_valid() {
                chunk.damaged(header.last_offset(), &"its checksum is not that of its bytes");
                break;
            }
            if header.last_offset() < chunk.next {
                continue;
            }
            let hidden = aborted.hides(&batch);
            chunk.next = chunk.next.max(header.next_offset());
            chunk.last_epoch = header.partition_leader_epoch;
            if !hidden {
                chunk.add(batch, how.room);
            }
        }
        chunk
    }

    fn add(&mut self, batch: Batch, room: usize) {
        let compressed = batch.header().codec() != Ok(Codec::None);
        if compressed && self.bytes >= room {
            self.bytes += batch.bytes().len();
            return self.pending.push_back(Pending::Packed(batch));
        }
        let open = Open::new(&batch);
        self.bytes += if compressed { open.records.payload_len() } else { batch.bytes().len() };
        self.pending.push_back(Pending::Open(open));
    }

    fn damaged(&mut self, last: i64, why: &dyn std::fmt::Display) {
        let error = damage(&self.cursor.partition, self.next, last.max(self.next), why);
        self.pending.push_back(Pending::Damaged(error));
    }

    fn cut_off(&mut self, needed: usize, available: usize) {
        let Self { cursor, next, .. } = &self;
        let message = format!(
            "the record batch at offset {next} of {} has {needed} bytes, and the broker sent only {available}; \
             raise max.partition.fetch.bytes",
            cursor.partition
        );
        self.pending.push_back(Pending::Damaged(Error::new(ErrorKind::TooLarge, message)));
    }

    /// Whether there is nothing in it and nothing to say.
    pub(super) fn is_void(&self) -> bool {
        self.pending.is_empty() && self.open.is_none() && self.next == self.from
    }

    /// The next record, or an error after which the chunk is of no more use. The cursor stands behind the record then.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Result<ConsumerRecord, Error>> {
        loop {
            let Some(open) = &mut self.open else {
                match self.pending.pop_front()? {
                    Pending::Open(open) => self.begin(open),
                    Pending::Packed(batch) => self.begin(Open::new(&batch)),
                    Pending::Damaged(error) => return Some(Err(error)),
                }
                continue;
            };
            let record = match open.records.next() {
                Some(Ok(record)) => record,
                Some(Err(error)) => {
                    return Some(Err(damage(&self.cursor.partition, self.from, open.last.max(self.from), &error)));
                }
                None => {
                    self.open = None;
                    continue;
                }
            };
            if record.offset < self.from {
                continue;
            }
            self.from = record.offset.saturating_add(1);
            self.handed_out = true;
            self.cursor.advance(self.from);
            let TopicPartition { topic, partition } = &self.cursor.partition;
            return Some(Ok(ConsumerRecord {
                topic: topic.clone(),
                partition: *partition,
                offset: record.offset,
                leader_epoch: open.leader_epoch,
                timestamp: record.timestamp,
                timestamp_type: open.timestamp_type,
                key: record.key,
                value: record.value,
                headers: record.headers,
            }));
        }
    }

    fn begin(&mut self, open: Open) {
        self.cursor.enters_epoch(open.leader_epoch);
        self.open = Some(open);
    }

    /// Everything in it was handed out: the position moves over what was not for the application.
    pub(super) fn retire(&self) {
        if self.cursor.position().is_some_and(|position| position < self.next) {
            self.cursor.advance(self.next);
        }
        if !self.handed_out {
            self.cursor.finish();
        }
    }

    /// What was handed out is done with.
    #[inline]
    pub(super) fn finish(&mut self) {
        if self.handed_out {
            self.cursor.finish();
            self.handed_out = false;
        }
    }
}

fn damage(partition: &TopicPartition, from: i64, last: i64, why: &dyn std::fmt::Display) -> Error {
    let message = format!(
        "the records of {partition} from offset {from} on cannot be read: {why}; it is tried again; \
         to go on without them, seek to offset {}",
        last.saturating_add(1)
    );
    Error::new(ErrorKind::Corrupt, message)
}

/// The transactions that were aborted, while the batches go by.
struct Aborted {
    read_committed: bool,
    /// By first offset.
    to_come: std::iter::Peekable<std::vec::IntoIter<AbortedTransaction>>,
    /// Producers whose records do not count at the moment.
    producers: HashSet<i64>,
}

impl Aborted {
    fn new(mut transactions: Vec<AbortedTransaction>, isolation: IsolationLevel) -> Self {
        transactions.sort_by_key(|transaction| transaction.first_offset);
        let read_committed = isolation == IsolationLevel::ReadCommitted;
        Self { read_committed, to_come: transactions.into_iter().peekable(), producers: HashSet::new() }
    }

    /// Whether a batch holds nothing for the application.
    fn hides(&mut self, batch: &Batch) -> bool {
        let header = batch.header();
        if !self.read_committed {
            return header.is_control();
        }
        while let Some(begun) = self.to_come.next_if(|next| next.first_offset <= header.last_offset()) {
            self.producers.insert(begun.producer_id);
        }
        if header.is_control() {
            if ends_in_abort(batch) {
                self.producers.remove(&header.producer_id);
            }
            return true;
        }
        header.is_transactional() && self.producers.contains(&header.producer_id)
    }
}

fn ends_in_abort(batch: &Batch) -> bool {
    let marker = batch.records().next().and_then(Result::ok);
    let marker = marker.and_then(|record| EndTransactionMarker::parse(&record).ok().flatten());
    marker.is_some_and(|marker| marker.outcome == Outcome::Abort)
}
