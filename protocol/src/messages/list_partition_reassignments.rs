//! `ListPartitionReassignments` (key 46): the moves of replicas that are under way.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 46, versions = "0", flexible = "0+")]
pub struct ListPartitionReassignmentsRequest {
    #[field(default = 60000)]
    pub timeout_ms: i32,
    #[field(nullable, default = null)]
    pub topics: Option<Vec<ListPartitionReassignmentsTopics>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ListPartitionReassignmentsTopics {
    pub name: ByteString,
    pub partition_indexes: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 46, versions = "0", flexible = "0+")]
pub struct ListPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub topics: Vec<OngoingTopicReassignment>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OngoingTopicReassignment {
    pub name: ByteString,
    pub partitions: Vec<OngoingPartitionReassignment>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OngoingPartitionReassignment {
    pub partition_index: i32,
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
}
