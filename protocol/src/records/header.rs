//! The 61 bytes in front of a record batch.

use crc_fast::crc32_iscsi;

use super::codec::Codec;
use super::error::BatchError;

/// Bytes of a batch header, up to and including the record count.
pub const HEADER_LEN: usize = 61;

/// Bytes in front of the part that the length field counts: base offset and the length itself.
const UNCOUNTED: usize = 12;

/// Where the checksummed part begins: base offset, leader epoch and checksum can change without a new checksum.
pub(super) const CHECKSUM_FROM: usize = 21;

/// CRC-32C of the bytes from the attributes (byte 21) to the end of a whole batch; 0 for bytes that end before.
pub fn checksum(batch: &[u8]) -> u32 {
    crc32_iscsi(batch.get(CHECKSUM_FROM..).unwrap_or_default())
}

/// Which clock the time stamps of a batch come from (`message.timestamp.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// The producer's: each record has its own.
    #[default]
    CreateTime,
    /// The broker's: all records have the maximum time stamp of the batch.
    LogAppendTime,
}

/// The attribute bits of a batch. Bits 7 to 15 have no meaning yet and are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0b111;
    const LOG_APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;

    /// The codec, or the unknown number 5, 6 or 7.
    pub fn codec(self) -> Result<Codec, BatchError> {
        let id = (self.0 & Self::CODEC) as u8;
        Codec::from_id(id).ok_or(BatchError::UnknownCodec(id))
    }

    /// The same bits with another codec.
    #[must_use]
    pub fn with_codec(self, codec: Codec) -> Self {
        Self(self.0 & !Self::CODEC | i16::from(codec.id()))
    }

    /// Which clock stamped the records.
    pub fn timestamp_type(self) -> TimestampType {
        if self.has(Self::LOG_APPEND_TIME) { TimestampType::LogAppendTime } else { TimestampType::CreateTime }
    }

    /// The same bits with another time stamp type.
    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        self.with(Self::LOG_APPEND_TIME, timestamp_type == TimestampType::LogAppendTime)
    }

    /// Part of a transaction.
    pub fn is_transactional(self) -> bool {
        self.has(Self::TRANSACTIONAL)
    }

    /// The same bits, inside or outside a transaction.
    #[must_use]
    pub fn with_transactional(self, transactional: bool) -> Self {
        self.with(Self::TRANSACTIONAL, transactional)
    }

    /// Holds control records, which are for brokers and never shown to an application.
    pub fn is_control(self) -> bool {
        self.has(Self::CONTROL)
    }

    /// The same bits, for control records or not.
    #[must_use]
    pub fn with_control(self, control: bool) -> Self {
        self.with(Self::CONTROL, control)
    }

    /// The base time stamp is the time from which compaction may drop the batch's tombstones (KIP-534).
    pub fn has_delete_horizon(self) -> bool {
        self.has(Self::DELETE_HORIZON)
    }

    /// The same bits, with or without a delete horizon.
    #[must_use]
    pub fn with_delete_horizon(self, delete_horizon: bool) -> Self {
        self.with(Self::DELETE_HORIZON, delete_horizon)
    }

    fn has(self, bit: i16) -> bool {
        self.0 & bit != 0
    }

    fn with(self, bit: i16, on: bool) -> Self {
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }
}

