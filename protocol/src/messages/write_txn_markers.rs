//! `WriteTxnMarkers` (key 27): a transaction coordinator has the end of a transaction written into the logs.
//!
//! Versions 1–2, flexible.
//!
//! - 2: request `transaction_version` (KIP-1228).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 27, versions = "1-2", flexible = "1+")]
pub struct WriteTxnMarkersRequest {
    pub markers: Vec<WritableTxnMarker>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WritableTxnMarker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transaction_result: bool,
    pub topics: Vec<WritableTxnMarkerTopic>,
    pub coordinator_epoch: i32,
    #[field(versions = "2+", ignorable)]
    pub transaction_version: i8,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WritableTxnMarkerTopic {
    pub name: ByteString,
    pub partition_indexes: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 27, versions = "1-2", flexible = "1+")]
pub struct WriteTxnMarkersResponse {
    pub markers: Vec<WritableTxnMarkerResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WritableTxnMarkerResult {
    pub producer_id: i64,
    pub topics: Vec<WritableTxnMarkerTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WritableTxnMarkerTopicResult {
    pub name: ByteString,
    pub partitions: Vec<WritableTxnMarkerPartitionResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct WritableTxnMarkerPartitionResult {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}
