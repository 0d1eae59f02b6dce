//! The topics that a producer sends to, with a queue for each partition.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytestring::ByteString;

use super::delivery::BatchOutcome;
use super::partitioner::{Sticky, partition_of};
use super::queue::PartitionQueue;
use super::{Refusal, Shared};
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::metadata::{Cluster, Metadata, Topic};
use crate::record::{Record, TopicPartition};

/// The queues of all topics. Partitions are added, never taken away.
#[derive(Debug, Default)]
pub(super) struct Topics {
    topics: RwLock<HashMap<ByteString, TopicQueues>>,
    /// Topics that are looked up for someone who does not wait, and why it failed, for who asks next.
    lookups: Mutex<HashMap<ByteString, Option<Error>>>,
}

/// The queues of a topic, by partition.
#[derive(Debug)]
pub(super) struct TopicQueues {
    queues: Vec<Arc<PartitionQueue>>,
    sticky: Sticky,
    /// Somebody has sent to it lately.
    used: AtomicBool,
}

impl Topics {
    /// Does something with a topic's queues, if the topic is known.
    pub(super) fn with<T>(&self, topic: &ByteString, work: impl FnOnce(&TopicQueues) -> T) -> Option<T> {
        self.read().get(topic).map(work)
    }

    /// Looks a topic up, and its queues are there. Cancellation safe.
    pub(super) async fn learn(&self, client: &Client, name: &ByteString, limit: Duration) -> Result<(), Error> {
        let topic = client.metadata().topic(name, Deadline::after(limit)).await?;
        self.update(&topic);
        Ok(())
    }

    /// Looks again at a topic that may have more partitions by now. Cancellation safe.
    pub(super) async fn look_again(&self, client: &Client, name: &ByteString, limit: Duration) -> Result<(), Error> {
        let metadata = client.metadata();
        metadata.interested(name);
        let cluster = metadata.refreshed_since(metadata.cluster().version, Deadline::after(limit)).await?;
        if let Some(topic) = cluster.topics.get(name) {
            self.update(topic);
        }
        Ok(())
    }

    /// Starts to look a topic up for someone who does not wait, once for all. Says why it failed, if it did.
    pub(super) fn learn_meanwhile(shared: &Arc<Shared>, name: &ByteString) -> Result<(), Error> {
        let mut lookups = shared.topics.lookups();
        match lookups.get(name) {
            Some(Some(_)) => return lookups.remove(name).flatten().map_or(Ok(()), Err),
            Some(None) => return Ok(()),
            None => drop(lookups.insert(name.clone(), None)),
        }
        drop(lookups);
        let (shared, name) = (Arc::clone(shared), name.clone());
        tokio::spawn(async move {
            let learned = shared.topics.learn(&shared.client, &name, shared.config.max_block).await;
            let mut lookups = shared.topics.lookups();
            match learned {
                Ok(()) => drop(lookups.remove(&name)),
                Err(error) => drop(lookups.insert(name, Some(error))),
            }
        });
        Ok(())
    }

    /// Adds the partitions that topics have got, and keeps the metadata of those alive that somebody sends to.
    pub(super) fn follow(&self, cluster: &Cluster, metadata: &Metadata) {
        let mut grown = Vec::new();
        for (name, topic) in &*self.read() {
            if topic.used.swap(false, Ordering::Relaxed) {
                metadata.interested(name);
            }
            grown.extend(cluster.topics.get(name).filter(|now| now.partitions.len() > topic.queues.len()));
        }
        for topic in grown {
            self.update(topic);
        }
    }

    /// Returns when no record is being put into a queue.
    pub(super) fn settle(&self) {
        drop(self.topics.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Everything whose outcome is open.
    pub(super) fn outcomes(&self) -> Vec<Arc<BatchOutcome>> {
        self.queues().iter().flat_map(|queue| queue.outcomes()).collect()
    }

    /// All queues.
    pub(super) fn queues(&self) -> Vec<Arc<PartitionQueue>> {
        self.read().values().flat_map(|topic| &topic.queues).cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ByteString, TopicQueues>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lookups(&self) -> MutexGuard<'_, HashMap<ByteString, Option<Error>>> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, topic: &Topic) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let count = topic.partitions.len() as i32;
        let known = topics.entry(topic.name.clone()).or_insert_with(|| TopicQueues {
            queues: Vec::new(),
            sticky: Sticky::new(count),
            used: AtomicBool::new(true),
        });
        for partition in known.queues.len() as i32..count {
            known.queues.push(PartitionQueue::new(TopicPartition::new(topic.name.clone(), partition)));
        }
    }
}

impl TopicQueues {
    /// Where a record goes: to the partition it names, to that of its key, or to the one that keyless records go to now.
    pub(super) fn queue_for(&self, record: &Record) -> Result<&Arc<PartitionQueue>, Refusal> {
        let count = self.count();
        let partition = match (record.partition, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of(key, count),
            (None, None) => {
                let here = self.sticky.current(count);
                let gathering = self.queues.get(here as usize).is_some_and(|queue| queue.gathering());
                // Its batch has left: the next one may as well be another partition's.
                if self.sticky.has_begun() && !gathering {
                    self.sticky.move_on(count, |partition| self.waiting(partition));
                }
                self.sticky.current(count)
            }
        };
        let queue = usize::try_from(partition).ok().and_then(|partition| self.queues.get(partition));
        queue.ok_or_else(|| {
            let message = format!("topic {:?} has no partition {partition}; it has {count}, from 0", record.topic);
            Refusal::UnknownPartition(Error::new(ErrorKind::Config, message))
        })
    }

    /// A record of so many bytes was taken in.
    pub(super) fn took(&self, record: &Record, size: usize, batch_size: usize, begins_batch: bool) {
        if record.partition.is_none() && record.key.is_none() {
            self.sticky.used(size, batch_size, self.count(), |partition| self.waiting(partition));
        }
        if begins_batch {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    fn count(&self) -> i32 {
        self.queues.len() as i32
    }

    fn waiting(&self, partition: i32) -> usize {
        self.queues.get(partition as usize).map_or(0, |queue| queue.waiting())
    }
}
