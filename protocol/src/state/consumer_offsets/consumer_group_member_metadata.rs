//! `ConsumerGroupMemberMetadata` (type 5): what a member of a consumer group said about itself.
//!
//! The value has version 0.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 5, versions = "0")]
pub struct ConsumerGroupMemberMetadataKey {
    pub group_id: ByteString,
    pub member_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 5, versions = "0", flexible = "0+")]
pub struct ConsumerGroupMemberMetadataValue {
    #[field(nullable)]
    pub instance_id: Option<ByteString>,
    #[field(nullable)]
    pub rack_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub subscribed_topic_names: Vec<ByteString>,
    #[field(nullable)]
    pub subscribed_topic_regex: Option<ByteString>,
    #[field(default = -1)]
    pub rebalance_timeout_ms: i32,
    #[field(nullable)]
    pub server_assignor: Option<ByteString>,
    #[field(nullable, tag = 0)]
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct ClassicProtocol {
    pub name: ByteString,
    pub metadata: Bytes,
}
