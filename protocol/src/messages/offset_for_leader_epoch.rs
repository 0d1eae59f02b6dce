//! `OffsetForLeaderEpoch` (key 23): where a leader epoch ends.
//!
//! Versions 2–4, flexible from 4.
//!
//! - 3: a consumer is told from a follower; request `replica_id`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 23, versions = "2-4", flexible = "4+")]
pub struct OffsetForLeaderEpochRequest {
    #[field(versions = "3+", default = -2, ignorable)]
    pub replica_id: i32,
    pub topics: Vec<OffsetForLeaderTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetForLeaderTopic {
    pub topic: ByteString,
    pub partitions: Vec<OffsetForLeaderPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetForLeaderPartition {
    pub partition: i32,
    #[field(default = -1, ignorable)]
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 23, versions = "2-4", flexible = "4+")]
pub struct OffsetForLeaderEpochResponse {
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetForLeaderTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetForLeaderTopicResult {
    pub topic: ByteString,
    pub partitions: Vec<EpochEndOffset>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EpochEndOffset {
    pub error_code: ErrorCode,
    pub partition: i32,
    #[field(default = -1, ignorable)]
    pub leader_epoch: i32,
    #[field(default = -1)]
    pub end_offset: i64,
}
