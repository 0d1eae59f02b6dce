//! Errors of partitions and of the storage below them, and the code that a client gets for each.

use naru_protocol::ErrorCode;

use super::high_watermark::Closed;
use crate::storage::producer_state::ProducerError;
use crate::storage::types::{LeaderEpoch, Offset};
use crate::storage::{AppendError, ReadError};

/// A request was made for another leadership than the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// `FENCED_LEADER_EPOCH`: the client's metadata is old.
    #[error("the request is for leader epoch {found}, but epoch {current} has begun; refresh the metadata")]
    Fenced {
        /// The partition's.
        current: LeaderEpoch,
        /// The request's.
        found: LeaderEpoch,
    },
    /// `UNKNOWN_LEADER_EPOCH`: the client has seen a leadership that this broker has not.
    #[error("the request is for leader epoch {found}, but this broker is at epoch {current}")]
    Unknown {
        /// The partition's.
        current: LeaderEpoch,
        /// The request's.
        found: LeaderEpoch,
    },
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The log could not be read there.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Everything was read, and nothing will follow.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why no records are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteRecordsError {
    /// `POLICY_VIOLATION`: `cleanup.policy` is `compact` alone.
    #[error("records of a topic that is only compacted cannot be deleted; add delete to its cleanup.policy")]
    Policy,
    /// `OFFSET_OUT_OF_RANGE`: records that nobody has seen cannot be deleted.
    #[error("offset {offset} is negative, or above the high watermark {high_watermark}")]
    OutOfRange {
        /// What was asked for.
        offset: i64,
        /// What is visible.
        high_watermark: Offset,
    },
    /// `KAFKA_STORAGE_ERROR`: the new start could not be made durable.
    #[error("the log start offset could not be written; see the broker's log, and try again")]
    Storage,
    /// The log is offline, or its topic was deleted.
    #[error(transparent)]
    Closed(#[from] Closed),
}

impl From<&DeleteRecordsError> for ErrorCode {
    fn from(error: &DeleteRecordsError) -> Self {
        match error {
            DeleteRecordsError::Policy => Self::POLICY_VIOLATION,
            DeleteRecordsError::OutOfRange { .. } => Self::OFFSET_OUT_OF_RANGE,
            DeleteRecordsError::Storage => Self::KAFKA_STORAGE_ERROR,
            DeleteRecordsError::Closed(closed) => (*closed).into(),
        }
    }
}

impl From<&EpochError> for ErrorCode {
    fn from(error: &EpochError) -> Self {
        match error {
            EpochError::Fenced { .. } => Self::FENCED_LEADER_EPOCH,
            EpochError::Unknown { .. } => Self::UNKNOWN_LEADER_EPOCH,
        }
    }
}

impl From<Closed> for ErrorCode {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Offline => Self::KAFKA_STORAGE_ERROR,
            Closed::Deleted => Self::UNKNOWN_TOPIC_OR_PARTITION,
        }
    }
}

impl From<&FetchError> for ErrorCode {
    fn from(error: &FetchError) -> Self {
        match error {
            FetchError::Read(error) => error.into(),
            FetchError::Closed(closed) => (*closed).into(),
        }
    }
}

impl From<&ReadError> for ErrorCode {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::OffsetOutOfRange { .. } => Self::OFFSET_OUT_OF_RANGE,
            // Named for what it is: a storage error would let clients try for ever.
            ReadError::Damaged { .. } => Self::CORRUPT_MESSAGE,
            ReadError::Deleted => Self::UNKNOWN_TOPIC_OR_PARTITION,
        }
    }
}

impl From<&AppendError> for ErrorCode {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::Producer(ProducerError::OutOfOrderSequence { .. }) => Self::OUT_OF_ORDER_SEQUENCE_NUMBER,
            AppendError::Producer(ProducerError::StaleEpoch { .. }) => Self::INVALID_PRODUCER_EPOCH,
            AppendError::TooLarge { .. } => Self::RECORD_LIST_TOO_LARGE,
            AppendError::NoSpace | AppendError::Offline => Self::KAFKA_STORAGE_ERROR,
            AppendError::Deleted => Self::UNKNOWN_TOPIC_OR_PARTITION,
            AppendError::OffsetsUsedUp => Self::UNKNOWN_SERVER_ERROR,
        }
    }
}
