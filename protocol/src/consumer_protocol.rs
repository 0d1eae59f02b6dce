//! What members of a classic group say to each other through the coordinator, when they use the protocol type `consumer`.
//!
//! The subscription is the metadata of a protocol in `JoinGroup`; the assignment is what the leader makes for each member in
//! `SyncGroup`. Two bytes in front tell the version; a version from the future is read as the newest known one, because later
//! versions only add fields at the end.
//!
//! Versions 0–3, not flexible. In the subscription:
//!
//! - 1: `owned_partitions`, for incremental rebalances (KIP-429).
//! - 2: `generation_id` (KIP-792).
//! - 3: `rack_id` (KIP-881).
// Names, order and meaning of the fields are Kafka's own.
#![allow(missing_docs)]

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::versioned;
use crate::wire::{DecodeError, EncodeError, Message, Reader};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(versions = "0-3")]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<ByteString>,
    #[field(nullable, default = null)]
    pub user_data: Option<Bytes>,
    #[field(versions = "1+", ignorable)]
    pub owned_partitions: Vec<TopicPartition>,
    #[field(versions = "2+", default = -1, ignorable)]
    pub generation_id: i32,
    #[field(versions = "3+", nullable, default = null, ignorable)]
    pub rack_id: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartition {
    pub topic: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(versions = "0-3")]
pub struct ConsumerProtocolAssignment {
    pub assigned_partitions: Vec<TopicPartition>,
    #[field(nullable, default = null)]
    pub user_data: Option<Bytes>,
}
impl ConsumerProtocolSubscription {
    /// Reads the metadata of a member.
    pub fn from_bytes(bytes: Bytes) -> Result<ConsumerProtocolSubscription, DecodeError> {
        decode(bytes)
    }

    /// The metadata of a member.
    pub fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        versioned::encode(self, version)
    }
}

impl ConsumerProtocolAssignment {
    /// Reads the assignment of a member.
    pub fn from_bytes(bytes: Bytes) -> Result<ConsumerProtocolAssignment, DecodeError> {
        decode(bytes)
    }

    /// The assignment of a member.
    pub fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        versioned::encode(self, version)
    }
}

fn decode<M: Message>(bytes: Bytes) -> Result<M, DecodeError> {
    let mut r = Reader::new(bytes);
    let version = i16::from_be_bytes(r.array()?);
    let readable = version.min(*M::VERSIONS.end());
    let known = M::known_version(readable).ok_or(DecodeError::UnknownVersion { name: M::NAME, version })?;
    M::decode(&mut r, known)
}
