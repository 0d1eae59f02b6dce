//! `SaslHandshake` (key 17): the client names the SASL mechanism it wants.
//!
//! Versions 0–1, not flexible. Never flexible: old clients decide by this version range.
//!
//! - 1: the exchange goes on in `SaslAuthenticate` requests instead of raw frames (KIP-152).

use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 17, versions = "0-1")]
pub struct SaslHandshakeRequest {
    pub mechanism: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 17, versions = "0-1")]
pub struct SaslHandshakeResponse {
    pub error_code: ErrorCode,
    pub mechanisms: Vec<ByteString>,
}
