//! What a group has committed, and committing more.

use std::collections::{BTreeMap, HashMap};

use bytestring::ByteString;
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use naru_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use naru_protocol::{ApiKey, ErrorCode};

use super::coordinator::{Coordinator, Way};
use super::membership::Identity;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::record::TopicPartition;

/// The versions that name topics by their names.
const BY_NAME: std::ops::RangeInclusive<i16> = 2..=9;
/// The first `OffsetFetch` that takes several groups.
const SEVERAL_GROUPS: i16 = 8;
/// The first `OffsetFetch` that can wait for transactions to end.
const STABLE: i16 = 7;

/// A place in a partition: the offset of the record to begin with, and the leader epoch of the one before it, −1 if unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

impl Coordinator {
    /// Commits for a member, or, with the generation −1, for a group without members. Tries again until the deadline what may
    /// pass; that the group has gone on without the member does not. `identity` is asked before every try.
    pub(super) async fn commit(
        &self,
        identity: impl Fn() -> Result<Identity, Error>,
        instance_id: Option<&ByteString>,
        offsets: &[(TopicPartition, Committed)],
        deadline: Deadline,
    ) -> Result<(), Error> {
        let mut backoff = self.client.backoff();
        loop {
            let limit = self.client.config().request_timeout;
            let request = commit_request(&self.group, identity()?, instance_id, offsets);
            let answer = deadline.bound("committing", self.ask(Way::Quick, BY_NAME, limit, |_| request)).await;
            let outcome = answer.and_then(|answer| {
                let mut answered = answer.topics.into_iter().flat_map(|topic| {
                    let name = topic.name;
                    topic.partitions.into_iter().map(move |partition| (name.clone(), partition))
                });
                let refused = answered.find(|(_, partition)| partition.error_code.is_error());
                refused.map_or(Ok(()), |(topic, partition)| {
                    self.note(partition.error_code);
                    let error = Error::broker_code(ApiKey::OffsetCommit, partition.error_code);
                    Err(error.context(format_args!("committing {topic}-{}", partition.partition_index)))
                })
            });
            match outcome {
                Err(error) if passes(&error) && !deadline.passed() => deadline.sleep(backoff.next()).await,
                outcome => return outcome,
            }
        }
    }

    /// What the group has committed; partitions without a commit are left out. Cancellation safe.
    pub(super) async fn committed(
        &self,
        partitions: &[TopicPartition],
        stable: bool,
        deadline: Deadline,
    ) -> Result<HashMap<TopicPartition, Committed>, Error> {
        let mut backoff = self.client.backoff();
        loop {
            let limit = self.client.config().request_timeout;
            let request = |version| fetch_request(&self.group, partitions, stable, version);
            let fetched = async {
                let answer = self.ask(Way::Quick, BY_NAME, limit, request).await?;
                self.read(answer)
            };
            match deadline.bound("looking up committed offsets", fetched).await {
                Err(error) if passes(&error) && !deadline.passed() => deadline.sleep(backoff.next()).await,
                outcome => return outcome,
            }
        }
    }

    fn read(
        &self,
        answer: naru_protocol::messages::offset_fetch::OffsetFetchResponse,
    ) -> Result<HashMap<TopicPartition, Committed>, Error> {
        let mut code = answer.error_code;
        let mut found = Vec::new();
        for topic in answer.topics {
            for at in topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), at.partition_index);
                found.push((partition, at.error_code, at.committed_offset, at.committed_leader_epoch));
            }
        }
        for group in answer.groups {
            code = group.error_code;
            for topic in group.topics {
                for at in topic.partitions {
                    let partition = TopicPartition::new(topic.name.clone(), at.partition_index);
                    found.push((partition, at.error_code, at.committed_offset, at.committed_leader_epoch));
                }
            }
        }
        let check = |code: ErrorCode| {
            self.note(code);
            if code.is_none() { Ok(()) } else { Err(Error::broker_code(ApiKey::OffsetFetch, code)) }
        };
        check(code)?;
        let mut committed = HashMap::with_capacity(found.len());
        for (partition, code, offset, leader_epoch) in found {
            // A partition that does not exist any more has no committed offset either.
            if code != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                check(code)?;
            }
            if offset >= 0 {
                committed.insert(partition, Committed { offset, leader_epoch });
            }
        }
        Ok(committed)
    }
}

/// Whether the same request may be answered well a little later. A commit that may have been done can be done again.
fn passes(error: &Error) -> bool {
    match error.code() {
        // A rebalance has begun: the member must join first, and may have lost the partition.
        Some(ErrorCode::REBALANCE_IN_PROGRESS | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => false,
        Some(ErrorCode::UNSTABLE_OFFSET_COMMIT) => true,
        _ => error.is_retriable(),
    }
}

fn commit_request(
    group: &ByteString,
    identity: Identity,
    instance_id: Option<&ByteString>,
    offsets: &[(TopicPartition, Committed)],
) -> OffsetCommitRequest {
    let mut topics: BTreeMap<&ByteString, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for (partition, committed) in offsets {
        topics.entry(&partition.topic).or_default().push(OffsetCommitRequestPartition {
            partition_index: partition.partition,
            committed_offset: committed.offset,
            committed_leader_epoch: committed.leader_epoch,
            committed_metadata: Some(ByteString::new()),
        });
    }
    let topics = topics.into_iter().map(|(name, partitions)| OffsetCommitRequestTopic {
        name: name.clone(),
        partitions,
        ..Default::default()
    });
    OffsetCommitRequest {
        group_id: group.clone(),
        generation_id_or_member_epoch: identity.generation,
        group_instance_id: instance_id.filter(|_| identity.generation >= 0).cloned(),
        member_id: identity.member_id,
        topics: topics.collect(),
        ..Default::default()
    }
}

fn fetch_request(group: &ByteString, partitions: &[TopicPartition], stable: bool, version: i16) -> OffsetFetchRequest {
    let mut topics: BTreeMap<&ByteString, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    let require_stable = stable && version >= STABLE;
    if version >= SEVERAL_GROUPS {
        let topics = topics.into_iter().map(|(name, partition_indexes)| OffsetFetchRequestTopics {
            name: name.clone(),
            partition_indexes,
            ..Default::default()
        });
        let of_group =
            OffsetFetchRequestGroup { group_id: group.clone(), topics: Some(topics.collect()), ..Default::default() };
        return OffsetFetchRequest { groups: vec![of_group], require_stable, ..Default::default() };
    }
    let topics = topics
        .into_iter()
        .map(|(name, partition_indexes)| OffsetFetchRequestTopic { name: name.clone(), partition_indexes });
    OffsetFetchRequest { group_id: group.clone(), topics: Some(topics.collect()), require_stable, ..Default::default() }
}
