//! The broker: everything that the handlers of the APIs reach, and the glue between the rooms below them.
//!
//! Metadata says which topics should be; `follow` makes the partitions so. The coordinators keep their
//! state in logs of the same engine: `offsets_topic` is how the group coordinator reaches its own.

pub(crate) mod follow;
pub(crate) mod live;
pub(crate) mod offsets_topic;
pub(crate) mod settings;
mod traffic;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use naru_protocol::ErrorCode;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::traffic::{ApiTraffic, Served, Traffic};
use crate::config::BrokerConfig;
use crate::fetch::FetchSessions;
use crate::group::GroupCoordinator;
use crate::log_levels::LogLevels;
use crate::metadata::{MetadataStore, RequestError};
use crate::partition::{Partition, Partitions};
use crate::quota::Usage;
use crate::storage::clock::Clock;

/// One broker.
pub struct Broker {
    pub(crate) config: Arc<BrokerConfig>,
    pub(crate) cluster_id: String,
    pub(crate) directory_id: Uuid,
    pub(crate) clock: Arc<dyn Clock>,
    /// What it was told about its logs.
    pub(crate) log_levels: LogLevels,
    /// Requests served, counted by API.
    pub(crate) traffic: Traffic,
    /// What clients with a quota used lately.
    pub(crate) usage: Usage,
    pub(crate) metadata: Arc<MetadataStore>,
    pub(crate) partitions: Arc<Partitions>,
    pub(crate) groups: Arc<GroupCoordinator>,
    pub(crate) fetch_sessions: FetchSessions,
    /// Cancelled when the broker begins to stop.
    pub(crate) stopping: CancellationToken,
    /// Ids that were allocated durably and not given out yet.
    pub(crate) producer_ids: Mutex<Range<i64>>,
}

impl Broker {
    /// What the broker was started with.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The cluster's id: 22 characters.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The identity of the data directory.
    pub fn directory_id(&self) -> Uuid {
        self.directory_id
    }

    /// This node's id, 0 or more.
    pub fn node_id(&self) -> i32 {
        self.config.node_id
    }

    /// Requests served, counted by API.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// What clients with a quota used lately.
    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The time since an arbitrary start; never goes back.
    pub(crate) fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The wall clock, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Milliseconds of a clock that never goes back.
    pub fn monotonic_ms(&self) -> u64 {
        self.monotonic().as_millis() as u64
    }

    /// What exists.
    pub fn metadata(&self) -> &Arc<MetadataStore> {
        &self.metadata
    }

    /// The partitions by topic id.
    pub fn partitions(&self) -> &Arc<Partitions> {
        &self.partitions
    }

    /// Returns when the broker begins to stop: whatever waits for others should answer now.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Whether the broker has begun to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// The group coordinator.
    pub fn groups(&self) -> &Arc<GroupCoordinator> {
        &self.groups
    }

    /// The fetch sessions.
    pub fn fetch_sessions(&self) -> &FetchSessions {
        &self.fetch_sessions
    }

    /// A partition by its topic's name, or what a client is told when there is none: `UNKNOWN_TOPIC_OR_PARTITION`, or
    /// `KAFKA_STORAGE_ERROR` when it exists and its log could not be opened.
    pub fn partition(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let image = self.metadata.image();
        let topic = image.topic(topic).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        self.partition_of(topic.id, topic.partitions, index)
    }

    /// A partition by its topic's id; an id that nobody has is `UNKNOWN_TOPIC_ID`.
    pub fn partition_by_id(&self, id: &Uuid, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let image = self.metadata.image();
        let topic = image.topic_by_id(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
        self.partition_of(topic.id, topic.partitions, index)
    }

    fn partition_of(&self, id: Uuid, partitions: i32, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.partitions.get(&id, index).ok_or(if (0..partitions).contains(&index) {
            ErrorCode::KAFKA_STORAGE_ERROR
        } else {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        })
    }

    /// A producer id that nobody else has or had.
    pub async fn next_producer_id(&self) -> Result<i64, RequestError> {
        let mut ids = self.producer_ids.lock().await;
        if let Some(id) = ids.next() {
            return Ok(id);
        }
        *ids = self.metadata.allocate_producer_ids().await?;
        ids.next().ok_or_else(|| ErrorCode::UNKNOWN_SERVER_ERROR.into())
    }
}
