//! `FindCoordinator` (key 10): which broker coordinates a group, a transaction or a share group.
//!
//! Versions 0–6, flexible from 3.
//!
//! - 1: transactional ids beside groups; request `key_type`; response `throttle_time_ms`, `error_message`.
//! - 2: over quota, the broker answers first and throttles then.
//! - 4: several keys in one request (KIP-699); request `coordinator_keys`; request without `key`; response
//!   `coordinators`; response without `error_code`, `error_message`, `node_id`, `host`, `port`.
//! - 5: may answer `TRANSACTION_ABORTABLE` (KIP-890).
//! - 6: share groups, key type 2, with keys of the form `group:topicId:partition` (KIP-932).

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 10, versions = "0-6", flexible = "3+")]
pub struct FindCoordinatorRequest {
    #[field(versions = "0-3")]
    pub key: ByteString,
    #[field(versions = "1+")]
    pub key_type: i8,
    #[field(versions = "4+")]
    pub coordinator_keys: Vec<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 10, versions = "0-6", flexible = "3+")]
pub struct FindCoordinatorResponse {
    #[field(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[field(versions = "0-3")]
    pub error_code: ErrorCode,
    #[field(versions = "1-3", nullable, ignorable)]
    pub error_message: Option<ByteString>,
    #[field(versions = "0-3")]
    pub node_id: i32,
    #[field(versions = "0-3")]
    pub host: ByteString,
    #[field(versions = "0-3")]
    pub port: i32,
    #[field(versions = "4+")]
    pub coordinators: Vec<Coordinator>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Coordinator {
    pub key: ByteString,
    pub node_id: i32,
    pub host: ByteString,
    pub port: i32,
    pub error_code: ErrorCode,
    #[field(nullable, ignorable)]
    pub error_message: Option<ByteString>,
}
