//! `LeaveGroup` (key 13): members leave a classic consumer group.
//!
//! Versions 0–5, flexible from 4.
//!
//! - 1: response `throttle_time_ms`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: several members at once, by member id or instance id (KIP-345); request `members`; request without
//!   `member_id`; response `members`.
//! - 5: request `reason` (KIP-800).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 13, versions = "0-5", flexible = "4+")]
pub struct LeaveGroupRequest {
    pub group_id: ByteString,
    #[field(versions = "0-2")]
    pub member_id: ByteString,
    #[field(versions = "3+")]
    pub members: Vec<MemberIdentity>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MemberIdentity {
    pub member_id: ByteString,
    #[field(nullable, default = null)]
    pub group_instance_id: Option<ByteString>,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub reason: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 13, versions = "0-5", flexible = "4+")]
pub struct LeaveGroupResponse {
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(versions = "3+")]
    pub members: Vec<MemberResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MemberResponse {
    pub member_id: ByteString,
    #[field(nullable)]
    pub group_instance_id: Option<ByteString>,
    pub error_code: ErrorCode,
}
