//! `ListTransactions` (key 66): the transactions of a coordinator.
//!
//! Versions 0–2, flexible.
//!
//! - 1: request `duration_filter` (KIP-994).
//! - 2: request `transactional_id_pattern` (KIP-1152).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 66, versions = "0-2", flexible = "0+")]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<ByteString>,
    pub producer_id_filters: Vec<i64>,
    #[field(versions = "1+", default = -1)]
    pub duration_filter: i64,
    #[field(versions = "2+", nullable, default = null)]
    pub transactional_id_pattern: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 66, versions = "0-2", flexible = "0+")]
pub struct ListTransactionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub unknown_state_filters: Vec<ByteString>,
    pub transaction_states: Vec<TransactionState>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TransactionState {
    pub transactional_id: ByteString,
    pub producer_id: i64,
    pub transaction_state: ByteString,
}
