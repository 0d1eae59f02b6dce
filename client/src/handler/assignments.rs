//! The partitions that this member has at the moment, and how far each is.
//!
//! Pure. An assignment has a number of its own, so that what was started under an earlier one of the same partition does not
//! count for the new one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use tokio::sync::watch;

use super::progress::{Position, Progress};
use super::workers::Lane;
use crate::record::{ConsumerRecord, TopicPartition};

/// Which records are handled in order, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Those of a partition with the same key.
    Key,
    /// Those of a partition.
    Partition,
    /// None.
    Free,
}

/// The partitions of this member.
#[derive(Debug, Default)]
pub(super) struct Assignments {
    numbers: HashMap<TopicPartition, u64>,
    by_number: HashMap<u64, Assignment>,
    next: u64,
    hasher: RandomState,
}

#[derive(Debug)]
struct Assignment {
    partition: TopicPartition,
    progress: Progress,
    /// Records that were taken and not started.
    waiting: usize,
    started: usize,
    /// Becomes true when nothing is to be tried again.
    ending: watch::Sender<bool>,
}

impl Assignments {
    /// This member got a partition.
    pub(super) fn add(&mut self, partition: TopicPartition) {
        let number = self.next;
        self.next += 1;
        let ending = watch::Sender::new(false);
        self.numbers.insert(partition.clone(), number);
        self.by_number
            .insert(number, Assignment { partition, progress: Progress::default(), waiting: 0, started: 0, ending });
    }

    /// The number of a partition's assignment, if this member has it.
    pub(super) fn number(&self, partition: &TopicPartition) -> Option<u64> {
        self.numbers.get(partition).copied()
    }

    /// The numbers of all assignments.
    pub(super) fn all(&self) -> Vec<u64> {
        self.by_number.keys().copied().collect()
    }

    /// A record that came in, with the lane it belongs to; none when this member does not have its partition any more.
    pub(super) fn take(&mut self, record: &ConsumerRecord, order: Order) -> Option<Lane> {
        let partition = record.topic_partition();
        let mut number = self.number(&partition)?;
        let taken = self.by_number.get_mut(&number)?.progress.take(record.offset, record.leader_epoch);
        if !taken {
            // The log begins anew: what was reached in the old one says nothing about this.
            self.by_number.remove(&number);
            self.add(partition.clone());
            number = self.number(&partition)?;
            let _ = self.by_number.get_mut(&number)?.progress.take(record.offset, record.leader_epoch);
        }
        self.by_number.get_mut(&number)?.waiting += 1;
        let key = match order {
            Order::Key => record.key.as_ref().map(|key| self.hasher.hash_one(key)),
            Order::Partition => Some(0),
            Order::Free => None,
        };
        Some(Lane { assignment: number, key })
    }

    /// A record is being handled. The receiver becomes true when it is not to be tried again.
    pub(super) fn started(&mut self, number: u64) -> Option<watch::Receiver<bool>> {
        let assignment = self.by_number.get_mut(&number)?;
        assignment.waiting -= 1;
        assignment.started += 1;
        Some(assignment.ending.subscribe())
    }

    /// The handling of a record has ended; `finished` when it needs not be handled again.
    pub(super) fn ended(&mut self, number: u64, offset: i64, finished: bool) {
        let Some(assignment) = self.by_number.get_mut(&number) else { return };
        assignment.started -= 1;
        if finished {
            assignment.progress.finish(offset);
        }
    }

    /// Nothing of this assignment is to be tried again.
    pub(super) fn end(&self, number: u64) {
        if let Some(assignment) = self.by_number.get(&number) {
            assignment.ending.send_replace(true);
        }
    }

    /// Whether nothing of this assignment is being handled.
    pub(super) fn is_idle(&self, number: u64) -> bool {
        self.by_number.get(&number).is_none_or(|assignment| assignment.started == 0)
    }

    /// The partition is another member's.
    pub(super) fn remove(&mut self, number: u64) {
        if let Some(removed) = self.by_number.remove(&number) {
            self.numbers.remove(&removed.partition);
        }
    }

    /// How many records of the assignment are taken and, or because of one before them, not done.
    pub(super) fn outstanding(&self, number: u64) -> usize {
        self.by_number.get(&number).map_or(0, |assignment| assignment.progress.outstanding())
    }

    /// How many records of the assignment wait to be started.
    pub(super) fn waiting(&self, number: u64) -> usize {
        self.by_number.get(&number).map_or(0, |assignment| assignment.waiting)
    }

    /// The partition of the assignment.
    pub(super) fn partition(&self, number: u64) -> Option<&TopicPartition> {
        self.by_number.get(&number).map(|assignment| &assignment.partition)
    }

    /// Whether something of this assignment is to be committed.
    pub(super) fn is_uncommitted(&self, number: u64) -> bool {
        self.by_number.get(&number).is_some_and(|assignment| assignment.progress.uncommitted().is_some())
    }

    /// What is to be committed.
    pub(super) fn uncommitted(&self) -> Vec<(TopicPartition, Position)> {
        let assignments = self.by_number.values();
        assignments
            .filter_map(|assignment| Some((assignment.partition.clone(), assignment.progress.uncommitted()?)))
            .collect()
    }

    /// This was committed.
    pub(super) fn committed(&mut self, offsets: &[(TopicPartition, Position)]) {
        for (partition, position) in offsets {
            let assignment = self.number(partition).and_then(|number| self.by_number.get_mut(&number));
            if let Some(assignment) = assignment {
                assignment.progress.committed(*position);
            }
        }
    }
}
