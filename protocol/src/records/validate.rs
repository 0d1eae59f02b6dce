//! The check of a produced batch before it is appended: Kafka's rules, in one pass, nothing materialised.
//!
//! What Kafka answers for each damage was asked of Kafka 4.4; `tests/vectors/produce.jsonl` has its answers. Where it stores
//! what a reader cannot read, this check is stricter: record offsets that are not 0, 1, 2 …, record lengths that do not
//! match inside compressed payloads, checksums of compressed data, bytes behind compressed data.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::batch::{Batch, skim};
use super::codec::{Codec, CodecError, decompressed_limit};
use super::error::BatchError;
use super::header::{BatchHeader, HEADER_LEN, TimestampType, checksum};
use super::record::RecordPosition;

/// Rejected records that an answer names one by one; it says how many there are in all.
pub const MAX_REJECTED_RECORDS: usize = 1000;

/// Bytes in front of, and including, the length field.
const LENGTH_END: usize = 12;

/// Bytes up to and including the format byte; less than that is no batch in any format.
const MAGIC_END: usize = 17;

/// The smallest length of any format.
const LENGTH_MIN: i32 = 14;

/// How far the payload of a compressed batch is looked at (`compressed.records.validation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadValidation {
    /// It is decompressed, and every record checked.
    #[default]
    Full,
    /// The producer is believed. Saves the decompression; a batch that nobody can read may be stored.
    Header,
}

/// What a batch must satisfy on the topic it is for.
#[derive(Debug, Clone)]
pub struct Validation {
    /// `max.message.bytes`: size of a whole batch.
    pub max_message_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// The broker's clock, in milliseconds since 1970.
    pub now_ms: i64,
    /// `message.timestamp.before.max.ms`: how old a record may be.
    pub before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far in the future a record may be.
    pub after_max_ms: i64,
    /// `cleanup.policy` contains `compact`: every record needs a key.
    pub compacted: bool,
    /// The broker's own coordinators may write control batches.
    pub allow_control: bool,
    /// The Produce version knows Zstandard (7 and later).
    pub allow_zstd: bool,
    /// How far compressed payloads are looked at.
    pub payload: PayloadValidation,
}

/// A batch that may be appended: `header` in front of `body()`, after base offset and leader epoch are set in it.
#[derive(Debug, Clone)]
pub struct ValidBatch {
    /// The header with the time stamps that are to be stored and the checksum that goes with them. Base offset and leader
    /// epoch are outside the checksum and can still be set.
    pub header: BatchHeader,
    bytes: Bytes,
}

impl ValidBatch {
    /// What follows the header.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }

    /// The whole batch as it was received, or compressed anew.
    pub fn received(&self) -> &Bytes {
        &self.bytes
    }

    /// The same records, compressed with another codec, or not at all. Everything in the header but the codec, the length
    /// and the checksum stays. A batch that has the codec already is left as it is, whatever its level.
    ///
    /// Fails when the payload cannot be read, or when the result has more than `max_message_bytes`.
    pub fn recompressed(
        self,
        codec: Codec,
        level: Option<i32>,
        max_message_bytes: usize,
    ) -> Result<Self, InvalidBatch> {
        let unreadable = |error: CodecError| InvalidBatch::Unreadable(error.into());
        let sent_with = self.header.codec().map_err(InvalidBatch::Unreadable)?;
        if sent_with == codec {
            return Ok(self);
        }
        let payload = sent_with.decompress(self.body(), decompressed_limit(self.body().len())).map_err(unreadable)?;
        let mut bytes = vec![0; HEADER_LEN];
        codec.compress_at(level, &payload, &mut bytes).map_err(unreadable)?;
        if bytes.len() > max_message_bytes {
            return Err(InvalidBatch::TooLarge { size: bytes.len(), limit: max_message_bytes });
        }
        let mut header = self.header;
        header.attributes = header.attributes.with_codec(codec);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        header
            .set_payload_len(payload.len())
            .ok_or(InvalidBatch::TooLarge { size: payload.len(), limit: max_message_bytes })?;
        header.seal(payload);
        if let Some(room) = bytes.first_chunk_mut::<HEADER_LEN>() {
            *room = header.encode();
        }
        Ok(Self { header, bytes: bytes.into() })
    }

