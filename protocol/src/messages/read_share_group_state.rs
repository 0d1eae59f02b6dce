//! `ReadShareGroupState` (key 84): the state of share-partitions is read from the share coordinator.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 84, versions = "0", flexible = "0+")]
pub struct ReadShareGroupStateRequest {
    pub group_id: ByteString,
    pub topics: Vec<ReadStateData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReadStateData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 84, versions = "0", flexible = "0+")]
pub struct ReadShareGroupStateResponse {
    pub results: Vec<ReadStateResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReadStateResult {
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
    pub start_offset: i64,
    pub state_batches: Vec<StateBatch>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct StateBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_state: i8,
    pub delivery_count: i16,
}
