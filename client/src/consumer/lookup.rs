//! Looking up offsets: of a time, of an end, and of the end of a leader epoch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use naru_protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use naru_protocol::{ApiKey, ErrorCode};

use super::SeekTo;
use super::config::IsolationLevel;
use super::cursor::Cursor;
use super::partition::Phase;
use super::shared::Shared;
use super::state::State;
use crate::call::Target;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// No consumer needs what later versions add.
const LIST_OFFSETS: std::ops::RangeInclusive<i16> = 1..=10;

/// What a broker says about a place in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// −1 if there is no such record.
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) leader_epoch: i32,
}

/// A place whose offset is wanted.
#[derive(Clone, Debug)]
struct Wanted {
    partition: TopicPartition,
    leader_epoch: i32,
    timestamp: i64,
}

impl SeekTo {
    fn timestamp(self) -> i64 {
        match self {
            Self::Beginning => EARLIEST,
            Self::End => LATEST,
            Self::Time(ms) => ms.max(0),
            Self::Offset(offset) => offset,
        }
    }
}

/// Asks the leader of these partitions, once. A partition that the answer leaves out is left out.
async fn ask_leader(
    client: &Client,
    node: i32,
    isolation: IsolationLevel,
    wanted: &[Wanted],
    deadline: Deadline,
) -> Result<Vec<(TopicPartition, Result<Found, ErrorCode>)>, Error> {
    let mut topics: BTreeMap<&ByteString, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for Wanted { partition, leader_epoch, timestamp } in wanted {
        topics.entry(&partition.topic).or_default().push(ListOffsetsPartition {
            partition_index: partition.partition,
            current_leader_epoch: *leader_epoch,
            timestamp: *timestamp,
        });
    }
    let topics = topics.into_iter().map(|(name, partitions)| ListOffsetsTopic { name: name.clone(), partitions });
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level: isolation as i8,
        topics: topics.collect(),
        timeout_ms: i32::try_from(deadline.remaining().as_millis()).unwrap_or(i32::MAX),
    };
    let answer = client.call_within(Target::Node(node), &request, LIST_OFFSETS, deadline).await?;
    Ok(found(answer))
}

fn found(answer: ListOffsetsResponse) -> Vec<(TopicPartition, Result<Found, ErrorCode>)> {
    let mut found = Vec::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            let result = if partition.error_code.is_error() {
                Err(partition.error_code)
            } else {
                let (offset, timestamp) = (partition.offset, partition.timestamp);
                Ok(Found { offset, timestamp, leader_epoch: partition.leader_epoch })
            };
            found.push((TopicPartition::new(topic.name.clone(), partition.partition_index), result));
        }
    }
    found
}

/// The offsets of these places, asked of the leaders until each is known. Cancellation safe.
pub(super) async fn offsets_of(
    client: &Client,
    isolation: IsolationLevel,
    places: &[(TopicPartition, SeekTo)],
    deadline: Deadline,
) -> Result<HashMap<TopicPartition, Found>, Error> {
    let mut known = HashMap::new();
    let mut backoff = client.backoff();
    loop {
        let mut by_leader: BTreeMap<i32, Vec<Wanted>> = BTreeMap::new();
        for (partition, to) in places.iter().filter(|(partition, _)| !known.contains_key(partition)) {
            let topic = client.metadata().topic(&partition.topic, deadline).await?;
            let index = usize::try_from(partition.partition).unwrap_or(usize::MAX);
            let Some(told) = topic.partitions.get(index) else {
                let (name, count) = (&topic.name, topic.partitions.len());
                let message = format!("topic {name} has {count} partitions; there is no {}", partition.partition);
                return Err(Error::new(ErrorKind::Config, message));
            };
            let timestamp = to.timestamp();
            let wanted = Wanted { partition: partition.clone(), leader_epoch: told.leader_epoch, timestamp };
            by_leader.entry(told.leader).or_default().push(wanted);
        }
        if by_leader.is_empty() {
            return Ok(known);
        }
        let mut trouble = None;
        for (leader, wanted) in by_leader {
            if leader < 0 {
                trouble = Some(Error::broker_code(ApiKey::ListOffsets, ErrorCode::LEADER_NOT_AVAILABLE));
                continue;
            }
            for (partition, result) in ask_leader(client, leader, isolation, &wanted, deadline).await? {
                match result {
                    Ok(found) => drop(known.insert(partition, found)),
                    Err(code) => {
                        let error = Error::broker_code(ApiKey::ListOffsets, code).context(&partition);
                        if !error.is_retriable() {
                            return Err(error);
                        }
                        trouble = Some(error);
                    }
                }
            }
        }
        if let Some(error) = trouble {
            client.metadata().stale();
            deadline.sleep(backoff.next()).await;
            if deadline.passed() {
                return Err(error);
            }
        }
    }
}

