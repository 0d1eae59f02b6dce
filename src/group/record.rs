//! What the coordinator writes to `__consumer_offsets`. `records` knows the bytes, this module what they mean.

use bytes::Bytes;
use bytestring::ByteString;

use super::CommittedOffset;

/// A change of the durable state. The last record for a group, or for an offset's group, topic and partition, wins.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A committed offset; `None` deletes it.
    Offset {
        /// The group.
        group: ByteString,
        /// The topic.
        topic: ByteString,
        /// The partition.
        partition: i32,
        /// The offset, or a tombstone.
        value: Option<CommittedOffset>,
    },
    /// Generation, members and assignment of a classic group; `None` deletes the group.
    Group {
        /// The group.
        group: ByteString,
        /// The group's state, or a tombstone.
        value: Option<GroupSnapshot>,
    },
}

/// The durable state of a classic group: enough for its members to go on after a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSnapshot {
    /// The protocol type, such as `consumer`; `None` for a group that never had members.
    pub protocol_type: Option<ByteString>,
    /// The generation.
    pub generation: i32,
    /// The protocol (assignor) that the members chose.
    pub protocol: Option<ByteString>,
    /// The member id of the leader.
    pub leader: Option<ByteString>,
    /// Wall time of the last change of state, in milliseconds; −1 in records of versions that lacked it.
    pub state_since_ms: i64,
    /// The members.
    pub members: Vec<MemberSnapshot>,
}

/// One member in a [`GroupSnapshot`].
#[derive(Clone, Debug, PartialEq)]
pub struct MemberSnapshot {
    /// The member id.
    pub id: ByteString,
    /// The `group.instance.id` of a static member.
    pub instance_id: Option<ByteString>,
    /// The client id of its connection.
    pub client_id: ByteString,
    /// The host it joined from.
    pub client_host: ByteString,
    /// Its rebalance timeout in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// Its session timeout in milliseconds.
    pub session_timeout_ms: i32,
    /// Its metadata for the chosen protocol.
    pub subscription: Bytes,
    /// What the leader assigned to it.
    pub assignment: Bytes,
}

impl GroupSnapshot {
    /// A bound of the bytes that a batch with nothing but this record takes, the group's id not counted.
    pub fn size_bound(&self) -> usize {
        const BATCH: usize = 256;
        const FIXED: usize = 64;
        let text = |s: &Option<ByteString>| s.as_ref().map_or(0, |s| s.len());
        let members = self.members.iter().map(|member| {
            FIXED
                + member.id.len()
                + text(&member.instance_id)
                + member.client_id.len()
                + member.client_host.len()
                + member.subscription.len()
                + member.assignment.len()
        });
        BATCH + text(&self.protocol_type) + text(&self.protocol) + text(&self.leader) + members.sum::<usize>()
    }
}
