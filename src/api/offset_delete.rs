//! OffsetDelete (key 47), version 0: forgets committed offsets of topics that the group does not read.

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

use crate::broker::Broker;
use crate::group::OffsetsOfTopic;

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: OffsetDeleteRequest,
) -> Answer<OffsetDeleteResponse> {
    let image = broker.metadata().image();
    let mut asked: Vec<_> = request.topics.into_iter().map(|topic| (topic.name, indexes(&topic.partitions))).collect();
    // As in Kafka, nothing is said about a topic that exists when no partition of it is named.
    asked.retain(|(name, partitions)| !partitions.is_empty() || image.topic(name).is_none());
    let existing: Vec<_> = (asked.iter())
        .filter_map(|(name, partitions)| {
            let topic = image.topic(name)?;
            let partitions: Vec<i32> =
                partitions.iter().copied().filter(|index| (0..topic.partitions).contains(index)).collect();
            (!partitions.is_empty()).then(|| OffsetsOfTopic { topic: name.clone(), topic_id: topic.id, partitions })
        })
        .collect();
    if request.group_id.is_empty() {
        let error_code = ErrorCode::INVALID_GROUP_ID;
        return Answer::Ready(OffsetDeleteResponse { error_code, ..Default::default() });
    }
    let deletion = broker.groups().delete_offsets(&request.group_id, &existing).await;
    Answer::pipelined(async move {
        match deletion.kept().await {
            Ok(outcomes) => answer(asked, &existing, &outcomes.into_iter().collect()),
            Err(error_code) => OffsetDeleteResponse { error_code, ..Default::default() },
        }
    })
}

fn indexes(partitions: &[naru_protocol::messages::offset_delete::OffsetDeleteRequestPartition]) -> Vec<i32> {
    partitions.iter().map(|partition| partition.partition_index).collect()
}

fn answer(
    asked: Vec<(ByteString, Vec<i32>)>,
    existing: &[OffsetsOfTopic],
    outcomes: &HashMap<ByteString, ErrorCode>,
) -> OffsetDeleteResponse {
    let topics = asked.into_iter().map(|(name, partitions)| {
        let known = existing.iter().find(|topic| topic.topic == name);
        let error = |index: &i32| match known.filter(|topic| topic.partitions.contains(index)) {
            Some(_) => outcomes.get(&name).copied().unwrap_or(ErrorCode::NONE),
            None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        };
        let partitions = partitions
            .iter()
            .map(|index| OffsetDeleteResponsePartition { partition_index: *index, error_code: error(index) })
            .collect();
        OffsetDeleteResponseTopic { name, partitions }
    });
    OffsetDeleteResponse { topics: topics.collect(), ..Default::default() }
}
