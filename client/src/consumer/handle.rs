//! What an application can do with a consumer beside receiving.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;

use super::shared::Shared;
use super::state::not_assigned;
use super::{IsolationLevel, SeekTo, commits, lookup};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::group::Committed;
use crate::record::TopicPartition;

/// The two ends of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The offset of the first record there is.
    pub low: i64,
    /// The offset behind the last record that can be read.
    pub high: i64,
}

/// Everything about a [`Consumer`](super::Consumer) but receiving: positions, seeks, pauses, commits. Cheap to clone.
///
/// It does not keep the consumer alive: once that is gone, nothing is assigned any more.
#[derive(Clone)]
pub struct ConsumerHandle {
    pub(super) shared: Arc<Shared>,
}

impl ConsumerHandle {
    /// The partitions that are this consumer's at the moment, in order.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.shared.state().partitions.keys().cloned().collect()
    }

    /// Reads these topics from now on, and no others. Fails where the consumer was not built with
    /// [`topics`](super::ConsumerBuilder::topics).
    pub fn subscribe<T: Into<ByteString>>(&self, topics: impl IntoIterator<Item = T>) -> Result<(), Error> {
        if self.shared.subscribe(topics.into_iter().map(Into::into).collect()) {
            return Ok(());
        }
        let message = "a consumer of a pattern, or of partitions of its own choice, has no list of topics to change";
        Err(Error::new(ErrorKind::Config, message))
    }

    /// The offset of the record that comes next from a partition; `None` while it is being looked up, and where the partition is
    /// not assigned.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.shared.state().partitions.get(partition)?.cursor.position()
    }

    /// How many records of a partition are still to come, as the last answer of the broker told; `None` before the first.
    /// Of those that can be read: up to the high watermark, or the last stable offset with [`IsolationLevel::ReadCommitted`].
    pub fn lag(&self, partition: &TopicPartition) -> Option<u64> {
        let state = self.shared.state();
        let found = state.partitions.get(partition)?;
        let end = match (self.shared.config.isolation, found.bounds?) {
            (IsolationLevel::ReadUncommitted, bounds) => bounds.high_watermark,
            (IsolationLevel::ReadCommitted, bounds) => bounds.last_stable,
        };
        u64::try_from(end.saturating_sub(found.cursor.position()?)).ok().or(Some(0))
    }

    /// Goes on from another place, an offset for one. What was fetched from the old one is thrown away. Fails if the partition
    /// is not assigned.
    ///
    /// ```no_run
    /// # use naru_client::{Consumer, SeekTo, TopicPartition};
    /// # fn example(consumer: &Consumer) -> Result<(), naru_client::Error> {
    /// let partition = TopicPartition::new("orders", 0);
    /// consumer.seek(&partition, 47)?;
    /// consumer.seek(&partition, SeekTo::Beginning)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn seek(&self, partition: &TopicPartition, to: impl Into<SeekTo>) -> Result<(), Error> {
        let mut to = to.into();
        if let SeekTo::Offset(offset) = &mut to {
            *offset = (*offset).max(0);
        }
        self.shared.state().seek(partition, to)?;
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Hands out nothing more of a partition until [`ConsumerHandle::resume`]. What was fetched already is kept, and nothing is
    /// fetched meanwhile. Fails if the partition is not assigned.
    pub fn pause(&self, partition: &TopicPartition) -> Result<(), Error> {
        self.shared.state().set_paused(partition, true)
    }

    /// Goes on with a partition that was paused. Fails if the partition is not assigned.
    pub fn resume(&self, partition: &TopicPartition) -> Result<(), Error> {
        self.shared.state().set_paused(partition, false)?;
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Whether a partition is paused.
    pub fn is_paused(&self, partition: &TopicPartition) -> bool {
        self.shared.state().partitions.get(partition).is_some_and(|found| found.paused)
    }

    /// Commits the positions of all partitions: everything that was received counts as processed. Returns when the
    /// coordinator has it.
    ///
    /// When the future is dropped, the commit may or may not be done.
    pub async fn commit(&self) -> Result<(), Error> {
        commits::all(&self.shared).await
    }

    /// Commits these offsets: for each partition that of the record to begin with next time. When the future is dropped, the
    /// commit may or may not be done.
    pub async fn commit_offsets(&self, offsets: impl IntoIterator<Item = (TopicPartition, i64)>) -> Result<(), Error> {
        let offset = |(partition, offset)| (partition, Committed { offset, leader_epoch: -1 });
        self.commit_with_epochs(offsets.into_iter().map(offset).collect()).await
    }

    /// As [`ConsumerHandle::commit_offsets`], with the epochs of the leaders that appended the records before them (KIP-320).
    pub(crate) async fn commit_with_epochs(&self, offsets: Vec<(TopicPartition, Committed)>) -> Result<(), Error> {
        commits::these(&self.shared, offsets, self.api_timeout()).await
    }

    /// The offsets that the group has committed; partitions without one are left out. Cancellation safe.
    pub async fn committed(&self, partitions: &[TopicPartition]) -> Result<HashMap<TopicPartition, i64>, Error> {
        commits::committed(&self.shared, partitions).await
    }

    /// Both ends of a partition, as its leader tells them now. It need not be assigned. Cancellation safe.
    pub async fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks, Error> {
        let low = self.offset_of(partition, SeekTo::Beginning).await?;
        let high = self.offset_of(partition, SeekTo::End).await?;
        Ok(Watermarks { low, high })
    }

    /// For each partition the offset of the first record whose time stamp, in milliseconds since 1970, is not smaller than
    /// that; partitions without one are left out. They need not be assigned. Cancellation safe.
    pub async fn offsets_for_times(
        &self,
        times: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<HashMap<TopicPartition, i64>, Error> {
        let places: Vec<(TopicPartition, SeekTo)> =
            times.into_iter().map(|(partition, ms)| (partition, SeekTo::Time(ms))).collect();
        let found =
            lookup::offsets_of(&self.shared.client, self.shared.config.isolation, &places, self.limit()).await?;
        let existing = found.into_iter().filter(|(_, found)| found.offset >= 0);
        Ok(existing.map(|(partition, found)| (partition, found.offset)).collect())
    }

    async fn offset_of(&self, partition: &TopicPartition, to: SeekTo) -> Result<i64, Error> {
        let places = [(partition.clone(), to)];
        let found =
            lookup::offsets_of(&self.shared.client, self.shared.config.isolation, &places, self.limit()).await?;
        found.get(partition).map(|found| found.offset).ok_or_else(|| not_assigned(partition))
    }

    fn limit(&self) -> Deadline {
        Deadline::after(self.api_timeout())
    }

    fn api_timeout(&self) -> Duration {
        self.shared.client.config().api_timeout
    }
}

impl std::fmt::Debug for ConsumerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerHandle").field("group", &self.shared.config.group_id).finish_non_exhaustive()
    }
}
