//! Partitions: what the APIs talk to. A [`Partition`] is a log, bounded by what its leader may show; [`Partitions`] finds it by topic
//! id and number.
//!
//! Records are visible below the high watermark; between it and the log end a reader finds nothing, beyond the log end and
//! below the log start the offset is out of range. Until there are transactions the last stable offset is the high watermark.
//! Where the rules came from experiments, the answers are those of Apache Kafka 4.4.

mod error;
mod high_watermark;
mod news;
mod offset_spec;
mod partitions;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use naru_protocol::records::ValidBatch;
use uuid::Uuid;

pub use self::error::{DeleteRecordsError, EpochError, FetchError};
pub use self::high_watermark::{Closed, Follows, HighWatermark, Reached};
pub use self::news::{News, Watch};
pub use self::offset_spec::{ListedOffset, OffsetSpec};
pub use self::partitions::{OpenFailure, Partitions, TopicLogs};
use crate::config::TopicConfig;
use crate::storage::producer_state::Origin;
use crate::storage::types::{LeaderEpoch, Offset, TopicPartition};
use crate::storage::{
    AppendAs, AppendError, Appended, DataDirectory, FlushPolicy, Log, LogConfig, LogObserver, OpenError, ReadError,
};

/// Kafka's "up to the high watermark" where the first offset to keep is meant.
const DELETE_TO_HIGH_WATERMARK: i64 = -1;

/// A partition that this broker leads.
pub struct Partition {
    topic_id: Uuid,
    log: Arc<Log>,
    high_watermark: Arc<HighWatermark>,
    leader_epoch: LeaderEpoch,
    topic_config: ArcSwap<TopicConfig>,
}

/// A topic's settings, resolved, and what they mean to its logs.
#[derive(Debug, Clone)]
pub struct PartitionConfig {
    /// What the APIs go by.
    pub topic: Arc<TopicConfig>,
    /// What storage goes by.
    pub log: LogConfig,
}

/// What a reader gets at an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Whole record batches; the first one may begin before the offset asked for. Empty at the high watermark.
    pub records: Vec<Bytes>,
    /// Records below it are visible. Never below the end of `records`.
    pub high_watermark: Offset,
    /// Records below it belong to no open transaction.
    pub last_stable_offset: Offset,
    /// The first offset of the log.
    pub log_start: Offset,
    /// Whether `records` end below the high watermark.
    pub is_cut: bool,
}

/// Where a reader's log and this one went different ways (KIP-595): the reader's last epoch is not here, or ended earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divergence {
    /// The largest epoch that both may have.
    pub epoch: LeaderEpoch,
    /// Where it ended here.
    pub end: Offset,
}

impl Partition {
    /// Opens the log, creates it if it is missing, recovers it if need be. Blocks.
    pub fn open(
        data: &DataDirectory,
        partition: &TopicPartition,
        topic_id: Uuid,
        config: PartitionConfig,
        leader_epoch: LeaderEpoch,
        log_starts: Arc<LogStarts>,
    ) -> Result<Arc<Self>, OpenError> {
        let high_watermark = Arc::new(HighWatermark::new(Offset(0), follows(config.log.flush)));
        let observer = Observer { high_watermark: high_watermark.clone(), log_starts };
        let log = data.open_log(partition, topic_id, config.log, Arc::new(observer))?;
        high_watermark.advance(log.durable_end());
        let topic_config = ArcSwap::new(config.topic);
        Ok(Arc::new(Self { topic_id, log, high_watermark, leader_epoch, topic_config }))
    }

    /// The topic's id.
    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// The topic's name and the partition's number.
    pub fn topic_partition(&self) -> &TopicPartition {
        self.log.partition()
    }

    /// The log.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The topic's settings.
    pub fn topic_config(&self) -> Arc<TopicConfig> {
        self.topic_config.load_full()
    }

    /// The high watermark, and the waiting for it.
    pub fn high_watermark(&self) -> &Arc<HighWatermark> {
        &self.high_watermark
    }

    /// Records below it belong to no open transaction.
    pub fn last_stable_offset(&self) -> Offset {
        self.high_watermark.get()
    }

    /// The epoch of this leadership.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// Compares the leader epoch that a request names with the true one. −1 names none; Kafka takes everything below the true
    /// epoch as old, negative numbers too.
    pub fn check_leader_epoch(&self, current_leader_epoch: i32) -> Result<(), EpochError> {
        match LeaderEpoch(current_leader_epoch) {
            epoch if epoch == LeaderEpoch::NONE || epoch == self.leader_epoch => Ok(()),
            epoch if epoch < self.leader_epoch => Err(EpochError::Fenced { current: self.leader_epoch, found: epoch }),
            epoch => Err(EpochError::Unknown { current: self.leader_epoch, found: epoch }),
        }
    }

    /// Appends a batch. What is acknowledged must wait until [`Self::high_watermark`] has reached [`Appended::durable_at`].
    pub async fn append(&self, batch: &ValidBatch, now_ms: i64, origin: Origin) -> Result<Appended, AppendError> {
        self.log.append(batch, AppendAs { leader_epoch: self.leader_epoch, now_ms, origin }).await
    }

    /// Reads visible batches from the one that holds `from`. With `at_least_one` the first may exceed `max_bytes`.
    pub async fn read(&self, from: Offset, max_bytes: usize, at_least_one: bool) -> Result<Fetched, FetchError> {
        // Before the records: what is answered as visible then includes all of them.
        let high_watermark = self.high_watermark.get();
        let read = self.log.read(from, max_bytes, high_watermark, at_least_one).await?;
        if from >= high_watermark
            && let Some(closed) = self.high_watermark.closed()
        {
            // Nothing will ever follow: an empty answer would let the reader ask again and again.
            return Err(closed.into());
        }
        Ok(Fetched { records: read.chunks, is_cut: read.next < high_watermark, ..self.place_at(high_watermark) })
    }

