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

#[cfg(test)]
mod tests {
    use naru_protocol::records::{BatchBuilder, HEADER_LEN};

    use super::*;

    /// A batch at an offset with these records.
    fn batch(offset: i64, codec: Codec, values: &[&str]) -> Vec<u8> {
        of_producer(offset, codec, values, None)
    }

    fn of_producer(offset: i64, codec: Codec, values: &[&str], producer: Option<i64>) -> Vec<u8> {
        let mut builder = BatchBuilder::new(codec).base_offset(offset).leader_epoch(3);
        if let Some(id) = producer {
            builder = builder.producer(id, 0, 0).transactional(true);
        }
        for value in values {
            builder.push(17, None, Some(value.as_bytes()), &[]).unwrap();
        }
        builder.build().unwrap().to_vec()
    }

    fn marker(offset: i64, producer: i64, outcome: Outcome) -> Vec<u8> {
        let marker = EndTransactionMarker { outcome, coordinator_epoch: 0 };
        let mut bytes = marker.batch(17, producer, 0).unwrap().to_vec();
        bytes[..8].copy_from_slice(&offset.to_be_bytes());
        bytes
    }

    fn chunk(from: i64, batches: &[Vec<u8>], aborted: &[(i64, i64)], isolation: IsolationLevel, room: usize) -> Chunk {
        let cursor = Arc::new(Cursor::new(TopicPartition::new("orders", 4)));
        cursor.place(from, -1);
        let aborted =
            aborted.iter().map(|&(producer_id, first_offset)| AbortedTransaction { producer_id, first_offset });
        let how = Unpacking { check_crcs: true, isolation, room };
        Chunk::unpack(cursor, from, batches.concat().into(), aborted.collect(), &how)
    }

    fn simple(from: i64, batches: &[Vec<u8>]) -> Chunk {
        chunk(from, batches, &[], IsolationLevel::ReadUncommitted, usize::MAX)
    }

    /// Offsets and values until the end or an error.
    fn read(chunk: &mut Chunk) -> (Vec<(i64, String)>, Option<Error>) {
        let mut read = Vec::new();
        while let Some(next) = chunk.next() {
            match next {
                Ok(record) => {
                    let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                    read.push((record.offset, value));
                }
                Err(error) => return (read, Some(error)),
            }
        }
        (read, None)
    }

    /// Offsets and values of a chunk without an error.
    fn whole(chunk: &mut Chunk) -> Vec<(i64, String)> {
        let (records, error) = read(chunk);
        assert!(error.is_none(), "{error:?}");
        records
    }

    fn expected(records: &[(i64, &str)]) -> Vec<(i64, String)> {
        records.iter().map(|(offset, value)| (*offset, (*value).to_owned())).collect()
    }

    #[test]
    fn records_below_the_fetched_offset_are_skipped_with_every_codec() {
        for codec in Codec::ALL {
            for room in [0, usize::MAX] {
                let batches = [batch(10, codec, &["a", "b", "c"]), batch(13, codec, &["d"])];
                let mut chunk = chunk(12, &batches, &[], IsolationLevel::ReadUncommitted, room);
                assert_eq!((chunk.next, chunk.last_epoch), (14, 3));
                assert_eq!(whole(&mut chunk), expected(&[(12, "c"), (13, "d")]), "{codec:?}");
                assert_eq!((chunk.cursor.position(), chunk.cursor.epoch()), (Some(14), 3));
            }
        }
    }

