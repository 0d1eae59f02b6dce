//! `RemoveRaftVoter` (key 81): a controller leaves the metadata quorum (KIP-853).
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::Message;
use uuid::Uuid;

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 81, versions = "0", flexible = "0+")]
pub struct RemoveRaftVoterRequest {
    #[field(nullable)]
    pub cluster_id: Option<ByteString>,
    pub voter_id: i32,
    pub voter_directory_id: Uuid,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 81, versions = "0", flexible = "0+")]
pub struct RemoveRaftVoterResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, ignorable)]
    pub error_message: Option<ByteString>,
}
