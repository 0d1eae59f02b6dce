//! OffsetForLeaderEpoch (key 23), versions 2–4: where a leader epoch ended (KIP-320).
//!
//! - 3: the request says which replica asks; a client says −2, or −1 as a debugging consumer.
//! - 4: flexible.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

use crate::broker::Broker;
use crate::storage::types::LeaderEpoch;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: OffsetForLeaderEpochRequest,
) -> Answer<OffsetForLeaderEpochResponse> {
    let topics = request.topics.into_iter().map(|topic| OffsetForLeaderTopicResult {
        partitions: topic.partitions.iter().map(|asked| answer(&broker, &topic.topic, asked)).collect(),
        topic: topic.topic,
    });
    Answer::Ready(OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() })
}

fn answer(broker: &Broker, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let unknown = EpochEndOffset { partition: asked.partition, ..Default::default() };
    let partition = match broker.partition(topic, asked.partition) {
        Ok(partition) => partition,
        Err(error_code) => return EpochEndOffset { error_code, ..unknown },
    };
    if let Err(error) = partition.check_leader_epoch(asked.current_leader_epoch) {
        return EpochEndOffset { error_code: ErrorCode::from(&error), ..unknown };
    }
    match partition.end_offset_for_epoch(LeaderEpoch(asked.leader_epoch)) {
        Some((epoch, end)) => EpochEndOffset { leader_epoch: epoch.0, end_offset: end.0, ..unknown },
        None => unknown,
    }
}
