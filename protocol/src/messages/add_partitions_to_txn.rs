//! `AddPartitionsToTxn` (key 24): partitions become part of a transaction.
//!
//! Versions 0–5, flexible from 3.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 2: may answer `PRODUCER_FENCED`.
//! - 4: between brokers: several transactions, and checks without adding; request `transactions`; request without
//!   `v3_and_below_transactional_id`, `v3_and_below_producer_id`, `v3_and_below_producer_epoch`,
//!   `v3_and_below_topics`; response `error_code`, `results_by_transaction`; response without
//!   `results_by_topic_v3_and_below`.
//! - 5: may answer `TRANSACTION_ABORTABLE` (KIP-890).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 24, versions = "0-5", flexible = "3+")]
pub struct AddPartitionsToTxnRequest {
    #[field(versions = "4+")]
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    #[field(versions = "0-3")]
    pub v3_and_below_transactional_id: ByteString,
    #[field(versions = "0-3")]
    pub v3_and_below_producer_id: i64,
    #[field(versions = "0-3")]
    pub v3_and_below_producer_epoch: i16,
    #[field(versions = "0-3")]
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: ByteString,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AddPartitionsToTxnTopic {
    pub name: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 24, versions = "0-5", flexible = "3+")]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    #[field(versions = "4+", ignorable)]
    pub error_code: ErrorCode,
    #[field(versions = "4+")]
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    #[field(versions = "0-3")]
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AddPartitionsToTxnResult {
    pub transactional_id: ByteString,
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AddPartitionsToTxnTopicResult {
    pub name: ByteString,
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AddPartitionsToTxnPartitionResult {
    pub partition_index: i32,
    pub partition_error_code: ErrorCode,
}