/// Starts to look up the offsets of all partitions that need one, a request for each leader.
pub(super) fn start_seeks(shared: &Arc<Shared>) {
    let mut by_leader: BTreeMap<i32, Vec<(Arc<Cursor>, Wanted)>> = BTreeMap::new();
    for partition in shared.state().idle() {
        if let Phase::Seeking(to) = partition.phase {
            partition.busy = true;
            let wanted = Wanted {
                partition: partition.cursor.partition.clone(),
                leader_epoch: partition.leader_epoch,
                timestamp: to.timestamp(),
            };
            by_leader.entry(partition.leader).or_default().push((Arc::clone(&partition.cursor), wanted));
        }
    }
    for (leader, entries) in by_leader {
        let owned = Arc::clone(shared);
        shared.spawn(async move { seek(&owned, leader, entries).await });
    }
}

async fn seek(shared: &Shared, leader: i32, entries: Vec<(Arc<Cursor>, Wanted)>) {
    let (cursors, wanted): (Vec<Arc<Cursor>>, Vec<Wanted>) = entries.into_iter().unzip();
    let limit = Deadline::after(shared.client.config().request_timeout);
    let answer = ask_leader(&shared.client, leader, shared.config.isolation, &wanted, limit).await;
    let mut state = shared.state();
    match answer {
        Ok(answer) => {
            let answer: HashMap<_, _> = answer.into_iter().collect();
            for cursor in &cursors {
                match answer.get(&cursor.partition) {
                    Some(Ok(found)) => settle(&mut state, cursor, *found),
                    Some(Err(code)) => failed(shared, &mut state, cursor, ApiKey::ListOffsets, *code),
                    None => failed(shared, &mut state, cursor, ApiKey::ListOffsets, ErrorCode::UNKNOWN_SERVER_ERROR),
                }
            }
        }
        Err(error) => unanswered(shared, &mut state, &cursors, error),
    }
    drop(state);
    shared.changed.notify_one();
}

fn settle(state: &mut State, cursor: &Arc<Cursor>, found: Found) {
    let Some(partition) = state.at(cursor) else { return };
    partition.busy = false;
    match partition.phase {
        // No record is that young: what comes next will be.
        Phase::Seeking(SeekTo::Time(_)) if found.offset < 0 => partition.phase = Phase::Seeking(SeekTo::End),
        Phase::Seeking(_) => partition.place(found.offset.max(0), -1),
        _ => {}
    }
}

fn failed(shared: &Shared, state: &mut State, cursor: &Arc<Cursor>, api: ApiKey, code: ErrorCode) {
    let Some(partition) = state.at(cursor) else { return };
    partition.busy = false;
    partition.back_off();
    shared.client.metadata().stale();
    if !code.is_retriable() {
        state.tell(Error::broker_code(api, code).context(&cursor.partition));
    }
}

