//! `Produce` (key 0): a producer appends record batches.
//!
//! Versions 3–13, flexible from 9. Versions 0–2 are advertised because old librdkafka looks for them, but any
//! request below 3 is refused.
//!
//! - 4: may answer `KAFKA_STORAGE_ERROR`.
//! - 5: response `log_start_offset`.
//! - 7: batches may be compressed with zstd (KIP-110).
//! - 8: a refused batch names the records at fault (KIP-467); response `record_errors`, `error_message`.
//! - 10: a refusal may name the new leader (KIP-951); response `current_leader`, `node_endpoints`.
//! - 11: may answer `TRANSACTION_ABORTABLE` (KIP-890).
//! - 12: inside a transaction of version 2 the request adds its partitions to the transaction itself (KIP-890).
//! - 13: topics are named by id, an unknown one is `UNKNOWN_TOPIC_ID` (KIP-516); request `topic_id`; request
//!   without `name`; response `topic_id`; response without `name`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;
use crate::wire::Records;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 0, versions = "3-13", flexible = "9+")]
pub struct ProduceRequest {
    #[field(nullable, default = null)]
    pub transactional_id: Option<ByteString>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<TopicProduceData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicProduceData {
    #[field(versions = "3-12", ignorable)]
    pub name: ByteString,
    #[field(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    pub partition_data: Vec<PartitionProduceData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionProduceData {
    pub index: i32,
    #[field(nullable, default = null)]
    pub records: Option<Records>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 0, versions = "3-13", flexible = "9+")]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    #[field(versions = "10+", tag = 0)]
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicProduceResponse {
    #[field(versions = "3-12", ignorable)]
    pub name: ByteString,
    #[field(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: ErrorCode,
    pub base_offset: i64,
    #[field(default = -1, ignorable)]
    pub log_append_time_ms: i64,
    #[field(versions = "5+", default = -1, ignorable)]
    pub log_start_offset: i64,
    #[field(versions = "8+", ignorable)]
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    #[field(versions = "8+", nullable, default = null, ignorable)]
    pub error_message: Option<ByteString>,
    #[field(versions = "10+", tag = 0)]
    pub current_leader: LeaderIdAndEpoch,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    #[field(nullable, default = null)]
    pub batch_index_error_message: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct LeaderIdAndEpoch {
    #[field(default = -1)]
    pub leader_id: i32,
    #[field(default = -1)]
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
