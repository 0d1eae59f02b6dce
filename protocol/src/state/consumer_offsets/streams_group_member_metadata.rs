//! `StreamsGroupMemberMetadata` (type 19): what a member of a streams group said about itself.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 19, versions = "0")]
pub struct StreamsGroupMemberMetadataKey {
    pub group_id: ByteString,
    pub member_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 19, versions = "0", flexible = "0+")]
pub struct StreamsGroupMemberMetadataValue {
    #[field(nullable)]
    pub instance_id: Option<ByteString>,
    #[field(nullable)]
    pub rack_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    #[field(default = -1)]
    pub rebalance_timeout_ms: i32,
    pub topology_epoch: i32,
    pub process_id: ByteString,
    #[field(nullable, default = null)]
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Vec<KeyValue>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Endpoint {
    pub host: ByteString,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct KeyValue {
    pub key: ByteString,
    pub value: ByteString,
}
