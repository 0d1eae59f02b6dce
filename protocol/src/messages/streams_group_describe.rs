//! `StreamsGroupDescribe` (key 89): the members, topology and assignment of streams groups (KIP-1071).
//!
//! Versions 0–1, flexible.
//!
//! - 1: request `include_topology_description`; response `topology_description`, `topology_description_status`,
//!   `assignor_name` (KIP-1331, KIP-1357).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 89, versions = "0-1", flexible = "0+")]
pub struct StreamsGroupDescribeRequest {
    pub group_ids: Vec<ByteString>,
    pub include_authorized_operations: bool,
    #[field(versions = "1+")]
    pub include_topology_description: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 89, versions = "0-1", flexible = "0+")]
pub struct StreamsGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub group_id: ByteString,
    pub group_state: ByteString,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    #[field(nullable, default = null)]
    pub topology: Option<Topology>,
    pub members: Vec<Member>,
    #[field(default = i32::MIN)]
    pub authorized_operations: i32,
    #[field(versions = "1+", nullable, default = null)]
    pub topology_description: Option<TopologyDescription>,
    #[field(versions = "1+")]
    pub topology_description_status: i8,
    #[field(versions = "1+", nullable, default = null, ignorable)]
    pub assignor_name: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Topology {
    pub epoch: i32,
    #[field(nullable, default = null)]
    pub subtopologies: Option<Vec<Subtopology>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Subtopology {
    pub subtopology_id: ByteString,
    pub source_topics: Vec<ByteString>,
    pub repartition_sink_topics: Vec<ByteString>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_source_topics: Vec<TopicInfo>,
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
pub struct Member {
    pub member_id: ByteString,
    pub member_epoch: i32,
    #[field(nullable, default = null)]
    pub instance_id: Option<ByteString>,
    #[field(nullable, default = null)]
    pub rack_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub topology_epoch: i32,
    pub process_id: ByteString,
    #[field(nullable, default = null)]
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Vec<KeyValue>,
    pub task_offsets: Vec<TaskOffset>,
    pub task_end_offsets: Vec<TaskOffset>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    pub is_classic: bool,
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

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Assignment {
    pub active_tasks: Vec<TaskIds>,
    pub standby_tasks: Vec<TaskIds>,
    pub warmup_tasks: Vec<TaskIds>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TaskIds {
    pub subtopology_id: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescription {
    pub subtopologies: Vec<TopologyDescriptionSubtopology>,
    pub global_stores: Vec<TopologyDescriptionGlobalStore>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescriptionSubtopology {
    pub subtopology_id: ByteString,
    pub nodes: Vec<TopologyDescriptionNode>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescriptionNode {
    pub name: ByteString,
    pub node_type: i8,
    pub source_topics: Vec<ByteString>,
    #[field(nullable, default = null)]
    pub sink_topic: Option<ByteString>,
    pub stores: Vec<ByteString>,
    pub successors: Vec<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescriptionGlobalStore {
    pub source: TopologyDescriptionNode,
    pub processor: TopologyDescriptionNode,
}
