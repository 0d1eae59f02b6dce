//! Offsets: where the ends of partitions are, and the records of a time.

use std::collections::{BTreeMap, HashMap};

use bytestring::ByteString;
use naru_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use naru_protocol::{ApiKey, ErrorCode};

use super::call::{Twice, check, in_order, single};
use super::{Admin, Each, TopicDescription};
use crate::call::Target;
use crate::error::Error;
use crate::record::TopicPartition;

/// The first `ListOffsets` that finds the record with the largest time stamp (KIP-734).
const MAX_TIMESTAMP_SINCE: i16 = 7;

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OffsetSpec {
    /// The first that is there.
    Earliest,
    /// The one that the next record that becomes visible will have: the high watermark.
    Latest,
    /// That of the record with the largest time stamp. Needs Kafka 3.0 or newer.
    MaxTimestamp,
    /// That of the first record with this time stamp or a later one, in milliseconds since 1970.
    At(i64),
}

impl OffsetSpec {
    fn to_wire(self) -> i64 {
        match self {
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::MaxTimestamp => -3,
            Self::At(ms) => ms.max(0),
        }
    }
}

/// An offset that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedOffset {
    /// The offset; none where no record fits.
    pub offset: Option<i64>,
    /// The record's time stamp in milliseconds since 1970; none where an end of the log was asked for.
    pub timestamp: Option<i64>,
    /// The leader epoch of the record, if the broker tells.
    pub leader_epoch: Option<i32>,
}

impl Admin {
    /// An offset of a partition.
    pub async fn list_offset(&self, partition: TopicPartition, spec: OffsetSpec) -> Result<ListedOffset, Error> {
        single(self.list_offsets([(partition, spec)]).await)
    }

    /// Offsets of partitions, from their leaders. [`Error::is_not_found`] for partitions that do not exist.
    ///
    /// ```no_run
    /// use naru_client::TopicPartition;
    /// use naru_client::admin::OffsetSpec;
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// let end = admin.list_offset(TopicPartition::new("orders", 0), OffsetSpec::Latest).await?;
    /// println!("the next record will have offset {:?}", end.offset);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_offsets(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Result<Each<TopicPartition, ListedOffset>, Error> {
        let partitions = partitions.into_iter().collect();
        let attempt = |partitions| self.list_offsets_once(partitions);
        let listed = self.each(self.deadline(), Twice::Harmless, partitions, attempt).await?;
        Ok(listed.into_iter().map(|((partition, _), result)| (partition, result)).collect())
    }

    pub(super) async fn list_offsets_once(
        &self,
        partitions: Vec<(TopicPartition, OffsetSpec)>,
    ) -> Result<Vec<Result<ListedOffset, Error>>, Error> {
        let api = ApiKey::ListOffsets;
        let topics = self.topics_of(partitions.iter().map(|(partition, _)| partition)).await?;
        let mut answers = HashMap::new();
        // An answer names no time stamp that was asked for: what asks for two of one partition takes two requests.
        let mut requests: Vec<BTreeMap<i32, Vec<(TopicPartition, OffsetSpec)>>> = Vec::new();
        for entry in &partitions {
            let leader = match leader(&topics, &entry.0) {
                Ok(leader) => leader,
                Err(error) => {
                    answers.insert(entry.clone(), Err(error));
                    continue;
                }
            };
            let asks_already = |request: &BTreeMap<i32, Vec<(TopicPartition, OffsetSpec)>>| {
                request.get(&leader).is_some_and(|asked| asked.iter().any(|(partition, _)| *partition == entry.0))
            };
            let at = requests.iter().position(|request| !asks_already(request)).unwrap_or_else(|| {
                requests.push(BTreeMap::new());
                requests.len() - 1
            });
            requests[at].entry(leader).or_default().push(entry.clone());
        }
        for (leader, asked) in requests.into_iter().flatten() {
            match self.list_offsets_of(leader, &asked).await {
                Ok(listed) => answers.extend(asked.iter().cloned().zip(in_order(
                    api,
                    asked.iter().map(|(partition, _)| partition),
                    &listed,
                ))),
                Err(error) => answers.extend(asked.into_iter().map(|entry| (entry, Err(error.clone())))),
            }
        }
        Ok(in_order(api, &partitions, &answers))
    }

    async fn list_offsets_of(
        &self,
        leader: i32,
        asked: &[(TopicPartition, OffsetSpec)],
    ) -> Result<HashMap<TopicPartition, Result<ListedOffset, Error>>, Error> {
        let needs_newer = asked.iter().any(|(_, spec)| *spec == OffsetSpec::MaxTimestamp);
        let oldest = if needs_newer { MAX_TIMESTAMP_SINCE } else { 1 };
        let partition = |(partition, spec): &(TopicPartition, OffsetSpec)| ListOffsetsPartition {
            partition_index: partition.partition,
            timestamp: spec.to_wire(),
            ..Default::default()
        };
        let topics = by_topic(asked, |(partition, _)| partition).into_iter().map(|(name, partitions)| {
            ListOffsetsTopic { name, partitions: partitions.into_iter().map(partition).collect() }
        });
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: topics.collect(),
            timeout_ms: self.broker_timeout_ms(self.deadline()),
            ..Default::default()
        };
        let answer = self.ask(Target::Node(leader), oldest..=11, |_| request).await?;
        let listed = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            topic.partitions.into_iter().map(move |partition| {
                (TopicPartition { topic: name.clone(), partition: partition.partition_index }, listed(&partition))
            })
        });
        Ok(listed.collect())
    }

    /// The topics of partitions.
    pub(super) async fn topics_of(
        &self,
        partitions: impl IntoIterator<Item = &TopicPartition>,
    ) -> Result<HashMap<ByteString, Result<TopicDescription, Error>>, Error> {
        let mut names: Vec<ByteString> = partitions.into_iter().map(|partition| partition.topic.clone()).collect();
        names.sort();
        names.dedup();
        let described = self.describe_topics_once(names.clone()).await?;
        Ok(names.into_iter().zip(described).collect())
    }
}

/// The broker that leads a partition.
pub(super) fn leader(
    topics: &HashMap<ByteString, Result<TopicDescription, Error>>,
    partition: &TopicPartition,
) -> Result<i32, Error> {
    let unknown = || Error::broker_code(ApiKey::Metadata, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let topic = topics.get(&partition.topic).cloned().unwrap_or_else(|| Err(unknown()))?;
    let found = topic.partitions.iter().find(|found| found.partition == partition.partition).ok_or_else(unknown)?;
    found.leader.ok_or_else(|| Error::broker_code(ApiKey::Metadata, ErrorCode::LEADER_NOT_AVAILABLE))
}

fn listed(partition: &ListOffsetsPartitionResponse) -> Result<ListedOffset, Error> {
    check(ApiKey::ListOffsets, partition.error_code, None)?;
    Ok(ListedOffset {
        offset: Some(partition.offset).filter(|offset| *offset >= 0),
        timestamp: Some(partition.timestamp).filter(|timestamp| *timestamp >= 0),
        leader_epoch: Some(partition.leader_epoch).filter(|epoch| *epoch >= 0),
    })
}

/// Entries by topic, in the order of the topics' names.
pub(super) fn by_topic<T>(entries: &[T], partition: impl Fn(&T) -> &TopicPartition) -> BTreeMap<ByteString, Vec<&T>> {
    let mut topics: BTreeMap<ByteString, Vec<&T>> = BTreeMap::new();
    for entry in entries {
        topics.entry(partition(entry).topic.clone()).or_default().push(entry);
    }
    topics
}
