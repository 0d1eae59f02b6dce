//! OffsetFetch (key 9), versions 1–9: how far groups have read.
//!
//! - 2: null asks for all topics; the group's error is in the answer itself, before it is in every partition.
//! - 5: leader epochs. 7: stable offsets only; without transactions all are.
//! - 8: several groups in one request. 10 names topics by id and is not served yet.
//!
//! Where nothing was committed the offset is −1, without an error, also of groups and topics that do not exist.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};

use crate::broker::Broker;
use crate::group::{CommittedOffset, FetchedTopic, OffsetsOfTopic};
use crate::metadata::MetadataImage;

use super::{Answer, RequestContext};

/// The first version that can ask for many groups.
const GROUPS_SINCE: i16 = 8;
/// The first version with a place for the group's own error.
const GROUP_ERROR_SINCE: i16 = 2;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: OffsetFetchRequest,
) -> Answer<OffsetFetchResponse> {
    let image = broker.metadata().image();
    if context.version < GROUPS_SINCE {
        let asked = request.topics.map(|topics| asked_of_one(&image, &topics));
        let fetched = broker.groups().fetch_offsets(&request.group_id, asked.as_deref()).await;
        return Answer::pipelined(async move { one_group(fetched.kept().await, asked, context.version) });
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    for OffsetFetchRequestGroup { group_id, topics, .. } in request.groups {
        let asked: Option<Vec<_>> = topics.map(|topics| {
            let topics = topics.into_iter();
            topics.map(|topic| offsets_of(&image, topic.name, topic.partition_indexes)).collect()
        });
        let fetched = broker.groups().fetch_offsets(&group_id, asked.as_deref()).await;
        groups.push((group_id, fetched));
    }
    Answer::pipelined(async move {
        let mut answers = Vec::with_capacity(groups.len());
        for (group_id, fetched) in groups {
            answers.push(one_of_many(group_id, fetched.kept().await));
        }
        OffsetFetchResponse { groups: answers, ..Default::default() }
    })
}

fn asked_of_one(image: &MetadataImage, topics: &[OffsetFetchRequestTopic]) -> Vec<OffsetsOfTopic> {
    topics.iter().map(|topic| offsets_of(image, topic.name.clone(), topic.partition_indexes.clone())).collect()
}

fn offsets_of(image: &MetadataImage, topic: ByteString, partitions: Vec<i32>) -> OffsetsOfTopic {
    let topic_id = image.topic(&topic).map(|topic| topic.id).unwrap_or_default();
    OffsetsOfTopic { topic, topic_id, partitions }
}

fn one_group(
    fetched: Result<Vec<FetchedTopic>, ErrorCode>,
    asked: Option<Vec<OffsetsOfTopic>>,
    version: i16,
) -> OffsetFetchResponse {
    let topic = |name, partitions: Vec<OffsetFetchResponsePartition>| OffsetFetchResponseTopic { name, partitions };
    match fetched {
        Ok(topics) => {
            let topics = topics.into_iter().map(|fetched| {
                let partitions = fetched.partitions.into_iter();
                topic(fetched.topic, partitions.map(|(index, offset)| partition(index, offset)).collect())
            });
            OffsetFetchResponse { topics: topics.collect(), ..Default::default() }
        }
        Err(error_code) if version >= GROUP_ERROR_SINCE => OffsetFetchResponse { error_code, ..Default::default() },
        Err(error_code) => {
            let topics = asked.unwrap_or_default().into_iter().map(|asked| {
                let refused = asked.partitions.into_iter().map(|index| partition(index, None));
                topic(asked.topic, refused.map(|p| OffsetFetchResponsePartition { error_code, ..p }).collect())
            });
            OffsetFetchResponse { topics: topics.collect(), ..Default::default() }
        }
    }
}

fn one_of_many(group_id: ByteString, fetched: Result<Vec<FetchedTopic>, ErrorCode>) -> OffsetFetchResponseGroup {
    let (topics, error_code) = match fetched {
        Ok(topics) => (topics, ErrorCode::NONE),
        Err(error_code) => (Vec::new(), error_code),
    };
    let topics = topics.into_iter().map(|topic| OffsetFetchResponseTopics {
        name: topic.topic,
        partitions: topic.partitions.into_iter().map(|(index, offset)| partition_of_many(index, offset)).collect(),
        ..Default::default()
    });
    OffsetFetchResponseGroup { group_id, topics: topics.collect(), error_code }
}

fn partition(partition_index: i32, committed: Option<CommittedOffset>) -> OffsetFetchResponsePartition {
    let (offset, leader_epoch, metadata) =
        committed.map_or((-1, -1, ByteString::new()), |c| (c.offset, c.leader_epoch, c.metadata));
    OffsetFetchResponsePartition {
        partition_index,
        committed_offset: offset,
        committed_leader_epoch: leader_epoch,
        metadata: Some(metadata),
        ..Default::default()
    }
}

/// The same in the shape that answers about several groups have.
fn partition_of_many(index: i32, committed: Option<CommittedOffset>) -> OffsetFetchResponsePartitions {
    let one = partition(index, committed);
    OffsetFetchResponsePartitions {
        partition_index: one.partition_index,
        committed_offset: one.committed_offset,
        committed_leader_epoch: one.committed_leader_epoch,
        metadata: one.metadata,
        error_code: one.error_code,
    }
}
