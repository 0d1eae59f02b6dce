//! `__consumer_offsets`, as the group coordinator sees it.

use std::sync::Arc;

use crate::config::BrokerConfig;
use crate::group::{BoxFuture, KeyValue, OffsetsLog, OffsetsLogError, OffsetsTopic};
use crate::metadata::{CONSUMER_OFFSETS, MetadataStore};
use crate::partition::{Partition, Partitions};
use crate::storage::types::Offset;
use crate::storage::{AppendError, Origin};

use crate::storage::state_log;

/// The topic; it is created when the first record is written.
pub(crate) struct StoredOffsets {
    pub(crate) config: Arc<BrokerConfig>,
    pub(crate) metadata: Arc<MetadataStore>,
    pub(crate) partitions: Arc<Partitions>,
}

/// One partition of it.
struct StoredOffsetsLog(Arc<Partition>);

impl StoredOffsets {
    async fn open_log(&self, partition: u32) -> Result<Arc<dyn OffsetsLog>, OffsetsLogError> {
        let topic = self.metadata.ensure_topic(CONSUMER_OFFSETS).await;
        let topic = topic.map_err(|error| OffsetsLogError::NoSpace(error.to_string()))?;
        let log = self.partitions.get(&topic.id, partition as i32).ok_or_else(|| {
            OffsetsLogError::Offline(format!("the log of {CONSUMER_OFFSETS}-{partition} could not be opened"))
        })?;
        Ok(Arc::new(StoredOffsetsLog(log)))
    }
}

impl OffsetsTopic for StoredOffsets {
    fn partition_count(&self) -> u32 {
        let image = self.metadata.image();
        let count = image.topic(CONSUMER_OFFSETS).map_or(self.config.offsets.topic_num_partitions, |t| t.partitions);
        u32::try_from(count).unwrap_or(1).max(1)
    }

    fn exists(&self) -> bool {
        self.metadata.image().topic(CONSUMER_OFFSETS).is_some()
    }

    fn open(&self, partition: u32) -> BoxFuture<'_, Result<Arc<dyn OffsetsLog>, OffsetsLogError>> {
        Box::pin(self.open_log(partition))
    }
}

impl OffsetsLog for StoredOffsetsLog {
    fn append(&self, records: Vec<KeyValue>, now_ms: i64) -> BoxFuture<'_, Result<i64, OffsetsLogError>> {
        Box::pin(async move {
            let entries: Vec<_> = records.into_iter().map(|record| (Some(record.key), record.value)).collect();
            let batch = state_log::batch(&entries, now_ms)
                .ok_or_else(|| OffsetsLogError::NoSpace("the records do not fit one batch".to_owned()))?;
            let appended = self.0.append(&batch, now_ms, Origin::Coordinator).await.map_err(|error| match error {
                AppendError::NoSpace | AppendError::TooLarge { .. } => OffsetsLogError::NoSpace(error.to_string()),
                error => OffsetsLogError::Offline(error.to_string()),
            })?;
            Ok(appended.durable_at.0)
        })
    }

    fn durable(&self, until: i64) -> BoxFuture<'_, Result<(), OffsetsLogError>> {
        Box::pin(async move {
            let reached = self.0.high_watermark().reached(Offset(until)).await;
            reached.map_err(|error| OffsetsLogError::Offline(error.to_string()))
        })
    }

    fn replay<'a>(&'a self, apply: &'a mut (dyn FnMut(KeyValue) + Send)) -> BoxFuture<'a, Result<(), OffsetsLogError>> {
        Box::pin(async move {
            let mut apply = |(key, value): state_log::Entry| {
                // A record without a key is none of ours, and says nothing.
                if let Some(key) = key {
                    apply(KeyValue { key, value });
                }
            };
            let replayed = state_log::replay(self.0.log(), &mut apply).await;
            replayed.map_err(|error| OffsetsLogError::Offline(error.to_string()))
        })
    }
}
