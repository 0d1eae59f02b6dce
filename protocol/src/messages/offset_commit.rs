//! `OffsetCommit` (key 8): a member of a group stores the offsets it has reached.
//!
//! Versions 2–10, flexible from 8.
//!
//! - 3: response `throttle_time_ms`.
//! - 4: over quota, the broker answers first and throttles then.
//! - 5: retention is the broker’s alone; request without `retention_time_ms`.
//! - 6: the leader epoch of the last record is stored (KIP-320); request `committed_leader_epoch`.
//! - 7: static members (KIP-345); request `group_instance_id`.
//! - 9: for the consumer protocol too: `generation_id_or_member_epoch` is a member epoch, errors
//!   `STALE_MEMBER_EPOCH` and `GROUP_ID_NOT_FOUND` (KIP-848).
//! - 10: topics are named by id; request `topic_id`; request without `name`; response `topic_id`; response without
//!   `name`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 8, versions = "2-10", flexible = "8+")]
pub struct OffsetCommitRequest {
    pub group_id: ByteString,
    #[field(default = -1, ignorable)]
    pub generation_id_or_member_epoch: i32,
    #[field(ignorable)]
    pub member_id: ByteString,
    #[field(versions = "7+", nullable, default = null)]
    pub group_instance_id: Option<ByteString>,
    #[field(versions = "2-4", default = -1, ignorable)]
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetCommitRequestTopic {
    #[field(versions = "2-9", ignorable)]
    pub name: ByteString,
    #[field(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    #[field(versions = "6+", default = -1, ignorable)]
    pub committed_leader_epoch: i32,
    #[field(nullable)]
    pub committed_metadata: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 8, versions = "2-10", flexible = "8+")]
pub struct OffsetCommitResponse {
    #[field(versions = "3+", ignorable)]
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetCommitResponseTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetCommitResponseTopic {
    #[field(versions = "2-9", ignorable)]
    pub name: ByteString,
    #[field(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}
