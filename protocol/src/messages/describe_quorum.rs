//! `DescribeQuorum` (key 55): the state of the metadata quorum.
//!
//! Versions 0–2, flexible.
//!
//! - 1: response `last_fetch_timestamp`, `last_caught_up_timestamp` (KIP-836).
//! - 2: response `error_message`, `replica_directory_id`, `nodes` (KIP-853).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 55, versions = "0-2", flexible = "0+")]
pub struct DescribeQuorumRequest {
    pub topics: Vec<TopicData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicData {
    pub topic_name: ByteString,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition_index: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 55, versions = "0-2", flexible = "0+")]
pub struct DescribeQuorumResponse {
    pub error_code: ErrorCode,
    #[field(versions = "2+", nullable, ignorable)]
    pub error_message: Option<ByteString>,
    pub topics: Vec<DescribeQuorumResponseTopicData>,
    #[field(versions = "2+")]
    pub nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeQuorumResponseTopicData {
    pub topic_name: ByteString,
    pub partitions: Vec<DescribeQuorumResponsePartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeQuorumResponsePartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(versions = "2+", nullable, ignorable)]
    pub error_message: Option<ByteString>,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub high_watermark: i64,
    pub current_voters: Vec<ReplicaState>,
    pub observers: Vec<ReplicaState>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReplicaState {
    pub replica_id: i32,
    #[field(versions = "2+")]
    pub replica_directory_id: Uuid,
    pub log_end_offset: i64,
    #[field(versions = "1+", default = -1, ignorable)]
    pub last_fetch_timestamp: i64,
    #[field(versions = "1+", default = -1, ignorable)]
    pub last_caught_up_timestamp: i64,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Node {
    pub node_id: i32,
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Listener {
    pub name: ByteString,
    pub host: ByteString,
    pub port: u16,
}
