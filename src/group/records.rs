//! The bytes of the coordinator's records: Kafka's own formats, so that its tools read what is written here.

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::state::consumer_offsets::group_metadata::{GroupMetadataKey, GroupMetadataValue, MemberMetadata};
use naru_protocol::state::consumer_offsets::offset_commit::{OffsetCommitKey, OffsetCommitValue};
use naru_protocol::state::consumer_offsets::{self, legacy_offset_commit};
use naru_protocol::state::{encode_key, encode_value};
use naru_protocol::wire::{DecodeError, EncodeError};
use uuid::Uuid;

use super::{CommittedOffset, GroupSnapshot, MemberSnapshot, Record};

/// The versions that Kafka 4.4 writes. A commit that says when it expires has the only version that can say so.
const GROUP_VERSION: i16 = 3;
const OFFSET_VERSION: i16 = 4;
const EXPIRING_OFFSET_VERSION: i16 = 1;

/// A key and a value of `__consumer_offsets`. Without a value the record is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The key: the type of the record, then what it is about.
    pub key: Bytes,
    /// The value: its version, then its fields.
    pub value: Option<Bytes>,
}

impl KeyValue {
    /// The bytes of key and value.
    pub fn size(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl Record {
    /// The bytes of the record. Fails when a string is longer than the format allows.
    pub fn encode(&self) -> Result<KeyValue, EncodeError> {
        match self {
            Self::Offset { group, topic, partition, value } => Ok(KeyValue {
                key: encode_key(&OffsetCommitKey {
                    group: group.clone(),
                    topic: topic.clone(),
                    partition: *partition,
                })?,
                value: value.as_ref().map(encode_offset).transpose()?,
            }),
            Self::Group { group, value } => Ok(KeyValue {
                key: encode_key(&GroupMetadataKey { group: group.clone() })?,
                value: value.as_ref().map(encode_group).transpose()?,
            }),
        }
    }

    /// Reads a record of any version. `None` is a record of another kind of group.
    pub fn decode(record: KeyValue) -> Result<Option<Self>, DecodeError> {
        use consumer_offsets::Record as Stored;
        Ok(match Stored::decode(record.key, record.value)? {
            Stored::OffsetCommit(OffsetCommitKey { group, topic, partition }, value) => {
                Some(Self::Offset { group, topic, partition, value: value.map(decode_offset) })
            }
            Stored::LegacyOffsetCommit(key, value) => {
                let legacy_offset_commit::LegacyOffsetCommitKey { group, topic, partition } = key;
                Some(Self::Offset { group, topic, partition, value: value.map(decode_legacy_offset) })
            }
            Stored::GroupMetadata(GroupMetadataKey { group }, value) => {
                Some(Self::Group { group, value: value.map(decode_group) })
            }
            _ => None,
        })
    }
}

fn encode_offset(offset: &CommittedOffset) -> Result<Bytes, EncodeError> {
    let value = OffsetCommitValue {
        offset: offset.offset,
        leader_epoch: offset.leader_epoch,
        metadata: offset.metadata.clone(),
        commit_timestamp: offset.commit_ms,
        expire_timestamp: offset.expire_ms.unwrap_or(-1),
        topic_id: offset.topic_id,
    };
    encode_value(&value, if offset.expire_ms.is_some() { EXPIRING_OFFSET_VERSION } else { OFFSET_VERSION })
}

fn decode_offset(value: OffsetCommitValue) -> CommittedOffset {
    CommittedOffset {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata,
        commit_ms: value.commit_timestamp,
        expire_ms: (value.expire_timestamp >= 0).then_some(value.expire_timestamp),
        topic_id: value.topic_id,
    }
}

fn decode_legacy_offset(value: legacy_offset_commit::LegacyOffsetCommitValue) -> CommittedOffset {
    CommittedOffset {
        offset: value.offset,
        leader_epoch: -1,
        metadata: value.metadata,
        commit_ms: value.commit_timestamp,
        expire_ms: None,
        topic_id: Uuid::nil(),
    }
}

fn encode_group(group: &GroupSnapshot) -> Result<Bytes, EncodeError> {
    let members = group.members.iter().map(|member| MemberMetadata {
        member_id: member.id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: member.subscription.clone(),
        assignment: member.assignment.clone(),
    });
    let value = GroupMetadataValue {
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        generation: group.generation,
        protocol: group.protocol.clone(),
        leader: group.leader.clone(),
        current_state_timestamp: group.state_since_ms,
        members: members.collect(),
    };
    encode_value(&value, GROUP_VERSION)
}

fn decode_group(value: GroupMetadataValue) -> GroupSnapshot {
    let members = value.members.into_iter().map(|member| MemberSnapshot {
        id: member.member_id,
        instance_id: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        // Version 0 has no rebalance timeout: as in JoinGroup v0, the session timeout stands for it.
        rebalance_timeout_ms: if member.rebalance_timeout < 0 {
            member.session_timeout
        } else {
            member.rebalance_timeout
        },
        session_timeout_ms: member.session_timeout,
        subscription: member.subscription,
        assignment: member.assignment,
    });
    GroupSnapshot {
        protocol_type: Some(value.protocol_type).filter(|name: &ByteString| !name.is_empty()),
        generation: value.generation,
        protocol: value.protocol,
        leader: value.leader,
        state_since_ms: value.current_state_timestamp,
        members: members.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(expire_ms: Option<i64>) -> Record {
        let value = CommittedOffset {
            offset: 42,
            leader_epoch: if expire_ms.is_some() { -1 } else { 7 },
            metadata: "note".into(),
            commit_ms: 1_700_000_000_000,
            expire_ms,
            topic_id: if expire_ms.is_some() { Uuid::nil() } else { Uuid::from_u128(9) },
        };
        Record::Offset { group: "g".into(), topic: "t".into(), partition: 3, value: Some(value) }
    }

    fn group() -> Record {
        let member = |id: &str, instance_id: Option<&str>| MemberSnapshot {
            id: id.into(),
            instance_id: instance_id.map(ByteString::from),
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            rebalance_timeout_ms: 60_000,
            session_timeout_ms: 45_000,
            subscription: Bytes::from_static(b"subscription"),
            assignment: Bytes::from_static(b"assignment"),
        };
        let value = GroupSnapshot {
            protocol_type: Some("consumer".into()),
            generation: 5,
            protocol: Some("range".into()),
            leader: Some("a".into()),
            state_since_ms: 1_700_000_000_000,
            members: vec![member("a", None), member("b", Some("i"))],
        };
        Record::Group { group: "g".into(), value: Some(value) }
    }

    #[test]
    fn every_record_comes_back_as_it_was() {
        let tombstones = [
            Record::Group { group: "g".into(), value: None },
            Record::Offset { group: "g".into(), topic: "t".into(), partition: 3, value: None },
        ];
        for record in [offset(None), offset(Some(1_700_000_001_000)), group()].into_iter().chain(tombstones) {
            assert_eq!(Record::decode(record.encode().unwrap()).unwrap(), Some(record));
        }
    }

    #[test]
    fn the_versions_written_are_those_of_kafka() {
        let version = |record: Record| record.encode().unwrap().value.unwrap().slice(..2);
        assert_eq!(version(group())[..], [0, 3]);
        assert_eq!(version(offset(None))[..], [0, 4]);
        assert_eq!(version(offset(Some(1)))[..], [0, 1]);
    }

    #[test]
    fn a_value_of_a_future_version_is_an_error() {
        let mut record = group().encode().unwrap();
        record.value = Some(Bytes::from_static(b"\0\x63"));
        assert!(Record::decode(record).is_err());
    }

    #[test]
    fn the_size_bound_of_a_group_is_no_less_than_its_size() {
        let record = group();
        let Record::Group { value: Some(snapshot), .. } = &record else { unreachable!() };
        assert!(snapshot.size_bound() >= record.encode().unwrap().value.unwrap().len());
    }
}
