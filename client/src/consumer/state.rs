//! What the consumer knows about each of its partitions, and what waits to be handed out.
//!
//! One lock holds it all. It is taken for each chunk and each Fetch, never for a record, and never across an await.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytestring::ByteString;
use tokio::time::Instant;
use uuid::Uuid;

use super::SeekTo;
use super::chunk::Chunk;
use super::cursor::Cursor;
use super::fetcher::Fetcher;
use crate::error::{Error, ErrorKind};
use crate::group::Committed;
use crate::metadata::Topic;
use crate::network::Backoff;
use crate::record::TopicPartition;

/// Errors that wait to be told; what comes on top is not kept.
const ERRORS_MAX: usize = 64;

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
    missing: bool,
    queue: VecDeque<Chunk>,
    pub(super) queued_bytes: usize,
}

impl Partition {
    fn new(partition: TopicPartition, phase: Phase, backoff: Backoff) -> Self {
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
    fn adopt(&mut self, topic: &Topic) -> bool {
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

/// All partitions, and what waits to be handed out.
#[derive(Default)]
pub(super) struct State {
    pub(super) partitions: HashMap<TopicPartition, Partition>,
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

    /// Bytes that wait to be handed out.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }
}

pub(super) fn not_assigned(partition: &TopicPartition) -> Error {
    Error::new(ErrorKind::Config, format!("{partition} is not assigned to this consumer"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use naru_protocol::records::{BatchBuilder, Codec};

    use super::super::chunk::Unpacking;
    use super::super::plan::{Lane, Plan};
    use super::super::{ConsumerConfig, IsolationLevel};
    use super::*;

    fn orders(number: i32) -> TopicPartition {
        TopicPartition::new("orders", number)
    }

    /// Partitions 0 and 1 at offset 0, led by broker 5.
    fn state() -> State {
        let mut state = State::default();
        for number in 0..2 {
            let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
            state.assign(&orders(number), Phase::Unplaced, backoff);
            let partition = state.partitions.get_mut(&orders(number)).unwrap();
            partition.leader = 5;
            partition.place(0, -1);
        }
        state
    }

    fn cursor(state: &State, number: i32) -> Arc<Cursor> {
        Arc::clone(&state.partitions[&orders(number)].cursor)
    }

    /// What a Fetch may bring: one record at the offset.
    fn chunk(cursor: Arc<Cursor>, offset: i64) -> Chunk {
        let mut builder = BatchBuilder::new(Codec::None).base_offset(offset);
        builder.push(0, None, Some(b"value"), &[]).unwrap();
        let how = Unpacking { check_crcs: true, isolation: IsolationLevel::ReadUncommitted, room: 1 << 20 };
        Chunk::unpack(cursor, offset, builder.build().unwrap(), Vec::new(), &how)
    }

    fn take(state: &mut State) -> Option<Chunk> {
        let taken = state.take(&mut Context::from_waker(Waker::noop()));
        match taken {
            Poll::Ready(chunk) => Some(chunk.unwrap()),
            Poll::Pending => None,
        }
    }

    fn plan(state: &mut State, lane: Lane, config: &ConsumerConfig) -> Vec<(i32, i64)> {
        let Ok(plan) = Plan::make(state, 5, lane, config) else { return Vec::new() };
        plan.partitions().map(|planned| (planned.cursor.partition.partition, planned.offset)).collect()
    }

    #[test]
    fn partitions_take_turns_and_bytes_are_counted() {
        let mut state = state();
        for (number, offset) in [(0, 0), (0, 1), (0, 2), (1, 0)] {
            let chunk = chunk(cursor(&state, number), offset);
            state.queue(chunk);
        }
        assert!(state.queued_bytes() > 0);
        let turns: Vec<(i32, i64)> = std::iter::from_fn(|| take(&mut state))
            .map(|chunk| (chunk.cursor.partition.partition, chunk.next - 1))
            .collect();
        assert_eq!(turns, [(0, 0), (1, 0), (0, 1), (0, 2)]);
        assert_eq!(state.queued_bytes(), 0);
    }

    #[test]
    fn what_was_fetched_before_a_seek_or_a_revocation_is_thrown_away() {
        let mut state = state();
        let (old, other) = (cursor(&state, 0), cursor(&state, 1));
        let (first, second) = (chunk(Arc::clone(&old), 0), chunk(Arc::clone(&other), 0));
        state.queue(first);
        state.queue(second);
        state.seek(&orders(0), SeekTo::Offset(9)).unwrap();
        state.unassign(&orders(1));
        assert!(take(&mut state).is_none() && old.is_dead() && other.is_dead());
        let late = [chunk(old, 1), chunk(other, 1)];
        for chunk in late {
            state.queue(chunk);
        }
        assert!(take(&mut state).is_none());
        assert_eq!((state.queued_bytes(), state.partitions[&orders(0)].next), (0, 9));
        assert!(state.seek(&orders(1), SeekTo::End).is_err());
    }

    #[test]
    fn a_pause_keeps_what_was_fetched_and_holds_nobody_up() {
        let mut state = state();
        let (first, second) = (chunk(cursor(&state, 0), 0), chunk(cursor(&state, 1), 0));
        state.queue(first);
        state.queue(second);
        state.set_paused(&orders(0), true).unwrap();
        let taken = take(&mut state).unwrap();
        assert_eq!((taken.cursor.partition.partition, state.queued_bytes()), (1, 0));
        state.set_paused(&orders(1), true).unwrap();
        assert!(!taken.cursor.is_running() && !taken.cursor.is_dead());
        state.put_back(taken);
        assert!(take(&mut state).is_none());
        assert!(plan(&mut state, Lane::LongPoll, &ConsumerConfig::default()).is_empty());
        state.set_paused(&orders(1), false).unwrap();
        assert_eq!(take(&mut state).unwrap().cursor.partition.partition, 1);
        // What is paused survives a seek as paused.
        state.seek(&orders(0), SeekTo::Offset(3)).unwrap();
        assert!(!state.partitions[&orders(0)].cursor.is_running());
        assert_eq!(state.queued_bytes(), 0);
    }

    #[test]
    fn each_partition_is_in_one_request_and_full_ones_in_none() {
        let config = ConsumerConfig { max_partition_fetch_bytes: 1, ..Default::default() };
        let mut state = state();
        assert_eq!(plan(&mut state, Lane::LongPoll, &config), [(0, 0), (1, 0)]);
        assert!(plan(&mut state, Lane::LongPoll, &config).is_empty());
        // Sought while the long poll is under way.
        state.seek(&orders(1), SeekTo::Offset(7)).unwrap();
        assert_eq!(plan(&mut state, Lane::Express, &config), [(1, 7)]);
        let full = chunk(cursor(&state, 0), 0);
        state.queue(full);
        state.partitions.values_mut().for_each(|partition| partition.busy = false);
        assert_eq!(plan(&mut state, Lane::LongPoll, &config), [(1, 7)]);
        state.partitions.values_mut().for_each(|partition| partition.busy = false);
        let full = ConsumerConfig { prefetch_bytes: 1, ..config.clone() };
        assert!(plan(&mut state, Lane::LongPoll, &full).is_empty());
        take(&mut state).unwrap();
        assert_eq!(plan(&mut state, Lane::Express, &full), [(0, 1)]);
    }

    #[test]
    fn a_damaged_chunk_is_fetched_again_from_the_position_a_little_later() {
        let mut state = state();
        let walked = cursor(&state, 0);
        for offset in 0..2 {
            let chunk = chunk(Arc::clone(&walked), offset);
            state.queue(chunk);
        }
        walked.advance(1);
        state.rewind(&walked);
        assert!(take(&mut state).is_none());
        let partition = &state.partitions[&orders(0)];
        assert!(partition.next == 1 && partition.not_before > Instant::now());
        assert_eq!(plan(&mut state, Lane::LongPoll, &ConsumerConfig::default()), [(1, 0)]);
    }

    #[test]
    fn commits_are_of_news_only() {
        let mut state = state();
        let partition = state.partitions.get_mut(&orders(0)).unwrap();
        partition.committed = Some(0);
        assert_eq!(partition.to_commit(), None);
        partition.cursor.advance(4);
        assert_eq!(partition.to_commit(), None);
        assert!(partition.cursor.holds_any());
        partition.cursor.finish();
        assert_eq!(partition.to_commit(), Some((orders(0), Committed { offset: 4, leader_epoch: -1 })));
    }
}
