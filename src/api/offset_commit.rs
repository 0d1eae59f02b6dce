//! OffsetCommit (key 8), versions 2–9: a group stores how far it has read.
//!
//! - 2 to 4: how long to keep the offsets. 6: leader epochs. 7: static members. 9: GROUP_ID_NOT_FOUND.
//! - 10 names topics by id and is not served yet.
//!
//! Offsets of topics and partitions that do not exist are refused one by one; the others are committed. The answer waits
//! until they are durable while the next request is let in.

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};

use crate::broker::Broker;
use crate::group::{CommitRequest, CommittedPartition, OffsetToCommit};
use crate::metadata::MetadataImage;

use super::{Answer, RequestContext};

const GROUP_ID_NOT_FOUND_SINCE: i16 = 9;

/// The topics and partitions of the request, for the answer.
type Asked = Vec<(ByteString, Vec<i32>)>;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: OffsetCommitRequest,
) -> Answer<OffsetCommitResponse> {
    let image = broker.metadata().image();
    let asked: Asked = (request.topics.iter())
        .map(|topic| (topic.name.clone(), topic.partitions.iter().map(|partition| partition.partition_index).collect()))
        .collect();
    let offsets: Vec<_> = request.topics.into_iter().flat_map(|topic| existing(&image, topic)).collect();
    if offsets.is_empty() {
        return Answer::Ready(answer(asked, &Ok(Vec::new())));
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
    // What was asked of existing partitions, for a refusal of the whole commit.
    let existing: Vec<_> = commit.offsets.iter().map(|offset| (offset.topic.clone(), offset.partition)).collect();
    let committed = broker.groups().commit(&commit).await;
    Answer::pipelined(async move {
        let outcome = committed.kept().await.map_err(|error| {
            let refused = existing.into_iter();
            refused.map(|(topic, partition)| CommittedPartition { topic, partition, error }).collect()
        });
        answer(asked, &outcome)
    })
}

fn existing(image: &MetadataImage, topic: OffsetCommitRequestTopic) -> Vec<OffsetToCommit> {
    let Some(known) = image.topic(&topic.name) else { return Vec::new() };
    let partitions = topic.partitions.into_iter().filter(|asked| (0..known.partitions).contains(&asked.partition_index));
    partitions
        .map(|asked| OffsetToCommit {
            topic: topic.name.clone(),
            topic_id: known.id,
            partition: asked.partition_index,
            offset: asked.committed_offset,
            leader_epoch: asked.committed_leader_epoch,
            metadata: asked.committed_metadata.unwrap_or_default(),
        })
        .collect()
}

/// An answer for everything asked: whatever was neither committed nor refused does not exist.
fn answer(asked: Asked, outcome: &Result<Vec<CommittedPartition>, Vec<CommittedPartition>>) -> OffsetCommitResponse {
    let (Ok(outcomes) | Err(outcomes)) = outcome;
    let errors: HashMap<(&str, i32), ErrorCode> =
        outcomes.iter().map(|outcome| ((&*outcome.topic, outcome.partition), outcome.error)).collect();
    let topics = asked.into_iter().map(|(name, partitions)| OffsetCommitResponseTopic {
        partitions: partitions
            .into_iter()
            .map(|partition_index| OffsetCommitResponsePartition {
                partition_index,
                error_code: errors
                    .get(&(&*name, partition_index))
                    .copied()
                    .unwrap_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            })
            .collect(),
        name,
        ..Default::default()
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}