fn unanswered(shared: &Shared, state: &mut State, cursors: &[Arc<Cursor>], error: Error) {
    for cursor in cursors {
        if let Some(partition) = state.at(cursor) {
            partition.busy = false;
            partition.back_off();
        }
    }
    shared.client.metadata().stale();
    if !error.is_retriable() {
        state.tell(error);
    }
}

/// Starts to ask new leaders whether their logs still have what was read from the old ones.
pub(super) fn start_validations(shared: &Arc<Shared>) {
    let mut by_leader: BTreeMap<i32, Vec<(Arc<Cursor>, i32)>> = BTreeMap::new();
    for partition in shared.state().idle() {
        if partition.phase == Phase::Validating {
            partition.busy = true;
            by_leader
                .entry(partition.leader)
                .or_default()
                .push((Arc::clone(&partition.cursor), partition.leader_epoch));
        }
    }
    for (leader, entries) in by_leader {
        let owned = Arc::clone(shared);
        shared.spawn(async move { validate(&owned, leader, entries).await });
    }
}

async fn validate(shared: &Shared, leader: i32, entries: Vec<(Arc<Cursor>, i32)>) {
    let mut topics: BTreeMap<&ByteString, Vec<OffsetForLeaderPartition>> = BTreeMap::new();
    for (cursor, current_leader_epoch) in &entries {
        let TopicPartition { topic, partition } = &cursor.partition;
        topics.entry(topic).or_default().push(OffsetForLeaderPartition {
            partition: *partition,
            current_leader_epoch: *current_leader_epoch,
            leader_epoch: cursor.epoch(),
        });
    }
    let topics =
        topics.into_iter().map(|(topic, partitions)| OffsetForLeaderTopic { topic: topic.clone(), partitions });
    let request = OffsetForLeaderEpochRequest { replica_id: -1, topics: topics.collect() };
    let limit = Deadline::after(shared.client.config().request_timeout);
    let answer = shared.client.call(Target::Node(leader), &request, limit).await;
    let mut state = shared.state();
    let cursors: Vec<Arc<Cursor>> = entries.into_iter().map(|(cursor, _)| cursor).collect();
    match answer {
        Ok(answer) => {
            let mut ends = HashMap::new();
            for topic in answer.topics {
                for end in topic.partitions {
                    ends.insert(
                        TopicPartition::new(topic.topic.clone(), end.partition),
                        (end.error_code, end.end_offset),
                    );
                }
            }
            for cursor in &cursors {
                match ends.get(&cursor.partition) {
                    Some((ErrorCode::NONE, end)) => validated(shared, &mut state, cursor, *end),
                    Some((code, _)) => failed(shared, &mut state, cursor, ApiKey::OffsetForLeaderEpoch, *code),
                    None => validated(shared, &mut state, cursor, -1),
                }
            }
        }
        // A broker without this API cannot tell; nor may everybody ask it.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            for cursor in &cursors {
                validated(shared, &mut state, cursor, -1);
            }
        }
        Err(error) => unanswered(shared, &mut state, &cursors, error),
    }
    drop(state);
    shared.changed.notify_one();
}

/// The epoch of the last record that was read ends at `end`; −1 if the broker cannot tell.
fn validated(shared: &Shared, state: &mut State, cursor: &Arc<Cursor>, end: i64) {
    let Some(partition) = state.at(cursor).filter(|partition| partition.phase == Phase::Validating) else { return };
    partition.busy = false;
    partition.worked();
    let position = cursor.position().unwrap_or(0);
    if !(0..position).contains(&end) {
        partition.phase = Phase::Placed;
        partition.fresh = true;
        return;
    }
    let why = format!("{} was truncated to offset {end} below the position {position}", cursor.partition);
    if shared.config.offset_reset == super::OffsetReset::Fail {
        return shared.reset(state, cursor, &why);
    }
    // Where the two histories part: nothing of the new one is left out.
    let _ = state.seek(&cursor.partition, SeekTo::Offset(end));
}
