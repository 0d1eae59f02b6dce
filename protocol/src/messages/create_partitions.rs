//! `CreatePartitions` (key 37): topics get more partitions.
//!
//! Versions 0–3, flexible from 2.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 3: may answer `THROTTLING_QUOTA_EXCEEDED` (KIP-599).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 37, versions = "0-3", flexible = "2+")]
pub struct CreatePartitionsRequest {
    pub topics: Vec<CreatePartitionsTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatePartitionsTopic {
    pub name: ByteString,
    pub count: i32,
    #[field(nullable)]
    pub assignments: Option<Vec<CreatePartitionsAssignment>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatePartitionsAssignment {
    pub broker_ids: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 37, versions = "0-3", flexible = "2+")]
pub struct CreatePartitionsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<CreatePartitionsTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatePartitionsTopicResult {
    pub name: ByteString,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}
