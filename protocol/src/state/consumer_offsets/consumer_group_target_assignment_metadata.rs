//! `ConsumerGroupTargetAssignmentMetadata` (type 6): the epoch of the target assignment of a consumer group.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 6, versions = "0")]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 6, versions = "0", flexible = "0+")]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    #[field(tag = 0, ignorable)]
    pub assignment_timestamp: i64,
}
