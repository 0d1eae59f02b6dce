//! The metadata in a log of its own, `__cluster_metadata-0`. It is always flushed before anything is answered, whatever
//! `durability` says: what exists must not depend on luck.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::metadata::{LogFuture, METADATA_TOPIC, MetadataLog, MetadataLogError};
use crate::partition::Partition;
use crate::storage::clock::Clock;
use crate::storage::types::TopicPartition;
use crate::storage::{AppendError, DataDirectory, FlushPolicy, LogConfig, OpenError, Origin};

use super::state_log;

/// The id that Kafka gives this topic.
const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);

/// The metadata log of this broker.
pub(crate) struct StoredMetadata {
    partition: Arc<Partition>,
    clock: Arc<dyn Clock>,
    /// Cancelled when the log has failed for good: nothing more can change, and the process should end.
    failed: CancellationToken,
}

/// The partition that the metadata is kept in, with its topic's id.
pub(crate) fn place() -> (TopicPartition, Uuid) {
    (TopicPartition::new(METADATA_TOPIC, 0), METADATA_TOPIC_ID)
}

impl StoredMetadata {
    /// Opens the log. Blocks.
    pub(crate) fn open(
        data: &DataDirectory,
        clock: Arc<dyn Clock>,
        failed: CancellationToken,
    ) -> Result<Self, OpenError> {
        let (place, id) = place();
        let config = LogConfig { delete: false, flush: FlushPolicy::Fsync, ..LogConfig::default() };
        let partition = Partition::open(data, &place, id, config, data.meta().leader_epoch())?;
        Ok(Self { partition, clock, failed })
    }

    async fn append_durably(&self, records: Vec<Bytes>) -> Result<(), MetadataLogError> {
        let now_ms = self.clock.now_ms();
        let entries: Vec<_> = records.into_iter().map(|record| (None, Some(record))).collect();
        let Some(batch) = state_log::batch(&entries, now_ms) else {
            return Err(MetadataLogError::Refused("the change does not fit one batch; make it smaller".to_owned()));
        };
        let appended =
            self.partition.append(&batch, now_ms, Origin::Coordinator).await.map_err(|error| match error {
                AppendError::NoSpace | AppendError::TooLarge { .. } => MetadataLogError::Refused(error.to_string()),
                error => self.fail(&error),
            })?;
        let durable = self.partition.high_watermark().reached(appended.durable_at).await;
        durable.map_err(|error| self.fail(&error))
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> MetadataLogError {
        tracing::error!(%error, "the metadata log failed");
        self.failed.cancel();
        MetadataLogError::Failed(error.to_string())
    }
}

impl MetadataLog for StoredMetadata {
    fn append(&self, records: Vec<Bytes>) -> LogFuture<'_> {
        Box::pin(self.append_durably(records))
    }

    fn replay<'a>(&'a self, each: &'a mut (dyn FnMut(Bytes) + Send)) -> LogFuture<'a> {
        Box::pin(async move {
            let mut values = |(_, value): state_log::Entry| each(value.unwrap_or_default());
            let replayed = state_log::replay(&self.partition, &mut values).await;
            replayed.map_err(|error| MetadataLogError::Failed(error.to_string()))
        })
    }
}
