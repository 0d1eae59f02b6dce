//! `ExpireDelegationToken` (key 40): a delegation token gets an earlier expiry.
//!
//! Versions 1–2, flexible from 2.

use bytes::Bytes;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 40, versions = "1-2", flexible = "2+")]
pub struct ExpireDelegationTokenRequest {
    pub hmac: Bytes,
    pub expiry_time_period_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 40, versions = "1-2", flexible = "2+")]
pub struct ExpireDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub expiry_timestamp_ms: i64,
    pub throttle_time_ms: i32,
}
