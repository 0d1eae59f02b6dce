//! The metadata log on the storage engine.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

use super::log::LogFuture;
use super::{METADATA_TOPIC, MetadataLog, MetadataLogEnd, MetadataLogError};
use crate::storage::clock::Clock;
use crate::storage::types::{LeaderEpoch, Offset, TopicPartition};
use crate::storage::{
    AppendAs, AppendError, DataDirectory, FlushPolicy, Log, LogConfig, LogObserver, OpenError, Origin, state_log,
};

/// Kafka's fixed id of the metadata log.
const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);

/// `__cluster_metadata-0` in the data directory. Each append is one batch and so all or none after a crash; it is
/// flushed whatever the broker's `durability`, and never deleted by retention.
pub struct StorageMetadataLog {
    log: Arc<Log>,
    clock: Arc<dyn Clock>,
    leader_epoch: LeaderEpoch,
    failure: watch::Receiver<Option<String>>,
}

impl StorageMetadataLog {
    /// Opens the log, creating it at the first start. Blocks while it is recovered.
    pub fn open(directory: &DataDirectory, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let config = LogConfig {
            retention_ms: None,
            retention_bytes: None,
            delete: false,
            flush: FlushPolicy::Fsync,
            ..LogConfig::default()
        };
        let (failed, failure) = watch::channel(None);
        let log = directory.open_log(&Self::partition(), METADATA_TOPIC_ID, config, Arc::new(Failure(failed)))?;
        Ok(Self { log, clock, leader_epoch: LeaderEpoch(directory.meta().incarnation), failure })
    }

    /// Resolves with the reason when the log fails. The broker cannot go on then: it must end and be started again.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The log is closed in order, so it does not fail any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// The partition and the topic id under which the log lies in the data directory, for the comparison of directories
    /// with what exists.
    pub fn identity() -> (TopicPartition, Uuid) {
        (Self::partition(), METADATA_TOPIC_ID)
    }

    fn partition() -> TopicPartition {
        TopicPartition::new(METADATA_TOPIC, 0)
    }
}

impl MetadataLog for StorageMetadataLog {
    fn append(&self, records: Vec<Bytes>) -> LogFuture<'_> {
        Box::pin(async move {
            let now_ms = self.clock.now_ms();
            let entries: Vec<_> = records.into_iter().map(|record| (None, Some(record))).collect();
            let batch = state_log::batch(&entries, now_ms).ok_or_else(|| {
                MetadataLogError::Refused("the change does not fit one batch; make it smaller".into())
            })?;
            let how = AppendAs { leader_epoch: self.leader_epoch, now_ms, origin: Origin::Coordinator };
            self.log.append(&batch, how).await.map_err(|error| match error {
                AppendError::NoSpace | AppendError::TooLarge { .. } => MetadataLogError::Refused(error.to_string()),
                _ => MetadataLogError::Failed(error.to_string()),
            })?;
            self.log.flush().await.map_err(|error| MetadataLogError::Failed(error.to_string()))
        })
    }

    fn replay<'a>(&'a self, each: &'a mut (dyn FnMut(Bytes) + Send)) -> LogFuture<'a> {
        Box::pin(async move {
            let failed = |error: String| MetadataLogError::Failed(error);
            // What a killed process left in the page cache is made durable before it is shown.
            self.log.flush().await.map_err(|error| failed(error.to_string()))?;
            let mut values = |(_, value): state_log::Entry| each(value.unwrap_or_default());
            state_log::replay(&self.log, &mut values).await.map_err(|error| failed(error.to_string()))
        })
    }

    fn end(&self) -> MetadataLogEnd {
        MetadataLogEnd { leader_epoch: self.leader_epoch.0, offset: self.log.durable_end().0 }
    }
}

/// Tells those who wait in [`StorageMetadataLog::failed`].
struct Failure(watch::Sender<Option<String>>);

impl LogObserver for Failure {
    fn log_end_advanced(&self, _: Offset) {}

    fn durable_end_advanced(&self, _: Offset) {}

    fn log_start_advanced(&self, _: Offset) {}

    fn offline(&self, reason: &str) {
        self.0.send_replace(Some(reason.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::MetadataStore;
    use crate::storage::StorageOptions;
    use crate::storage::clock::SystemClock;
    use crate::storage::disk::SystemDisk;

    async fn start(path: &std::path::Path) -> (DataDirectory, Arc<MetadataStore>) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let directory =
            DataDirectory::open(Arc::new(SystemDisk), Arc::clone(&clock), path, StorageOptions::default()).unwrap();
        let log = StorageMetadataLog::open(&directory, clock).unwrap();
        let epoch = i64::from(directory.meta().incarnation);
        let store = MetadataStore::open(Arc::new(log), Arc::default(), epoch).await.unwrap();
        (directory, store)
    }

    #[tokio::test]
    async fn topics_are_there_after_a_restart_and_after_a_kill() {
        let place = tempfile::tempdir().unwrap();
        let (directory, store) = start(place.path()).await;
        let topic = store.ensure_topic("orders").await.unwrap();
        drop(store);
        directory.shutdown();

        let (directory, store) = start(place.path()).await;
        assert_eq!(store.image().topic("orders"), Some(&topic));
        store.ensure_topic("payments").await.unwrap();
        let image = store.image();
        // Not shut down: what counts is what is on the disk.
        drop((store, directory));

        let (_directory, store) = start(place.path()).await;
        assert_eq!(*store.image(), *image);
    }
}