    /// Bytes that it occupies in a log.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// A record that is the reason for a refusal (`RecordErrors` of Produce's answer, KIP-467).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Position in the batch, from 0.
    pub batch_index: i32,
    /// What is wrong with it.
    pub message: String,
}

/// Why a batch is not appended. [`error_code`](Self::error_code) is what Produce answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    /// No whole batch is there.
    #[error("the partition's data holds no complete record batch")]
    NoBatch,
    /// A second batch follows.
    #[error("a produce request must carry exactly one record batch for a partition")]
    MoreThanOneBatch,
    /// A message set of a client older than Kafka 0.11.
    #[error("record format {0} is not supported, the client must send format 2")]
    OldFormat(i8),
    /// Length or format byte cannot be right.
    #[error("the record batch is damaged: its length is {length}, its format {magic}")]
    Damaged {
        /// The length field.
        length: i32,
        /// The format byte.
        magic: i8,
    },
    /// The checksum is not that of the bytes.
    #[error("the record batch is damaged: its checksum is {stored:08x}, that of its bytes {computed:08x}")]
    Checksum {
        /// What the batch says.
        stored: u32,
        /// What its bytes say.
        computed: u32,
    },
    /// Zstandard in a request version that does not know it.
    #[error("zstd needs version 7 of Produce")]
    ZstdTooEarly,
    /// Larger than `max.message.bytes`.
    #[error("the record batch has {size} bytes, the topic's max.message.bytes is {limit}")]
    TooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A producer sends base offset 0.
    #[error("the record batch has the base offset {0}, a producer must send 0")]
    BaseOffset(i64),
    /// Record count and offsets do not agree.
    #[error("the record batch has {records_count} records, but its last offset delta is {last_offset_delta}")]
    Count {
        /// Records by the header.
        records_count: i32,
        /// Last offset delta by the header.
        last_offset_delta: i32,
    },
    /// Control records from a client.
    #[error("clients cannot write control records")]
    Control,
    /// A producer id without a sequence number.
    #[error("the record batch of producer {producer_id} has the sequence number {base_sequence}")]
    Sequence {
        /// The producer.
        producer_id: i64,
        /// The sequence number of the first record.
        base_sequence: i32,
    },
    /// A record's offset delta is not its position.
    #[error("record {index} of the batch has the offset delta {offset_delta}")]
    OffsetDelta {
        /// Position in the batch, from 0.
        index: usize,
        /// Its offset delta.
        offset_delta: i32,
    },
    /// The payload cannot be read.
    #[error(transparent)]
    Unreadable(BatchError),
    /// Records that the topic does not take; the first [`MAX_REJECTED_RECORDS`] of them are named.
    #[error("{count} records of the batch were refused{}", records.first().map(|record| format!(", the first: {}", record.message)).unwrap_or_default())]
    Records {
        /// At least one of them for its time stamp.
        timestamp: bool,
        /// How many there are.
        count: usize,
        /// Which they are.
        records: Vec<RejectedRecord>,
    },
}

impl InvalidBatch {
    /// Kafka's error code.
    pub fn error_code(&self) -> i16 {
        const UNKNOWN_SERVER_ERROR: i16 = -1;
        const CORRUPT_MESSAGE: i16 = 2;
        const MESSAGE_TOO_LARGE: i16 = 10;
        const INVALID_TIMESTAMP: i16 = 32;
        const UNSUPPORTED_COMPRESSION_TYPE: i16 = 76;
        const INVALID_RECORD: i16 = 87;
        match self {
            Self::Damaged { .. } | Self::Checksum { .. } => CORRUPT_MESSAGE,
            Self::TooLarge { .. } => MESSAGE_TOO_LARGE,
            Self::ZstdTooEarly => UNSUPPORTED_COMPRESSION_TYPE,
            Self::Records { timestamp: true, .. } => INVALID_TIMESTAMP,
            // Not a fitting name, but what Kafka answers, and what makes clients give up instead of trying again.
            Self::Unreadable(BatchError::Codec(_) | BatchError::UnknownCodec(_)) => UNKNOWN_SERVER_ERROR,
            _ => INVALID_RECORD,
        }
    }

