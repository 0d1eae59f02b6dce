//! `ShareGroupCurrentMemberAssignment` (type 14): the partitions that a member of a share group has, and its
//! epochs.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 14, versions = "0")]
pub struct ShareGroupCurrentMemberAssignmentKey {
    pub group_id: ByteString,
    pub member_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 14, versions = "0", flexible = "0+")]
pub struct ShareGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitions>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}
