//! One record, and the walk over the records of a payload.
//!
//! There is one parser, [`read_record`], over a [`Source`]: a buffer whose keys and values are handed out as slices
//! ([`Slices`]), or a stream whose keys and values are skipped ([`Skimmed`]).

use std::io::{self, BufRead};

use bytes::Bytes;

use super::codec::CodecError;
use super::error::BatchError;
use super::varint;

/// A record as an application sees it. Keys, values and headers are slices of the batch they came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Position in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, −1 for none; of the append when the batch has append time.
    pub timestamp: i64,
    /// The key; `None` is different from an empty one.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in their order; a name may come more than once.
    pub headers: Vec<Header>,
}

/// A record header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name, UTF-8 by convention; brokers do not check it.
    pub key: Bytes,
    /// The value.
    pub value: Option<Bytes>,
}

/// Where a record is, without what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPosition {
    /// Position in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, −1 for none.
    pub timestamp: i64,
    /// Whether it has a key.
    pub has_key: bool,
}

/// Why a record does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The payload ends inside the record.
    #[error("the payload ends inside it")]
    Truncated,
    /// An integer that does not end.
    #[error("an integer has more bytes than its type")]
    Integer,
    /// The record says it has a negative length.
    #[error("its length is {0}")]
    Length(i32),
    /// The record's fields need more bytes than its length says.
    #[error("its fields are longer than its length")]
    FieldsTooLong,
    /// The record's length is larger than its fields.
    #[error("{0} bytes follow its last field")]
    BytesAfterFields(usize),
    /// A negative number of headers.
    #[error("it has {0} headers")]
    HeaderCount(i32),
    /// A header without a name.
    #[error("a header has no name")]
    HeaderKey,
}

/// What fails while records are read: the record, or the decompression under it.
#[derive(Debug)]
pub(super) enum ReadError {
    Record(RecordError),
    Codec(CodecError),
}

impl From<RecordError> for ReadError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        // The only streams here are those of the codecs, whose errors are all a `CodecError`.
        match error.into_inner().and_then(|inner| inner.downcast().ok()) {
            Some(codec) => Self::Codec(*codec),
            None => Self::Record(RecordError::Truncated),
        }
    }
}

impl ReadError {
    pub(super) fn at(self, index: usize) -> BatchError {
        match self {
            Self::Record(error) => BatchError::Record { index, error },
            Self::Codec(error) => BatchError::Codec(error),
        }
    }
}

/// Where records are read from.
pub(super) trait Source {
    /// What becomes of a key or a value.
    type Piece;
    fn byte(&mut self) -> Result<u8, ReadError>;
    fn piece(&mut self, len: usize) -> Result<Self::Piece, ReadError>;
}

/// Keys and values are slices of one buffer.
pub(super) struct Slices {
    buffer: Bytes,
    at: usize,
}

impl Slices {
    pub(super) fn new(buffer: Bytes) -> Self {
        Self { buffer, at: 0 }
    }

    fn is_empty(&self) -> bool {
        self.at >= self.buffer.len()
    }
}

impl Source for Slices {
    type Piece = Bytes;

    #[inline]
    fn byte(&mut self) -> Result<u8, ReadError> {
        let byte = *self.buffer.get(self.at).ok_or(RecordError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn piece(&mut self, len: usize) -> Result<Bytes, ReadError> {
        if len > self.buffer.len() - self.at {
            return Err(RecordError::Truncated.into());
        }
        let start = self.at;
        self.at += len;
        Ok(self.buffer.slice(start..self.at))
    }
}

/// Keys and values are skipped in a buffer.
struct Skipped<'a>(&'a [u8]);

impl Source for Skipped<'_> {
    type Piece = ();

    #[inline]
    fn byte(&mut self) -> Result<u8, ReadError> {
        let (byte, rest) = self.0.split_first().ok_or(RecordError::Truncated)?;
        self.0 = rest;
        Ok(*byte)
    }

    #[inline]
    fn piece(&mut self, len: usize) -> Result<(), ReadError> {
        self.0 = self.0.get(len..).ok_or(RecordError::Truncated)?;
        Ok(())
    }
}

/// Keys and values are skipped in a stream.
pub(super) struct Skimmed<R>(pub(super) R);

impl<R: BufRead> Skimmed<R> {
    /// The next record. Most are in the stream's buffer as a whole and are read from there.
    #[inline]
    pub(super) fn read(&mut self) -> Result<RawRecord<()>, ReadError> {
        let ready = self.0.fill_buf()?;
        if holds_record(ready) {
            let mut buffered = Skipped(ready);
            let record = read_record(&mut buffered, |(), _| ())?;
            let used = ready.len() - buffered.0.len();
            self.0.consume(used);
            return Ok(record);
        }
        read_record(self, |(), _| ())
    }
}

/// Whether `bytes` start with a whole record, as far as its length says.
#[inline]
fn holds_record(bytes: &[u8]) -> bool {
    let mut rest = Skipped(bytes);
    match varint::read(5, || rest.byte()) {
        Ok(Some(length)) => usize::try_from(varint::unzigzag32(length)).is_ok_and(|length| length <= rest.0.len()),
        Ok(None) | Err(_) => false,
    }
}

