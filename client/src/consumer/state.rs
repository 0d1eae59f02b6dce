//! What the consumer knows about each of its partitions, and what waits to be handed out.
//!
//! One lock holds it all. It is taken for each chunk and each Fetch, never for a record, and never across an await.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytestring::ByteString;
use tokio::time::Instant;

use super::SeekTo;
use super::chunk::Chunk;
use super::cursor::Cursor;
use super::fetcher::Fetcher;
use super::partition::{Partition, Phase};
use crate::error::{Error, ErrorKind};
use crate::metadata::Topic;
use crate::network::Backoff;
use crate::record::TopicPartition;

/// Errors that wait to be told; what comes on top is not kept.
const ERRORS_MAX: usize = 64;

/// All partitions, and what waits to be handed out.
#[derive(Default)]
pub(super) struct State {
    /// In the order of requests.
    pub(super) partitions: BTreeMap<TopicPartition, Partition>,
    /// Partitions with chunks that can be handed out, each once: they take turns.
    ready: VecDeque<TopicPartition>,
    errors: VecDeque<Error>,
    /// What ended the consumer.
    fatal: Option<Error>,
    /// Bytes that wait in partitions that are not paused.
    queued_bytes: usize,
    waker: Option<Waker>,
    /// Those who fetch, by broker.
    pub(super) fetchers: HashMap<i32, Arc<Fetcher>>,
}

impl State {
    /// Adds a partition that is not there yet.
    pub(super) fn assign(&mut self, partition: &TopicPartition, phase: Phase, backoff: Backoff) {
        let new = || Partition::new(partition.clone(), phase, backoff);
        self.partitions.entry(partition.clone()).or_insert_with(new);
    }

    /// Takes a partition away, with what was fetched for it.
    pub(super) fn unassign(&mut self, partition: &TopicPartition) {
        self.discard(partition);
        if let Some(removed) = self.partitions.remove(partition) {
            removed.cursor.kill();
        }
    }

    /// The partition, as long as this is still its cursor.
    pub(super) fn at(&mut self, cursor: &Arc<Cursor>) -> Option<&mut Partition> {
        self.partitions.get_mut(&cursor.partition).filter(|partition| Arc::ptr_eq(&partition.cursor, cursor))
    }

    /// Begins another walk through a partition.
    pub(super) fn seek(&mut self, partition: &TopicPartition, to: SeekTo) -> Result<(), Error> {
        self.discard(partition);
        let Some(found) = self.partitions.get_mut(partition) else { return Err(not_assigned(partition)) };
        found.cursor.kill();
        found.cursor = Arc::new(Cursor::new(partition.clone()));
        found.cursor.set_paused(found.paused);
        found.busy = false;
        found.worked();
        found.fresh = true;
        match to {
            SeekTo::Offset(offset) => found.place(offset, -1),
            to => found.phase = Phase::Seeking(to),
        }
        Ok(())
    }

    /// Throws away what was fetched for a partition.
    fn discard(&mut self, partition: &TopicPartition) {
        let Some(found) = self.partitions.get_mut(partition) else { return };
        found.queue.clear();
        let bytes = std::mem::take(&mut found.queued_bytes);
        if !found.paused {
            self.queued_bytes -= bytes;
            self.ready.retain(|other| other != partition);
        }
    }

    /// Fetches again from the position, a little later.
    pub(super) fn rewind(&mut self, cursor: &Arc<Cursor>) {
        if self.at(cursor).is_none() {
            return;
        }
        self.discard(&cursor.partition);
        if let (Some(found), Some(position)) = (self.at(cursor), cursor.position()) {
            found.next = position;
            found.back_off();
        }
    }

