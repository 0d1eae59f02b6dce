//! `ElectLeaders` (key 43): partitions get another leader.
//!
//! Versions 0–2, flexible from 2.
//!
//! - 1: unclean elections too (KIP-460); request `election_type`; response `error_code`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 43, versions = "0-2", flexible = "2+")]
pub struct ElectLeadersRequest {
    #[field(versions = "1+")]
    pub election_type: i8,
    #[field(nullable)]
    pub topic_partitions: Option<Vec<TopicPartitions>>,
    #[field(default = 60000)]
    pub timeout_ms: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartitions {
    pub topic: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 43, versions = "0-2", flexible = "2+")]
pub struct ElectLeadersResponse {
    pub throttle_time_ms: i32,
    #[field(versions = "1+")]
    pub error_code: ErrorCode,
    pub replica_election_results: Vec<ReplicaElectionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReplicaElectionResult {
    pub topic: ByteString,
    pub partition_result: Vec<PartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionResult {
    pub partition_id: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
}
