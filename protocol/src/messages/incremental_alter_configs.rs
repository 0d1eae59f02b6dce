//! `IncrementalAlterConfigs` (key 44): single configuration values are set, deleted, appended or subtracted.
//!
//! Versions 0–1, flexible from 1.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 44, versions = "0-1", flexible = "1+")]
pub struct IncrementalAlterConfigsRequest {
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
    pub config_operation: i8,
    #[field(nullable)]
    pub value: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 44, versions = "0-1", flexible = "1+")]
pub struct IncrementalAlterConfigsResponse {
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
