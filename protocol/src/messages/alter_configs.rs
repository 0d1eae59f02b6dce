//! `AlterConfigs` (key 33): the configuration of resources is replaced as a whole.
//!
//! Versions 0–2, flexible from 2.
//!
//! - 1: over quota, the broker answers first and throttles then.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 33, versions = "0-2", flexible = "2+")]
pub struct AlterConfigsRequest {
    pub resources: Vec<AlterConfigsResource>,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterConfigsResource {
    pub resource_type: i8,
    pub resource_name: ByteString,
    pub configs: Vec<AlterableConfig>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterableConfig {
    pub name: ByteString,
    #[field(nullable)]
    pub value: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 33, versions = "0-2", flexible = "2+")]
pub struct AlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<AlterConfigsResourceResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterConfigsResourceResponse {
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub resource_type: i8,
    pub resource_name: ByteString,
}
