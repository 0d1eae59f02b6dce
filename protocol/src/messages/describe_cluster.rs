//! `DescribeCluster` (key 60): the brokers of the cluster and its id.
//!
//! Versions 0–2, flexible.
//!
//! - 1: controllers as endpoints (KIP-919); request `endpoint_type`; response `endpoint_type`.
//! - 2: fenced brokers too (KIP-1073); request `include_fenced_brokers`; response `is_fenced`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 60, versions = "0-2", flexible = "0+")]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    #[field(versions = "1+", default = 1)]
    pub endpoint_type: i8,
    #[field(versions = "2+")]
    pub include_fenced_brokers: bool,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 60, versions = "0-2", flexible = "0+")]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
    #[field(versions = "1+", default = 1)]
    pub endpoint_type: i8,
    pub cluster_id: ByteString,
    #[field(default = -1)]
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterBroker>,
    #[field(default = i32::MIN)]
    pub cluster_authorized_operations: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeClusterBroker {
    pub broker_id: i32,
    pub host: ByteString,
    pub port: i32,
    #[field(nullable, default = null)]
    pub rack: Option<ByteString>,
    #[field(versions = "2+")]
    pub is_fenced: bool,
}
