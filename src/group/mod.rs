//! The group coordinator: consumer groups of the classic protocol and committed offsets.
//!
//! Every group lives in one partition of `__consumer_offsets`, chosen by Kafka's hash of its id. A [`Shard`] holds the
//! groups and the committed offsets of one such partition. It is a pure state machine: requests and the time go in,
//! answers and the records that make them durable come out. [`GroupCoordinator`] is the shell around the shards: it
//! owns the locks, the log, the timer and the requests that wait.
//!
//! What holds: an answer leaves only when every record its shard made before it is durable; and what a restart replays
//! is what was answered, so members go on heartbeating with the same generation.

mod classic;
mod config;
mod coordinator;
mod offsets;
mod offsets_log;
#[cfg(test)]
mod properties;
mod record;
mod records;
mod requests;
mod retention;
mod shard;
#[cfg(test)]
mod tests;
mod time;

pub use classic::GroupState;
pub use config::GroupConfig;
pub use coordinator::{GroupCoordinator, Promise, TellTime};
pub use naru_protocol::ErrorCode;
pub use offsets::{CommittedOffset, FetchedTopic, OffsetsOfTopic};
pub use offsets_log::{BoxFuture, OffsetsLog, OffsetsLogError, OffsetsTopic};
pub use record::{GroupSnapshot, MemberSnapshot, Record};
pub use records::KeyValue;
pub use requests::{
    CommitRequest, CommittedPartition, DescribedGroup, DescribedMember, GroupListing, HeartbeatRequest, JoinReply,
    JoinRequest, JoinedMember, LeaveRequest, LeavingMember, LeftMember, ListFilter, MemberAssignment, OffsetToCommit,
    Protocol, SyncReply, SyncRequest,
};
pub use shard::{Effects, GroupMeasure, ReplyToken, Shard};
pub use time::{Millis, Now};
