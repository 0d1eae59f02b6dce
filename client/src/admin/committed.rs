//! What groups have committed: looked at, set, and forgotten, from outside of the group.

use std::collections::BTreeMap;

use bytestring::ByteString;
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use naru_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use naru_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use naru_protocol::{ApiKey, ErrorCode};

use super::call::{Twice, check, in_order};
use super::offsets::{by_topic, leader};
use super::{Admin, Each};
use crate::error::Error;
use crate::record::TopicPartition;

/// The first `OffsetFetch` that takes several groups.
const SEVERAL_GROUPS: i16 = 8;
/// The versions that name topics by name: whoever looks after groups also meets topics that are deleted.
const BY_NAME: std::ops::RangeInclusive<i16> = 2..=9;

/// Where a group goes on in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommittedOffset {
    /// The offset of the record to go on with.
    pub offset: i64,
    /// The leader epoch of the record before it, if it was committed too.
    pub leader_epoch: Option<i32>,
    /// What the member that committed has noted beside it.
    pub metadata: ByteString,
}

impl Admin {
    /// All offsets that a group has committed. Empty when the group has none, or does not exist: [`Admin::describe_group`]
    /// tells.
    ///
    /// ```no_run
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for (partition, committed) in admin.committed_offsets("billing").await? {
    ///     println!("{partition}: {}", committed.offset);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn committed_offsets(
        &self,
        group: impl Into<ByteString>,
    ) -> Result<BTreeMap<TopicPartition, CommittedOffset>, Error> {
        let group = group.into();
        self.one(self.deadline(), Twice::Harmless, || self.committed_offsets_once(&group)).await
    }

