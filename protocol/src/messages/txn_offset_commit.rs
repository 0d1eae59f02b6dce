//! `TxnOffsetCommit` (key 28): offsets are committed as part of a transaction.
//!
//! Versions 0–6, flexible from 3.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 2: the leader epoch of the last record is stored (KIP-320); request `committed_leader_epoch`.
//! - 3: fencing by member and generation (KIP-447); request `generation_id_or_member_epoch`, `member_id`,
//!   `group_instance_id`.
//! - 4: may answer `TRANSACTION_ABORTABLE` (KIP-890).
//! - 5: inside a transaction of version 2 the request adds the group to the transaction itself (KIP-890).
//! - 6: topics are named by id (KIP-1319); request `topic_id`; request without `name`; response `topic_id`;
//!   response without `name`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 28, versions = "0-6", flexible = "3+")]
pub struct TxnOffsetCommitRequest {
    pub transactional_id: ByteString,
    pub group_id: ByteString,
    pub producer_id: i64,
    pub producer_epoch: i16,
    #[field(versions = "3+", default = -1)]
    pub generation_id_or_member_epoch: i32,
    #[field(versions = "3+")]
    pub member_id: ByteString,
    #[field(versions = "3+", nullable, default = null)]
    pub group_instance_id: Option<ByteString>,
    pub topics: Vec<TxnOffsetCommitRequestTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TxnOffsetCommitRequestTopic {
    #[field(versions = "0-5", ignorable)]
    pub name: ByteString,
    #[field(versions = "6+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<TxnOffsetCommitRequestPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TxnOffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    #[field(versions = "2+", default = -1, ignorable)]
    pub committed_leader_epoch: i32,
    #[field(nullable)]
    pub committed_metadata: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 28, versions = "0-6", flexible = "3+")]
pub struct TxnOffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<TxnOffsetCommitResponseTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TxnOffsetCommitResponseTopic {
    #[field(versions = "0-5", ignorable)]
    pub name: ByteString,
    #[field(versions = "6+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TxnOffsetCommitResponsePartition {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}
