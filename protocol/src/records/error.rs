//! Why bytes are not a readable record batch.

use super::codec::CodecError;
use super::record::RecordError;

/// Why bytes cannot be read as a record batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does. At the end of a fetched record set this is a batch that was cut off.
    #[error("the record batch needs {needed} bytes, {available} are there")]
    Truncated {
        /// Bytes that the batch, or its header, occupies.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The length field is too small for a header.
    #[error("a record batch cannot have the length {0}")]
    Length(i32),
    /// Another format than 2; formats 0 and 1 are message sets of clients older than Kafka 0.11.
    #[error("record format {0} is not supported, only 2 is")]
    Magic(i8),
    /// The compression bits of the attributes name no codec.
    #[error("compression type {0} does not exist")]
    UnknownCodec(u8),
    /// The record count is negative.
    #[error("a record batch cannot have {0} records")]
    Count(i32),
    /// The payload cannot be decompressed.
    #[error("the payload cannot be decompressed: {0}")]
    Codec(#[from] CodecError),
    /// A record does not parse.
    #[error("record {index} of the batch: {error}")]
    Record {
        /// Position in the batch, from 0.
        index: usize,
        /// What is wrong with it.
        error: RecordError,
    },
    /// There is more payload than the counted records fill.
    #[error("bytes follow the last of {0} records")]
    BytesAfterRecords(usize),
}
