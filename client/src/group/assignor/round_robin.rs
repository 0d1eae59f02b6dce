//! Rounds: all partitions of all topics, one after the other, to the members in turn; who does not read the topic is passed over.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::{Assignments, Member, Topics, in_order};
use crate::record::TopicPartition;

pub(super) fn assign(members: &BTreeMap<ByteString, Member>, topics: &Topics) -> Assignments {
    let mut assignments: Assignments = members.keys().map(|id| (id.clone(), Vec::new())).collect();
    let ordered = in_order(members);
    let mut turn = 0;
    for (topic, partitions) in topics {
        if !ordered.iter().any(|(_, member)| member.topics.contains(topic)) {
            continue;
        }
        for partition in 0..*partitions {
            let (id, _) = loop {
                let candidate = ordered[turn % ordered.len()];
                turn += 1;
                if candidate.1.topics.contains(topic) {
                    break candidate;
                }
            };
            let partition = TopicPartition::new(topic.clone(), partition);
            assignments.entry(id.clone()).or_default().push(partition);
        }
    }
    assignments
}
