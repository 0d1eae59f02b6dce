//! `AlterShareGroupOffsets` (key 91): the start offsets of a share group are set (KIP-932).
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 91, versions = "0", flexible = "0+")]
pub struct AlterShareGroupOffsetsRequest {
    pub group_id: ByteString,
    pub topics: Vec<AlterShareGroupOffsetsRequestTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterShareGroupOffsetsRequestTopic {
    pub topic_name: ByteString,
    pub partitions: Vec<AlterShareGroupOffsetsRequestPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterShareGroupOffsetsRequestPartition {
    pub partition_index: i32,
    pub start_offset: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 91, versions = "0", flexible = "0+")]
pub struct AlterShareGroupOffsetsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub responses: Vec<AlterShareGroupOffsetsResponseTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterShareGroupOffsetsResponseTopic {
    pub topic_name: ByteString,
    pub topic_id: Uuid,
    pub partitions: Vec<AlterShareGroupOffsetsResponsePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterShareGroupOffsetsResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}
