//! What is asked of the coordinator and what it answers. Differences between the versions of the wire protocol arrive
//! as flags and options.
//!
//! Strings and bytes of a request may be slices of its frame; what the coordinator keeps, it copies.

use bytes::Bytes;
use bytestring::ByteString;
use uuid::Uuid;

use super::{CommittedOffset, ErrorCode, GroupState};

/// One protocol (assignor) that a member supports, with the metadata it sends to the leader.
#[derive(Clone, Debug, PartialEq)]
pub struct Protocol {
    /// The name, such as `range`.
    pub name: ByteString,
    /// Opaque to the broker, except that subscribed topics are read from it when offsets expire.
    pub metadata: Bytes,
}

/// A member wants to be part of the next generation.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The group.
    pub group: ByteString,
    /// The member id; empty for a member that has none yet.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member (v5+).
    pub instance_id: Option<ByteString>,
    /// The client id of the request; new member ids begin with it.
    pub client_id: ByteString,
    /// The address the request came from, as Kafka prints it: `/127.0.0.1`.
    pub client_host: ByteString,
    /// The protocol type, such as `consumer`.
    pub protocol_type: ByteString,
    /// Supported protocols, the preferred first.
    pub protocols: Vec<Protocol>,
    /// Without a heartbeat for so long, in milliseconds, the member is removed.
    pub session_timeout_ms: i32,
    /// How long a rebalance waits for this member, in milliseconds; the session timeout before v1.
    pub rebalance_timeout_ms: i32,
    /// A dynamic member without an id is told its id first and must join again with it (v4+, KIP-394).
    pub require_known_member_id: bool,
    /// The member understands `skip_assignment` (v9+, KIP-814).
    pub supports_skipping_assignment: bool,
    /// Makes the id of a new member unique.
    pub fresh_id: Uuid,
}

/// The answer to a [`JoinRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct JoinReply {
    /// Why the member did not join.
    pub error: ErrorCode,
    /// The generation joined; −1 with an error.
    pub generation: i32,
    /// The protocol type of the group.
    pub protocol_type: Option<ByteString>,
    /// The protocol that the members chose.
    pub protocol: Option<ByteString>,
    /// The member id of the leader.
    pub leader: ByteString,
    /// The leader need not compute an assignment: the present one stays.
    pub skip_assignment: bool,
    /// The id of the member that joined.
    pub member_id: ByteString,
    /// All members; empty for all but the leader.
    pub members: Vec<JoinedMember>,
}

impl JoinReply {
    /// A refusal.
    pub fn refused(error: ErrorCode, member_id: ByteString) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: ByteString::new(),
            skip_assignment: false,
            member_id,
            members: Vec::new(),
        }
    }
}

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinedMember {
    /// The member id.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member.
    pub instance_id: Option<ByteString>,
    /// Its metadata for the chosen protocol.
    pub metadata: Bytes,
}

/// A member asks for its assignment; the leader brings the assignments of all.
#[derive(Clone, Debug)]
pub struct SyncRequest {
    /// The group.
    pub group: ByteString,
    /// The generation that the member joined.
    pub generation: i32,
    /// The member.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member (v3+).
    pub instance_id: Option<ByteString>,
    /// The protocol type the member believes in (v5+).
    pub protocol_type: Option<ByteString>,
    /// The protocol the member believes in (v5+).
    pub protocol: Option<ByteString>,
    /// Type and protocol have to be there (v5+); without them the answer is `INCONSISTENT_GROUP_PROTOCOL`.
    pub must_name_protocol: bool,
    /// What the leader assigns; empty for all others.
    pub assignments: Vec<MemberAssignment>,
}

/// The assignment of one member.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberAssignment {
    /// The member.
    pub member_id: ByteString,
    /// Opaque to the broker.
    pub assignment: Bytes,
}

/// The answer to a [`SyncRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct SyncReply {
    /// Why there is no assignment.
    pub error: ErrorCode,
    /// The protocol type of the group.
    pub protocol_type: Option<ByteString>,
    /// The protocol that the members chose.
    pub protocol: Option<ByteString>,
    /// The member's assignment.
    pub assignment: Bytes,
}

impl SyncReply {
    /// A refusal.
    pub fn refused(error: ErrorCode) -> Self {
        Self { error, protocol_type: None, protocol: None, assignment: Bytes::new() }
    }
}

/// A member is alive.
#[derive(Clone, Debug)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: ByteString,
    /// The generation of the member.
    pub generation: i32,
    /// The member.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member (v3+).
    pub instance_id: Option<ByteString>,
}