    async fn committed_offsets_once(
        &self,
        group: &ByteString,
    ) -> Result<BTreeMap<TopicPartition, CommittedOffset>, Error> {
        let api = ApiKey::OffsetFetch;
        let coordinator = self.coordinator(group).await?;
        let request = |version| match version {
            SEVERAL_GROUPS.. => OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup { group_id: group.clone(), topics: None, ..Default::default() }],
                ..Default::default()
            },
            _ => OffsetFetchRequest { group_id: group.clone(), topics: None, ..Default::default() },
        };
        let answer = self.ask(coordinator, BY_NAME, request).await?;
        check(api, answer.error_code, None)?;
        let mut topics: Vec<_> = answer.topics.into_iter().map(modern).collect();
        for group in answer.groups {
            check(api, group.error_code, None)?;
            topics.extend(group.topics);
        }
        let mut committed = BTreeMap::new();
        for topic in topics {
            for found in topic.partitions {
                let partition = TopicPartition { topic: topic.name.clone(), partition: found.partition_index };
                check(api, found.error_code, None).map_err(|error| error.context(&partition))?;
                // A partition without a committed offset has −1.
                if found.committed_offset >= 0 {
                    committed.insert(partition, committed_offset(found));
                }
            }
        }
        Ok(committed)
    }

    /// Sets the committed offsets of a group that has no members; a group that does not exist comes to be. With members it is
    /// `UNKNOWN_MEMBER_ID`: stop them first.
    ///
    /// ```no_run
    /// use naru_client::TopicPartition;
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// for (partition, result) in admin.alter_offsets("billing", [(TopicPartition::new("orders", 0), 47)]).await? {
    ///     result.map_err(|error| { eprintln!("{partition}: {error}"); error })?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn alter_offsets(
        &self,
        group: impl Into<ByteString>,
        offsets: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<Each<TopicPartition, ()>, Error> {
        let group = group.into();
        let offsets = offsets.into_iter().collect();
        let attempt = |offsets| {
            let group = &group;
            async move {
                if self.dry_run {
                    self.alterable(group, offsets).await
                } else {
                    self.alter_offsets_once(group, offsets).await
                }
            }
        };
        let altered = self.each(self.deadline(), Twice::Harmless, offsets, attempt).await?;
        Ok(altered.into_iter().map(|((partition, _), result)| (partition, result)).collect())
    }

    async fn alter_offsets_once(
        &self,
        group: &ByteString,
        offsets: Vec<(TopicPartition, i64)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let coordinator = self.coordinator(group).await?;
        let partition = |(partition, offset): &(TopicPartition, i64)| OffsetCommitRequestPartition {
            partition_index: partition.partition,
            committed_offset: *offset,
            committed_metadata: Some(ByteString::new()),
            ..Default::default()
        };
        let topics = by_topic(&offsets, |(partition, _)| partition).into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(partition).collect();
            OffsetCommitRequestTopic { name, partitions, ..Default::default() }
        });
        let request = OffsetCommitRequest { group_id: group.clone(), topics: topics.collect(), ..Default::default() };
        let answer = self.ask(coordinator, BY_NAME, |_| request).await?;
        let answers = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            topic.partitions.into_iter().map(move |p| {
                (TopicPartition { topic: name.clone(), partition: p.partition_index }, committed(p.error_code))
            })
        });
        Ok(in_order(ApiKey::OffsetCommit, offsets.iter().map(|(partition, _)| partition), &answers.collect()))
    }

    /// What the broker would answer to a change of these offsets.
    async fn alterable(
        &self,
        group: &ByteString,
        offsets: Vec<(TopicPartition, i64)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let described = self.describe_groups_once(vec![group.clone()]).await?.pop();
        let has_members = match described {
            Some(Err(error)) if !error.is_not_found() => return Err(error),
            described => described.is_some_and(|group| group.is_ok_and(|group| !group.members.is_empty())),
        };
        let topics = self.topics_of(offsets.iter().map(|(partition, _)| partition)).await?;
        let each = offsets.iter().map(|(partition, _)| {
            leader(&topics, partition)?;
            committed(if has_members { ErrorCode::UNKNOWN_MEMBER_ID } else { ErrorCode::NONE })
        });
        Ok(each.collect())
    }

    /// Forgets committed offsets of a group, for topics that none of its members reads: `GROUP_SUBSCRIBED_TO_TOPIC`
    /// otherwise. [`Error::is_not_found`] when there is no such group, or no such partition.
    pub async fn delete_offsets(
        &self,
        group: impl Into<ByteString>,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Each<TopicPartition, ()>, Error> {
        let group = group.into();
        let partitions = partitions.into_iter().collect();
        let attempt = |partitions| {
            let group = &group;
            async move {
                if self.dry_run {
                    self.forgettable(group, partitions).await
                } else {
                    self.delete_offsets_once(group, partitions).await
                }
            }
        };
        self.each(self.deadline(), Twice::Harmless, partitions, attempt).await
    }

    async fn delete_offsets_once(
        &self,
        group: &ByteString,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let api = ApiKey::OffsetDelete;
        let coordinator = self.coordinator(group).await?;
        let partition =
            |partition: &TopicPartition| OffsetDeleteRequestPartition { partition_index: partition.partition };
        let topics = by_topic(&partitions, |partition| partition).into_iter().map(|(name, partitions)| {
            OffsetDeleteRequestTopic { name, partitions: partitions.into_iter().map(partition).collect() }
        });
        let request = OffsetDeleteRequest { group_id: group.clone(), topics: topics.collect() };
        let answer = self.ask(coordinator, 0..=0, |_| request).await?;
        check(api, answer.error_code, None)?;
        let answers = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            topic.partitions.into_iter().map(move |p| {
                (TopicPartition { topic: name.clone(), partition: p.partition_index }, check(api, p.error_code, None))
            })
        });
        Ok(in_order(api, &partitions, &answers.collect()))
    }

    /// What the broker would answer to a deletion of these offsets.
    async fn forgettable(
        &self,
        group: &ByteString,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let described = self.describe_groups_once(vec![group.clone()]).await?.pop();
        let members = described.transpose()?.map(|group| group.members).unwrap_or_default();
        let topics = self.topics_of(&partitions).await?;
        let each = partitions.iter().map(|partition| {
            leader(&topics, partition)?;
            let read = members.iter().any(|member| member.subscription.contains(&partition.topic));
            let code = if read { ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC } else { ErrorCode::NONE };
            check(ApiKey::OffsetDelete, code, None)
        });
        Ok(each.collect())
    }
}

/// A topic of an old answer in the form of the new ones.
fn modern(topic: OffsetFetchResponseTopic) -> OffsetFetchResponseTopics {
    let partitions = topic.partitions.into_iter().map(|partition| OffsetFetchResponsePartitions {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    });
    OffsetFetchResponseTopics { name: topic.name, partitions: partitions.collect(), ..Default::default() }
}

fn committed_offset(found: OffsetFetchResponsePartitions) -> CommittedOffset {
    CommittedOffset {
        offset: found.committed_offset,
        leader_epoch: Some(found.committed_leader_epoch).filter(|epoch| *epoch >= 0),
        metadata: found.metadata.unwrap_or_default(),
    }
}

/// The result of a commit for one partition.
fn committed(code: ErrorCode) -> Result<(), Error> {
    let explanation = match code {
        ErrorCode::UNKNOWN_MEMBER_ID => Some("the group has members, which commit for themselves; stop them first"),
        _ => None,
    };
    check(ApiKey::OffsetCommit, code, explanation)
}
