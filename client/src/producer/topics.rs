//! The topics that a producer sends to, with a queue for each partition.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytestring::ByteString;

use super::Refusal;
use super::delivery::BatchOutcome;
use super::partitioner::{Sticky, partition_of};
use super::queue::PartitionQueue;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::metadata::Topic;
use crate::record::{Record, TopicPartition};

/// The queues of all topics. Partitions are added, never taken away.
#[derive(Debug, Default)]
pub(super) struct Topics(RwLock<HashMap<ByteString, TopicQueues>>);

/// The queues of a topic, by partition.
#[derive(Debug)]
pub(super) struct TopicQueues {
    queues: Vec<Arc<PartitionQueue>>,
    sticky: Sticky,
}

impl Topics {
    /// Does something with a topic's queues, if the topic is known.
    pub(super) fn with<T>(&self, topic: &ByteString, work: impl FnOnce(&TopicQueues) -> T) -> Option<T> {
        let topics = self.0.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).map(work)
    }

    /// Looks a topic up, and its queues are there. Cancellation safe.
    pub(super) async fn learn(&self, client: &Client, name: &ByteString, limit: Duration) -> Result<(), Error> {
        let topic = client.metadata().topic(name, Deadline::after(limit)).await?;
        self.update(&topic);
        Ok(())
    }

    /// Adds the partitions that a topic has got, if somebody sends to it.
    pub(super) fn grow(&self, topic: &Topic) {
        if self.with(&topic.name, |queues| queues.queues.len() < topic.partitions.len()) == Some(true) {
            self.update(topic);
        }
    }

    /// Everything whose outcome is open.
    pub(super) fn outcomes(&self) -> Vec<Arc<BatchOutcome>> {
        self.queues().iter().flat_map(|queue| queue.outcomes()).collect()
    }

    /// All queues.
    pub(super) fn queues(&self) -> Vec<Arc<PartitionQueue>> {
        let topics = self.0.read().unwrap_or_else(PoisonError::into_inner);
        topics.values().flat_map(|topic| &topic.queues).cloned().collect()
    }

    fn update(&self, topic: &Topic) {
        let mut topics = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let count = topic.partitions.len() as i32;
        let known = topics
            .entry(topic.name.clone())
            .or_insert_with(|| TopicQueues { queues: Vec::new(), sticky: Sticky::new(count) });
        for partition in known.queues.len() as i32..count {
            known.queues.push(PartitionQueue::new(TopicPartition::new(topic.name.clone(), partition)));
        }
    }
}

impl TopicQueues {
    /// Where a record goes: to the partition it names, to that of its key, or to the one that keyless records go to now.
    pub(super) fn queue_for(
        &self,
        record: &Record,
        size: u32,
        batch_size: usize,
    ) -> Result<&Arc<PartitionQueue>, Refusal> {
        let count = self.queues.len() as i32;
        let partition = match (record.partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of(key, count),
            (None, None) => {
                let here = self.sticky.current(count);
                let waiting = |partition: i32| self.queues.get(partition as usize).map_or(0, |queue| queue.waiting());
                self.sticky.used(size as usize, batch_size, count, waiting);
                here
            }
        };
        let queue = usize::try_from(partition).ok().and_then(|partition| self.queues.get(partition));
        queue.ok_or_else(|| {
            let message = format!("topic {:?} has no partition {partition}; it has {count}, from 0", record.topic);
            Refusal::Failed(Error::new(ErrorKind::Config, message))
        })
    }
}
