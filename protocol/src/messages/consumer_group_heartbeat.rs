//! `ConsumerGroupHeartbeat` (key 68): joins, keeps, reconciles and leaves a consumer group: the whole protocol of
//! KIP-848.
//!
//! Versions 0–1, flexible.
//!
//! - 1: the client makes its member id itself (KIP-1082); request `subscribed_topic_regex`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 68, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: ByteString,
    pub member_id: ByteString,
    pub member_epoch: i32,
    #[field(nullable, default = null)]
    pub instance_id: Option<ByteString>,
    #[field(nullable, default = null)]
    pub rack_id: Option<ByteString>,
    #[field(default = -1)]
    pub rebalance_timeout_ms: i32,
    #[field(nullable, default = null)]
    pub subscribed_topic_names: Option<Vec<ByteString>>,
    #[field(versions = "1+", nullable, default = null)]
    pub subscribed_topic_regex: Option<ByteString>,
    #[field(nullable, default = null)]
    pub server_assignor: Option<ByteString>,
    #[field(nullable, default = null)]
    pub topic_partitions: Option<Vec<TopicPartitions>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 68, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupHeartbeatResponse {
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
