//! `JoinGroup` (key 11): a member enters a classic consumer group, or enters it again for a rebalance.
//!
//! Versions 0–9, flexible from 6.
//!
//! - 1: request `rebalance_timeout_ms`.
//! - 2: response `throttle_time_ms`.
//! - 3: over quota, the broker answers first and throttles then.
//! - 4: the first join without an id is answered with `MEMBER_ID_REQUIRED` and the id to use (KIP-394).
//! - 5: static members (KIP-345); request `group_instance_id`; response `group_instance_id`.
//! - 7: response `protocol_type` (KIP-559).
//! - 8: request `reason` (KIP-800).
//! - 9: a leader that returns may keep the assignment (KIP-814); response `skip_assignment`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 11, versions = "0-9", flexible = "6+")]
pub struct JoinGroupRequest {
    pub group_id: ByteString,
    pub session_timeout_ms: i32,
    #[field(versions = "1+", default = -1, ignorable)]
    pub rebalance_timeout_ms: i32,
    pub member_id: ByteString,
    #[field(versions = "5+", nullable, default = null)]
    pub group_instance_id: Option<ByteString>,
    pub protocol_type: ByteString,
    pub protocols: Vec<JoinGroupRequestProtocol>,
    #[field(versions = "8+", nullable, default = null, ignorable)]
    pub reason: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct JoinGroupRequestProtocol {
    pub name: ByteString,
    pub metadata: Bytes,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 11, versions = "0-9", flexible = "6+")]
pub struct JoinGroupResponse {
    #[field(versions = "2+", ignorable)]
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(default = -1)]
    pub generation_id: i32,
    #[field(versions = "7+", nullable, default = null, ignorable)]
    pub protocol_type: Option<ByteString>,
    #[field(nullable = "7+")]
    pub protocol_name: Option<ByteString>,
    pub leader: ByteString,
    #[field(versions = "9+")]
    pub skip_assignment: bool,
    pub member_id: ByteString,
    pub members: Vec<JoinGroupResponseMember>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct JoinGroupResponseMember {
    pub member_id: ByteString,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub group_instance_id: Option<ByteString>,
    pub metadata: Bytes,
}
