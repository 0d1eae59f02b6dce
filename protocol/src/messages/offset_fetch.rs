//! `OffsetFetch` (key 9): the committed offsets of groups.
//!
//! Versions 1–10, flexible from 6.
//!
//! - 2: null asks for all topics; errors of the group are top-level; response `error_code`.
//! - 3: response `throttle_time_ms`.
//! - 4: over quota, the broker answers first and throttles then.
//! - 5: response `committed_leader_epoch`.
//! - 7: `require_stable` waits out open transactions with `UNSTABLE_OFFSET_COMMIT` (KIP-447); request
//!   `require_stable`.
//! - 8: several groups in one request; request `groups`; request without `group_id`, `topics`; response `groups`;
//!   response without `topics`, `error_code`.
//! - 9: for the consumer protocol too: errors `STALE_MEMBER_EPOCH` and `UNKNOWN_MEMBER_ID` (KIP-848); request
//!   `member_id`, `member_epoch`.
//! - 10: topics are named by id; request `topic_id`; request without `name`; response `topic_id`; response without
//!   `name`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 9, versions = "1-10", flexible = "6+")]
pub struct OffsetFetchRequest {
    #[field(versions = "1-7")]
    pub group_id: ByteString,
    #[field(versions = "1-7", nullable = "2-7")]
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    #[field(versions = "8+")]
    pub groups: Vec<OffsetFetchRequestGroup>,
    #[field(versions = "7+")]
    pub require_stable: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchRequestTopic {
    pub name: ByteString,
    pub partition_indexes: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchRequestGroup {
    pub group_id: ByteString,
    #[field(versions = "9+", nullable, default = null, ignorable)]
    pub member_id: Option<ByteString>,
    #[field(versions = "9+", default = -1, ignorable)]
    pub member_epoch: i32,
    #[field(nullable)]
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchRequestTopics {
    #[field(versions = "8-9", ignorable)]
    pub name: ByteString,
    #[field(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 9, versions = "1-10", flexible = "6+")]
pub struct OffsetFetchResponse {
    #[field(versions = "3+", ignorable)]
    pub throttle_time_ms: i32,
    #[field(versions = "1-7")]
    pub topics: Vec<OffsetFetchResponseTopic>,
    #[field(versions = "2-7", ignorable)]
    pub error_code: ErrorCode,
    #[field(versions = "8+")]
    pub groups: Vec<OffsetFetchResponseGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchResponseTopic {
    pub name: ByteString,
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchResponsePartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    #[field(versions = "5+", default = -1, ignorable)]
    pub committed_leader_epoch: i32,
    #[field(nullable)]
    pub metadata: Option<ByteString>,
    pub error_code: ErrorCode,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchResponseGroup {
    pub group_id: ByteString,
    pub topics: Vec<OffsetFetchResponseTopics>,
    pub error_code: ErrorCode,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchResponseTopics {
    #[field(versions = "8-9", ignorable)]
    pub name: ByteString,
    #[field(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    #[field(default = -1, ignorable)]
    pub committed_leader_epoch: i32,
    #[field(nullable)]
    pub metadata: Option<ByteString>,
    pub error_code: ErrorCode,
}
