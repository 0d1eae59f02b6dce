//! `DeleteGroups` (key 42): groups without members are deleted.
//!
//! Versions 0–3, flexible from 2.
//!
//! - 1: over quota, the broker answers first and throttles then.
//! - 3: response `error_message`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 42, versions = "0-3", flexible = "2+")]
pub struct DeleteGroupsRequest {
    pub groups_names: Vec<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 42, versions = "0-3", flexible = "2+")]
pub struct DeleteGroupsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DeletableGroupResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeletableGroupResult {
    pub group_id: ByteString,
    pub error_code: ErrorCode,
    #[field(versions = "3+", nullable, default = null, ignorable)]
    pub error_message: Option<ByteString>,
}
