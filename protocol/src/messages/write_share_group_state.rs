//! `WriteShareGroupState` (key 85): the state of share-partitions is stored by the share coordinator.
//!
//! Versions 0–1, flexible.
//!
//! - 1: request `delivery_complete_count` (KIP-1226).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 85, versions = "0-1", flexible = "0+")]
pub struct WriteShareGroupStateRequest {
    pub group_id: ByteString,
    pub topics: Vec<WriteStateData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WriteStateData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition: i32,
    pub state_epoch: i32,
    pub leader_epoch: i32,
    pub start_offset: i64,
    #[field(versions = "1+", default = -1, ignorable)]
    pub delivery_complete_count: i32,
    pub state_batches: Vec<StateBatch>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct StateBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_state: i8,
    pub delivery_count: i16,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 85, versions = "0-1", flexible = "0+")]
pub struct WriteShareGroupStateResponse {
    pub results: Vec<WriteStateResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WriteStateResult {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionResult {
    pub partition: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}
