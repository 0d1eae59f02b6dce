//! `DeleteRecords` (key 21): everything before an offset is deleted.
//!
//! Versions 0–2, flexible from 2.
//!
//! - 1: over quota, the broker answers first and throttles then.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 21, versions = "0-2", flexible = "2+")]
pub struct DeleteRecordsRequest {
    pub topics: Vec<DeleteRecordsTopic>,
    pub timeout_ms: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteRecordsTopic {
    pub name: ByteString,
    pub partitions: Vec<DeleteRecordsPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteRecordsPartition {
    pub partition_index: i32,
    pub offset: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 21, versions = "0-2", flexible = "2+")]
pub struct DeleteRecordsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DeleteRecordsTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteRecordsTopicResult {
    pub name: ByteString,
    pub partitions: Vec<DeleteRecordsPartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteRecordsPartitionResult {
    pub partition_index: i32,
    pub low_watermark: i64,
    pub error_code: ErrorCode,
}
