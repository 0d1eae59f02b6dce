//! `ShareGroupHeartbeat` (key 76): joins, keeps and leaves a share group (KIP-932).
//!
//! Version 1, flexible. Version 0 was a preview and is gone.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 76, versions = "1", flexible = "0+")]
pub struct ShareGroupHeartbeatRequest {
    pub group_id: ByteString,
    pub member_id: ByteString,
    pub member_epoch: i32,
    #[field(nullable, default = null)]
    pub rack_id: Option<ByteString>,
    #[field(nullable, default = null)]
    pub subscribed_topic_names: Option<Vec<ByteString>>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 76, versions = "1", flexible = "0+")]
pub struct ShareGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    #[field(nullable, default = null)]
    pub member_id: Option<ByteString>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    #[field(nullable, default = null)]
    pub assignment: Option<Assignment>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}
