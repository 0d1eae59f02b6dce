//! What can be set: for one log, and for the whole data directory.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

/// The settings of one log; each has the meaning of the Kafka topic config of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment never grows beyond it.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment is followed by another one after so long.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: at most so much is taken off `segment_ms`, differently for each segment.
    pub segment_jitter_ms: i64,
    /// `index.interval.bytes`: distance between index entries.
    pub index_interval_bytes: u32,
    /// `segment.index.bytes`: a segment whose index would outgrow it is followed by another one.
    pub segment_index_bytes: u32,
    /// `retention.ms`; `None` keeps records for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` keeps any number.
    pub retention_bytes: Option<i64>,
    /// Whether `cleanup.policy` has `delete`: without it retention never cuts the log.
    pub delete: bool,
    /// `file.delete.delay.ms`: how long a deleted segment's file is kept for readers that still look at it.
    pub file_delete_delay_ms: i64,
    /// `preallocate`: a segment has the disk space for all of `segment_bytes` from its start, in place of steps that grow.
    pub preallocate: bool,
    /// What an append is worth.
    pub flush: FlushPolicy,
}

impl Default for LogConfig {
    /// Kafka's defaults, made durable.
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            retention_ms: Some(7 * 24 * 3600 * 1000),
            retention_bytes: None,
            delete: true,
            file_delete_delay_ms: 60_000,
            preallocate: false,
            flush: FlushPolicy::Fsync,
        }
    }
}

/// What of an append survives which failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushPolicy {
    /// Every append asks for a flush: once it is below the durable end it survives a power cut.
    Fsync,
    /// Appends survive a killed process, not a power cut. Flushes are started by the limits below and hold nothing back.
    Os {
        /// `flush.messages`: a flush after so many records.
        every_messages: Option<u64>,
        /// `flush.ms`: a flush at most so long after an append, to the second.
        every_ms: Option<u64>,
    },
}

/// The settings of a data directory.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// `cluster.id` of a new directory; `None` makes one up. A directory of another cluster is refused.
    pub cluster_id: Option<String>,
    /// `node.id`. A directory of another node is refused.
    pub node_id: i32,
    /// How many logs are flushed side by side. More hide a slow device; a thread exists only while it is needed.
    pub flush_threads: usize,
    /// How many threads prepare, roll and seal segments.
    pub helper_threads: usize,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval: Duration,
    /// After so long without an append a log gives back its descriptor, maps and reservation.
    pub idle_log_timeout: Duration,
    /// `producer.id.expiration.ms`: after so long without an append a producer's sequence is forgotten.
    /// Can be changed while the directory is open.
    pub producer_id_expiration_ms: Arc<AtomicI64>,
    /// How many sealed segments stay open between reads, in all logs.
    pub max_open_segments: usize,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            cluster_id: None,
            node_id: 1,
            flush_threads: 16,
            helper_threads: 4,
            retention_check_interval: Duration::from_mins(5),
            idle_log_timeout: Duration::from_mins(5),
            producer_id_expiration_ms: Arc::new(AtomicI64::new(24 * 3600 * 1000)),
            max_open_segments: 1024,
        }
    }
}
