//! DescribeProducers (key 61), version 0: the producers that a partition remembers (KIP-664).
//!
//! These are idempotent ones: there are no transactions, so none has a coordinator or an open transaction.

use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};

use crate::broker::Broker;
use crate::metadata::check_topic_name;
use crate::storage::producer_state::Producer;
use crate::storage::types::ProducerId;

use super::{Answer, RequestContext};

/// "No coordinator", "no transaction", "no batch".
const NONE: i64 = -1;

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeProducersRequest,
) -> Answer<DescribeProducersResponse> {
    let topics = request.topics.into_iter().map(|topic| TopicResponse {
        partitions: topic.partition_indexes.iter().map(|index| describe(&broker, &topic.name, *index)).collect(),
        name: topic.name,
    });
    Answer::Ready(DescribeProducersResponse { topics: topics.collect(), ..Default::default() })
}

fn describe(broker: &Broker, topic: &str, partition_index: i32) -> PartitionResponse {
    match broker.partition(topic, partition_index) {
        Ok(partition) => {
            let mut producers: Vec<_> = partition.log().with_producers(|known| known.iter().map(state).collect());
            producers.sort_unstable_by_key(|producer: &ProducerState| producer.producer_id);
            PartitionResponse { partition_index, active_producers: producers, ..Default::default() }
        }
        Err(error_code) => {
            let error_code = check_topic_name(topic).map_or(ErrorCode::INVALID_TOPIC_EXCEPTION, |()| error_code);
            PartitionResponse { partition_index, error_code, ..Default::default() }
        }
    }
}

fn state((id, producer): (ProducerId, &Producer)) -> ProducerState {
    let newest = producer.batches().last();
    ProducerState {
        producer_id: id.0,
        producer_epoch: producer.epoch().into(),
        last_sequence: newest.map_or(NONE as i32, |batch| batch.last_sequence),
        last_timestamp: newest.map_or(NONE, |batch| batch.timestamp),
        coordinator_epoch: NONE as i32,
        current_txn_start_offset: NONE,
    }
}
