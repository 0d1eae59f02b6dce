//! `StreamsGroupMetadata` (type 17): the epoch of a streams group.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 17, versions = "0")]
pub struct StreamsGroupMetadataKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 17, versions = "0", flexible = "0+")]
pub struct StreamsGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
    #[field(tag = 0, default = -1)]
    pub validated_topology_epoch: i32,
    #[field(nullable, tag = 1)]
    pub last_assignment_configs: Option<Vec<LastAssignmentConfig>>,
    #[field(tag = 2, default = -1)]
    pub stored_description_topology_epoch: i32,
    #[field(tag = 3, default = -1)]
    pub failed_description_topology_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct LastAssignmentConfig {
    pub key: ByteString,
    pub value: ByteString,
}
