//! Evenly, and with as few moves as that takes: everyone keeps what it had as long as that is fair.
//!
//! First, each member keeps what it had, if nobody with a newer generation claims it. What has no owner goes to the member with
//! the least of those that read the topic, scarce topics first. Then partitions move from members with much to members with
//! little, as long as the difference is two and more: from there on no move makes it fairer.

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;

use super::{Assignments, Member, Topics, newest_owners};
use crate::record::TopicPartition;

pub(super) fn assign(members: &BTreeMap<ByteString, Member>, topics: &Topics) -> Assignments {
    let mut shares = Shares::new(members);
    let owners = newest_owners(members);
    let mut free = Vec::new();
    for (topic, count) in topics {
        for partition in 0..*count {
            let partition = TopicPartition::new(topic.clone(), partition);
            match owners.get(&partition) {
                Some(owner) => shares.give(owner, partition),
                None => free.push(partition),
            }
        }
    }
    // Topics that few read have the least choice.
    free.sort_by_cached_key(|partition| (shares.readers(&partition.topic).count(), partition.clone()));
    for partition in free {
        if let Some(least) = shares.least(&partition.topic) {
            shares.give(&least, partition);
        }
    }
    shares.level();
    shares.partitions.into_iter().map(|(id, partitions)| (id, partitions.into_iter().collect())).collect()
}

/// What each member has so far.
struct Shares<'a> {
    members: &'a BTreeMap<ByteString, Member>,
    partitions: BTreeMap<ByteString, BTreeSet<TopicPartition>>,
    /// What each member has of that which it did not have before: it moves first.
    fresh: BTreeMap<ByteString, BTreeSet<TopicPartition>>,
    /// Members by how much they have.
    by_count: BTreeSet<(usize, ByteString)>,
}

impl<'a> Shares<'a> {
    fn new(members: &'a BTreeMap<ByteString, Member>) -> Self {
        let partitions = members.keys().map(|id| (id.clone(), BTreeSet::new())).collect();
        let by_count = members.keys().map(|id| (0, id.clone())).collect();
        Self { members, partitions, fresh: BTreeMap::new(), by_count }
    }

    fn readers<'s>(&'s self, topic: &'s ByteString) -> impl Iterator<Item = &'s ByteString> {
        self.members.iter().filter(|(_, member)| member.topics.contains(topic)).map(|(id, _)| id)
    }

    /// The reader of a topic that has the least.
    fn least(&self, topic: &ByteString) -> Option<ByteString> {
        let reads = |id: &ByteString| self.members.get(id).is_some_and(|member| member.topics.contains(topic));
        self.by_count.iter().find(|(_, id)| reads(id)).map(|(_, id)| id.clone())
    }

    fn count(&self, id: &ByteString) -> usize {
        self.partitions.get(id).map_or(0, BTreeSet::len)
    }

    fn give(&mut self, id: &ByteString, partition: TopicPartition) {
        if !self.members.get(id).is_some_and(|member| member.owned.contains(&partition)) {
            self.fresh.entry(id.clone()).or_default().insert(partition.clone());
        }
        self.change(id, |partitions| partitions.insert(partition));
    }

    fn take(&mut self, id: &ByteString, partition: &TopicPartition) {
        if let Some(fresh) = self.fresh.get_mut(id) {
            fresh.remove(partition);
        }
        self.change(id, |partitions| partitions.remove(partition));
    }

    fn change(&mut self, id: &ByteString, change: impl FnOnce(&mut BTreeSet<TopicPartition>) -> bool) {
        self.by_count.remove(&(self.count(id), id.clone()));
        change(self.partitions.entry(id.clone()).or_default());
        self.by_count.insert((self.count(id), id.clone()));
    }

    /// Moves partitions as long as one makes it fairer. Each move lowers the sum of the squares of the counts, so it ends.
    fn level(&mut self) {
        while let Some((from, to, partition)) = self.fairer_move() {
            self.take(&from, &partition);
            self.give(&to, partition);
        }
    }

    /// A partition of a member that has at least two more than another who reads the topic: of the one with the most, to the one
    /// with the least, preferably a partition that has moved already.
    fn fairer_move(&self) -> Option<(ByteString, ByteString, TopicPartition)> {
        let smallest = self.by_count.first()?.0;
        for (count, from) in self.by_count.iter().rev() {
            if *count < smallest + 2 {
                return None;
            }
            let (fresh, all) = (self.fresh.get(from).into_iter().flatten(), self.partitions.get(from)?);
            // Of each topic one candidate is as good as another.
            let mut tried = BTreeSet::new();
            for partition in fresh.chain(all) {
                if !tried.insert(&partition.topic) {
                    continue;
                }
                if let Some(to) = self.least(&partition.topic)
                    && self.count(&to) + 2 <= *count
                {
                    return Some((from.clone(), to, partition.clone()));
                }
            }
        }
        None
    }
}
