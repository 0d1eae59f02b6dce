//! `CreateDelegationToken` (key 38): a delegation token is made.
//!
//! Versions 1–3, flexible from 2.
//!
//! - 3: for another owner (KIP-373); request `owner_principal_type`, `owner_principal_name`; response
//!   `token_requester_principal_type`, `token_requester_principal_name`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 38, versions = "1-3", flexible = "2+")]
pub struct CreateDelegationTokenRequest {
    #[field(versions = "3+", nullable)]
    pub owner_principal_type: Option<ByteString>,
    #[field(versions = "3+", nullable)]
    pub owner_principal_name: Option<ByteString>,
    pub renewers: Vec<CreatableRenewers>,
    pub max_lifetime_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CreatableRenewers {
    pub principal_type: ByteString,
    pub principal_name: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 38, versions = "1-3", flexible = "2+")]
pub struct CreateDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub principal_type: ByteString,
    pub principal_name: ByteString,
    #[field(versions = "3+")]
    pub token_requester_principal_type: ByteString,
    #[field(versions = "3+")]
    pub token_requester_principal_name: ByteString,
    pub issue_timestamp_ms: i64,
    pub expiry_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub token_id: ByteString,
    pub hmac: Bytes,
    pub throttle_time_ms: i32,
}
