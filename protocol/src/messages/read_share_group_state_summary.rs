//! `ReadShareGroupStateSummary` (key 87): the start offsets of share-partitions are read from the share
//! coordinator.
//!
//! Versions 0–1, flexible.
//!
//! - 1: response `delivery_complete_count` (KIP-1226).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 87, versions = "0-1", flexible = "0+")]
pub struct ReadShareGroupStateSummaryRequest {
    pub group_id: ByteString,
    pub topics: Vec<ReadStateSummaryData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReadStateSummaryData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 87, versions = "0-1", flexible = "0+")]
pub struct ReadShareGroupStateSummaryResponse {
    pub results: Vec<ReadStateSummaryResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReadStateSummaryResult {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionResult {
    pub partition: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    #[field(versions = "1+", default = -1, ignorable)]
    pub delivery_complete_count: i32,
}
