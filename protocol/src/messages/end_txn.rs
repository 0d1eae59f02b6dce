//! `EndTxn` (key 26): a transaction is committed or aborted.
//!
//! Versions 0–5, flexible from 3.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 2: may answer `PRODUCER_FENCED`.
//! - 4: may answer `TRANSACTION_ABORTABLE` (KIP-890).
//! - 5: every transaction raises the epoch, and the response tells the new one (KIP-890); response `producer_id`,
//!   `producer_epoch`.

use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 26, versions = "0-5", flexible = "3+")]
pub struct EndTxnRequest {
    pub transactional_id: ByteString,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub committed: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 26, versions = "0-5", flexible = "3+")]
pub struct EndTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(versions = "5+", default = -1, ignorable)]
    pub producer_id: i64,
    #[field(versions = "5+", default = -1, ignorable)]
    pub producer_epoch: i16,
}
