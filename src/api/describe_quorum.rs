//! DescribeQuorum (key 55), versions 0–2: who keeps the metadata log, and how far it is.
//!
//! - 1: when each was last heard of (KIP-836).
//! - 2: the directory of each, and the addresses of all (KIP-853).
//!
//! A single node is the leader and the only voter.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, DescribeQuorumResponsePartitionData,
    DescribeQuorumResponseTopicData, Listener, Node, ReplicaState, TopicData,
};
use uuid::Uuid;

use crate::broker::Broker;
use crate::metadata::METADATA_TOPIC;

use super::{Answer, RequestContext};

/// The first version with directories and addresses.
const DIRECTORIES_SINCE: i16 = 2;

pub(super) fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: DescribeQuorumRequest,
) -> Answer<DescribeQuorumResponse> {
    Answer::Ready(if asks_for_the_metadata_log(&request.topics) {
        let has_directories = context.version >= DIRECTORIES_SINCE;
        let directory = if has_directories { broker.directory_id() } else { Uuid::nil() };
        let partitions = vec![metadata_log(&broker, directory)];
        let topics = vec![DescribeQuorumResponseTopicData { topic_name: METADATA_TOPIC.into(), partitions }];
        let nodes = if has_directories { vec![this_node(&broker, &context)] } else { Vec::new() };
        DescribeQuorumResponse { topics, nodes, ..Default::default() }
    } else {
        DescribeQuorumResponse { topics: request.topics.into_iter().map(unknown).collect(), ..Default::default() }
    })
}

/// The metadata log, and nothing besides it, is what can be asked for.
fn asks_for_the_metadata_log(topics: &[TopicData]) -> bool {
    matches!(topics, [topic] if topic.topic_name == METADATA_TOPIC
        && matches!(&*topic.partitions, [partition] if partition.partition_index == 0))
}

fn unknown(topic: TopicData) -> DescribeQuorumResponseTopicData {
    let partitions = topic.partitions.into_iter().map(|partition| DescribeQuorumResponsePartitionData {
        partition_index: partition.partition_index,
        error_code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        error_message: Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.message().into()),
        ..Default::default()
    });
    DescribeQuorumResponseTopicData { topic_name: topic.topic_name, partitions: partitions.collect() }
}

fn metadata_log(broker: &Broker, directory: Uuid) -> DescribeQuorumResponsePartitionData {
    let end = broker.metadata().log_end();
    let now_ms = broker.now_ms();
    let voter = ReplicaState {
        replica_id: broker.node_id(),
        replica_directory_id: directory,
        log_end_offset: end.offset,
        last_fetch_timestamp: now_ms,
        last_caught_up_timestamp: now_ms,
    };
    DescribeQuorumResponsePartitionData {
        leader_id: broker.node_id(),
        leader_epoch: end.leader_epoch,
        high_watermark: end.offset,
        current_voters: vec![voter],
        ..Default::default()
    }
}

fn this_node(broker: &Broker, context: &RequestContext) -> Node {
    let address = context.advertised();
    let name = context.connection.listener.name.as_ref().into();
    let listener = Listener { name, host: address.host.into(), port: address.port };
    Node { node_id: broker.node_id(), listeners: vec![listener] }
}
