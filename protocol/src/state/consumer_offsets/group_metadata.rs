//! `GroupMetadata` (type 2): a classic group: generation, protocol, members and their assignment.
//!
//! The value has versions 0–4.
//!
//! - 1: `rebalance_timeout`.
//! - 2: `current_state_timestamp`.
//! - 3: `group_instance_id`.
//! - 4: flexible.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 2, versions = "0")]
pub struct GroupMetadataKey {
    pub group: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 2, versions = "0-4", flexible = "4+")]
pub struct GroupMetadataValue {
    pub protocol_type: ByteString,
    pub generation: i32,
    #[field(nullable)]
    pub protocol: Option<ByteString>,
    #[field(nullable)]
    pub leader: Option<ByteString>,
    #[field(versions = "2+", default = -1, ignorable)]
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct MemberMetadata {
    pub member_id: ByteString,
    #[field(versions = "3+", nullable, default = null, ignorable)]
    pub group_instance_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    #[field(versions = "1+", default = -1, ignorable)]
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}
