//! The classic protocol: members join, one of them (the leader) computes the assignment, all of them get it.
//!
//! One file per request; `group` holds the state, `rebalance` the way from one generation to the next.

mod commit;
mod describe;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod rebalance;
mod subscription;
mod sync;

pub use group::GroupState;
pub(super) use group::{ClassicGroup, Step};
