//! ElectLeaders (key 43), versions 0–2: partitions get another leader.
//!
//! - 1: the preferred replica, or any at the price of records (KIP-460); an error for the whole request.
//!
//! A single node leads every partition already. One whose log is out of service has no replica left that could.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult, TopicPartitions,
};

use crate::broker::Broker;

use super::{Answer, RequestContext};

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: ElectLeadersRequest,
) -> Answer<ElectLeadersResponse> {
    let (no_leader, known) = match request.election_type {
        PREFERRED => (ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE, true),
        UNCLEAN => (ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE, true),
        _ => (ErrorCode::INVALID_REQUEST, false),
    };
    let refusal = match (known, request.timeout_ms) {
        (false, _) => ErrorCode::INVALID_REQUEST,
        (true, ..=0) => ErrorCode::REQUEST_TIMED_OUT,
        (true, _) => ErrorCode::NONE,
    };
    let elect =
        |topic: &str, partition| if refusal.is_none() { elect(&broker, topic, partition, no_leader) } else { refusal };
    let replica_election_results = match request.topic_partitions {
        Some(topics) => topics.into_iter().map(|topic| named(topic, elect)).collect(),
        None if refusal.is_none() => all(&broker, elect),
        None => Vec::new(),
    };
    Answer::Ready(ElectLeadersResponse { error_code: refusal, replica_election_results, ..Default::default() })
}

fn named(topic: TopicPartitions, elect: impl Fn(&str, i32) -> ErrorCode) -> ReplicaElectionResult {
    let results = topic.partitions.iter().map(|partition| result(*partition, elect(&topic.topic, *partition)));
    ReplicaElectionResult { partition_result: results.collect(), topic: topic.topic }
}

/// Every topic, with those of its partitions that need a leader and cannot have one.
fn all(broker: &Broker, elect: impl Fn(&str, i32) -> ErrorCode) -> Vec<ReplicaElectionResult> {
    let image = broker.metadata().image();
    let topics = image.topics().map(|topic| {
        let outcomes = (0..topic.partitions).map(|partition| result(partition, elect(&topic.name, partition)));
        let partition_result = outcomes.filter(|result| result.error_code != ErrorCode::ELECTION_NOT_NEEDED).collect();
        ReplicaElectionResult { topic: topic.name.as_ref().into(), partition_result }
    });
    topics.collect()
}

fn elect(broker: &Broker, topic: &str, partition: i32, no_leader: ErrorCode) -> ErrorCode {
    match broker.partition(topic, partition) {
        Ok(partition) if partition.high_watermark().closed().is_none() => ErrorCode::ELECTION_NOT_NEEDED,
        Ok(_) | Err(ErrorCode::KAFKA_STORAGE_ERROR) => no_leader,
        Err(unknown) => unknown,
    }
}

fn result(partition_id: i32, error_code: ErrorCode) -> PartitionResult {
    let error_message = (!error_code.is_none()).then(|| error_code.message().into());
    PartitionResult { partition_id, error_code, error_message }
}
