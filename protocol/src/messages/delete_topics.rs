//! `DeleteTopics` (key 20): topics are deleted.
//!
//! Versions 1–6, flexible from 4.
//!
//! - 2: over quota, the broker answers first and throttles then.
//! - 3: may answer `TOPIC_DELETION_DISABLED`.
//! - 5: may answer `THROTTLING_QUOTA_EXCEEDED` (KIP-599); response `error_message`.
//! - 6: by name or by id (KIP-516); request `topics`; request without `topic_names`; response `topic_id`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 20, versions = "1-6", flexible = "4+")]
pub struct DeleteTopicsRequest {
    #[field(versions = "6+")]
    pub topics: Vec<DeleteTopicState>,
    #[field(versions = "1-5", ignorable)]
    pub topic_names: Vec<ByteString>,
    pub timeout_ms: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeleteTopicState {
    #[field(nullable, default = null)]
    pub name: Option<ByteString>,
    pub topic_id: Uuid,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 20, versions = "1-6", flexible = "4+")]
pub struct DeleteTopicsResponse {
    #[field(ignorable)]
    pub throttle_time_ms: i32,
    pub responses: Vec<DeletableTopicResult>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct DeletableTopicResult {
    #[field(nullable = "6+")]
    pub name: Option<ByteString>,
    #[field(versions = "6+", ignorable)]
    pub topic_id: Uuid,
    pub error_code: ErrorCode,
    #[field(versions = "5+", nullable, default = null, ignorable)]
    pub error_message: Option<ByteString>,
}