    /// The records that are the reason, where the reason is records.
    pub fn rejected_records(&self) -> &[RejectedRecord] {
        match self {
            Self::Records { records, .. } => records,
            _ => &[],
        }
    }
}

/// Checks the data that a Produce request has for one partition. In the order of Kafka's checks, so that a batch with
/// several faults gets the same answer.
pub fn validate(bytes: Bytes, rules: &Validation) -> Result<ValidBatch, InvalidBatch> {
    let batch = the_only_batch(bytes, rules)?;
    let mut header = *batch.header();
    check_header(&batch, rules)?;

    let mut check = RecordCheck::new(&header, rules);
    let payload = batch.bytes().get(HEADER_LEN..).unwrap_or_default();
    let codec = header.codec().map_err(InvalidBatch::Unreadable)?;
    let max_timestamp = if codec != Codec::None && rules.payload == PayloadValidation::Header {
        check.believe(&header);
        header.max_timestamp
    } else {
        check.walk(&header, payload)?;
        check.max_timestamp
    };
    check.finish()?;

    let max_timestamp = match rules.timestamp_type {
        TimestampType::CreateTime => max_timestamp,
        TimestampType::LogAppendTime => rules.now_ms,
    };
    let attributes = header.attributes.with_timestamp_type(rules.timestamp_type);
    if header.max_timestamp != max_timestamp || header.attributes != attributes {
        header.max_timestamp = max_timestamp;
        header.attributes = attributes;
        header.seal(payload);
    }
    Ok(ValidBatch { header, bytes: batch.into_bytes() })
}

/// The one batch of the data. Fewer bytes behind it than a batch would have are dropped, as Kafka does.
fn the_only_batch(bytes: Bytes, rules: &Validation) -> Result<Batch, InvalidBatch> {
    let size = whole_batch(&bytes)?.ok_or(InvalidBatch::NoBatch)?;
    let second = whole_batch(bytes.get(size..).unwrap_or_default());
    let batch = match Batch::parse(bytes) {
        Ok(batch) => batch,
        Err(BatchError::Magic(magic)) => return Err(InvalidBatch::OldFormat(magic)),
        Err(_) => return Err(InvalidBatch::Damaged { length: (size - LENGTH_END) as i32, magic: 2 }),
    };
    if !rules.allow_zstd && batch.header().codec() == Ok(Codec::Zstd) {
        return Err(InvalidBatch::ZstdTooEarly);
    }
    match second? {
        Some(_) => Err(InvalidBatch::MoreThanOneBatch),
        None => Ok(batch),
    }
}

/// Size of the batch of any format at the start of `bytes`; `None` when it is not there as a whole.
fn whole_batch(bytes: &[u8]) -> Result<Option<usize>, InvalidBatch> {
    let Some([.., l0, l1, l2, l3]) = bytes.first_chunk::<LENGTH_END>() else { return Ok(None) };
    let length = i32::from_be_bytes([*l0, *l1, *l2, *l3]);
    // A length that cannot be is seen before it is known which format the batch has.
    let Some(magic) = bytes.get(MAGIC_END - 1).map_or((length < LENGTH_MIN).then_some(-1), |magic| Some(*magic as i8))
    else {
        return Ok(None);
    };
    if length < LENGTH_MIN || !(0..=2).contains(&magic) {
        return Err(InvalidBatch::Damaged { length, magic });
    }
    let size = LENGTH_END + length as usize;
    Ok((size <= bytes.len()).then_some(size))
}

