//! `DescribeGroups` (key 15): the members and the state of classic groups.
//!
//! Versions 0–6, flexible from 5.
//!
//! - 1: response `throttle_time_ms`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: request `include_authorized_operations`; response `authorized_operations`.
//! - 4: static members (KIP-345); response `group_instance_id`.
//! - 6: an unknown group is `GROUP_ID_NOT_FOUND` (KIP-1043); response `error_message`.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 15, versions = "0-6", flexible = "5+")]
pub struct DescribeGroupsRequest {
    pub groups: Vec<ByteString>,
    #[field(versions = "3+")]
    pub include_authorized_operations: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 15, versions = "0-6", flexible = "5+")]
pub struct DescribeGroupsResponse {
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribedGroup {
    pub error_code: ErrorCode,
    #[field(versions = "6+", nullable, default = null)]
    pub error_message: Option<ByteString>,
    pub group_id: ByteString,
    pub group_state: ByteString,
    pub protocol_type: ByteString,
    pub protocol_data: ByteString,
    pub members: Vec<DescribedGroupMember>,
    #[field(versions = "3+", default = i32::MIN)]
    pub authorized_operations: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribedGroupMember {
    pub member_id: ByteString,
    #[field(versions = "4+", nullable, default = null, ignorable)]
    pub group_instance_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}
