//! Ranges: each topic for itself, neighbours together; the first members get one more where it does not come out even.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::{Assignments, Member, Topics, in_order};
use crate::record::TopicPartition;

pub(super) fn assign(members: &BTreeMap<ByteString, Member>, topics: &Topics) -> Assignments {
    let mut assignments: Assignments = members.keys().map(|id| (id.clone(), Vec::new())).collect();
    let ordered = in_order(members);
    for (topic, partitions) in topics {
        let readers: Vec<_> = ordered.iter().filter(|(_, member)| member.topics.contains(topic)).collect();
        let Ok(count @ 1..) = i32::try_from(readers.len()) else { continue };
        let (each, more) = (partitions / count, partitions % count);
        let mut next = 0;
        for (index, (id, _)) in (0..).zip(readers) {
            let end = next + each + i32::from(index < more);
            let part = (next..end).map(|partition| TopicPartition::new(topic.clone(), partition));
            assignments.entry((*id).clone()).or_default().extend(part);
            next = end;
        }
    }
    assignments
}
