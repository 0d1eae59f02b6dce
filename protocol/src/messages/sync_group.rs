//! `SyncGroup` (key 14): the leader hands over the assignment, every member gets its part.
//!
//! Versions 0–5, flexible from 4.
//!
//! - 1: response `throttle_time_ms`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: static members (KIP-345); request `group_instance_id`.
//! - 5: protocol type and name must be those of the group (KIP-559); request `protocol_type`, `protocol_name`;
//!   response `protocol_type`, `protocol_name`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 14, versions = "0-5", flexible = "4+")]
pub struct SyncGroupRequest {
    pub group_id: ByteString,
    pub generation_id: i32,
    pub member_id: ByteString,
    #[field(versions = "3+", nullable, default = null)]
    pub group_instance_id: Option<ByteString>,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub protocol_type: Option<ByteString>,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub protocol_name: Option<ByteString>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct SyncGroupRequestAssignment {
    pub member_id: ByteString,
    pub assignment: Bytes,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 14, versions = "0-5", flexible = "4+")]
pub struct SyncGroupResponse {
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub protocol_type: Option<ByteString>,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub protocol_name: Option<ByteString>,
    pub assignment: Bytes,
}
