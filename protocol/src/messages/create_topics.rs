//! `CreateTopics` (key 19): topics are created.
//!
//! Versions 2–7, flexible from 5.
//!
//! - 3: over quota, the broker answers first and throttles then.
//! - 4: partitions and replication factor −1 mean the broker’s defaults (KIP-464).
//! - 5: the response holds the configs (KIP-525); response `topic_config_error_code`, `num_partitions`,
//!   `replication_factor`, `configs`.
//! - 6: may answer `THROTTLING_QUOTA_EXCEEDED` (KIP-599).
//! - 7: the response holds the topic id; response `topic_id`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 19, versions = "2-7", flexible = "5+")]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    #[field(default = 60000)]
    pub timeout_ms: i32,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatableTopic {
    pub name: ByteString,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatableTopicConfig {
    pub name: ByteString,
    #[field(nullable)]
    pub value: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 19, versions = "2-7", flexible = "5+")]
pub struct CreateTopicsResponse {
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatableTopicResult {
    pub name: ByteString,
    #[field(versions = "7+", ignorable)]
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    #[field(nullable, ignorable)]
    pub error_message: Option<ByteString>,
    #[field(versions = "5+", tag = 0, ignorable)]
    pub topic_config_error_code: ErrorCode,
    #[field(versions = "5+", default = -1, ignorable)]
    pub num_partitions: i32,
    #[field(versions = "5+", default = -1, ignorable)]
    pub replication_factor: i16,
    #[field(versions = "5+", nullable, ignorable)]
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatableTopicConfigs {
    pub name: ByteString,
    #[field(nullable)]
    pub value: Option<ByteString>,
    pub read_only: bool,
    #[field(default = -1, ignorable)]
    pub config_source: i8,
    pub is_sensitive: bool,
}
