//! `DeleteShareGroupOffsets` (key 92): the offsets of a share group are deleted (KIP-932).
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 92, versions = "0", flexible = "0+")]
pub struct DeleteShareGroupOffsetsRequest {
    pub group_id: ByteString,
    pub topics: Vec<DeleteShareGroupOffsetsRequestTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteShareGroupOffsetsRequestTopic {
    pub topic_name: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 92, versions = "0", flexible = "0+")]
pub struct DeleteShareGroupOffsetsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub responses: Vec<DeleteShareGroupOffsetsResponseTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteShareGroupOffsetsResponseTopic {
    pub topic_name: ByteString,
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}
