//! One partition that is assigned: where its records come from, and what waits to be handed out.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::SeekTo;
use super::chunk::Chunk;
use super::cursor::Cursor;
use crate::group::Committed;
use crate::metadata::Topic;
use crate::network::Backoff;
use crate::record::TopicPartition;

/// What is between a partition and the first Fetch from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// A hook of the rebalance still runs: it may seek.
    Held,
    /// The group's committed offset is to be looked up, or else the reset policy holds.
    Unplaced,
    /// The offset of a place is to be looked up.
    Seeking(SeekTo),
    /// The leader changed: whether the log still has what was read is to be looked up (KIP-320).
    Validating,
    /// It can be fetched from.
    Placed,
    /// Only a seek helps.
    Stuck,
}

/// Ends of a partition as the last Fetch saw them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) high_watermark: i64,
    pub(super) last_stable: i64,
}

/// A partition that is assigned.
pub(super) struct Partition {
    pub(super) cursor: Arc<Cursor>,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    pub(super) topic_id: Uuid,
    /// −1 while there is none.
    pub(super) leader: i32,
    pub(super) leader_epoch: i32,
    /// The offset to fetch next.
    pub(super) next: i64,
    pub(super) bounds: Option<Bounds>,
    /// A request for it is under way.
    pub(super) busy: bool,
    /// Became worth fetching while the long poll of its broker may be under way.
    pub(super) fresh: bool,
    /// Not asked for again before.
    pub(super) not_before: Instant,
    backoff: Backoff,
    /// What the group has committed, as far as this consumer knows.
    pub(super) committed: Option<i64>,
    /// Its topic was missing, and that was said.
    pub(super) missing: bool,
    pub(super) queue: VecDeque<Chunk>,
    pub(super) queued_bytes: usize,
}

impl Partition {
    pub(super) fn new(partition: TopicPartition, phase: Phase, backoff: Backoff) -> Self {
        Self {
            cursor: Arc::new(Cursor::new(partition)),
            phase,
            paused: false,
            topic_id: Uuid::nil(),
            leader: -1,
            leader_epoch: -1,
            next: -1,
            bounds: None,
            busy: false,
            fresh: true,
            not_before: Instant::now(),
            backoff,
            committed: None,
            missing: false,
            queue: VecDeque::new(),
            queued_bytes: 0,
        }
    }

    /// It goes on from here.
    pub(super) fn place(&mut self, offset: i64, epoch: i32) {
        self.cursor.place(offset, epoch);
        self.next = offset;
        self.worked();
        self.phase = if (0..self.leader_epoch).contains(&epoch) { Phase::Validating } else { Phase::Placed };
        self.fresh = true;
    }

    /// What was processed, if that is not committed yet.
    pub(super) fn to_commit(&self) -> Option<(TopicPartition, Committed)> {
        let (offset, leader_epoch) = self.cursor.processed()?;
        let news = self.committed != Some(offset);
        news.then(|| (self.cursor.partition.clone(), Committed { offset, leader_epoch }))
    }

    /// It is asked again a little later.
    pub(super) fn back_off(&mut self) {
        self.not_before = Instant::now() + self.backoff.next();
    }

    pub(super) fn worked(&mut self) {
        self.backoff.reset();
        self.not_before = Instant::now();
    }

    /// What the newest metadata says about it. True if the topic is another one than before.
    pub(super) fn adopt(&mut self, topic: &Topic) -> bool {
        self.missing = false;
        let index = usize::try_from(self.cursor.partition.partition).unwrap_or(usize::MAX);
        let Some(told) = topic.partitions.get(index) else { return false };
        let made_again = !self.topic_id.is_nil() && self.topic_id != topic.id;
        self.topic_id = topic.id;
        // A broker that lags behind may still tell an older leader.
        if !made_again && told.leader_epoch >= 0 && told.leader_epoch < self.leader_epoch {
            return false;
        }
        let moved = told.leader_epoch > self.leader_epoch || told.leader != self.leader;
        self.leader = told.leader;
        self.leader_epoch = told.leader_epoch;
        if moved {
            self.not_before = Instant::now();
            if self.phase == Phase::Placed && (0..self.leader_epoch).contains(&self.cursor.epoch()) {
                self.phase = Phase::Validating;
            }
        }
        made_again
    }
}
