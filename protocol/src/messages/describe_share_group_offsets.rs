//! `DescribeShareGroupOffsets` (key 90): the start offsets of share groups (KIP-932).
//!
//! Versions 0–1, flexible.
//!
//! - 1: response `lag` (KIP-1226).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 90, versions = "0-1", flexible = "0+")]
pub struct DescribeShareGroupOffsetsRequest {
    pub groups: Vec<DescribeShareGroupOffsetsRequestGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeShareGroupOffsetsRequestGroup {
    pub group_id: ByteString,
    #[field(nullable)]
    pub topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeShareGroupOffsetsRequestTopic {
    pub topic_name: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 90, versions = "0-1", flexible = "0+")]
pub struct DescribeShareGroupOffsetsResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribeShareGroupOffsetsResponseGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeShareGroupOffsetsResponseGroup {
    pub group_id: ByteString,
    pub topics: Vec<DescribeShareGroupOffsetsResponseTopic>,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeShareGroupOffsetsResponseTopic {
    pub topic_name: ByteString,
    pub topic_id: Uuid,
    pub partitions: Vec<DescribeShareGroupOffsetsResponsePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeShareGroupOffsetsResponsePartition {
    pub partition_index: i32,
    pub start_offset: i64,
    pub leader_epoch: i32,
    #[field(versions = "1+", default = -1, ignorable)]
    pub lag: i64,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}
