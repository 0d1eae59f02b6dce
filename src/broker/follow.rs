//! Makes the partitions what the metadata says: opens logs of new topics, removes those of deleted ones, passes settings on.

use std::sync::{Arc, OnceLock, Weak};

use crate::config::{BrokerConfig, Durability, TopicConfig};
use crate::group::GroupCoordinator;
use crate::metadata::{Change, ListenerFuture, MetadataImage, MetadataListener, Topic};
use crate::partition::{PartitionConfig, Partitions, TopicLogs};
use crate::storage::{FlushPolicy, LogConfig};

/// Follows the metadata.
pub(crate) struct PartitionsFollow {
    config: Arc<BrokerConfig>,
    partitions: Arc<Partitions>,
    /// Set once the coordinator runs; offsets of deleted topics go.
    groups: OnceLock<Weak<GroupCoordinator>>,
}

impl PartitionsFollow {
    pub(crate) fn new(config: Arc<BrokerConfig>, partitions: Arc<Partitions>) -> Arc<Self> {
        Arc::new(Self { config, partitions, groups: OnceLock::new() })
    }

    /// Tells the coordinator from now on which topics are deleted.
    pub(crate) fn tell(&self, groups: &Arc<GroupCoordinator>) {
        // There is one coordinator; a second one could only be a fault of the start, and would not be told.
        let _ = self.groups.set(Arc::downgrade(groups));
    }

    /// Opens the logs of every topic. A log that cannot be opened is reported; its partition stays without a leader.
    pub(crate) async fn open_all(&self, image: &MetadataImage) {
        self.open(image, image.topics()).await;
    }

    async fn open(&self, image: &MetadataImage, topics: impl Iterator<Item = &Arc<Topic>>) {
        let wanted = topics.map(|topic| TopicLogs {
            topic_id: topic.id,
            name: Arc::clone(&topic.name),
            partitions: topic.partitions,
            config: self.resolve(image, topic),
        });
        let wanted: Vec<TopicLogs> = wanted.collect();
        let partitions = Arc::clone(&self.partitions);
        let opened = tokio::task::spawn_blocking(move || partitions.ensure(&wanted)).await;
        match opened {
            Ok(failures) => {
                for failure in failures {
                    tracing::error!(error = %failure, "a partition is not available");
                }
            }
            Err(error) => tracing::error!(%error, "opening logs was interrupted"),
        }
    }

    /// Lays the settings of a topic over the broker's.
    fn resolve(&self, image: &MetadataImage, topic: &Topic) -> PartitionConfig {
        let config = TopicConfig::resolve(&topic.overrides, image.dynamic_broker_config(), &self.config);
        PartitionConfig { log: log_config(&config, self.config.durability), topic: Arc::new(config) }
    }

    fn reconfigure<'a>(&self, image: &MetadataImage, topics: impl Iterator<Item = &'a Arc<Topic>>) {
        for topic in topics {
            self.partitions.set_config(&topic.id, &self.resolve(image, topic));
        }
    }

    async fn delete(&self, topic: &Topic) {
        let (partitions, id) = (Arc::clone(&self.partitions), topic.id);
        let deleted = tokio::task::spawn_blocking(move || partitions.delete(&id)).await;
        let failure = match deleted {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = failure {
            tracing::error!(topic = %topic.name, error, "a deleted topic's files remain; the next start removes them");
        }
        if let Some(groups) = self.groups.get().and_then(Weak::upgrade) {
            let (name, id) = (topic.name.as_ref().into(), topic.id);
            // On its own: removing offsets may need the metadata, which is changing right now.
            tokio::spawn(async move {
                if let Err(error) = groups.topic_deleted(&name, id).await {
                    tracing::warn!(topic = %name, error = error.name(), "offsets of a deleted topic remain");
                }
            });
        }
    }
}

impl MetadataListener for PartitionsFollow {
    fn changed<'a>(&'a self, image: &'a Arc<MetadataImage>, changes: &'a [Change]) -> ListenerFuture<'a> {
        Box::pin(async move {
            let new = changes.iter().filter_map(|change| match change {
                Change::Created(topic) | Change::Grown { topic, .. } => Some(topic),
                _ => None,
            });
            self.open(image, new).await;
            for change in changes {
                match change {
                    Change::Created(_) | Change::Grown { .. } => {}
                    Change::Configured(topic) => self.reconfigure(image, [topic].into_iter()),
                    Change::BrokerConfigured => self.reconfigure(image, image.topics()),
                    Change::Deleted(topic) => self.delete(topic).await,
                }
            }
        })
    }
}

/// What a topic's settings mean to its logs.
fn log_config(topic: &TopicConfig, durability: Durability) -> LogConfig {
    let flush = match (durability, topic.flush_messages) {
        // One message a flush is Kafka's way to ask for durability.
        (Durability::Fsync, _) | (Durability::Os, Some(1)) => FlushPolicy::Fsync,
        (Durability::Os, every_messages) => FlushPolicy::Os { every_messages, every_ms: topic.flush_ms },
    };
    LogConfig {
        segment_bytes: topic.segment_bytes,
        segment_ms: topic.segment_ms,
        segment_jitter_ms: topic.segment_jitter_ms,
        index_interval_bytes: topic.index_interval_bytes,
        segment_index_bytes: topic.segment_index_bytes,
        retention_ms: topic.retention_ms,
        retention_bytes: topic.retention_bytes,
        // A log with compact is never cut by retention: what it holds is state. Kafka cuts it where delete stands beside
        // compact; without compaction, records that are still the last of their key would be lost by that.
        delete: topic.cleanup_policy.delete && !topic.cleanup_policy.compact,
        file_delete_delay_ms: topic.file_delete_delay_ms,
        preallocate: topic.preallocate,
        flush,
    }
}
