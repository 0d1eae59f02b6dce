//! What the coordinator asks of `__consumer_offsets`. The partitions of the broker implement it; tests bring their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{ErrorCode, KeyValue};

/// A future that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The topic `__consumer_offsets`. It is created when the first record is written.
pub trait OffsetsTopic: Send + Sync + 'static {
    /// How many partitions the topic has, or will have when it is created (`offsets.topic.num.partitions`). Never
    /// changes: the partition of a group is chosen by it.
    fn partition_count(&self) -> u32;

    /// Whether the topic exists, so that there is something to replay.
    fn exists(&self) -> bool;

    /// The log of one partition. Creates the topic when it does not exist.
    fn open(&self, partition: u32) -> BoxFuture<'_, Result<Arc<dyn OffsetsLog>, OffsetsLogError>>;
}

/// One partition of `__consumer_offsets`.
pub trait OffsetsLog: Send + Sync + 'static {
    /// Appends the records as one batch with this time stamp. Answers the offset behind them: once [`OffsetsLog::durable`]
    /// has reached it, they survive a power cut.
    fn append(&self, records: Vec<KeyValue>, now_ms: i64) -> BoxFuture<'_, Result<i64, OffsetsLogError>>;

    /// Waits until everything before the offset is durable. Ready at once when it is.
    fn durable(&self, until: i64) -> BoxFuture<'_, Result<(), OffsetsLogError>>;

    /// Gives every record of the log to `apply`, the oldest first.
    fn replay<'a>(&'a self, apply: &'a mut (dyn FnMut(KeyValue) + Send)) -> BoxFuture<'a, Result<(), OffsetsLogError>>;
}

/// Why the log could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OffsetsLogError {
    /// Nothing was written; it may work again later.
    #[error("there is no room for a record of __consumer_offsets: {0}; free disk space")]
    NoSpace(String),
    /// The log has failed and stays out of service.
    #[error("a partition of __consumer_offsets is offline: {0}; look at the disk and restart the broker")]
    Offline(String),
    /// A record cannot be written in Kafka's format.
    #[error("a record of __consumer_offsets cannot be encoded: {0}")]
    Unencodable(#[from] naru_protocol::wire::EncodeError),
}

impl OffsetsLogError {
    /// What a client is told. All but the last let it find its coordinator again and retry.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoSpace(_) => ErrorCode::COORDINATOR_NOT_AVAILABLE,
            Self::Offline(_) => ErrorCode::NOT_COORDINATOR,
            Self::Unencodable(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
        }
    }
}
