//! `AlterReplicaLogDirs` (key 34): replicas move to another log directory.
//!
//! Versions 1–2, flexible from 2.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 34, versions = "1-2", flexible = "2+")]
pub struct AlterReplicaLogDirsRequest {
    pub dirs: Vec<AlterReplicaLogDir>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterReplicaLogDir {
    pub path: ByteString,
    pub topics: Vec<AlterReplicaLogDirTopic>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterReplicaLogDirTopic {
    pub name: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 34, versions = "1-2", flexible = "2+")]
pub struct AlterReplicaLogDirsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterReplicaLogDirTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterReplicaLogDirTopicResult {
    pub topic_name: ByteString,
    pub partitions: Vec<AlterReplicaLogDirPartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct AlterReplicaLogDirPartitionResult {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}
