//! Making new batches.

use bytes::Bytes;

use super::codec::{Codec, CodecError};
use super::header::{Attributes, BatchHeader, HEADER_LEN, TimestampType};
use super::record::{Header, Record};
use super::varint;

/// Makes one batch: options first, then the records, then [`build`](Self::build).
///
/// ```
/// use naru_protocol::records::{Batch, BatchBuilder, Codec};
///
/// let mut builder = BatchBuilder::new(Codec::Lz4).producer(4001, 0, 17);
/// builder.push(1_700_000_000_000, Some(b"order-7"), Some(b"paid"), &[])?;
/// let batch = Batch::parse(builder.build()?)?;
/// assert_eq!(batch.records().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    header: BatchHeader,
    codec: Codec,
    append_time: Option<i64>,
    last_offset: Option<i64>,
    /// Room for the header, then the records.
    bytes: Vec<u8>,
}

/// Why a batch cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// More than 2 GiB, or more than 2³¹ offsets.
    #[error("the batch is too large for its format")]
    TooLarge,
    /// Offsets must grow, from the base offset on.
    #[error("offset {offset} cannot follow {previous:?} in a batch that starts at {base}")]
    Offset {
        /// The offset of the record.
        offset: i64,
        /// The offset of the record before.
        previous: Option<i64>,
        /// The base offset of the batch.
        base: i64,
    },
    /// The payload cannot be compressed.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl BatchBuilder {
    /// An empty batch as a producer sends it: base offset 0, no leader epoch, no producer id, the records' own time stamps.
    pub fn new(codec: Codec) -> Self {
        Self {
            header: BatchHeader {
                base_offset: 0,
                batch_length: 0,
                partition_leader_epoch: -1,
                magic: 2,
                crc: 0,
                attributes: Attributes::default().with_codec(codec),
                last_offset_delta: -1,
                base_timestamp: -1,
                max_timestamp: -1,
                producer_id: -1,
                producer_epoch: -1,
                base_sequence: -1,
                records_count: 0,
            },
            codec,
            append_time: None,
            last_offset: None,
            bytes: vec![0; HEADER_LEN],
        }
    }

    /// Makes room for so many bytes of records, so that the batch need not move as it grows.
    #[must_use]
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.bytes.reserve_exact(bytes);
        self
    }

    /// Offset of the first record.
    #[must_use]
    pub fn base_offset(mut self, offset: i64) -> Self {
        self.header.base_offset = offset;
        self
    }

    /// Epoch of the leader that appends.
    #[must_use]
    pub fn leader_epoch(mut self, epoch: i32) -> Self {
        self.header.partition_leader_epoch = epoch;
        self
    }

    /// An idempotent producer and the sequence number of the first record, −1 for control batches.
    #[must_use]
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Part of a transaction.
    #[must_use]
    pub fn transactional(mut self, transactional: bool) -> Self {
        self.header.attributes = self.header.attributes.with_transactional(transactional);
        self
    }

    /// Holds control records.
    #[must_use]
    pub fn control(mut self, control: bool) -> Self {
        self.header.attributes = self.header.attributes.with_control(control);
        self
    }

    /// All records get this time stamp, in milliseconds since 1970, and the batch says that it is the broker's.
    #[must_use]
    pub fn log_append_time(mut self, append_time: i64) -> Self {
        self.header.attributes = self.header.attributes.with_timestamp_type(TimestampType::LogAppendTime);
        self.append_time = Some(append_time);
        self
    }

    /// Compaction: from that time on, milliseconds since 1970, tombstones of the batch may go. To be called before the
    /// first record.
    #[must_use]
    pub fn delete_horizon(mut self, horizon: i64) -> Self {
        self.header.attributes = self.header.attributes.with_delete_horizon(true);
        self.header.base_timestamp = horizon;
        self
    }

    /// Compaction: the batch covers the offsets up to this one, though its last records are gone.
    #[must_use]
    pub fn last_offset(mut self, offset: i64) -> Self {
        self.last_offset = Some(offset);
        self
    }

    /// Adds a record with the next offset. `timestamp` is in milliseconds since 1970, −1 for none.
    pub fn push(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> Result<(), BuildError> {
        let delta = self.header.last_offset_delta.checked_add(1).ok_or(BuildError::TooLarge)?;
        self.push_at(delta, timestamp, key, value, headers)
    }

    /// Adds a record with the offset it has, which must be larger than that of the record before.
    pub fn push_record(&mut self, record: &Record) -> Result<(), BuildError> {
        let base = self.header.base_offset;
        let previous = (!self.is_empty()).then(|| self.header.last_offset());
        if record.offset < previous.map_or(base, |offset| offset.saturating_add(1)) {
            return Err(BuildError::Offset { offset: record.offset, previous, base });
        }
        let delta = record.offset.checked_sub(base).and_then(|delta| i32::try_from(delta).ok());
        let delta = delta.ok_or(BuildError::TooLarge)?;
        self.push_at(delta, record.timestamp, record.key.as_deref(), record.value.as_deref(), &record.headers)
    }

    fn push_at(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> Result<(), BuildError> {
        let header = &mut self.header;
        if header.records_count == 0 && !header.attributes.has_delete_horizon() {
            header.base_timestamp = timestamp;
        }
        let timestamp_delta = timestamp.wrapping_sub(header.base_timestamp);
        let length = 1
            + varint::len(timestamp_delta)
            + varint::len(i64::from(offset_delta))
            + nullable_len(key)
            + nullable_len(value)
            + varint::len(headers.len() as i64)
            + headers
                .iter()
                .map(|header| nullable_len(Some(&header.key)) + nullable_len(header.value.as_deref()))
                .sum::<usize>();
        let out = &mut self.bytes;
        if out.len() + length > i32::MAX as usize - varint::MAX_LEN {
            return Err(BuildError::TooLarge);
        }
        // Room at once, so that the small steps below need no look at the capacity that could grow it.
        out.reserve(length + varint::MAX_LEN);
        varint::put(out, length as i64);
        out.push(0);
        varint::put(out, timestamp_delta);
        varint::put(out, i64::from(offset_delta));
        put_nullable(out, key);
        put_nullable(out, value);
        varint::put(out, headers.len() as i64);
        for Header { key, value } in headers {
            put_nullable(out, Some(key));
            put_nullable(out, value.as_deref());
        }
        header.records_count += 1;
        header.last_offset_delta = offset_delta;
        header.max_timestamp = header.max_timestamp.max(timestamp);
        Ok(())
    }

    /// Records so far.
    pub fn len(&self) -> usize {
        self.header.records_count as usize
    }

    /// No record so far.
    pub fn is_empty(&self) -> bool {
        self.header.records_count == 0
    }

    /// Bytes of the batch so far, before compression.
    pub fn uncompressed_size(&self) -> usize {
        self.bytes.len()
    }

    /// The batch. Without any record it is what compaction leaves of one whose records are all gone.
    pub fn build(self) -> Result<Bytes, BuildError> {
        let Self { mut header, codec, append_time, last_offset, mut bytes, .. } = self;
        if let Some(offset) = last_offset {
            let delta = offset.checked_sub(header.base_offset).and_then(|delta| i32::try_from(delta).ok());
            header.last_offset_delta = header.last_offset_delta.max(delta.ok_or(BuildError::TooLarge)?);
        }
        if let Some(time) = append_time {
            header.max_timestamp = time;
        }
        if codec != Codec::None && header.records_count > 0 {
            let mut compressed = vec![0; HEADER_LEN];
            codec.compress(bytes.get(HEADER_LEN..).unwrap_or_default(), &mut compressed)?;
            bytes = compressed;
        }
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        header.set_payload_len(payload.len()).ok_or(BuildError::TooLarge)?;
        header.seal(payload);
        if let Some(room) = bytes.first_chunk_mut::<HEADER_LEN>() {
            *room = header.encode();
        }
        Ok(Bytes::from(bytes))
    }
}

fn nullable_len(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(varint::len(-1), |bytes| varint::len(bytes.len() as i64) + bytes.len())
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            varint::put(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
        None => varint::put(out, -1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Batch;
    use super::*;

    fn record(offset: i64) -> Record {
        Record { offset, timestamp: 1000 + offset, value: Some(Bytes::from_static(b"v")), ..Record::default() }
    }

    #[test]
    fn compaction_keeps_offsets_and_gaps() {
        let mut builder = BatchBuilder::new(Codec::Zstd).base_offset(10).last_offset(30).delete_horizon(5000);
        for offset in [12, 15, 20] {
            builder.push_record(&record(offset)).unwrap();
        }
        let batch = Batch::parse(builder.build().unwrap()).unwrap();
        let header = batch.header();
        assert_eq!((header.base_offset, header.last_offset(), header.max_timestamp), (10, 30, 1020));
        assert!(header.attributes.has_delete_horizon());
        assert_eq!(header.base_timestamp, 5000);
        let records: Vec<Record> = batch.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(records, [record(12), record(15), record(20)]);
    }

    #[test]
    fn offsets_must_grow_and_fit() {
        let mut builder = BatchBuilder::new(Codec::None).base_offset(10);
        assert!(matches!(builder.push_record(&record(9)), Err(BuildError::Offset { previous: None, .. })));
        builder.push_record(&record(11)).unwrap();
        assert!(matches!(builder.push_record(&record(11)), Err(BuildError::Offset { previous: Some(11), .. })));
        assert_eq!(builder.push_record(&record(10 + (1 << 31))), Err(BuildError::TooLarge));
    }

    #[test]
    fn a_batch_without_records_keeps_its_offsets() {
        let builder = BatchBuilder::new(Codec::Lz4).base_offset(90).last_offset(99).producer(4001, 3, 17);
        let batch = Batch::parse(builder.build().unwrap()).unwrap();
        assert_eq!((batch.header().size(), batch.header().next_offset()), (HEADER_LEN, 100));
        assert!(batch.crc_is_valid());
        assert_eq!(batch.records().count(), 0);
    }
}
