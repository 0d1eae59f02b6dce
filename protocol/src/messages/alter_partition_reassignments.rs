//! `AlterPartitionReassignments` (key 45): replicas move between brokers.
//!
//! Versions 0–1, flexible.
//!
//! - 1: request `allow_replication_factor_change`; response `allow_replication_factor_change`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 45, versions = "0-1", flexible = "0+")]
pub struct AlterPartitionReassignmentsRequest {
    #[field(default = 60000)]
    pub timeout_ms: i32,
    #[field(versions = "1+", default = true)]
    pub allow_replication_factor_change: bool,
    pub topics: Vec<ReassignableTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReassignableTopic {
    pub name: ByteString,
    pub partitions: Vec<ReassignablePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReassignablePartition {
    pub partition_index: i32,
    #[field(nullable, default = null)]
    pub replicas: Option<Vec<i32>>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 45, versions = "0-1", flexible = "0+")]
pub struct AlterPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    #[field(versions = "1+", default = true, ignorable)]
    pub allow_replication_factor_change: bool,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub responses: Vec<ReassignableTopicResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReassignableTopicResponse {
    pub name: ByteString,
    pub partitions: Vec<ReassignablePartitionResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReassignablePartitionResponse {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
}