/// The header of a record batch (`RecordBatch` of Kafka's protocol, magic 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record. A producer sends 0, the broker sets it; outside the checksum.
    pub base_offset: i64,
    /// Bytes that follow this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch, −1 from a producer; outside the checksum.
    pub partition_leader_epoch: i32,
    /// The format, 2.
    pub magic: i8,
    /// CRC-32C of everything behind this field.
    pub crc: u32,
    /// Codec, time stamp type, transactional, control.
    pub attributes: Attributes,
    /// Offset of the last record minus the base offset. Compaction keeps it when it removes the last record.
    pub last_offset_delta: i32,
    /// Milliseconds since 1970 that the records' own time stamps are relative to.
    pub base_timestamp: i64,
    /// The largest time stamp of a record, or of the append; −1 when there is none.
    pub max_timestamp: i64,
    /// The producer, −1 when it is not idempotent.
    pub producer_id: i64,
    /// The producer's epoch, −1 without one.
    pub producer_epoch: i16,
    /// Sequence number of the first record, −1 without one.
    pub base_sequence: i32,
    /// Records in the payload; 0 only after compaction.
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; the payload need not be there.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        // The format byte has the same place in all formats: an old message set is named before anything else.
        if let Some(&magic) = bytes.get(16)
            && magic != 2
        {
            return Err(BatchError::Magic(magic as i8));
        }
        let Some(bytes) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(BatchError::Truncated { needed: HEADER_LEN, available: bytes.len() });
        };
        let header = Self {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            batch_length: i32::from_be_bytes(field(bytes, 8)),
            partition_leader_epoch: i32::from_be_bytes(field(bytes, 12)),
            magic: i8::from_be_bytes(field(bytes, 16)),
            crc: u32::from_be_bytes(field(bytes, 17)),
            attributes: Attributes(i16::from_be_bytes(field(bytes, 21))),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            records_count: i32::from_be_bytes(field(bytes, 57)),
        };
        if header.batch_length < (HEADER_LEN - UNCOUNTED) as i32 {
            return Err(BatchError::Length(header.batch_length));
        }
        Ok(header)
    }

    /// The header's bytes, the checksum as it stands in `crc`.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        bytes[16..17].copy_from_slice(&self.magic.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.records_count.to_be_bytes());
        bytes
    }

    /// Sets `crc` to the checksum of this header with `payload` behind it.
    pub fn seal(&mut self, payload: &[u8]) {
        let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
        digest.update(&self.encode()[CHECKSUM_FROM..]);
        digest.update(payload);
        self.crc = digest.finalize() as u32;
    }

    /// Sets the length field for a payload of that many bytes. A payload that large that it does not fit is refused
    /// long before by every limit on message sizes.
    pub(super) fn set_payload_len(&mut self, payload: usize) -> Option<()> {
        self.batch_length = i32::try_from(HEADER_LEN - UNCOUNTED + payload).ok()?;
        Some(())
    }

    /// Bytes of the whole batch.
    pub fn size(&self) -> usize {
        UNCOUNTED + self.batch_length.max(0) as usize
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(i64::from(self.last_offset_delta))
    }

    /// Offset that follows the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// Sequence number of the last record; sequence numbers go from 2³¹−1 to 0. −1 without one.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        (self.base_sequence.wrapping_add(self.last_offset_delta)) & i32::MAX
    }

    /// The codec of the payload.
    pub fn codec(&self) -> Result<Codec, BatchError> {
        self.attributes.codec()
    }

    /// Which clock stamped the records.
    pub fn timestamp_type(&self) -> TimestampType {
        self.attributes.timestamp_type()
    }

    /// Holds control records.
    pub fn is_control(&self) -> bool {
        self.attributes.is_control()
    }

    /// Part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    /// From an idempotent producer.
    pub fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }
}

/// Bytes `at..at + N` of a header. Constant positions inside 61 bytes: it cannot be out of range.
fn field<const N: usize>(bytes: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        let mut header = BatchHeader::parse(&sample().encode()).unwrap();
        header.base_sequence = i32::MAX - 1;
        header.last_offset_delta = 2;
        assert_eq!(header.last_sequence(), 0);
        header.base_sequence = -1;
        assert_eq!(header.last_sequence(), -1);
    }

    #[test]
    fn old_formats_are_named_even_when_short() {
        let mut bytes = [0; 26];
        bytes[16] = 1;
        assert_eq!(BatchHeader::parse(&bytes), Err(BatchError::Magic(1)));
        assert_eq!(BatchHeader::parse(&bytes[..16]), Err(BatchError::Truncated { needed: HEADER_LEN, available: 16 }));
    }

    #[test]
    fn length_must_cover_the_header() {
        let header = BatchHeader { batch_length: 48, ..sample() };
        assert_eq!(BatchHeader::parse(&header.encode()), Err(BatchError::Length(48)));
    }

    fn sample() -> BatchHeader {
        BatchHeader {
            base_offset: 5,
            batch_length: 49,
            partition_leader_epoch: 1,
            magic: 2,
            crc: 0xdead_beef,
            attributes: Attributes(0),
            last_offset_delta: 0,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records_count: 0,
        }
    }
}