impl<R: BufRead> Source for Skimmed<R> {
    type Piece = ();

    #[inline]
    fn byte(&mut self) -> Result<u8, ReadError> {
        let byte = *self.0.fill_buf()?.first().ok_or(RecordError::Truncated)?;
        self.0.consume(1);
        Ok(byte)
    }

    #[inline]
    fn piece(&mut self, len: usize) -> Result<(), ReadError> {
        let mut left = len;
        while left > 0 {
            let ready = self.0.fill_buf()?.len().min(left);
            if ready == 0 {
                return Err(RecordError::Truncated.into());
            }
            self.0.consume(ready);
            left -= ready;
        }
        Ok(())
    }
}

/// A record relative to its batch, without its headers.
pub(super) struct RawRecord<P> {
    pub(super) offset_delta: i32,
    pub(super) timestamp_delta: i64,
    pub(super) key: Option<P>,
    pub(super) value: Option<P>,
}

/// Reads one record, and gives its headers to `header` one by one.
#[inline]
pub(super) fn read_record<S: Source>(
    source: &mut S,
    mut header: impl FnMut(S::Piece, Option<S::Piece>),
) -> Result<RawRecord<S::Piece>, ReadError> {
    let length = varint::read(5, || source.byte())?.map(varint::unzigzag32).ok_or(RecordError::Integer)?;
    let left = usize::try_from(length).map_err(|_| RecordError::Length(length))?;
    let mut body = Body { source, left };
    // The record's own attributes have no meaning yet.
    body.byte()?;
    let timestamp_delta = body.long()?;
    let offset_delta = body.int()?;
    let key = body.nullable()?;
    let value = body.nullable()?;
    let headers = body.int()?;
    if headers < 0 {
        return Err(RecordError::HeaderCount(headers).into());
    }
    for _ in 0..headers {
        let name = body.nullable()?.ok_or(RecordError::HeaderKey)?;
        header(name, body.nullable()?);
    }
    if body.left > 0 {
        return Err(RecordError::BytesAfterFields(body.left).into());
    }
    Ok(RawRecord { offset_delta, timestamp_delta, key, value })
}

/// The fields of one record: no field reaches past its end.
struct Body<'a, S> {
    source: &'a mut S,
    left: usize,
}

impl<S: Source> Body<'_, S> {
    #[inline]
    fn byte(&mut self) -> Result<u8, ReadError> {
        self.left = self.left.checked_sub(1).ok_or(RecordError::FieldsTooLong)?;
        self.source.byte()
    }

    #[inline]
    fn int(&mut self) -> Result<i32, ReadError> {
        Ok(varint::read(5, || self.byte())?.map(varint::unzigzag32).ok_or(RecordError::Integer)?)
    }

    #[inline]
    fn long(&mut self) -> Result<i64, ReadError> {
        Ok(varint::read(varint::MAX_LEN, || self.byte())?.map(varint::unzigzag64).ok_or(RecordError::Integer)?)
    }

    /// A length and that many bytes. Any negative length is null, as in Kafka.
    #[inline]
    fn nullable(&mut self) -> Result<Option<S::Piece>, ReadError> {
        let Ok(len) = usize::try_from(self.int()?) else { return Ok(None) };
        self.left = self.left.checked_sub(len).ok_or(RecordError::FieldsTooLong)?;
        self.source.piece(len).map(Some)
    }
}

/// The records of a batch, in order. After an error there are no more.
pub struct RecordIter {
    pub(super) source: Slices,
    pub(super) base_offset: i64,
    pub(super) base_timestamp: i64,
    /// The time stamp of all records, when the batch has append time.
    pub(super) append_time: Option<i64>,
    pub(super) index: usize,
    pub(super) count: usize,
    /// An error that was found before the first record.
    pub(super) failed: Option<BatchError>,
}

impl RecordIter {
    /// Bytes of the payload as it is in memory, decompressed.
    pub fn payload_len(&self) -> usize {
        self.source.buffer.len()
    }

    fn read(&mut self) -> Result<Record, ReadError> {
        let mut headers = Vec::new();
        let raw = read_record(&mut self.source, |key, value| headers.push(Header { key, value }))?;
        Ok(Record {
            offset: self.base_offset.wrapping_add(i64::from(raw.offset_delta)),
            timestamp: self.append_time.unwrap_or(self.base_timestamp.wrapping_add(raw.timestamp_delta)),
            key: raw.key,
            value: raw.value,
            headers,
        })
    }

    fn end(&mut self) {
        self.index = self.count;
        self.source = Slices::new(Bytes::new());
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.end();
            return Some(Err(error));
        }
        if self.index == self.count {
            if self.source.is_empty() {
                return None;
            }
            self.end();
            return Some(Err(BatchError::BytesAfterRecords(self.count)));
        }
        match self.read() {
            Ok(record) => {
                self.index += 1;
                Some(Ok(record))
            }
            Err(error) => {
                let error = error.at(self.index);
                self.end();
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for RecordIter {}
