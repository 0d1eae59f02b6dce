//! `Heartbeat` (key 12): a member of a classic consumer group is alive.
//!
//! Versions 0–4, flexible from 4.
//!
//! - 1: response `throttle_time_ms`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: static members (KIP-345); request `group_instance_id`.

use bytestring::ByteString;
use naru_protocol_derive::Message;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 12, versions = "0-4", flexible = "4+")]
pub struct HeartbeatRequest {
    pub group_id: ByteString,
    pub generation_id: i32,
    pub member_id: ByteString,
    #[field(versions = "3+", nullable, default = null)]
    pub group_instance_id: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 12, versions = "0-4", flexible = "4+")]
pub struct HeartbeatResponse {
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
}
