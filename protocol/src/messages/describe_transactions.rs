//! `DescribeTransactions` (key 65): the state of transactions by transactional id.
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 65, versions = "0", flexible = "0+")]
pub struct DescribeTransactionsRequest {
    pub transactional_ids: Vec<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 65, versions = "0", flexible = "0+")]
pub struct DescribeTransactionsResponse {
    pub throttle_time_ms: i32,
    pub transaction_states: Vec<TransactionState>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TransactionState {
    pub error_code: ErrorCode,
    pub transactional_id: ByteString,
    pub transaction_state: ByteString,
    pub transaction_timeout_ms: i32,
    pub transaction_start_time_ms: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub topics: Vec<TopicData>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicData {
    pub topic: ByteString,
    pub partitions: Vec<i32>,
}
