//! `DescribeProducers` (key 61): the producers that are active on partitions.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 61, versions = "0", flexible = "0+")]
pub struct DescribeProducersRequest {
    pub topics: Vec<TopicRequest>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicRequest {
    pub name: ByteString,
    pub partition_indexes: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 61, versions = "0", flexible = "0+")]
pub struct DescribeProducersResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<TopicResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicResponse {
    pub name: ByteString,
    pub partitions: Vec<PartitionResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionResponse {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub active_producers: Vec<ProducerState>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ProducerState {
    pub producer_id: i64,
    pub producer_epoch: i32,
    #[field(default = -1)]
    pub last_sequence: i32,
    #[field(default = -1)]
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    #[field(default = -1)]
    pub current_txn_start_offset: i64,
}
