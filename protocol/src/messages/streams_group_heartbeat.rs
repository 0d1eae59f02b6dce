//! `StreamsGroupHeartbeat` (key 88): joins, keeps and leaves a streams group (KIP-1071).
//!
//! Versions 0–1, flexible.
//!
//! - 1: the broker may ask for the topology description (KIP-1331) and report missing client tags; response
//!   `acceptable_recovery_lag`, `topology_description_required`; response without `acceptable_recovery_lag_legacy`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 88, versions = "0-1", flexible = "0+")]
pub struct StreamsGroupHeartbeatRequest {
    pub group_id: ByteString,
    pub member_id: ByteString,
    pub member_epoch: i32,
    pub endpoint_information_epoch: i32,
    #[field(nullable, default = null)]
    pub instance_id: Option<ByteString>,
    #[field(nullable, default = null)]
    pub rack_id: Option<ByteString>,
    #[field(default = -1)]
    pub rebalance_timeout_ms: i32,
    #[field(nullable, default = null)]
    pub topology: Option<Topology>,
    #[field(nullable, default = null)]
    pub active_tasks: Option<Vec<TaskIds>>,
    #[field(nullable, default = null)]
    pub standby_tasks: Option<Vec<TaskIds>>,
    #[field(nullable, default = null)]
    pub warmup_tasks: Option<Vec<TaskIds>>,
    #[field(nullable, default = null)]
    pub process_id: Option<ByteString>,
    #[field(nullable, default = null)]
    pub user_endpoint: Option<Endpoint>,
    #[field(nullable, default = null)]
    pub client_tags: Option<Vec<KeyValue>>,
    #[field(nullable, default = null)]
    pub task_offsets: Option<Vec<TaskOffset>>,
    #[field(nullable, default = null)]
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    pub shutdown_application: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Topology {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Subtopology {
    pub subtopology_id: ByteString,
    pub source_topics: Vec<ByteString>,
    pub source_topic_regex: Vec<ByteString>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_sink_topics: Vec<ByteString>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub copartition_groups: Vec<CopartitionGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicInfo {
    pub name: ByteString,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<KeyValue>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct KeyValue {
    pub key: ByteString,
    pub value: ByteString,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CopartitionGroup {
    pub source_topics: Vec<i16>,
    pub source_topic_regex: Vec<i16>,
    pub repartition_source_topics: Vec<i16>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TaskIds {
    pub subtopology_id: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Endpoint {
    pub host: ByteString,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TaskOffset {
    pub subtopology_id: ByteString,
    pub partition: i32,
    pub offset: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 88, versions = "0-1", flexible = "0+")]
pub struct StreamsGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub member_id: ByteString,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    #[field(versions = "0")]
    pub acceptable_recovery_lag_legacy: i32,
    pub task_offset_interval_ms: i32,
    #[field(versions = "1+", default = -1, ignorable)]
    pub acceptable_recovery_lag: i64,
    #[field(nullable)]
    pub status: Option<Vec<Status>>,
    #[field(nullable, default = null)]
    pub active_tasks: Option<Vec<TaskIds>>,
    #[field(nullable, default = null)]
    pub standby_tasks: Option<Vec<TaskIds>>,
    #[field(nullable, default = null)]
    pub warmup_tasks: Option<Vec<TaskIds>>,
    #[field(versions = "1+")]
    pub topology_description_required: bool,
    pub endpoint_information_epoch: i32,
    #[field(nullable, default = null)]
    pub partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Status {
    pub status_code: i8,
    pub status_detail: ByteString,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EndpointToPartitions {
    pub user_endpoint: Endpoint,
    pub active_partitions: Vec<TopicPartition>,
    pub standby_partitions: Vec<TopicPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartition {
    pub topic: ByteString,
    pub partitions: Vec<i32>,
}
