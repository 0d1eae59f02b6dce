//! Records: deleted from the start of partitions.

use std::collections::{BTreeMap, HashMap};

use naru_protocol::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use naru_protocol::{ApiKey, ErrorCode};

use super::call::{Twice, check, in_order, single};
use super::offsets::{by_topic, leader};
use super::{Admin, Each, OffsetSpec};
use crate::call::Target;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::record::TopicPartition;

/// Up to which record records are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeleteBefore {
    /// Those below this offset, which is at most the end. Nothing happens when none are.
    Offset(i64),
    /// All that are visible when the broker gets to it: those below the high watermark.
    End,
}

impl DeleteBefore {
    fn to_wire(self) -> i64 {
        match self {
            Self::Offset(offset) => offset,
            Self::End => -1,
        }
    }
}

impl Admin {
    /// Deletes the first records of partitions, for good, and answers the first offset that is left of each.
    ///
    /// The error has code `OFFSET_OUT_OF_RANGE` for an offset that is negative or behind the end, `POLICY_VIOLATION` for a topic
    /// that is only compacted, and [`Error::is_not_found`] for partitions that do not exist. Of a partition that is named twice
    /// the last place counts.
    ///
    /// ```no_run
    /// use naru_client::TopicPartition;
    /// use naru_client::admin::DeleteBefore;
    ///
    /// # async fn example(admin: naru_client::Admin) -> Result<(), naru_client::Error> {
    /// let start = admin.delete_records_of(TopicPartition::new("orders", 0), DeleteBefore::Offset(1000)).await?;
    /// println!("orders-0 begins at offset {start}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete_records_of(&self, partition: TopicPartition, before: DeleteBefore) -> Result<i64, Error> {
        single(self.delete_records([(partition, before)]).await)
    }

    /// As [`Admin::delete_records_of`], of several partitions.
    pub async fn delete_records(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, DeleteBefore)>,
    ) -> Result<Each<TopicPartition, i64>, Error> {
        let partitions: Vec<_> = partitions.into_iter().collect();
        let deadline = self.deadline();
        let attempt = |partitions: Vec<_>| async move {
            if self.dry_run {
                self.starts_after_deletion(partitions).await
            } else {
                self.delete_records_once(partitions, deadline).await
            }
        };
        let deleted = self.each(deadline, Twice::Harmless, partitions, attempt).await?;
        Ok(deleted.into_iter().map(|((partition, _), start)| (partition, start)).collect())
    }

    async fn delete_records_once(
        &self,
        partitions: Vec<(TopicPartition, DeleteBefore)>,
        deadline: Deadline,
    ) -> Result<Vec<Result<i64, Error>>, Error> {
        let api = ApiKey::DeleteRecords;
        let topics = self.topics_of(partitions.iter().map(|(partition, _)| partition)).await?;
        let mut answers = HashMap::new();
        let mut leaders: BTreeMap<i32, Vec<(TopicPartition, DeleteBefore)>> = BTreeMap::new();
        for entry in &partitions {
            match leader(&topics, &entry.0) {
                Ok(leader) => leaders.entry(leader).or_default().push(entry.clone()),
                Err(error) => drop(answers.insert(entry.0.clone(), Err(error))),
            }
        }
        for (leader, entries) in leaders {
            let partition = |(partition, before): &(TopicPartition, DeleteBefore)| DeleteRecordsPartition {
                partition_index: partition.partition,
                offset: before.to_wire(),
            };
            let topics = by_topic(&entries, |(partition, _)| partition).into_iter().map(|(name, entries)| {
                DeleteRecordsTopic { name, partitions: entries.into_iter().map(partition).collect() }
            });
            let request =
                DeleteRecordsRequest { topics: topics.collect(), timeout_ms: self.broker_timeout_ms(deadline) };
            match self.ask(Target::Node(leader), 0..=2, |_| request).await {
                Ok(answer) => answers.extend(answer.topics.into_iter().flat_map(|topic| {
                    let name = topic.name;
                    topic.partitions.into_iter().map(move |partition| {
                        let deleted = check(api, partition.error_code, None).map(|()| partition.low_watermark);
                        (TopicPartition { topic: name.clone(), partition: partition.partition_index }, deleted)
                    })
                })),
                Err(error) => answers.extend(entries.into_iter().map(|(name, _)| (name, Err(error.clone())))),
            }
        }
        Ok(in_order(api, partitions.iter().map(|(partition, _)| partition), &answers))
    }

    /// The first offsets that would be left. Whether the topic's settings allow it is not looked at.
    async fn starts_after_deletion(
        &self,
        partitions: Vec<(TopicPartition, DeleteBefore)>,
    ) -> Result<Vec<Result<i64, Error>>, Error> {
        let asked = |spec| partitions.iter().map(move |(partition, _)| (partition.clone(), spec)).collect();
        let starts = self.list_offsets_once(asked(OffsetSpec::Earliest)).await?;
        let ends = self.list_offsets_once(asked(OffsetSpec::Latest)).await?;
        let bounds = starts.into_iter().zip(ends);
        let after = bounds.zip(&partitions).map(|((start, end), (_, before))| {
            let (start, end) = (start?.offset.unwrap_or_default(), end?.offset.unwrap_or_default());
            match before {
                DeleteBefore::End => Ok(end),
                DeleteBefore::Offset(offset) if (0..=end).contains(offset) => Ok(start.max(*offset)),
                DeleteBefore::Offset(_) => {
                    Err(Error::broker_code(ApiKey::DeleteRecords, ErrorCode::OFFSET_OUT_OF_RANGE))
                }
            }
        });
        Ok(after.collect())
    }
}