    /// Stops handing out, or goes on. What was fetched is kept.
    pub(super) fn set_paused(&mut self, partition: &TopicPartition, paused: bool) -> Result<(), Error> {
        let Some(found) = self.partitions.get_mut(partition) else { return Err(not_assigned(partition)) };
        if found.paused == paused {
            return Ok(());
        }
        found.paused = paused;
        found.cursor.set_paused(paused);
        if paused {
            self.queued_bytes -= found.queued_bytes;
            self.ready.retain(|other| other != partition);
        } else {
            found.fresh = true;
            self.queued_bytes += found.queued_bytes;
            if !found.queue.is_empty() {
                self.ready.push_back(partition.clone());
                self.wake();
            }
        }
        Ok(())
    }

    /// Queues what was fetched.
    pub(super) fn queue(&mut self, chunk: Chunk) {
        let partition = chunk.cursor.partition.clone();
        let bytes = chunk.bytes;
        let Some(found) = self.at(&chunk.cursor) else { return };
        found.next = chunk.next;
        found.queued_bytes += bytes;
        found.queue.push_back(chunk);
        if !found.paused {
            let first = found.queue.len() == 1;
            self.queued_bytes += bytes;
            if first {
                self.ready.push_back(partition);
            }
            self.wake();
        }
    }

    /// Takes back the rest of a chunk whose partition was paused.
    pub(super) fn put_back(&mut self, chunk: Chunk) {
        let partition = chunk.cursor.partition.clone();
        let Some(found) = self.at(&chunk.cursor) else { return };
        let bytes = chunk.bytes;
        found.queued_bytes += bytes;
        found.queue.push_front(chunk);
        if !found.paused {
            let first = found.queue.len() == 1;
            self.queued_bytes += bytes;
            if first {
                self.ready.push_front(partition);
            }
        }
    }

    /// The next chunk of the partition whose turn it is, or an error that somebody should know of.
    pub(super) fn take(&mut self, context: &mut Context<'_>) -> Poll<Result<Chunk, Error>> {
        if let Some(error) = self.errors.pop_front() {
            return Poll::Ready(Err(error));
        }
        while let Some(turn) = self.ready.pop_front() {
            let Some(found) = self.partitions.get_mut(&turn) else { continue };
            let Some(chunk) = found.queue.pop_front() else { continue };
            found.queued_bytes -= chunk.bytes;
            if !found.busy {
                // It was left out of the last request because of what was queued.
                found.fresh = true;
                self.fetchers.get(&found.leader).inspect(|fetcher| fetcher.wake());
            }
            if !found.queue.is_empty() {
                self.ready.push_back(turn);
            }
            self.queued_bytes -= chunk.bytes;
            return Poll::Ready(Ok(chunk));
        }
        if let Some(fatal) = &self.fatal {
            return Poll::Ready(Err(fatal.clone()));
        }
        self.wait(context);
        Poll::Pending
    }

    /// Wakes this task when there is something new.
    pub(super) fn wait(&mut self, context: &mut Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }

