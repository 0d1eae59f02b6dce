//! What the next Fetch asks a broker for.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use tokio::time::Instant;
use uuid::Uuid;

use super::config::ConsumerConfig;
use super::cursor::Cursor;
use super::partition::{Partition, Phase};
use super::state::State;

/// How long a broker may hold back its answer while a partition was left out because enough of it is queued already.
const BRIEF_WAIT: Duration = Duration::from_millis(10);

/// Which partitions of a broker a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// All that are worth asking for; the broker may hold back its answer until there is something.
    LongPoll,
    /// Those that became worth asking for while the long poll is under way; answered at once.
    Express,
}

/// A Fetch that is about to be sent, or under way.
pub(super) struct Plan {
    pub(super) topics: Vec<PlannedTopic>,
    pub(super) max_wait: Duration,
    max_bytes: i32,
}

pub(super) struct PlannedTopic {
    pub(super) name: ByteString,
    pub(super) id: Uuid,
    /// By number.
    pub(super) partitions: Vec<Planned>,
}

pub(super) struct Planned {
    pub(super) cursor: Arc<Cursor>,
    pub(super) offset: i64,
    leader_epoch: i32,
    /// An answer has been about it.
    pub(super) is_answered: bool,
}

impl Plan {
    /// Takes the partitions that a broker leads and that have room, and marks them as busy. If there are none: when there
    /// may be some, as far as time alone decides.
    pub(super) fn make(
        state: &mut State,
        node: i32,
        lane: Lane,
        config: &ConsumerConfig,
    ) -> Result<Self, Option<Instant>> {
        let room = config.prefetch_bytes.saturating_sub(state.queued_bytes());
        if room == 0 {
            return Err(None);
        }
        let now = Instant::now();
        let (mut later, mut left_out) = (None, false);
        let mut chosen: Vec<&mut Partition> = Vec::new();
        for partition in state.partitions.values_mut().filter(|partition| partition.leader == node) {
            if partition.busy || partition.paused || partition.phase != Phase::Placed {
                continue;
            }
            if lane == Lane::Express && !partition.fresh {
                continue;
            }
            if partition.not_before > now {
                later = later.into_iter().chain([partition.not_before]).min();
            } else if partition.queued_bytes > config.max_partition_fetch_bytes as usize {
                left_out = true;
            } else {
                chosen.push(partition);
            }
        }
        if chosen.is_empty() {
            return Err(later);
        }
        let max_wait = match lane {
            Lane::Express => Duration::ZERO,
            Lane::LongPoll if left_out => BRIEF_WAIT.min(config.fetch_max_wait),
            Lane::LongPoll => {
                let due = later.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
                config.fetch_max_wait.min(due)
            }
        };
        let least = i32::try_from(room).unwrap_or(i32::MAX).max(config.max_partition_fetch_bytes);
        Ok(Self { topics: by_topic(chosen), max_wait, max_bytes: config.fetch_max_bytes.min(least) })
    }

    /// The request for all of it, in order. Topics have their ids only if they are named by them.
    pub(super) fn request(&self, config: &ConsumerConfig, by_id: bool) -> FetchRequest {
        let topics = self.topics.iter().map(|topic| topic.request(config, by_id)).collect();
        FetchRequest {
            max_wait_ms: i32::try_from(self.max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: config.fetch_min_bytes,
            max_bytes: self.max_bytes,
            isolation_level: config.isolation as i8,
            topics,
            ..Default::default()
        }
    }

    /// Whether topics can be named by id.
    pub(super) fn has_ids(&self) -> bool {
        self.topics.iter().all(|topic| !topic.id.is_nil())
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &Planned> {
        self.topics.iter().flat_map(|topic| &topic.partitions)
    }

    /// What an answer about this partition is about; it counts as answered then. Topics have no name in newer versions, and
    /// no id in older ones.
    pub(super) fn answered(&mut self, name: &ByteString, id: Uuid, partition: i32) -> Option<&Planned> {
        let is_it = |topic: &&mut PlannedTopic| if id.is_nil() { topic.name == *name } else { topic.id == id };
        let partitions = &mut self.topics.iter_mut().find(is_it)?.partitions;
        let at = partitions.binary_search_by_key(&partition, |planned| planned.cursor.partition.partition).ok()?;
        let planned = partitions.get_mut(at)?;
        planned.is_answered = true;
        Some(planned)
    }
}

/// Changes who is asked for first from one request to the next, so that a broker that fills its answer from the front serves
/// all.
pub(super) fn shuffle(request: &mut FetchRequest) {
    let topics = &mut request.topics;
    for topic in &mut *topics {
        begin_anywhere(&mut topic.partitions);
    }
    begin_anywhere(topics);
}

fn begin_anywhere<T>(list: &mut [T]) {
    list.rotate_left(fastrand::usize(..list.len().max(1)));
}

impl PlannedTopic {
    fn request(&self, config: &ConsumerConfig, by_id: bool) -> FetchTopic {
        let partitions = self.partitions.iter().map(|planned| FetchPartition {
            partition: planned.cursor.partition.partition,
            current_leader_epoch: planned.leader_epoch,
            fetch_offset: planned.offset,
            partition_max_bytes: config.max_partition_fetch_bytes,
            ..Default::default()
        });
        let topic_id = if by_id { self.id } else { Uuid::nil() };
        FetchTopic { topic: self.name.clone(), topic_id, partitions: partitions.collect() }
    }
}

/// `chosen` is in order.
fn by_topic(chosen: Vec<&mut Partition>) -> Vec<PlannedTopic> {
    let mut topics: Vec<PlannedTopic> = Vec::new();
    for partition in chosen {
        partition.busy = true;
        partition.fresh = false;
        let name = &partition.cursor.partition.topic;
        let planned = Planned {
            cursor: Arc::clone(&partition.cursor),
            offset: partition.next,
            leader_epoch: partition.leader_epoch,
            is_answered: false,
        };
        match topics.last_mut() {
            Some(topic) if topic.name == *name => topic.partitions.push(planned),
            _ => topics.push(PlannedTopic { name: name.clone(), id: partition.topic_id, partitions: vec![planned] }),
        }
    }
    topics
}
