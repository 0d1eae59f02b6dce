//! `Metadata` (key 3): which brokers, topics and partitions exist.
//!
//! Versions 0–13, flexible from 9.
//!
//! - 1: null asks for all topics, an empty list for none; response `rack`, `controller_id`, `is_internal`.
//! - 2: response `cluster_id`.
//! - 3: response `throttle_time_ms`.
//! - 4: the client may forbid creating missing topics; request `allow_auto_topic_creation`.
//! - 5: response `offline_replicas`.
//! - 6: over quota, the broker answers first and throttles then.
//! - 7: response `leader_epoch`.
//! - 8: request `include_cluster_authorized_operations`, `include_topic_authorized_operations`; response
//!   `topic_authorized_operations`, `cluster_authorized_operations`.
//! - 10: topics have ids (KIP-516); request `topic_id`; response `topic_id`.
//! - 11: cluster operations moved to `DescribeCluster` (KIP-700); request without
//!   `include_cluster_authorized_operations`; response without `cluster_authorized_operations`.
//! - 12: a topic may be asked for by id alone.
//! - 13: a top-level error, `REBOOTSTRAP_REQUIRED`; response `error_code`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 3, versions = "0-13", flexible = "9+")]
pub struct MetadataRequest {
    #[field(nullable = "1+")]
    pub topics: Option<Vec<MetadataRequestTopic>>,
    #[field(versions = "4+", default = true)]
    pub allow_auto_topic_creation: bool,
    #[field(versions = "8-10")]
    pub include_cluster_authorized_operations: bool,
    #[field(versions = "8+")]
    pub include_topic_authorized_operations: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MetadataRequestTopic {
    #[field(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[field(nullable = "10+")]
    pub name: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 3, versions = "0-13", flexible = "9+")]
pub struct MetadataResponse {
    #[field(versions = "3+", ignorable)]
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    #[field(versions = "2+", nullable, default = null, ignorable)]
    pub cluster_id: Option<ByteString>,
    #[field(versions = "1+", default = -1, ignorable)]
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    #[field(versions = "8-10", default = i32::MIN)]
    pub cluster_authorized_operations: i32,
    #[field(versions = "13+", ignorable)]
    pub error_code: ErrorCode,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: ByteString,
    pub port: i32,
    #[field(versions = "1+", nullable, default = null, ignorable)]
    pub rack: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MetadataResponseTopic {
    pub error_code: ErrorCode,
    #[field(nullable = "12+")]
    pub name: Option<ByteString>,
    #[field(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[field(versions = "1+", ignorable)]
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    #[field(versions = "8+", default = i32::MIN)]
    pub topic_authorized_operations: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MetadataResponsePartition {
    pub error_code: ErrorCode,
    pub partition_index: i32,
    pub leader_id: i32,
    #[field(versions = "7+", default = -1, ignorable)]
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    #[field(versions = "5+", ignorable)]
    pub offline_replicas: Vec<i32>,
}
