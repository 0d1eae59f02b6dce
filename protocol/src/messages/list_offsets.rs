//! `ListOffsets` (key 2): which offset belongs to a time stamp, or to an end of the log.
//!
//! Versions 1–11, flexible from 6.
//!
//! - 2: read-committed readers see the last stable offset; request `isolation_level`; response `throttle_time_ms`.
//! - 3: over quota, the broker answers first and throttles then.
//! - 4: fencing by leader epoch (KIP-320); request `current_leader_epoch`; response `leader_epoch`.
//! - 5: may answer `OFFSET_NOT_AVAILABLE`.
//! - 7: time stamp −3 asks for the record with the largest time stamp (KIP-734).
//! - 8: −4 asks for the start of the local log (KIP-405).
//! - 9: −5 asks for the last tiered offset (KIP-1005).
//! - 10: remote look-ups get a time limit (KIP-1075); request `timeout_ms`.
//! - 11: −6 asks for the first offset not yet uploaded (KIP-1023).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 2, versions = "1-11", flexible = "6+")]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    #[field(versions = "2+")]
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsTopic>,
    #[field(versions = "10+", ignorable)]
    pub timeout_ms: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ListOffsetsTopic {
    pub name: ByteString,
    pub partitions: Vec<ListOffsetsPartition>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ListOffsetsPartition {
    pub partition_index: i32,
    #[field(versions = "4+", default = -1, ignorable)]
    pub current_leader_epoch: i32,
    pub timestamp: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 2, versions = "1-11", flexible = "6+")]
pub struct ListOffsetsResponse {
    #[field(versions = "2+", ignorable)]
    pub throttle_time_ms: i32,
    pub topics: Vec<ListOffsetsTopicResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ListOffsetsTopicResponse {
    pub name: ByteString,
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ListOffsetsPartitionResponse {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    #[field(default = -1)]
    pub timestamp: i64,
    #[field(default = -1)]
    pub offset: i64,
    #[field(versions = "4+", default = -1)]
    pub leader_epoch: i32,
}
