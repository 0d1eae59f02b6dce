//! `AddOffsetsToTxn` (key 25): the offsets of a group become part of a transaction.
//!
//! Versions 0–4, flexible from 3.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 2: may answer `PRODUCER_FENCED`.
//! - 4: may answer `TRANSACTION_ABORTABLE` (KIP-890).

use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 25, versions = "0-4", flexible = "3+")]
pub struct AddOffsetsToTxnRequest {
    pub transactional_id: ByteString,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 25, versions = "0-4", flexible = "3+")]
pub struct AddOffsetsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}
