//! `ListGroups` (key 16): the groups of a broker.
//!
//! Versions 0–5, flexible from 3.
//!
//! - 1: response `throttle_time_ms`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 4: filter by state (KIP-518); request `states_filter`; response `group_state`.
//! - 5: filter by type (KIP-848); request `types_filter`; response `group_type`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 16, versions = "0-5", flexible = "3+")]
pub struct ListGroupsRequest {
    #[field(versions = "4+")]
    pub states_filter: Vec<ByteString>,
    #[field(versions = "5+")]
    pub types_filter: Vec<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 16, versions = "0-5", flexible = "3+")]
pub struct ListGroupsResponse {
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub groups: Vec<ListedGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ListedGroup {
    pub group_id: ByteString,
    pub protocol_type: ByteString,
    #[field(versions = "4+", ignorable)]
    pub group_state: ByteString,
    #[field(versions = "5+", ignorable)]
    pub group_type: ByteString,
}
