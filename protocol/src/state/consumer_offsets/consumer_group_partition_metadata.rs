//! `ConsumerGroupPartitionMetadata` (type 4): the partitions of the topics that a consumer group reads. Written
//! before Kafka 4.1; the hash in `ConsumerGroupMetadata` took its place.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 4, versions = "0")]
pub struct ConsumerGroupPartitionMetadataKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 4, versions = "0", flexible = "0+")]
pub struct ConsumerGroupPartitionMetadataValue {
    pub topics: Vec<TopicMetadata>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicMetadata {
    pub topic_id: Uuid,
    pub topic_name: ByteString,
    pub num_partitions: i32,
    pub partition_metadata: Vec<PartitionMetadata>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct PartitionMetadata {
    pub partition: i32,
    pub racks: Vec<ByteString>,
}
