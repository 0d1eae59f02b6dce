//! `StreamsGroupTopologyDescriptionUpdate` (key 93): a streams client describes its topology (KIP-1331).
//!
//! Version 0, flexible.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};

use crate::ErrorCode;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 93, versions = "0", flexible = "0+")]
pub struct StreamsGroupTopologyDescriptionUpdateRequest {
    pub group_id: ByteString,
    pub member_id: ByteString,
    pub topology_epoch: i32,
    pub topology_description: TopologyDescription,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescription {
    pub subtopologies: Vec<TopologyDescriptionSubtopology>,
    pub global_stores: Vec<TopologyDescriptionGlobalStore>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescriptionSubtopology {
    pub subtopology_id: ByteString,
    pub nodes: Vec<TopologyDescriptionNode>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescriptionNode {
    pub name: ByteString,
    pub node_type: i8,
    pub source_topics: Vec<ByteString>,
    #[field(nullable, default = null)]
    pub sink_topic: Option<ByteString>,
    pub stores: Vec<ByteString>,
    pub successors: Vec<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct TopologyDescriptionGlobalStore {
    pub source: TopologyDescriptionNode,
    pub processor: TopologyDescriptionNode,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(key = 93, versions = "0", flexible = "0+")]
pub struct StreamsGroupTopologyDescriptionUpdateResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    #[field(nullable, default = null)]
    pub error_message: Option<ByteString>,
}
