//! `ConsumerGroupTargetAssignmentMember` (type 7): the partitions that a member of a consumer group should have.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 7, versions = "0")]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    pub group_id: ByteString,
    pub member_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 7, versions = "0", flexible = "0+")]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<TopicPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartition {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}
