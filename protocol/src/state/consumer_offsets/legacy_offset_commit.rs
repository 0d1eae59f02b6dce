//! `LegacyOffsetCommit` (type 0): a committed offset, as Kafka wrote it long ago. Read, never written.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 0, versions = "0")]
pub struct LegacyOffsetCommitKey {
    pub group: ByteString,
    pub topic: ByteString,
    pub partition: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 0, versions = "0")]
pub struct LegacyOffsetCommitValue {
    pub offset: i64,
    pub metadata: ByteString,
    pub commit_timestamp: i64,
}
