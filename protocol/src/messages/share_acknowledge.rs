//! `ShareAcknowledge` (key 79): a member of a share group acknowledges records (KIP-932).
//!
//! Versions 1–2, flexible. Version 0 was a preview and is gone.
//!
//! - 2: renewing an acquisition (KIP-1222); request `is_renew_ack`; response `acquisition_lock_timeout_ms`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 79, versions = "1-2", flexible = "0+")]
pub struct ShareAcknowledgeRequest {
    #[field(nullable, default = null)]
    pub group_id: Option<ByteString>,
    #[field(nullable)]
    pub member_id: Option<ByteString>,
    pub share_session_epoch: i32,
    #[field(versions = "2+")]
    pub is_renew_ack: bool,
    pub topics: Vec<AcknowledgeTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AcknowledgeTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<AcknowledgePartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AcknowledgePartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AcknowledgementBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub acknowledge_types: Vec<i8>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 79, versions = "1-2", flexible = "0+")]
pub struct ShareAcknowledgeResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    #[field(versions = "2+", ignorable)]
    pub acquisition_lock_timeout_ms: i32,
    pub responses: Vec<ShareAcknowledgeTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ShareAcknowledgeTopicResponse {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub current_leader: LeaderIdAndEpoch,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: ByteString,
    pub port: i32,
    #[field(nullable, default = null)]
    pub rack: Option<ByteString>,
}
