//! Committed offsets: where a group begins again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use naru_protocol::ErrorCode;
use tokio::time::{MissedTickBehavior, interval};

use super::IsolationLevel;
use super::cursor::Cursor;
use super::partition::{Partition, Phase};
use super::shared::Shared;
use super::state::State;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::group::{Committed, Membership};
use crate::record::TopicPartition;

/// Offsets to commit.
pub(super) type Offsets = Vec<(TopicPartition, Committed)>;

/// Starts to look up the committed offsets of all partitions that have no position yet.
pub(super) fn start_lookup(shared: &Arc<Shared>) {
    let unplaced = unplaced(&mut shared.state());
    if unplaced.is_empty() {
        return;
    }
    match shared.membership() {
        Ok(membership) => {
            let owned = Arc::clone(shared);
            shared.spawn(async move { look_up(&owned, &membership, unplaced).await });
        }
        Err(_) => place(shared, &unplaced, &HashMap::new()),
    }
}

fn unplaced(state: &mut State) -> Vec<Arc<Cursor>> {
    let mut unplaced = Vec::new();
    for partition in state.idle().filter(|partition| partition.phase == Phase::Unplaced) {
        partition.busy = true;
        unplaced.push(Arc::clone(&partition.cursor));
    }
    unplaced
}

async fn look_up(shared: &Shared, membership: &Membership, cursors: Vec<Arc<Cursor>>) {
    let partitions: Vec<TopicPartition> = cursors.iter().map(|cursor| cursor.partition.clone()).collect();
    let stable = shared.config.isolation == IsolationLevel::ReadCommitted;
    match membership.committed(&partitions, stable, shared.client.config().api_timeout).await {
        Ok(committed) => place(shared, &cursors, &committed),
        Err(error) => {
            let mut state = shared.state();
            for cursor in &cursors {
                if let Some(partition) = state.at(cursor) {
                    partition.busy = false;
                    partition.back_off();
                }
            }
            state.tell(error);
        }
    }
    shared.changed.notify_one();
}

/// Begins where the group was, or else where the reset policy says.
fn place(shared: &Shared, cursors: &[Arc<Cursor>], committed: &HashMap<TopicPartition, Committed>) {
    let mut state = shared.state();
    for cursor in cursors {
        let Some(partition) = state.at(cursor) else { continue };
        partition.busy = false;
        if let Some(at) = committed.get(&cursor.partition) {
            partition.committed = Some(at.offset);
            partition.place(at.offset, at.leader_epoch);
        } else {
            let why = format!("{} has no committed offset", cursor.partition);
            shared.reset(&mut state, cursor, &why);
        }
    }
}

/// Commits again and again what was processed.
pub(super) async fn keep_committing(shared: Arc<Shared>) {
    let mut ticks = interval(shared.config.auto_commit_interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let outcome = processed(&shared, None, shared.client.config().api_timeout).await;
        // What failed for now is committed next time, by this member or by the one that has the partition then.
        if let Err(error) = outcome
            && error.is_fatal()
        {
            shared.state().tell(error.context("committing"));
        }
    }
}

/// Commits what was processed of some partitions, or of all, as far as that is news.
pub(super) async fn processed(
    shared: &Shared,
    partitions: Option<&[TopicPartition]>,
    limit: Duration,
) -> Result<(), Error> {
    these(shared, uncommitted(shared, partitions), limit).await
}

fn uncommitted(shared: &Shared, partitions: Option<&[TopicPartition]>) -> Offsets {
    let state = shared.state();
    let chosen = state
        .partitions
        .values()
        .filter(|partition| partitions.is_none_or(|partitions| partitions.contains(&partition.cursor.partition)));
    chosen.filter_map(Partition::to_commit).collect()
}

/// Commits what was processed of all partitions. What goes to others meanwhile is committed on its way; while the group is
/// being divided it takes no commits, and this member may not have heard yet of the generation that it is in.
async fn rest(shared: &Shared, deadline: Deadline) -> Result<(), Error> {
    let mut backoff = shared.client.backoff();
    loop {
        let offsets = uncommitted(shared, None);
        let partitions: Vec<TopicPartition> = offsets.iter().map(|(partition, _)| partition.clone()).collect();
        let Err(error) = these(shared, offsets, deadline.remaining()).await else { return Ok(()) };
        let has_all = |state: &State| partitions.iter().all(|partition| state.partitions.contains_key(partition));
        let passes = matches!(error.code(), Some(ErrorCode::REBALANCE_IN_PROGRESS | ErrorCode::ILLEGAL_GENERATION));
        if deadline.passed() || has_all(&shared.state()) && !passes {
            return Err(error);
        }
        deadline.sleep(backoff.next()).await;
    }
}

/// Commits all positions: what was received counts as processed.
pub(super) async fn all(shared: &Shared) -> Result<(), Error> {
    // Without a group, that is said even when there is nothing to commit.
    shared.membership()?;
    shared.state().partitions.values().for_each(|partition| partition.cursor.finish());
    processed(shared, None, shared.client.config().api_timeout).await
}

/// Commits these offsets.
pub(super) async fn these(shared: &Shared, offsets: Offsets, limit: Duration) -> Result<(), Error> {
    shared.membership()?.commit(&offsets, limit).await?;
    let mut state = shared.state();
    for (partition, committed) in offsets {
        if let Some(found) = state.partitions.get_mut(&partition) {
            found.committed = Some(committed.offset);
        }
    }
    Ok(())
}

/// What the group committed.
pub(super) async fn committed(
    shared: &Shared,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, i64>, Error> {
    let limit = shared.client.config().api_timeout;
    let stable = shared.config.isolation == IsolationLevel::ReadCommitted;
    let committed = shared.membership()?.committed(partitions, stable, limit).await?;
    Ok(committed.into_iter().map(|(partition, committed)| (partition, committed.offset)).collect())
}

/// The last commit, if commits are automatic, and the farewell to the group.
pub(super) async fn last(shared: &Shared, limit: Duration) -> Result<(), Error> {
    let Ok(membership) = shared.membership() else { return Ok(()) };
    let deadline = Deadline::after(limit);
    let committed = if shared.config.auto_commit { rest(shared, deadline).await } else { Ok(()) };
    let leaving = async {
        membership.leave().await;
        Ok(())
    };
    let left = deadline.bound("leaving the group", leaving).await;
    committed.and(left)
}

/// The error of who wants to commit without a group.
pub(super) fn no_group() -> Error {
    Error::new(ErrorKind::Config, "the consumer has no group to commit for; build it with .group(\"name\")")
}
