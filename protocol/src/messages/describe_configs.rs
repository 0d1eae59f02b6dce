//! `DescribeConfigs` (key 32): the configuration of topics, brokers, groups.
//!
//! Versions 1–4, flexible from 4.
//!
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: request `include_documentation`; response `config_type`, `documentation`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 32, versions = "1-4", flexible = "4+")]
pub struct DescribeConfigsRequest {
    pub resources: Vec<DescribeConfigsResource>,
    pub include_synonyms: bool,
    #[field(versions = "3+")]
    pub include_documentation: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeConfigsResource {
    pub resource_type: i8,
    pub resource_name: ByteString,
    #[field(nullable)]
    pub configuration_keys: Option<Vec<ByteString>>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 32, versions = "1-4", flexible = "4+")]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DescribeConfigsResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeConfigsResult {
    pub error_code: ErrorCode,
    #[field(nullable)]
    pub error_message: Option<ByteString>,
    pub resource_type: i8,
    pub resource_name: ByteString,
    pub configs: Vec<DescribeConfigsResourceResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeConfigsResourceResult {
    pub name: ByteString,
    #[field(nullable)]
    pub value: Option<ByteString>,
    pub read_only: bool,
    #[field(default = -1, ignorable)]
    pub config_source: i8,
    pub is_sensitive: bool,
    #[field(ignorable)]
    pub synonyms: Vec<DescribeConfigsSynonym>,
    #[field(versions = "3+", ignorable)]
    pub config_type: i8,
    #[field(versions = "3+", nullable, ignorable)]
    pub documentation: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeConfigsSynonym {
    pub name: ByteString,
    #[field(nullable)]
    pub value: Option<ByteString>,
    pub source: i8,
}
