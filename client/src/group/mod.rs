//! A member of a consumer group, by the classic protocol.
//!
//! [`membership`] is the task that joins, syncs and heartbeats; [`assignor`] has the ways to divide partitions, pure functions
//! that the group's leader runs; [`coordinator`] finds the broker that speaks for the group, and [`offsets`] has what the
//! group commits there.

pub(crate) mod assignor;
mod coordinator;
pub(crate) mod membership;
mod offsets;
mod rebalance;

use std::time::Duration;

use bytestring::ByteString;

pub use assignor::Assignor;
pub(crate) use membership::{Membership, RebalanceEvents};
pub(crate) use offsets::Committed;

/// How a member behaves.
#[derive(Clone, Debug)]
pub(crate) struct GroupConfig {
    pub(crate) group_id: ByteString,
    /// `group.instance.id`: a member that keeps its partitions over a restart (KIP-345).
    pub(crate) instance_id: Option<ByteString>,
    /// `session.timeout.ms`: without a heartbeat for so long, the member counts as dead.
    pub(crate) session_timeout: Duration,
    /// `heartbeat.interval.ms`.
    pub(crate) heartbeat_interval: Duration,
    /// `max.poll.interval.ms`: how long the application may work between two calls, and how long a rebalance waits for it.
    pub(crate) max_poll_interval: Duration,
    /// `partition.assignment.strategy`, the preferred one first.
    pub(crate) assignors: Vec<Assignor>,
    /// `client.rack`.
    pub(crate) rack: Option<ByteString>,
}
