//! `RenewDelegationToken` (key 39): a delegation token gets a later expiry.
//!
//! Versions 1–2, flexible from 2.

use bytes::Bytes;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 39, versions = "1-2", flexible = "2+")]
pub struct RenewDelegationTokenRequest {
    pub hmac: Bytes,
    pub renew_period_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 39, versions = "1-2", flexible = "2+")]
pub struct RenewDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub expiry_timestamp_ms: i64,
    pub throttle_time_ms: i32,
}
