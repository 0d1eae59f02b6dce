//! The committed offsets of the groups of one shard.

use std::collections::{BTreeMap, HashMap};

use bytestring::ByteString;
use uuid::Uuid;

use super::requests::owned;

/// An offset that a group committed for a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedOffset {
    /// The offset of the next record to read.
    pub offset: i64,
    /// The leader epoch of the last record read; −1 when unknown.
    pub leader_epoch: i32,
    /// What the client wanted to keep.
    pub metadata: ByteString,
    /// Wall time of the commit, in milliseconds.
    pub commit_ms: i64,
    /// Wall time after which the offset goes, when the commit said so (`OffsetCommit` v2 to v4).
    pub expire_ms: Option<i64>,
    /// The id of the topic; nil when unknown.
    pub topic_id: Uuid,
}

impl CommittedOffset {
    fn is_of(&self, topic_id: Uuid) -> bool {
        self.topic_id.is_nil() || topic_id.is_nil() || self.topic_id == topic_id
    }
}

/// A topic whose committed offsets are asked for.
#[derive(Clone, Debug)]
pub struct OffsetsOfTopic {
    /// The topic.
    pub topic: ByteString,
    /// Its id; nil when unknown. Offsets of an earlier topic of this name are not its offsets.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<i32>,
}

/// The committed offsets of one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedTopic {
    /// The topic.
    pub topic: ByteString,
    /// Each partition and its offset; `None` where nothing was committed.
    pub partitions: Vec<(i32, Option<CommittedOffset>)>,
}

pub(super) type Partitions = BTreeMap<i32, CommittedOffset>;

/// Committed offsets by group, topic and partition. No empty map is kept.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    by_group: HashMap<ByteString, BTreeMap<ByteString, Partitions>>,
}

impl Offsets {
    pub fn has(&self, group: &str) -> bool {
        self.by_group.contains_key(group)
    }

    pub fn groups(&self) -> Vec<ByteString> {
        self.by_group.keys().cloned().collect()
    }

    pub fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.by_group.get(group)?.get(topic)?.get(&partition)
    }

    pub fn committed(&self, group: &str) -> Option<&BTreeMap<ByteString, Partitions>> {
        self.by_group.get(group)
    }

    pub fn of_group(&self, group: &str) -> impl Iterator<Item = (&ByteString, &Partitions)> {
        self.by_group.get(group).into_iter().flatten()
    }

    /// Group, topic and partitions of the offsets whose topic has no id now, or another one than theirs.
    pub fn of_deleted_topics(&self, id_of: impl Fn(&str) -> Option<Uuid>) -> Vec<(ByteString, ByteString, Vec<i32>)> {
        let committed = self.by_group.iter().flat_map(|(group, topics)| topics.iter().map(move |topic| (group, topic)));
        let of_deleted = committed.filter_map(|(group, (topic, partitions))| {
            let id = id_of(topic);
            let is_gone = |offset: &CommittedOffset| !id.is_some_and(|id| offset.is_of(id));
            let gone = partitions.iter().filter(|(_, offset)| is_gone(offset)).map(|(index, _)| *index);
            let gone: Vec<i32> = gone.collect();
            (!gone.is_empty()).then(|| (group.clone(), topic.clone(), gone))
        });
        of_deleted.collect()
    }

    /// The groups that committed offsets for the topic with this id, and the partitions. Offsets that do not know the id
    /// of their topic count.
    pub fn of_topic(&self, topic: &str, topic_id: Uuid) -> Vec<(ByteString, Vec<i32>)> {
        let partitions = |topics: &BTreeMap<ByteString, Partitions>| {
            let offsets = topics.get(topic)?.iter().filter(|(_, offset)| offset.is_of(topic_id));
            Some(offsets.map(|(index, _)| *index).collect())
        };
        self.by_group.iter().filter_map(|(group, topics)| Some((group.clone(), partitions(topics)?))).collect()
    }

    /// Keeps the offset. Strings that may be slices of a larger buffer are copied, names only when they are new.
    pub fn put(&mut self, group: &ByteString, topic: &ByteString, partition: i32, mut offset: CommittedOffset) {
        offset.metadata = owned(&offset.metadata);
        if let Some(known) = self.by_group.get_mut(group).and_then(|topics| topics.get_mut(topic)) {
            known.insert(partition, offset);
            return;
        }
        self.by_group.entry(owned(group)).or_default().entry(owned(topic)).or_default().insert(partition, offset);
    }

    pub fn remove(&mut self, group: &str, topic: &str, partition: i32) {
        let Some(topics) = self.by_group.get_mut(group) else { return };
        if let Some(partitions) = topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                topics.remove(topic);
            }
        }
        if topics.is_empty() {
            self.by_group.remove(group);
        }
    }

    /// What the group committed for the topics asked, or for all.
    pub fn fetch(&self, group: &str, topics: Option<&[OffsetsOfTopic]>) -> Vec<FetchedTopic> {
        let Some(topics) = topics else {
            let all = self.of_group(group).map(|(topic, partitions)| FetchedTopic {
                topic: topic.clone(),
                partitions: partitions.iter().map(|(index, offset)| (*index, Some(offset.clone()))).collect(),
            });
            return all.collect();
        };
        let asked = topics.iter().map(|asked| {
            let committed = |index: i32| {
                let offset = self.get(group, &asked.topic, index)?;
                offset.is_of(asked.topic_id).then(|| offset.clone())
            };
            FetchedTopic {
                topic: asked.topic.clone(),
                partitions: asked.partitions.iter().map(|index| (*index, committed(*index))).collect(),
            }
        });
        asked.collect()
    }
}
