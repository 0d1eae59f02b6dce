//! `StreamsGroupTargetAssignmentMetadata` (type 20): the epoch of the target assignment of a streams group.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 20, versions = "0")]
pub struct StreamsGroupTargetAssignmentMetadataKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 20, versions = "0", flexible = "0+")]
pub struct StreamsGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    #[field(tag = 0, ignorable)]
    pub assignment_timestamp: i64,
}
