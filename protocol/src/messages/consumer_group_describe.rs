//! `ConsumerGroupDescribe` (key 69): the members and the assignment of consumer groups.
//!
//! Versions 0–1, flexible.
//!
//! - 1: response `member_type` (KIP-1099).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 69, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupDescribeRequest {
    pub group_ids: Vec<ByteString>,
    pub include_authorized_operations: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 69, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub group_id: ByteString,
    pub group_state: ByteString,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: ByteString,
    pub members: Vec<Member>,
    #[field(default = i32::MIN)]
    pub authorized_operations: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Member {
    pub member_id: ByteString,
    #[field(nullable, default = null)]
    pub instance_id: Option<ByteString>,
    #[field(nullable, default = null)]
    pub rack_id: Option<ByteString>,
    pub member_epoch: i32,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub subscribed_topic_names: Vec<ByteString>,
    #[field(nullable, default = null)]
    pub subscribed_topic_regex: Option<ByteString>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    #[field(versions = "1+", default = -1, ignorable)]
    pub member_type: i8,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub topic_name: ByteString,
    pub partitions: Vec<i32>,
}