    /// Wakes the one who receives.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Tells the application about something that went wrong.
    pub(super) fn tell(&mut self, error: Error) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push_back(error);
        }
        self.wake();
    }

    /// Nothing can go on after this error: it is told again and again.
    pub(super) fn end(&mut self, error: Error) {
        self.fatal = Some(error);
        self.wake();
    }

    /// Tells about something before anything else.
    pub(super) fn tell_first(&mut self, error: Error) {
        self.errors.push_front(error);
    }

    /// Takes all partitions of some topics away.
    pub(super) fn unassign_topics(&mut self, topics: &[ByteString]) {
        let gone = self.partitions.keys().filter(|partition| topics.contains(&partition.topic)).cloned();
        let gone: Vec<TopicPartition> = gone.collect();
        for partition in &gone {
            self.unassign(partition);
        }
    }

    /// Takes the partitions of a topic away from this number on: it was made again with fewer.
    pub(super) fn unassign_from(&mut self, topic: &ByteString, count: usize) {
        let beyond = |partition: &&TopicPartition| {
            partition.topic == *topic && usize::try_from(partition.partition).is_ok_and(|number| number >= count)
        };
        let gone: Vec<TopicPartition> = self.partitions.keys().filter(beyond).cloned().collect();
        for partition in &gone {
            self.unassign(partition);
        }
    }

    /// All partitions are gone.
    pub(super) fn clear(&mut self) {
        let all: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
        for partition in &all {
            self.unassign(partition);
        }
    }

    /// Partitions that were held can be fetched from now.
    pub(super) fn release(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(found) = self.partitions.get_mut(partition).filter(|found| found.phase == Phase::Held) {
                found.phase = Phase::Unplaced;
            }
        }
    }

    /// Whether the application works on a record of one of them.
    pub(super) fn holds_any_of(&self, partitions: &[TopicPartition]) -> bool {
        partitions.iter().filter_map(|partition| self.partitions.get(partition)).any(|found| found.cursor.holds_any())
    }

    /// Whether one of them is past its first lookup.
    pub(super) fn has_position(&self, partitions: &[TopicPartition]) -> bool {
        partitions
            .iter()
            .filter_map(|partition| self.partitions.get(partition))
            .any(|found| found.cursor.position().is_some())
    }

    /// What the newest metadata says about a topic. Returns partitions whose topic was deleted and made again.
    pub(super) fn adopt(&mut self, topic: &Topic) -> Vec<TopicPartition> {
        let (mut made_again, mut absent) = (Vec::new(), Vec::new());
        for partition in self.partitions.values_mut().filter(|partition| partition.cursor.partition.topic == topic.name)
        {
            let name = &partition.cursor.partition;
            if usize::try_from(name.partition).is_ok_and(|index| index < topic.partitions.len()) {
                let name = name.clone();
                if partition.adopt(topic) {
                    made_again.push(name);
                }
            } else {
                let name = name.clone();
                partition.leader = -1;
                if !std::mem::replace(&mut partition.missing, true) {
                    absent.push(name);
                }
            }
        }
        for partition in absent {
            let count = topic.partitions.len();
            let message = format!("there is no partition {partition}: the topic has {count}; it is waited for");
            self.tell(Error::new(ErrorKind::Config, message));
        }
        made_again
    }

    /// A topic that does not exist at the moment: that is told once.
    pub(super) fn topic_is_missing(&mut self, topic: &str, error: &Error) {
        let mut news = false;
        for partition in self.partitions.values_mut().filter(|partition| partition.cursor.partition.topic == *topic) {
            partition.leader = -1;
            news |= !std::mem::replace(&mut partition.missing, true);
        }
        if news {
            self.tell(error.clone());
        }
    }

    /// Partitions with a leader that nobody asks anything at the moment, and that may be asked.
    pub(super) fn idle(&mut self) -> impl Iterator<Item = &mut Partition> {
        let now = Instant::now();
        self.partitions
            .values_mut()
            .filter(move |partition| !partition.busy && partition.leader >= 0 && partition.not_before <= now)
    }

    /// When a partition may be asked again for its offset.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.partitions.values().filter(|partition| {
            !partition.busy && matches!(partition.phase, Phase::Unplaced | Phase::Seeking(_) | Phase::Validating)
        });
        waiting.filter(|partition| partition.leader >= 0).map(|partition| partition.not_before).min()
    }

    pub(super) fn lacks_leader(&self) -> bool {
        self.partitions.values().any(|partition| partition.leader < 0)
    }

    pub(super) fn topics(&self) -> HashSet<ByteString> {
        self.partitions.keys().map(|partition| partition.topic.clone()).collect()
    }

    pub(super) fn leaders(&self) -> HashSet<i32> {
        self.partitions.values().map(|partition| partition.leader).filter(|leader| *leader >= 0).collect()
    }

    /// Whether a broker leads any partition.
    pub(super) fn has_any_of(&self, leader: i32) -> bool {
        self.partitions.values().any(|partition| partition.leader == leader)
    }

    /// Bytes that wait to be handed out.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }
}

pub(super) fn not_assigned(partition: &TopicPartition) -> Error {
    Error::new(ErrorKind::Config, format!("{partition} is not assigned to this consumer"))
}

#[cfg(test)]
mod tests;
