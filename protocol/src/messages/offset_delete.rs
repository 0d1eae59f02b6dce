//! `OffsetDelete` (key 47): committed offsets of a group are deleted.
//!
//! Version 0, not flexible. The only API beside `SaslHandshake` that never became flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 47, versions = "0")]
pub struct OffsetDeleteRequest {
    pub group_id: ByteString,
    pub topics: Vec<OffsetDeleteRequestTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetDeleteRequestTopic {
    pub name: ByteString,
    pub partitions: Vec<OffsetDeleteRequestPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetDeleteRequestPartition {
    pub partition_index: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 47, versions = "0")]
pub struct OffsetDeleteResponse {
    pub error_code: ErrorCode,
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetDeleteResponseTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetDeleteResponseTopic {
    pub name: ByteString,
    pub partitions: Vec<OffsetDeleteResponsePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetDeleteResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}
