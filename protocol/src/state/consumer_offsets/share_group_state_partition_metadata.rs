//! `ShareGroupStatePartitionMetadata` (type 15): the share-partitions whose state exists, is being made or is being
//! deleted.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 15, versions = "0")]
pub struct ShareGroupStatePartitionMetadataKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 15, versions = "0", flexible = "0+")]
pub struct ShareGroupStatePartitionMetadataValue {
    pub initializing_topics: Vec<TopicPartitionsInfo>,
    pub initialized_topics: Vec<TopicPartitionsInfo>,
    pub deleting_topics: Vec<TopicInfo>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicPartitionsInfo {
    pub topic_id: Uuid,
    pub topic_name: ByteString,
    pub partitions: Vec<i32>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicInfo {
    pub topic_id: Uuid,
    pub topic_name: ByteString,
}
