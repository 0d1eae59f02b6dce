//! `DescribeDelegationToken` (key 41): the delegation tokens of owners.
//!
//! Versions 1–3, flexible from 2.
//!
//! - 3: response `token_requester_principal_type`, `token_requester_principal_name`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 41, versions = "1-3", flexible = "2+")]
pub struct DescribeDelegationTokenRequest {
    #[field(nullable)]
    pub owners: Option<Vec<DescribeDelegationTokenOwner>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeDelegationTokenOwner {
    pub principal_type: ByteString,
    pub principal_name: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 41, versions = "1-3", flexible = "2+")]
pub struct DescribeDelegationTokenResponse {
    pub error_code: ErrorCode,
    pub tokens: Vec<DescribedDelegationToken>,
    pub throttle_time_ms: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribedDelegationToken {
    pub principal_type: ByteString,
    pub principal_name: ByteString,
    #[field(versions = "3+")]
    pub token_requester_principal_type: ByteString,
    #[field(versions = "3+")]
    pub token_requester_principal_name: ByteString,
    pub issue_timestamp: i64,
    pub expiry_timestamp: i64,
    pub max_timestamp: i64,
    pub token_id: ByteString,
    pub hmac: Bytes,
    pub renewers: Vec<DescribedDelegationTokenRenewer>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribedDelegationTokenRenewer {
    pub principal_type: ByteString,
    pub principal_name: ByteString,
}
