//! `Fetch` (key 1): a consumer or a follower reads record batches.
//!
//! Versions 4–18, flexible from 12.
//!
//! - 5: request `log_start_offset`; response `log_start_offset`.
//! - 6: may answer `KAFKA_STORAGE_ERROR`.
//! - 7: fetch sessions (KIP-227); request `session_id`, `session_epoch`, `forgotten_topics_data`; response
//!   `error_code`, `session_id`.
//! - 8: over quota, the broker answers first and throttles then.
//! - 9: fencing by leader epoch (KIP-320); request `current_leader_epoch`.
//! - 10: batches may be compressed with zstd (KIP-110).
//! - 11: reading from the nearest replica (KIP-392); request `rack_id`; response `preferred_read_replica`.
//! - 12: divergence is told from the epoch of the last fetched record; request `cluster_id`, `last_fetched_epoch`;
//!   response `diverging_epoch`, `current_leader`, `snapshot_id`.
//! - 13: topics are named by id (KIP-516); request `topic_id`; request without `topic`; response `topic_id`;
//!   response without `topic`.
//! - 14: may answer `OFFSET_MOVED_TO_TIERED_STORAGE` (KIP-405).
//! - 15: the follower describes itself in a tagged field (KIP-903); request `replica_state`; request without
//!   `replica_id`.
//! - 16: a refusal may name the new leader (KIP-951); response `node_endpoints`.
//! - 17: request `replica_directory_id` (KIP-853).
//! - 18: request `high_watermark` (KIP-1166).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;
use crate::wire::Records;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 1, versions = "4-18", flexible = "12+")]
pub struct FetchRequest {
    #[field(versions = "12+", nullable, tag = 0, default = null, ignorable)]
    pub cluster_id: Option<ByteString>,
    #[field(versions = "4-14", default = -1)]
    pub replica_id: i32,
    #[field(versions = "15+", tag = 1)]
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    #[field(default = i32::MAX, ignorable)]
    pub max_bytes: i32,
    #[field(ignorable)]
    pub isolation_level: i8,
    #[field(versions = "7+", ignorable)]
    pub session_id: i32,
    #[field(versions = "7+", default = -1, ignorable)]
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    #[field(versions = "7+")]
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    #[field(versions = "11+", ignorable)]
    pub rack_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ReplicaState {
    #[field(default = -1)]
    pub replica_id: i32,
    #[field(default = -1)]
    pub replica_epoch: i64,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FetchTopic {
    #[field(versions = "4-12", ignorable)]
    pub topic: ByteString,
    #[field(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FetchPartition {
    pub partition: i32,
    #[field(versions = "9+", default = -1, ignorable)]
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    #[field(versions = "12+", default = -1)]
    pub last_fetched_epoch: i32,
    #[field(versions = "5+", default = -1, ignorable)]
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    #[field(versions = "17+", tag = 0, ignorable)]
    pub replica_directory_id: Uuid,
    #[field(versions = "18+", tag = 1, default = i64::MAX, ignorable)]
    pub high_watermark: i64,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ForgottenTopic {
    #[field(versions = "7-12", ignorable)]
    pub topic: ByteString,
    #[field(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 1, versions = "4-18", flexible = "12+")]
pub struct FetchResponse {
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    #[field(versions = "7+", ignorable)]
    pub error_code: ErrorCode,
    #[field(versions = "7+")]
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    #[field(versions = "16+", tag = 0)]
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FetchableTopicResponse {
    #[field(versions = "4-12", ignorable)]
    pub topic: ByteString,
    #[field(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub high_watermark: i64,
    #[field(default = -1, ignorable)]
    pub last_stable_offset: i64,
    #[field(versions = "5+", default = -1, ignorable)]
    pub log_start_offset: i64,
    #[field(versions = "12+", tag = 0)]
    pub diverging_epoch: EpochEndOffset,
    #[field(versions = "12+", tag = 1)]
    pub current_leader: LeaderIdAndEpoch,
    #[field(versions = "12+", tag = 2)]
    pub snapshot_id: SnapshotId,
    #[field(nullable, ignorable)]
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    #[field(versions = "11+", default = -1)]
    pub preferred_read_replica: i32,
    #[field(nullable, default = null)]
    pub records: Option<Records>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct EpochEndOffset {
    #[field(default = -1)]
    pub epoch: i32,
    #[field(default = -1)]
    pub end_offset: i64,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct LeaderIdAndEpoch {
    #[field(default = -1)]
    pub leader_id: i32,
    #[field(default = -1)]
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct SnapshotId {
    #[field(default = -1)]
    pub end_offset: i64,
    #[field(default = -1)]
    pub epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: ByteString,
    pub port: i32,
    #[field(nullable, default = null)]
    pub rack: Option<ByteString>,
}
