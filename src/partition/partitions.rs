//! The partitions of this broker, by topic id and number. Looking one up takes no lock; changes follow the metadata image, one after
//! the other, on threads that may block.

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use uuid::Uuid;

use super::{DeleteRecordsError, LogStarts, Partition, PartitionConfig};
use crate::storage::types::{LeaderEpoch, Offset, TopicPartition};
use crate::storage::{DataDirectory, OpenError};

/// How many logs are opened side by side at least: a new one waits for the disk, not for the processor.
const MIN_OPEN_THREADS: usize = 16;

/// A topic as the metadata wants it.
#[derive(Debug, Clone)]
pub struct TopicLogs {
    /// The topic's id.
    pub topic_id: Uuid,
    /// Its name, which was checked when it was created.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partitions: i32,
    /// Its settings.
    pub config: PartitionConfig,
}

impl TopicLogs {
    fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(self.name.clone(), number)
    }
}

/// A log that could not be opened. Its partition exists but is not available; the others are not concerned.
#[derive(Debug, thiserror::Error)]
#[error("the log of {partition} cannot be opened: {error}")]
pub struct OpenFailure {
    /// The partition.
    pub partition: TopicPartition,
    /// Why.
    pub error: OpenError,
}

/// The registry.
pub struct Partitions {
    data: Arc<DataDirectory>,
    leader_epoch: LeaderEpoch,
    log_starts: Arc<LogStarts>,
    topics: ArcSwap<Topics>,
    /// Held while the topics change.
    change: Mutex<()>,
}

/// The partitions of each topic by number; `None` where a log could not be opened.
type Topics = HashMap<Uuid, Arc<Vec<Option<Arc<Partition>>>>>;

/// A log that is not open yet.
type Missing<'a> = (&'a TopicLogs, i32);

impl Partitions {
    /// An empty registry. Every partition opened by it is led under the data directory's incarnation.
    pub fn new(data: Arc<DataDirectory>) -> Self {
        let leader_epoch = data.meta().leader_epoch();
        Self { data, leader_epoch, log_starts: Arc::default(), topics: ArcSwap::default(), change: Mutex::new(()) }
    }

    /// Finds a partition. `None` when it does not exist, or when its log could not be opened; the metadata image tells which.
    pub fn get(&self, topic_id: &Uuid, partition: i32) -> Option<Arc<Partition>> {
        let number = usize::try_from(partition).ok()?;
        self.topics.load().get(topic_id)?.get(number)?.clone()
    }

    /// Whether the logs of this topic are here, or should be. A topic that is being deleted is gone from here first.
    pub fn has_topic(&self, topic_id: &Uuid) -> bool {
        self.topics.load().contains_key(topic_id)
    }

    /// Tells whether any partition's log start has moved.
    pub fn log_starts(&self) -> &LogStarts {
        &self.log_starts
    }

    /// All partitions whose logs are open, in no order.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.topics.load().values().flat_map(|topic| topic.iter().flatten().cloned()).collect()
    }

    /// The data directory that holds their logs.
    pub fn data(&self) -> &DataDirectory {
        &self.data
    }

    /// Opens the logs that these topics should have and that are not open yet: all of them at start, new ones when topics are
    /// created or get more partitions. Logs are opened side by side and become visible all at once. Blocks.
    pub fn ensure(&self, wanted: &[TopicLogs]) -> Vec<OpenFailure> {
        let _change = self.change.lock();
        let all = wanted.iter().flat_map(|topic| (0..topic.partitions).map(move |number| (topic, number)));
        let missing: Vec<Missing> =
            all.filter(|(topic, number)| self.get(&topic.topic_id, *number).is_none()).collect();
        let mut topics = Topics::clone(&self.topics.load());
        for topic in wanted {
            topics.entry(topic.topic_id).or_default();
        }
        let mut failures = Vec::new();
        for ((topic, number), opened) in self.open_side_by_side(&missing) {
            match opened {
                Ok(partition) => put(&mut topics, number, partition),
                Err(error) => failures.push(OpenFailure { partition: topic.partition(number), error }),
            }
        }
        self.topics.store(Arc::new(topics));
        failures
    }

    fn open_side_by_side<'a>(&self, missing: &[Missing<'a>]) -> Vec<(Missing<'a>, Result<Arc<Partition>, OpenError>)> {
        let open = |(topic, number): Missing<'a>| {
            let (config, log_starts) = (topic.config.clone(), Arc::clone(&self.log_starts));
            Partition::open(&self.data, &topic.partition(number), topic.topic_id, config, self.leader_epoch, log_starts)
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).max(MIN_OPEN_THREADS);
        let next = AtomicUsize::new(0);
        let opened = Mutex::new(Vec::with_capacity(missing.len()));
        std::thread::scope(|scope| {
            for _ in 0..threads.min(missing.len()) {
                scope.spawn(|| {
                    while let Some(log) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = open(*log);
                        opened.lock().push((*log, outcome));
                    }
                });
            }
        });
        opened.into_inner()
    }

    /// Forgets a topic, tells everybody who waits for its partitions, and sets its directories aside. Unknown topics are no error: a
    /// deletion that a stop interrupted is repeated at start. Blocks.
    pub fn delete(&self, topic_id: &Uuid) -> io::Result<()> {
        let _change = self.change.lock();
        let mut topics = Topics::clone(&self.topics.load());
        let Some(topic) = topics.remove(topic_id) else { return Ok(()) };
        self.topics.store(Arc::new(topics));
        let mut outcome = Ok(());
        for partition in topic.iter().flatten() {
            partition.close_deleted();
            let deleted = self.data.delete_log(partition.topic_partition());
            outcome = outcome.and(deleted);
        }
        outcome
    }

    /// Deletes the records below an offset of each partition, which is from [`Partition::start_after_deletion`]. Answers where
    /// each log starts now, when that is durable. Blocks.
    pub fn delete_records(&self, wanted: &[(Arc<Partition>, Offset)]) -> Vec<Result<Offset, DeleteRecordsError>> {
        let logs: Vec<_> = wanted.iter().map(|(partition, start)| (Arc::clone(partition.log()), *start)).collect();
        let advanced = self.data.advance_log_starts(&logs);
        let outcomes = wanted.iter().zip(advanced).map(|((partition, wanted), advanced)| match advanced {
            Ok(start) if start >= *wanted => Ok(start),
            outcome => {
                let error = outcome.err();
                tracing::error!(partition = %partition.topic_partition(), error = error.map(tracing::field::display), "records could not be deleted");
                Err(partition.high_watermark().closed().map_or(DeleteRecordsError::Storage, Into::into))
            }
        });
        outcomes.collect()
    }

    /// Changes a topic's settings.
    pub fn set_config(&self, topic_id: &Uuid, config: &PartitionConfig) {
        let _change = self.change.lock();
        for partition in self.topics.load().get(topic_id).into_iter().flat_map(|topic| topic.iter().flatten()) {
            partition.set_config(config.clone());
        }
    }
}

fn put(topics: &mut Topics, number: i32, partition: Arc<Partition>) {
    let places = Arc::make_mut(topics.entry(partition.topic_id()).or_default());
    let number = number as usize; // counted up from 0
    places.resize(places.len().max(number + 1), None);
    places[number] = Some(partition);
}
