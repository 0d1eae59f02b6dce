//! `ListConfigResources` (key 74): which resources have a configuration.
//!
//! Versions 0–1, flexible.
//!
//! - 1: resources of every type; version 0 knows client metrics alone (KIP-1142); request `resource_types`;
//!   response `resource_type`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 74, versions = "0-1", flexible = "0+")]
pub struct ListConfigResourcesRequest {
    #[field(versions = "1+")]
    pub resource_types: Vec<i8>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 74, versions = "0-1", flexible = "0+")]
pub struct ListConfigResourcesResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub config_resources: Vec<ConfigResource>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ConfigResource {
    pub resource_name: ByteString,
    #[field(versions = "1+", default = 16, ignorable)]
    pub resource_type: i8,
}
