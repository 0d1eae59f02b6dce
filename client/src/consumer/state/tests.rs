use std::time::Duration;

use naru_protocol::records::{BatchBuilder, Codec};

use super::*;
use crate::consumer::chunk::Unpacking;
use crate::consumer::plan::{Lane, Plan};
use crate::consumer::{ConsumerConfig, IsolationLevel};
use crate::group::Committed;

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
