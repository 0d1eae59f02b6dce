//! `ShareGroupMemberMetadata` (type 10): what a member of a share group said about itself.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::Message;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 10, versions = "0")]
pub struct ShareGroupMemberMetadataKey {
    pub group_id: ByteString,
    pub member_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 10, versions = "0", flexible = "0+")]
pub struct ShareGroupMemberMetadataValue {
    #[field(nullable)]
    pub rack_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub subscribed_topic_names: Vec<ByteString>,
}
