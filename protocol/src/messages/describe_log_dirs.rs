//! `DescribeLogDirs` (key 35): the log directories of a broker and what is in them.
//!
//! Versions 1–5, flexible from 2.
//!
//! - 3: response `error_code`.
//! - 4: response `total_bytes`, `usable_bytes`.
//! - 5: response `is_cordoned`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 35, versions = "1-5", flexible = "2+")]
pub struct DescribeLogDirsRequest {
    #[field(nullable)]
    pub topics: Option<Vec<DescribableLogDirTopic>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribableLogDirTopic {
    pub topic: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 35, versions = "1-5", flexible = "2+")]
pub struct DescribeLogDirsResponse {
    pub throttle_time_ms: i32,
    #[field(versions = "3+", ignorable)]
    pub error_code: ErrorCode,
    pub results: Vec<DescribeLogDirsResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeLogDirsResult {
    pub error_code: ErrorCode,
    pub log_dir: ByteString,
    pub topics: Vec<DescribeLogDirsTopic>,
    #[field(versions = "4+", default = -1, ignorable)]
    pub total_bytes: i64,
    #[field(versions = "4+", default = -1, ignorable)]
    pub usable_bytes: i64,
    #[field(versions = "5+", ignorable)]
    pub is_cordoned: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeLogDirsTopic {
    pub name: ByteString,
    pub partitions: Vec<DescribeLogDirsPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DescribeLogDirsPartition {
    pub partition_index: i32,
    pub partition_size: i64,
    pub offset_lag: i64,
    pub is_future_key: bool,
}
