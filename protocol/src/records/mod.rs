//! Record batches of format 2: what Produce carries, what the log stores, what Fetch returns.
//!
//! A batch is a header of 61 bytes and a payload: its records one after the other, compressed or not. Batches are opaque
//! freight: they are looked at ([`Batch`]), checked once when they arrive ([`validate`]) and passed on as the bytes
//! they are. Only compaction, coordinators and clients make new ones ([`BatchBuilder`]).
//!
//! Nothing in a batch is trusted. Every length is checked against the bytes that are there, and decompression stops at
//! [`decompressed_limit`].

mod batch;
mod builder;
mod codec;
mod control;
mod error;
mod header;
mod record;
mod validate;
mod varint;

pub use batch::{Batch, Batches, batches};
pub use builder::{BatchBuilder, BuildError};
pub use codec::{Codec, CodecError, decompressed_limit};
pub use control::{ControlError, EndTransactionMarker, Outcome};
pub use error::BatchError;
pub use header::{Attributes, BatchHeader, HEADER_LEN, TimestampType, checksum};
pub use record::{Header, Record, RecordError, RecordIter, RecordPosition};
pub use validate::{
    InvalidBatch, MAX_REJECTED_RECORDS, PayloadValidation, RejectedRecord, ValidBatch, Validation, validate,
};
