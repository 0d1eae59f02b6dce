//! `DeleteShareGroupState` (key 86): the share coordinator forgets the state of share-partitions.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 86, versions = "0", flexible = "0+")]
pub struct DeleteShareGroupStateRequest {
    pub group_id: ByteString,
    pub topics: Vec<DeleteStateData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteStateData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 86, versions = "0", flexible = "0+")]
pub struct DeleteShareGroupStateResponse {
    pub results: Vec<DeleteStateResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteStateResult {
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