fn check_header(batch: &Batch, rules: &Validation) -> Result<(), InvalidBatch> {
    let header = batch.header();
    if header.base_offset != 0 {
        return Err(InvalidBatch::BaseOffset(header.base_offset));
    }
    let size = batch.bytes().len();
    if size > rules.max_message_bytes {
        return Err(InvalidBatch::TooLarge { size, limit: rules.max_message_bytes });
    }
    let computed = checksum(batch.bytes());
    if computed != header.crc {
        return Err(InvalidBatch::Checksum { stored: header.crc, computed });
    }
    header.codec().map_err(InvalidBatch::Unreadable)?;
    let (records_count, last_offset_delta) = (header.records_count, header.last_offset_delta);
    if records_count <= 0 || records_count - 1 != last_offset_delta {
        return Err(InvalidBatch::Count { records_count, last_offset_delta });
    }
    if header.is_control() && !rules.allow_control {
        return Err(InvalidBatch::Control);
    }
    // Control batches have a producer but no sequence.
    if header.has_producer() && header.base_sequence < 0 && !header.is_control() {
        let (producer_id, base_sequence) = (header.producer_id, header.base_sequence);
        return Err(InvalidBatch::Sequence { producer_id, base_sequence });
    }
    Ok(())
}

/// The rules for single records, and what they found.
struct RecordCheck<'a> {
    rules: &'a Validation,
    says_append_time: bool,
    oldest: i64,
    newest: i64,
    max_timestamp: i64,
    timestamp: bool,
    count: usize,
    records: Vec<RejectedRecord>,
}

impl<'a> RecordCheck<'a> {
    fn new(header: &BatchHeader, rules: &'a Validation) -> Self {
        Self {
            rules,
            says_append_time: header.timestamp_type() == TimestampType::LogAppendTime,
            oldest: rules.now_ms.saturating_sub(rules.before_max_ms),
            newest: rules.now_ms.saturating_add(rules.after_max_ms),
            max_timestamp: -1,
            timestamp: false,
            count: 0,
            records: Vec::new(),
        }
    }

    fn walk(&mut self, header: &BatchHeader, payload: &[u8]) -> Result<(), InvalidBatch> {
        let mut index = 0;
        let broken = skim(header, payload, |offset_delta, record| {
            if offset_delta as usize != index {
                return ControlFlow::Break(InvalidBatch::OffsetDelta { index, offset_delta });
            }
            self.record(index, record);
            index += 1;
            ControlFlow::Continue(())
        });
        match broken {
            Ok(None) => Ok(()),
            Ok(Some(invalid)) => Err(invalid),
            Err(error) => Err(InvalidBatch::Unreadable(error)),
        }
    }

    /// Looks at what the header says about the time stamps of a payload that stays closed.
    fn believe(&mut self, header: &BatchHeader) {
        self.check_timestamp(0, header.max_timestamp);
    }

    fn record(&mut self, index: usize, record: RecordPosition) {
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        if self.rules.compacted && !record.has_key {
            self.reject(index, || "a record of a compacted topic needs a key".to_owned());
            return;
        }
        self.check_timestamp(index, record.timestamp);
    }

    fn check_timestamp(&mut self, index: usize, timestamp: i64) {
        let rules = self.rules;
        if rules.timestamp_type == TimestampType::LogAppendTime {
            if self.says_append_time {
                self.timestamp = true;
                self.reject(index, || "a producer cannot set the append time".to_owned());
            }
            return;
        }
        let (oldest, newest) = (self.oldest, self.newest);
        if timestamp != -1 && !(oldest..=newest).contains(&timestamp) {
            self.timestamp = true;
            self.reject(index, || format!("the time stamp {timestamp} is not between {oldest} and {newest}"));
        }
    }

    fn reject(&mut self, index: usize, message: impl FnOnce() -> String) {
        self.count += 1;
        if self.records.len() < MAX_REJECTED_RECORDS {
            self.records.push(RejectedRecord { batch_index: index as i32, message: message() });
        }
    }

    fn finish(self) -> Result<(), InvalidBatch> {
        if self.count == 0 {
            return Ok(());
        }
        Err(InvalidBatch::Records { timestamp: self.timestamp, count: self.count, records: self.records })
    }
}
