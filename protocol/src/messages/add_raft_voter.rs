//! `AddRaftVoter` (key 80): a controller joins the metadata quorum (KIP-853).
//!
//! Versions 0–1, flexible.
//!
//! - 1: request `ack_when_committed`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 80, versions = "0-1", flexible = "0+")]
pub struct AddRaftVoterRequest {
    #[field(nullable)]
    pub cluster_id: Option<ByteString>,
    pub timeout_ms: i32,
    pub voter_id: i32,
    pub voter_directory_id: Uuid,
    pub listeners: Vec<Listener>,
    #[field(versions = "1+", default = true)]
    pub ack_when_committed: bool,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Listener {
    pub name: ByteString,
    pub host: ByteString,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 80, versions = "0-1", flexible = "0+")]
pub struct AddRaftVoterResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, ignorable)]
    pub error_message: Option<ByteString>,
}
