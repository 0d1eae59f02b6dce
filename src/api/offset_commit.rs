//! OffsetCommit (key 8), versions 2–10: a group remembers how far it has read.
//!
//! - 2 to 4: the client says how long to keep the offsets. 6: leader epochs (KIP-320). 7: static members (KIP-345).
//! - 9: GROUP_ID_NOT_FOUND for a group that is not there. 10: topics by id.
//!
//! The offsets are in force, in the order of the requests, when the next request is let in; the answer waits until they are
//! durable.

use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};
use uuid::Uuid;

use crate::broker::Broker;
use crate::group::{CommitRequest, CommittedPartition, OffsetToCommit};

use super::{Answer, RequestContext};

const GROUP_ID_NOT_FOUND_SINCE: i16 = 9;
const TOPIC_IDS_SINCE: i16 = 10;

/// A topic of the request, with an error for each partition that is not committed at all.
struct Topic {
    name: ByteString,
    id: Uuid,
    partitions: Vec<(i32, Option<ErrorCode>)>,
}

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: OffsetCommitRequest,
) -> Answer<OffsetCommitResponse> {
    let mut offsets = Vec::new();
    let topics = request.topics.into_iter().filter_map(|topic| sort_out(&broker, context.version, topic, &mut offsets));
    let topics: Vec<Topic> = topics.collect();
    if offsets.is_empty() {
        return Answer::Ready(respond(topics, Ok(Vec::new())));
    }
    let commit = CommitRequest {
        group: request.group_id,
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        retention_ms: request.retention_time_ms,
        knows_group_id_not_found: context.version >= GROUP_ID_NOT_FOUND_SINCE,
        offsets,
    };
    let promise = broker.groups().commit(&commit).await;
    Answer::pipelined(async move { respond(topics, promise.kept().await) })
}

/// Takes the offsets of partitions that exist. As in Kafka, nothing is said about a topic that exists when no partition of it is named.
fn sort_out(
    broker: &Broker,
    version: i16,
    topic: OffsetCommitRequestTopic,
    offsets: &mut Vec<OffsetToCommit>,
) -> Option<Topic> {
    let by_id = version >= TOPIC_IDS_SINCE;
    let image = broker.metadata().image();
    let found = if by_id { image.topic_by_id(&topic.topic_id) } else { image.topic(&topic.name) };
    if found.is_some() && topic.partitions.is_empty() {
        return None;
    }
    let unknown = if by_id { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
    let name = found.map_or(topic.name, |topic| topic.name.as_ref().into());
    let partitions = topic.partitions.into_iter().map(|partition| {
        let index = partition.partition_index;
        let error = match found {
            None => Some(unknown),
            Some(topic) if !(0..topic.partitions).contains(&index) => Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            Some(topic) => {
                offsets.push(OffsetToCommit {
                    topic: name.clone(),
                    topic_id: topic.id,
                    partition: index,
                    offset: partition.committed_offset,
                    leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.committed_metadata.unwrap_or_default(),
                });
                None
            }
        };
        (index, error)
    });
    Some(Topic { id: topic.topic_id, partitions: partitions.collect(), name })
}

/// The coordinator's answers, in the order of the offsets it got, put between the partitions that never came so far.
fn respond(topics: Vec<Topic>, committed: Result<Vec<CommittedPartition>, ErrorCode>) -> OffsetCommitResponse {
    let (committed, refused) = match committed {
        Ok(committed) => (committed, ErrorCode::UNKNOWN_SERVER_ERROR),
        Err(error) => (Vec::new(), error),
    };
    let mut outcomes = committed.into_iter().map(|partition| partition.error);
    let topics = topics.into_iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name,
        topic_id: topic.id,
        partitions: topic
            .partitions
            .into_iter()
            .map(|(partition_index, error)| OffsetCommitResponsePartition {
                partition_index,
                error_code: error.or_else(|| outcomes.next()).unwrap_or(refused),
            })
            .collect(),
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}
