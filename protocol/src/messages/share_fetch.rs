//! `ShareFetch` (key 78): a member of a share group acquires records, and acknowledges earlier ones (KIP-932).
//!
//! Versions 1–2, flexible. Version 0 was a preview and is gone.
//!
//! - 2: strict batches (KIP-1206), and renewing an acquisition (KIP-1222); request `share_acquire_mode`,
//!   `is_renew_ack`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;
use crate::wire::Records;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 78, versions = "1-2", flexible = "0+")]
pub struct ShareFetchRequest {
    #[field(nullable, default = null)]
    pub group_id: Option<ByteString>,
    #[field(nullable)]
    pub member_id: Option<ByteString>,
    pub share_session_epoch: i32,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    #[field(default = i32::MAX)]
    pub max_bytes: i32,
    pub max_records: i32,
    pub batch_size: i32,
    #[field(versions = "2+", ignorable)]
    pub share_acquire_mode: i8,
    #[field(versions = "2+")]
    pub is_renew_ack: bool,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FetchTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct FetchPartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AcknowledgementBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub acknowledge_types: Vec<i8>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ForgottenTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 78, versions = "1-2", flexible = "0+")]
pub struct ShareFetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub acquisition_lock_timeout_ms: i32,
    pub responses: Vec<ShareFetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ShareFetchableTopicResponse {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub acknowledge_error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub acknowledge_error_message: Option<ByteString>,
    pub current_leader: LeaderIdAndEpoch,
    pub records: Records,
    pub acquired_records: Vec<AcquiredRecords>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AcquiredRecords {
    pub first_offset: i64,
    pub last_offset: i64,
    pub delivery_count: i16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: ByteString,
    pub port: i32,
    #[field(nullable, default = null)]
    pub rack: Option<ByteString>,
}
