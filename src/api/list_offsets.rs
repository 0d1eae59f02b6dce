//! ListOffsets (key 2), versions 1–11: the offset of a place in a log.
//!
//! - 2: isolation level, throttle time.
//! - 4: leader epochs (KIP-320).
//! - 7, 8, 9, 11: one special timestamp more each; an older version that asks for it gets UNSUPPORTED_VERSION.
//! - 10: a time limit, for look-ups in tiered storage; there is none here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use naru_protocol::ErrorCode;
use naru_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

use crate::broker::Broker;
use crate::partition::{ListedOffset, OffsetSpec};

use super::{Answer, RequestContext};

/// The isolation levels that there are.
const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;

/// The first version that tells leader epochs.
const EPOCHS_SINCE: i16 = 4;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: ListOffsetsRequest,
) -> Answer<ListOffsetsResponse> {
    let repeated = repeated(&request);
    let mut refused = HashSet::new();
    let is_known_isolation = matches!(request.isolation_level, READ_UNCOMMITTED | READ_COMMITTED);
    let mut topics: Vec<ListOffsetsTopicResponse> = Vec::with_capacity(request.topics.len());
    // A topic has one place in the answer, and one without partitions has none.
    let mut places = HashMap::new();
    for topic in request.topics {
        for asked in topic.partitions {
            let asked_for = (topic.name.to_string(), asked.partition_index);
            let place = if repeated.contains(&asked_for) {
                if !refused.insert(asked_for) {
                    continue;
                }
                Err(ErrorCode::INVALID_REQUEST)
            } else if !is_known_isolation {
                Err(ErrorCode::UNKNOWN_SERVER_ERROR)
            } else {
                list(&broker, context.version, &topic.name, &asked).await
            };
            let at = *places.entry(topic.name.clone()).or_insert_with(|| {
                topics.push(ListOffsetsTopicResponse { name: topic.name.clone(), ..Default::default() });
                topics.len() - 1
            });
            topics[at].partitions.push(answer(context.version, asked.partition_index, place));
        }
    }
    Answer::Ready(ListOffsetsResponse { topics, ..Default::default() })
}

/// Partitions named more than once: Kafka refuses them, each with one answer, since nobody could tell which is whose.
fn repeated(request: &ListOffsetsRequest) -> HashSet<(String, i32)> {
    let mut seen = HashSet::new();
    let all = request.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |p| (topic, p)));
    all.filter(|(topic, partition)| !seen.insert((&*topic.name, partition.partition_index)))
        .map(|(topic, partition)| (topic.name.to_string(), partition.partition_index))
        .collect()
}

async fn list(
    broker: &Broker,
    version: i16,
    topic: &str,
    asked: &ListOffsetsPartition,
) -> Result<Option<ListedOffset>, ErrorCode> {
    let partition = broker.partition(topic, asked.partition_index)?;
    partition.check_leader_epoch(asked.current_leader_epoch).map_err(|error| ErrorCode::from(&error))?;
    let spec = OffsetSpec::from_timestamp(asked.timestamp, version).ok_or(ErrorCode::UNSUPPORTED_VERSION)?;
    partition.list_offset(spec).await.map_err(|error| ErrorCode::from(&error))
}

fn answer(
    version: i16,
    partition_index: i32,
    place: Result<Option<ListedOffset>, ErrorCode>,
) -> ListOffsetsPartitionResponse {
    let unknown = ListOffsetsPartitionResponse { partition_index, ..Default::default() };
    match place {
        Ok(Some(place)) => ListOffsetsPartitionResponse {
            timestamp: place.timestamp.unwrap_or(-1),
            offset: place.offset.0,
            leader_epoch: if version >= EPOCHS_SINCE { place.leader_epoch.0 } else { unknown.leader_epoch },
            ..unknown
        },
        Ok(None) => unknown,
        Err(error_code) => ListOffsetsPartitionResponse { error_code, ..unknown },
    }
}