    #[test]
    fn a_batch_that_is_cut_off_comes_again_unless_nothing_else_does() {
        let first = batch(0, Codec::None, &["a"]);
        let cut = batch(1, Codec::None, &["b"])[..HEADER_LEN + 3].to_vec();
        let mut chunk = simple(0, &[first, cut.clone()]);
        assert_eq!(chunk.next, 1);
        assert_eq!(whole(&mut chunk), expected(&[(0, "a")]));
        let (records, error) = read(&mut simple(1, &[cut]));
        assert!(records.is_empty());
        assert_eq!(error.unwrap().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn damage_is_told_where_it_is_after_what_is_whole() {
        let mut damaged = batch(1, Codec::None, &["b", "c"]);
        *damaged.last_mut().unwrap() ^= 1;
        let mut chunk = simple(0, &[batch(0, Codec::None, &["a"]), damaged, batch(3, Codec::None, &["d"])]);
        let (records, error) = read(&mut chunk);
        assert_eq!(records, expected(&[(0, "a")]));
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let text = error.to_string();
        assert!(text.contains("orders-4 from offset 1") && text.ends_with("seek to offset 3"), "{text}");
        assert_eq!(chunk.cursor.position(), Some(1));
    }

    #[test]
    fn damage_under_a_right_checksum_is_told_too() {
        let mut builder = naru_protocol::records::Batch::parse(batch(5, Codec::None, &["a", "b"]).into()).unwrap();
        let mut header = *builder.header();
        let mut payload = builder.payload().to_vec();
        let last = payload.len() - 1;
        // The number of headers of the second record.
        payload[last] = 1;
        header.seal(&payload);
        builder = naru_protocol::records::Batch::parse([&header.encode()[..], &payload].concat().into()).unwrap();
        let (records, error) = read(&mut simple(5, &[builder.into_bytes().to_vec()]));
        assert_eq!(records, expected(&[(5, "a")]));
        assert!(error.unwrap().to_string().contains("from offset 6"));
    }

    #[test]
    fn bytes_that_are_no_batches_are_told() {
        let (records, error) = read(&mut simple(7, &[vec![0xff; 100]]));
        assert!(records.is_empty());
        assert_eq!(error.unwrap().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn markers_move_the_position_and_nothing_else() {
        let mut chunk = simple(0, &[of_producer(0, Codec::None, &["a"], Some(9)), marker(1, 9, Outcome::Commit)]);
        assert_eq!(whole(&mut chunk), expected(&[(0, "a")]));
        chunk.finish();
        chunk.retire();
        assert_eq!(chunk.cursor.processed(), Some((2, 3)));
        let mut only = simple(1, &[marker(1, 9, Outcome::Commit)]);
        assert!(!only.is_void() && only.next().is_none());
        only.retire();
        assert_eq!((only.cursor.position(), only.cursor.holds_any()), (Some(2), false));
    }

    #[test]
    fn what_is_held_is_not_processed_when_a_chunk_ends() {
        let mut chunk = simple(0, &[batch(0, Codec::None, &["a"]), marker(1, 9, Outcome::Commit)]);
        read(&mut chunk);
        chunk.retire();
        assert_eq!((chunk.cursor.position(), chunk.cursor.processed()), (Some(2), Some((0, 3))));
    }

    #[test]
    fn aborted_transactions_are_hidden_from_those_who_read_committed_records() {
        let batches = [
            of_producer(0, Codec::None, &["a1"], Some(1)),
            of_producer(1, Codec::None, &["b1"], Some(2)),
            batch(2, Codec::None, &["plain"]),
            marker(3, 1, Outcome::Abort),
            of_producer(4, Codec::None, &["a2"], Some(1)),
            marker(5, 2, Outcome::Commit),
            marker(6, 1, Outcome::Commit),
        ];
        let aborted = [(1, 0)];
        let mut committed = chunk(0, &batches, &aborted, IsolationLevel::ReadCommitted, usize::MAX);
        assert_eq!(whole(&mut committed), expected(&[(1, "b1"), (2, "plain"), (4, "a2")]));
        assert_eq!(committed.next, 7);
        let mut all = chunk(0, &batches, &aborted, IsolationLevel::ReadUncommitted, usize::MAX);
        assert_eq!(read(&mut all).0.len(), 4);
    }

    #[test]
    fn compaction_leaves_holes_that_are_stepped_over() {
        let builder = BatchBuilder::new(Codec::None).base_offset(10).last_offset(19);
        let hollow = builder.build().unwrap().to_vec();
        let mut chunk = simple(12, &[hollow, batch(20, Codec::None, &["z"])]);
        assert_eq!(whole(&mut chunk), expected(&[(20, "z")]));
        assert_eq!(chunk.next, 21);
    }
}
