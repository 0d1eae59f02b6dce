//! `SaslAuthenticate` (key 36): one step of a SASL exchange.
//!
//! Versions 0–2, flexible from 2.
//!
//! - 1: the session ends after a while, the client authenticates again (KIP-368); response `session_lifetime_ms`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 36, versions = "0-2", flexible = "2+")]
pub struct SaslAuthenticateRequest {
    pub auth_bytes: Bytes,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 36, versions = "0-2", flexible = "2+")]
pub struct SaslAuthenticateResponse {
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub auth_bytes: Bytes,
    #[field(versions = "1+", ignorable)]
    pub session_lifetime_ms: i64,
}
