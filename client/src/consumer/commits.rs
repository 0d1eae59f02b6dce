//! Committed offsets: where a group begins again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use super::state::Phase;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// A partition, the offset to begin with next time, and the leader epoch of the record before it.
pub(super) type Offset = (TopicPartition, i64, i32);

/// Starts to look up the committed offsets of all partitions that have no position yet.
pub(super) fn start_lookup(shared: &Arc<Shared>) {
    let mut state = shared.state();
    let unplaced: Vec<_> = state
        .idle()
        .filter(|partition| partition.phase == Phase::Unplaced)
        .map(|partition| Arc::clone(&partition.cursor))
        .collect();
    for cursor in unplaced {
        let why = format!("{} has no committed offset", cursor.partition);
        shared.reset(&mut state, &cursor, &why);
    }
}

/// Commits all positions.
pub(super) async fn all(shared: &Shared) -> Result<(), Error> {
    let _ = shared;
    Ok(())
}

/// Commits these offsets.
pub(super) async fn these(shared: &Shared, offsets: Vec<Offset>) -> Result<(), Error> {
    let _ = (shared, offsets);
    Ok(())
}

/// What the group committed.
pub(super) async fn committed(
    shared: &Shared,
    partitions: &[TopicPartition],
) -> Result<HashMap<TopicPartition, i64>, Error> {
    let _ = (shared, partitions);
    Err(Error::new(ErrorKind::Config, "no group"))
}

/// The last commit before the end.
pub(super) async fn last(shared: &Shared, limit: Duration) -> Result<(), Error> {
    let _ = (shared, limit);
    Ok(())
}
