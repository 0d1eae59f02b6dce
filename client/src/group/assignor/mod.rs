//! Ways to divide the partitions of topics between the members of a group. Names, subscriptions and results are those of
//! Kafka's Java client, so that its members and ours can be in one group.

mod range;
mod round_robin;
mod sticky;

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;

use crate::record::TopicPartition;

/// A way to divide partitions between members (`partition.assignment.strategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assignor {
    /// Each topic for itself in ranges of neighbours: partitions with the same number of several topics come to the same member.
    /// All members stop while it is done anew.
    Range,
    /// All partitions one after the other to the members in turn. All members stop while it is done anew.
    RoundRobin,
    /// Evenly, with as few moves as that takes. All members stop while it is done anew.
    Sticky,
    /// Evenly, with as few moves as that takes, and only what moves stops: the others go on meanwhile (KIP-429).
    CooperativeSticky,
}

impl Assignor {
    /// Every assignor.
    pub const ALL: [Self; 4] = [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// The name that members of a group agree on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// By its name, or by the name of Kafka's Java class.
    pub fn from_name(name: &str) -> Option<Self> {
        let class = name.rsplit('.').next().unwrap_or(name);
        Some(match class {
            "range" | "RangeAssignor" => Self::Range,
            "roundrobin" | "RoundRobinAssignor" => Self::RoundRobin,
            "sticky" | "StickyAssignor" => Self::Sticky,
            "cooperative-sticky" | "CooperativeStickyAssignor" => Self::CooperativeSticky,
            _ => return None,
        })
    }

    /// Whether members keep their partitions during a rebalance.
    pub(crate) fn is_cooperative(self) -> bool {
        self == Self::CooperativeSticky
    }

    /// Divides the partitions. `members` by id, `topics` with the number of their partitions.
    pub(crate) fn assign(self, members: &BTreeMap<ByteString, Member>, topics: &Topics) -> Assignments {
        match self {
            Self::Range => range::assign(members, topics),
            Self::RoundRobin => round_robin::assign(members, topics),
            Self::Sticky => sticky::assign(members, topics),
            Self::CooperativeSticky => without_moves(sticky::assign(members, topics), members),
        }
    }
}

/// The number of partitions of each topic that exists.
pub(crate) type Topics = BTreeMap<ByteString, i32>;

/// Who gets what.
pub(crate) type Assignments = BTreeMap<ByteString, Vec<TopicPartition>>;

/// What a member tells the leader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    /// Static members are put in the order of these, so that their part does not change with their ids.
    pub(crate) instance_id: Option<ByteString>,
    /// The topics it reads.
    pub(crate) topics: BTreeSet<ByteString>,
    /// What it had before, as of `generation`.
    pub(crate) owned: BTreeSet<TopicPartition>,
    /// −1 if it does not say.
    pub(crate) generation: i32,
}

/// The members in the order that ranges and rounds go by: static ones first, by instance id, then by member id.
fn in_order(members: &BTreeMap<ByteString, Member>) -> Vec<(&ByteString, &Member)> {
    let mut ordered: Vec<_> = members.iter().collect();
    ordered.sort_by_key(|(id, member)| (member.instance_id.is_none(), member.instance_id.clone(), (*id).clone()));
    ordered
}

/// Takes out what would move from one member to another: its owner gives it up first, and the next rebalance hands it on.
fn without_moves(mut assignments: Assignments, members: &BTreeMap<ByteString, Member>) -> Assignments {
    let owners = newest_owners(members);
    for (member, partitions) in &mut assignments {
        partitions.retain(|partition| owners.get(partition).is_none_or(|owner| *owner == member));
    }
    assignments
}

/// Who had a partition last. Where two claim one, the newer generation is right; in the same one, neither is.
fn newest_owners(members: &BTreeMap<ByteString, Member>) -> BTreeMap<&TopicPartition, &ByteString> {
    let mut claims: BTreeMap<&TopicPartition, (i32, Vec<&ByteString>)> = BTreeMap::new();
    for (id, member) in members {
        for partition in member.owned.iter().filter(|partition| member.topics.contains(&partition.topic)) {
            let (newest, claimants) = claims.entry(partition).or_insert((member.generation, Vec::new()));
            if member.generation > *newest {
                (*newest, *claimants) = (member.generation, Vec::new());
            }
            if member.generation == *newest {
                claimants.push(id);
            }
        }
    }
    let single = claims.into_iter().filter_map(|(partition, (_, claimants))| match claimants[..] {
        [owner] => Some((partition, owner)),
        _ => None,
    });
    single.collect()
}

#[cfg(test)]
mod tests;
