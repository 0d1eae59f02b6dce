//! `OffsetCommit` (type 1): the committed offset of a group for a partition.
//!
//! The value has versions 0–4.
//!
//! - 1: `expire_timestamp`.
//! - 2: without `expire_timestamp`.
//! - 3: `leader_epoch`.
//! - 4: flexible; `topic_id`.

use bytestring::ByteString;
use naru_protocol_derive::Message;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 1, versions = "0")]
pub struct OffsetCommitKey {
    pub group: ByteString,
    pub topic: ByteString,
    pub partition: i32,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 1, versions = "0-4", flexible = "4+")]
pub struct OffsetCommitValue {
    pub offset: i64,
    #[field(versions = "3+", default = -1, ignorable)]
    pub leader_epoch: i32,
    pub metadata: ByteString,
    pub commit_timestamp: i64,
    #[field(versions = "1", default = -1, ignorable)]
    pub expire_timestamp: i64,
    #[field(versions = "4+", tag = 0, ignorable)]
    pub topic_id: Uuid,
}
