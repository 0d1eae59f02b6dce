//! `InitializeShareGroupState` (key 83): the share coordinator begins to keep the state of share-partitions.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 83, versions = "0", flexible = "0+")]
pub struct InitializeShareGroupStateRequest {
    pub group_id: ByteString,
    pub topics: Vec<InitializeStateData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct InitializeStateData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition: i32,
    pub state_epoch: i32,
    pub start_offset: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 83, versions = "0", flexible = "0+")]
pub struct InitializeShareGroupStateResponse {
    pub results: Vec<InitializeStateResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct InitializeStateResult {
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
