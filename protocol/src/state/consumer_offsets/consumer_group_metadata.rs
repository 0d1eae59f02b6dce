//! `ConsumerGroupMetadata` (type 3): the epoch of a consumer group.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 3, versions = "0")]
pub struct ConsumerGroupMetadataKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 3, versions = "0", flexible = "0+")]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    #[field(tag = 0)]
    pub metadata_hash: i64,
}
