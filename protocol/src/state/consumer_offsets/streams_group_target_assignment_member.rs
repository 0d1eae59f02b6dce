//! `StreamsGroupTargetAssignmentMember` (type 21): the tasks that a member of a streams group should have.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 21, versions = "0")]
pub struct StreamsGroupTargetAssignmentMemberKey {
    pub group_id: ByteString,
    pub member_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 21, versions = "0", flexible = "0+")]
pub struct StreamsGroupTargetAssignmentMemberValue {
    pub active_tasks: Vec<TaskIds>,
    pub standby_tasks: Vec<TaskIds>,
    pub warmup_tasks: Vec<TaskIds>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TaskIds {
    pub subtopology_id: ByteString,
    pub partitions: Vec<i32>,
}