/// Members leave, or an administrator removes them.
#[derive(Clone, Debug)]
pub struct LeaveRequest {
    /// The group.
    pub group: ByteString,
    /// Who leaves; one member before v3.
    pub members: Vec<LeavingMember>,
}

/// A member that leaves: by its id, or by its instance id with an empty member id.
#[derive(Clone, Debug)]
pub struct LeavingMember {
    /// The member id; may be empty when the instance id is given.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member (v3+).
    pub instance_id: Option<ByteString>,
}

/// The answer for one [`LeavingMember`].
#[derive(Clone, Debug, PartialEq)]
pub struct LeftMember {
    /// The member id as it was asked.
    pub member_id: ByteString,
    /// The instance id as it was asked.
    pub instance_id: Option<ByteString>,
    /// Why the member did not leave.
    pub error: ErrorCode,
}

/// Offsets to commit. The topics exist: whoever calls has checked that.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// The group; may be empty, as in Kafka.
    pub group: ByteString,
    /// The generation; −1 from whoever does not use the membership protocol.
    pub generation: i32,
    /// The member; empty from whoever does not use the membership protocol.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member (v7+).
    pub instance_id: Option<ByteString>,
    /// How long to keep the offsets, in milliseconds (v2 to v4); −1 for the broker's setting.
    pub retention_ms: i64,
    /// An unknown group with a generation is answered `GROUP_ID_NOT_FOUND` (v9+) instead of `ILLEGAL_GENERATION`.
    pub knows_group_id_not_found: bool,
    /// The offsets.
    pub offsets: Vec<OffsetToCommit>,
}

/// One offset of a [`CommitRequest`].
#[derive(Clone, Debug)]
pub struct OffsetToCommit {
    /// The topic.
    pub topic: ByteString,
    /// The id of the topic; nil when the request named the topic and nobody looked it up.
    pub topic_id: Uuid,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the last record read; −1 when unknown.
    pub leader_epoch: i32,
    /// Whatever the client wants to keep.
    pub metadata: ByteString,
}

/// The answer for one [`OffsetToCommit`].
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedPartition {
    /// The topic.
    pub topic: ByteString,
    /// The partition.
    pub partition: i32,
    /// Why the offset was not committed.
    pub error: ErrorCode,
}

/// Which groups `ListGroups` asks for. An empty list asks for all; case does not matter; unknown names match nothing.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    /// Names of states (v4+).
    pub states: Vec<ByteString>,
    /// Names of types (v5+).
    pub types: Vec<ByteString>,
}

impl ListFilter {
    /// Whether the group is asked for.
    pub fn accepts(&self, group: &GroupListing) -> bool {
        let asks_for = |wanted: &[ByteString], name: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        asks_for(&self.states, group.state.name()) && asks_for(&self.types, group.type_name())
    }
}

/// A line of the list of groups.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupListing {
    /// The group.
    pub group: ByteString,
    /// Its protocol type; empty when it never had members.
    pub protocol_type: ByteString,
    /// Its state.
    pub state: GroupState,
}

impl GroupListing {
    /// The name of the group's type (v5+).
    pub fn type_name(&self) -> &'static str {
        "classic"
    }
}

/// A group in detail.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    /// `GROUP_ID_NOT_FOUND` for a group that does not exist. Before v6 that is answered without an error.
    pub error: ErrorCode,
    /// The group.
    pub group: ByteString,
    /// Its state; [`GroupState::Dead`] when it does not exist.
    pub state: GroupState,
    /// Its protocol type.
    pub protocol_type: ByteString,
    /// The chosen protocol while the group is stable, else empty.
    pub protocol: ByteString,
    /// The members.
    pub members: Vec<DescribedMember>,
}

/// A member of a [`DescribedGroup`].
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedMember {
    /// The member id.
    pub member_id: ByteString,
    /// The `group.instance.id` of a static member.
    pub instance_id: Option<ByteString>,
    /// The client id.
    pub client_id: ByteString,
    /// The host the member joined from.
    pub client_host: ByteString,
    /// Its metadata while the group is stable, else empty.
    pub metadata: Bytes,
    /// Its assignment.
    pub assignment: Bytes,
}

impl OffsetToCommit {
    pub(super) fn value(&self, now_ms: i64, expire_ms: Option<i64>) -> CommittedOffset {
        CommittedOffset {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.clone(),
            commit_ms: now_ms,
            expire_ms,
            topic_id: self.topic_id,
        }
    }
}

/// A copy that stands alone: slices of a request's frame would keep the whole frame in memory.
pub(super) fn owned(text: &ByteString) -> ByteString {
    ByteString::from(&**text)
}
