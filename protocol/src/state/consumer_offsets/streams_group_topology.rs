//! `StreamsGroupTopology` (type 23): the topology of a streams group.
//!
//! The value has version 0.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 23, versions = "0")]
pub struct StreamsGroupTopologyKey {
    pub group_id: ByteString,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 23, versions = "0", flexible = "0+")]
pub struct StreamsGroupTopologyValue {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct Subtopology {
    pub subtopology_id: ByteString,
    pub source_topics: Vec<ByteString>,
    pub source_topic_regex: Vec<ByteString>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_sink_topics: Vec<ByteString>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub copartition_groups: Vec<CopartitionGroup>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicInfo {
    pub name: ByteString,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<TopicConfig>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopicConfig {
    pub key: ByteString,
    pub value: ByteString,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct CopartitionGroup {
    pub source_topics: Vec<i16>,
    pub source_topic_regex: Vec<i16>,
    pub repartition_source_topics: Vec<i16>,
}
