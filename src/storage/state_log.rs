//! Records of the broker's own, metadata and coordinators' state, written to a log and read back from it.

use bytes::Bytes;
use naru_protocol::records::{
    BatchBuilder, BatchError, Codec, PayloadValidation, TimestampType, ValidBatch, Validation, validate,
};

use super::types::Offset;
use super::{Log, ReadError};

/// A key, and a value unless it is a tombstone.
pub type Entry = (Option<Bytes>, Option<Bytes>);

/// Why a state log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A batch has the right checksum and is no batch all the same.
    #[error("the batch at offset {offset} cannot be read: {error}")]
    Batch {
        /// Its base offset.
        offset: i64,
        /// What is wrong with it.
        error: BatchError,
    },
}

/// One batch of these records, as the storage engine takes it. `None` if they do not fit a batch.
pub fn batch(entries: &[Entry], now_ms: i64) -> Option<ValidBatch> {
    let mut builder = BatchBuilder::new(Codec::None);
    for (key, value) in entries {
        builder.push(now_ms, key.as_deref(), value.as_deref(), &[]).ok()?;
    }
    let rules = Validation {
        max_message_bytes: i32::MAX as usize,
        timestamp_type: TimestampType::CreateTime,
        now_ms,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        compacted: false,
        allow_control: false,
        allow_zstd: true,
        payload: PayloadValidation::Header,
    };
    validate(builder.build().ok()?, &rules).ok()
}

/// Hands over every record of a log, the oldest first.
pub async fn replay(log: &Log, each: &mut (dyn FnMut(Entry) + Send)) -> Result<(), ReplayError> {
    let mut failure = None;
    let visit = |batch: naru_protocol::records::Batch| {
        if failure.is_some() || batch.header().is_control() {
            return;
        }
        for record in batch.records() {
            match record {
                Ok(record) => each((record.key, record.value)),
                Err(error) => {
                    failure = Some(ReplayError::Batch { offset: batch.header().base_offset, error });
                    return;
                }
            }
        }
    };
    log.replay(Offset(0), log.log_end(), visit).await?;
    failure.map_or(Ok(()), Err)
}
