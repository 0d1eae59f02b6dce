//! What exists: topics, their partitions and settings, broker settings changed at run time, blocks of producer ids, quotas
//! of clients, SCRAM credentials.
//!
//! The state is a log (`__cluster_metadata-0`, in Kafka's own record formats). [`MetadataImage`] is what its records
//! add up to; applying them is deterministic. A request becomes records in a pure function ([`create_topics()`],
//! [`delete_topics()`], [`create_partitions()`], [`alter_configs()`], [`incremental_alter_configs()`]): image and request in,
//! records and one answer for each entry out; time and ids are chosen there, never while applying. [`MetadataStore`]
//! puts these together: decide, append, wait until it is durable, apply, tell the listeners, publish. Nobody sees a
//! change before it is durable.

mod alter_configs;
mod change;
mod client_quotas;
mod config_resource;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe_configs;
mod features;
mod image;
mod log;
mod producer_ids;
mod reassign_partitions;
mod request_error;
mod scram;
mod shared_map;
mod storage_log;
mod store;
#[cfg(test)]
mod tests;
mod topic_name;

pub use alter_configs::{AlterConfigs, ConfigChange, ConfigOperation, IncrementalAlterConfigs};
pub use alter_configs::{alter_configs, check_changes, cluster_settings, incremental_alter_configs};
pub use change::Change;
pub use client_quotas::{Applicable, ClientQuotas, EntityName, EntityParts, EntityType, QuotaEntity, QuotaKey, Quotas};
pub use client_quotas::{
    QuotaAlteration, QuotaFilter, QuotaMatch, QuotaOp, alter_client_quotas, describe_client_quotas,
};
pub use config_resource::{ResourceKind, check_broker_name};
pub use create_partitions::{NewPartitions, create_partitions};
pub use create_topics::{Assignment, CreatedTopic, TopicSpec, create_topics};
pub use delete_topics::{DeletedTopic, TopicToDelete, delete_topics};
pub use describe_configs::{config_resources, describe_configs};
pub use features::{FEATURES, Feature, FeatureChange, check_feature_update};
pub use image::{ApplyError, MetadataImage, Topic};
pub use log::{LogFuture, MetadataLog, MetadataLogEnd, MetadataLogError};
pub use producer_ids::{PRODUCER_ID_BLOCK, allocate_producer_ids};
pub use reassign_partitions::check_reassignment;
pub use request_error::RequestError;
pub use scram::{ScramCredential, ScramCredentials, ScramMechanism, alter_scram_credentials};
pub use scram::{ScramDeletion, ScramUpsertion};
pub use storage_log::StorageMetadataLog;
pub use store::{ListenerFuture, MetadataListener, MetadataStore, OpenError};
pub use topic_name::{
    CONSUMER_OFFSETS, InvalidTopicName, METADATA_TOPIC, TRANSACTION_STATE, check_topic_name, is_internal_topic,
};

use naru_protocol::state::cluster_metadata::Record;

use crate::config::BrokerConfig;

/// Partitions that one request may create, as in Kafka: what it makes fits one batch of the metadata log.
pub const MAX_PARTITIONS_PER_REQUEST: i32 = 10_000;

/// What a decision is made with, besides the image.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The settings of this broker: defaults and limits.
    pub broker: &'a BrokerConfig,
    /// The incarnation of this start, written as broker epoch.
    pub broker_epoch: i64,
    /// Asked before so many partitions are created or deleted; an error refuses them.
    pub charge: &'a Charge,
}

/// What creating or deleting so many partitions costs the client: it counts them, or refuses (KIP-599).
pub type Charge = dyn Fn(u32) -> Result<(), RequestError> + Send + Sync;

/// Costs nothing: what the broker does of its own accord, and while nobody has a quota.
pub const FREE: &Charge = &|_| Ok(());

/// A decision: what to append, and the answers to give once that is durable.
#[derive(Debug)]
pub struct Decision<T> {
    /// Records that belong together; empty if nothing changes or the request only validates.
    pub records: Vec<Record>,
    /// One answer for each entry of the request, in its order.
    pub answers: Vec<T>,
}

impl<T> Decision<T> {
    fn new() -> Self {
        Self { records: Vec::new(), answers: Vec::new() }
    }

    /// The same answers without their effect.
    fn without_effect(mut self, validate_only: bool) -> Self {
        if validate_only {
            self.records.clear();
        }
        self
    }
}