    /// Where the partition stands, without records.
    pub fn place(&self) -> Fetched {
        self.place_at(self.high_watermark.get())
    }

    fn place_at(&self, high_watermark: Offset) -> Fetched {
        let (last_stable_offset, log_start) = (high_watermark, self.log.log_start());
        Fetched { records: Vec::new(), high_watermark, last_stable_offset, log_start, is_cut: false }
    }

    /// Whether a reader whose last record before `from` has the epoch `last_fetched` (−1: it does not say) reads the same log.
    /// An epoch that this leader does not know either makes the offset out of range.
    pub fn divergence(&self, from: Offset, last_fetched: i32) -> Result<Option<Divergence>, ReadError> {
        let last_fetched = LeaderEpoch(last_fetched);
        if last_fetched == LeaderEpoch::NONE {
            return Ok(None);
        }
        let Some((epoch, end)) = self.end_offset_for_epoch(last_fetched) else {
            let (log_start, log_end) = (self.log.log_start(), self.log.log_end());
            return Err(ReadError::OffsetOutOfRange { offset: from, log_start, log_end });
        };
        Ok((epoch < last_fetched || end < from).then_some(Divergence { epoch, end }))
    }

    /// The largest epoch not above `epoch`, and where it ended; `None` for epochs that have not begun (KIP-320). An epoch
    /// before all others, a negative one too, ended where the first one began.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        if epoch == LeaderEpoch::NONE || epoch > self.leader_epoch {
            return None;
        }
        let log_end = self.log.log_end();
        if epoch == self.leader_epoch {
            return Some((epoch, log_end));
        }
        let known = self.log.end_offset_for_epoch(epoch);
        if epoch < LeaderEpoch(0) {
            return known;
        }
        // An epoch gets its entry in the log at its first append; until then this one begins at the log end.
        known.or_else(|| Some((self.log.latest_epoch().unwrap_or(epoch), log_end)))
    }

    /// Looks up an offset for `ListOffsets`, bounded by the high watermark. `None` when there is none such.
    pub async fn list_offset(&self, spec: OffsetSpec) -> Result<Option<ListedOffset>, ReadError> {
        let until = self.high_watermark.get();
        let found = match spec {
            OffsetSpec::Latest => return Ok(Some(ListedOffset::of(until, self.leader_epoch))),
            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => {
                let log_start = self.log.log_start();
                let holds_it = log_start < self.log.log_end();
                let epoch = holds_it.then(|| self.log.epoch_at(log_start)).flatten().unwrap_or(self.leader_epoch);
                return Ok(Some(ListedOffset::of(log_start, epoch)));
            }
            // Nothing is tiered.
            OffsetSpec::LatestTiered | OffsetSpec::EarliestPendingUpload => None,
            OffsetSpec::MaxTimestamp => self.log.max_timestamp(until).await?,
            OffsetSpec::AtOrAfter(timestamp) => self.log.offset_for_timestamp(timestamp, until).await?,
        };
        Ok(found.map(|found| ListedOffset {
            timestamp: Some(found.timestamp),
            offset: found.offset,
            leader_epoch: found.leader_epoch,
        }))
    }

    /// Where the log is to start when records before `offset` are deleted; −1 is the high watermark.
    pub fn start_after_deletion(&self, offset: i64) -> Result<Offset, DeleteRecordsError> {
        let policy = self.topic_config().cleanup_policy;
        if policy.compact && !policy.delete {
            return Err(DeleteRecordsError::Policy);
        }
        if let Some(closed) = self.high_watermark.closed() {
            return Err(closed.into());
        }
        let high_watermark = self.high_watermark.get();
        match offset {
            DELETE_TO_HIGH_WATERMARK => Ok(high_watermark),
            0.. if offset <= high_watermark.0 => Ok(Offset(offset)),
            _ => Err(DeleteRecordsError::OutOfRange { offset, high_watermark }),
        }
    }

    /// Changes the settings, and with them what the high watermark follows.
    pub fn set_config(&self, config: PartitionConfig) {
        let follows = follows(config.log.flush);
        self.topic_config.store(config.topic);
        self.high_watermark.follow(follows);
        self.log.set_config(config.log);
        if follows == Follows::LogEnd {
            self.high_watermark.advance(self.log.log_end());
        }
    }

    /// Tells everybody who waits that the topic is gone. The log's files are the registry's business.
    fn close_deleted(&self) {
        self.high_watermark.close(Closed::Deleted);
    }
}

fn follows(flush: FlushPolicy) -> Follows {
    match flush {
        FlushPolicy::Fsync => Follows::DurableEnd,
        FlushPolicy::Os { .. } => Follows::LogEnd,
    }
}

/// What a partition does about the events of its log.
struct Observer {
    high_watermark: Arc<HighWatermark>,
    log_starts: Arc<LogStarts>,
}

impl LogObserver for Observer {
    fn log_end_advanced(&self, end: Offset) {
        if self.high_watermark.follows() == Follows::LogEnd {
            self.high_watermark.advance(end);
        }
    }

    fn durable_end_advanced(&self, end: Offset) {
        self.high_watermark.advance(end);
    }

    fn log_start_advanced(&self, _start: Offset) {
        self.log_starts.0.fetch_add(1, Ordering::Release);
    }

    fn offline(&self, _reason: &str) {
        self.high_watermark.close(Closed::Offline);
    }
}

/// How often the log start of any partition has moved. Whoever keeps a log start offset in mind looks here whether it may be old.
#[derive(Debug, Default)]
pub struct LogStarts(AtomicU64);

impl LogStarts {
    /// A number that changes after each move.
    pub fn moves(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}
