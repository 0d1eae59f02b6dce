//! OffsetFetch (key 9), versions 1–10: how far groups have read.
//!
//! - 1: no error for the whole, so it goes to each partition (KAFKA-19246). 2: all topics of a group. 5: leader epochs.
//! - 7: the client may ask for offsets that no transaction can change; without transactions all are so.
//! - 8: many groups in one request. 9: KIP-848's member epochs, of no meaning to classic groups. 10: topics by id.
//!
//! An offset that nobody committed is −1 without an error.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use uuid::Uuid;

use crate::broker::Broker;
use crate::group::{CommittedOffset, FetchedTopic, OffsetsOfTopic, Promise};

use super::{Answer, RequestContext};

const ERROR_OF_ITS_OWN_SINCE: i16 = 2;
const MANY_GROUPS_SINCE: i16 = 8;
const TOPIC_IDS_SINCE: i16 = 10;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: OffsetFetchRequest,
) -> Answer<OffsetFetchResponse> {
    let version = context.version;
    if version >= MANY_GROUPS_SINCE {
        let mut fetches = Vec::with_capacity(request.groups.len());
        for group in request.groups {
            let fetched = fetch(&broker, version, &group).await;
            fetches.push((group, fetched));
        }
        return Answer::pipelined(async move {
            let mut groups = Vec::with_capacity(fetches.len());
            for (group, fetched) in fetches {
                groups.push(respond(&broker, version, group, fetched.kept().await));
            }
            OffsetFetchResponse { groups, ..Default::default() }
        });
    }
    let topics = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..Default::default()
        });
        topics.collect()
    });
    let group = OffsetFetchRequestGroup { group_id: request.group_id, topics, ..Default::default() };
    let fetched = fetch(&broker, version, &group).await;
    Answer::pipelined(async move { of_one_group(respond(&broker, version, group, fetched.kept().await), version) })
}

async fn fetch(broker: &Broker, version: i16, group: &OffsetFetchRequestGroup) -> Promise<Vec<FetchedTopic>> {
    let asked: Option<Vec<OffsetsOfTopic>> =
        group.topics.as_ref().map(|topics| topics.iter().map(|topic| look_up(broker, version, topic)).collect());
    broker.groups().fetch_offsets(&group.group_id, asked.as_deref()).await
}

fn respond(
    broker: &Broker,
    version: i16,
    group: OffsetFetchRequestGroup,
    fetched: Result<Vec<FetchedTopic>, ErrorCode>,
) -> OffsetFetchResponseGroup {
    let (topics, error_code) = match (fetched, group.topics) {
        // By topic of the request, so that an id that nobody has gets its own error.
        (Ok(fetched), Some(asked)) => {
            (asked.iter().zip(fetched).map(|(asked, found)| answer(version, asked, found)).collect(), ErrorCode::NONE)
        }
        (Ok(fetched), None) => (fetched.into_iter().map(|found| of_all(broker, found)).collect(), ErrorCode::NONE),
        (Err(error), asked) => (refused(asked.unwrap_or_default(), error), error),
    };
    OffsetFetchResponseGroup { group_id: group.group_id, topics, error_code }
}

fn look_up(broker: &Broker, version: i16, asked: &OffsetFetchRequestTopics) -> OffsetsOfTopic {
    let image = broker.metadata().image();
    let found = if version >= TOPIC_IDS_SINCE { image.topic_by_id(&asked.topic_id) } else { image.topic(&asked.name) };
    OffsetsOfTopic {
        topic: found.map_or_else(|| asked.name.clone(), |topic| topic.name.as_ref().into()),
        topic_id: found.map_or(asked.topic_id, |topic| topic.id),
        partitions: asked.partition_indexes.clone(),
    }
}

fn answer(version: i16, asked: &OffsetFetchRequestTopics, found: FetchedTopic) -> OffsetFetchResponseTopics {
    // Only an id can be unknown: a name without offsets is no error.
    let unknown_id = version >= TOPIC_IDS_SINCE && found.topic.is_empty();
    let error_code = if unknown_id { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::NONE };
    let partitions = found.partitions.into_iter().map(|(index, offset)| partition(index, offset, error_code));
    OffsetFetchResponseTopics { name: found.topic, topic_id: asked.topic_id, partitions: partitions.collect() }
}

fn of_all(broker: &Broker, found: FetchedTopic) -> OffsetFetchResponseTopics {
    let topic_id = broker.metadata().image().topic(&found.topic).map_or(Uuid::nil(), |topic| topic.id);
    let partitions = found.partitions.into_iter().map(|(index, offset)| partition(index, offset, ErrorCode::NONE));
    OffsetFetchResponseTopics { name: found.topic, topic_id, partitions: partitions.collect() }
}

fn refused(asked: Vec<OffsetFetchRequestTopics>, error: ErrorCode) -> Vec<OffsetFetchResponseTopics> {
    let topics = asked.into_iter().map(|topic| OffsetFetchResponseTopics {
        name: topic.name,
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.into_iter().map(|index| partition(index, None, error)).collect(),
    });
    topics.collect()
}

fn partition(
    partition_index: i32,
    offset: Option<CommittedOffset>,
    error_code: ErrorCode,
) -> OffsetFetchResponsePartitions {
    let nothing = OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        metadata: Some(ByteString::new()),
        error_code,
        ..Default::default()
    };
    match offset {
        Some(offset) => OffsetFetchResponsePartitions {
            committed_offset: offset.offset,
            committed_leader_epoch: offset.leader_epoch,
            metadata: Some(offset.metadata),
            ..nothing
        },
        None => nothing,
    }
}

/// The shape of the versions that ask for one group.
fn of_one_group(group: OffsetFetchResponseGroup, version: i16) -> OffsetFetchResponse {
    let topics = group.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|found| OffsetFetchResponsePartition {
            partition_index: found.partition_index,
            committed_offset: found.committed_offset,
            committed_leader_epoch: found.committed_leader_epoch,
            metadata: found.metadata,
            error_code: found.error_code,
        });
        OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect() }
    });
    let has_error = group.error_code != ErrorCode::NONE && version >= ERROR_OF_ITS_OWN_SINCE;
    let topics = if has_error { Vec::new() } else { topics.collect() };
    OffsetFetchResponse { topics, error_code: group.error_code, ..Default::default() }
}
