//! A whole batch as a view of its bytes, and the batches of a record set.

use std::io::BufRead;
use std::iter::FusedIterator;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::codec::{Codec, Stream, decompressed_limit};
use super::error::BatchError;
use super::header::{BatchHeader, HEADER_LEN, TimestampType, checksum};
use super::record::{ReadError, RecordIter, RecordPosition, Skimmed, Slices, read_record};

/// One whole batch. Cheap to clone: it shares its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// The batch at the start of `bytes`; what follows it is left out.
    pub fn parse(mut bytes: Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::parse(&bytes)?;
        if bytes.len() < header.size() {
            return Err(BatchError::Truncated { needed: header.size(), available: bytes.len() });
        }
        bytes.truncate(header.size());
        Ok(Self { header, bytes })
    }

    /// Its header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// All its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// All its bytes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The records as they were sent: compressed, unless the codec is [`Codec::None`].
    pub fn payload(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// Whether the checksum is that of the bytes.
    pub fn crc_is_valid(&self) -> bool {
        checksum(&self.bytes) == self.header.crc
    }

    /// The records. Those of an uncompressed batch are slices of it; a compressed payload is decompressed first, into one
    /// buffer of at most [`decompressed_limit`] bytes, of which they are slices. The checksum is not looked at.
    pub fn records(&self) -> RecordIter {
        let (payload, count, failed) = match self.decompressed() {
            Ok((payload, count)) => (payload, count, None),
            Err(error) => (Bytes::new(), 0, Some(error)),
        };
        RecordIter {
            source: Slices(payload),
            base_offset: self.header.base_offset,
            base_timestamp: self.header.base_timestamp,
            append_time: append_time(&self.header),
            index: 0,
            count,
            failed,
        }
    }

    fn decompressed(&self) -> Result<(Bytes, usize), BatchError> {
        let count = count(&self.header)?;
        let payload = self.payload();
        let payload = match self.header.codec()? {
            Codec::None => payload,
            // A payload without records is not compressed data either: compaction leaves nothing behind.
            _ if count == 0 && payload.is_empty() => payload,
            codec => codec.decompress(&payload, decompressed_limit(payload.len()))?,
        };
        Ok((payload, count))
    }

    /// Goes over the positions of the records, without making the records, until `visit` breaks. For looking up time
    /// stamps: keys and values are skipped, and a compressed payload is never in memory as a whole.
    pub fn skim<B>(&self, mut visit: impl FnMut(RecordPosition) -> ControlFlow<B>) -> Result<Option<B>, BatchError> {
        let payload = self.bytes.get(HEADER_LEN..).unwrap_or_default();
        if self.header.records_count == 0 && payload.is_empty() {
            return Ok(None);
        }
        skim(&self.header, payload, |_, position| visit(position))
    }
}

/// Goes over the records of a payload, with their offset deltas, and checks that the counted records fill it exactly.
pub(super) fn skim<B>(
    header: &BatchHeader,
    payload: &[u8],
    mut visit: impl FnMut(i32, RecordPosition) -> ControlFlow<B>,
) -> Result<Option<B>, BatchError> {
    let count = count(header)?;
    let append_time = append_time(header);
    let stream = Stream::new(header.codec()?, payload, decompressed_limit(payload.len()));
    let mut source = Skimmed(stream);
    for index in 0..count {
        let raw = read_record(&mut source, |(), _| ()).map_err(|error| error.at(index))?;
        let position = RecordPosition {
            offset: header.base_offset.wrapping_add(i64::from(raw.offset_delta)),
            timestamp: append_time.unwrap_or(header.base_timestamp.wrapping_add(raw.timestamp_delta)),
            has_key: raw.key.is_some(),
        };
        if let ControlFlow::Break(found) = visit(raw.offset_delta, position) {
            return Ok(Some(found));
        }
    }
    let behind = source.0.fill_buf().map_err(|error| ReadError::from(error).at(count))?;
    if behind.is_empty() { Ok(None) } else { Err(BatchError::BytesAfterRecords(count)) }
}

fn count(header: &BatchHeader) -> Result<usize, BatchError> {
    usize::try_from(header.records_count).map_err(|_| BatchError::Count(header.records_count))
}

fn append_time(header: &BatchHeader) -> Option<i64> {
    (header.timestamp_type() == TimestampType::LogAppendTime).then_some(header.max_timestamp)
}

/// Splits a record set into its batches. A last batch that was cut off, as a fetch may return it, is
/// [`BatchError::Truncated`]. After an error there are no more.
pub fn batches(record_set: Bytes) -> Batches {
    Batches(record_set)
}

/// The batches of a record set.
pub struct Batches(Bytes);

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let batch = Batch::parse(self.0.clone());
        match &batch {
            Ok(batch) => self.0 = self.0.slice(batch.header.size()..),
            Err(_) => self.0.clear(),
        }
        Some(batch)
    }
}

impl FusedIterator for Batches {}
