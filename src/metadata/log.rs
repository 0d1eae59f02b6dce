//! The log of metadata records, as the store sees it.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

/// The future of a [`MetadataLog`].
pub type LogFuture<'a> = Pin<Box<dyn Future<Output = Result<(), MetadataLogError>> + Send + 'a>>;

/// Where the records of the metadata live.
pub trait MetadataLog: Send + Sync {
    /// Appends records that belong together, all or none, and resolves when they are on stable storage.
    fn append(&self, records: Vec<Bytes>) -> LogFuture<'_>;

    /// Hands over every record from the first on.
    fn replay<'a>(&'a self, each: &'a mut (dyn FnMut(Bytes) + Send)) -> LogFuture<'a>;

    /// How far the log goes.
    fn end(&self) -> MetadataLogEnd;
}

/// How far a [`MetadataLog`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataLogEnd {
    /// The incarnation that writes it.
    pub leader_epoch: i32,
    /// The offset behind the last record on stable storage.
    pub offset: i64,
}

/// Why a [`MetadataLog`] did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataLogError {
    /// Nothing was appended; the next try may succeed.
    #[error("the metadata log takes no record: {0}")]
    Refused(String),
    /// Whether the records will be there after a restart is not known. Nothing may be appended any more.
    #[error("the metadata log failed: {0}")]
    Failed(String),
}
