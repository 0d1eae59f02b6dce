//! When committed offsets are forgotten, and groups with them (KIP-211).

use bytestring::ByteString;

use super::{CommittedOffset, Effects, GroupState, Now, Shard};

impl Shard {
    /// Deletes offsets that nobody came back for, and groups that have neither members nor offsets.
    pub(super) fn expire_offsets(&mut self, now: Now, effects: &mut Effects) {
        let groups: Vec<ByteString> = self.groups.keys().cloned().collect();
        for group in groups {
            for (topic, partitions) in self.expired_offsets(&group, now) {
                self.delete_offsets_of(&group, &topic, partitions, effects);
            }
            let is_unused = self.groups.get(&group).is_some_and(|found| found.is_empty() && !found.has_pending());
            if is_unused && !self.offsets.has(&group) {
                self.forget_group(&group, effects);
            }
        }
    }

    fn expired_offsets(&self, id: &ByteString, now: Now) -> Vec<(ByteString, Vec<i32>)> {
        let Some(group) = self.groups.get(id) else { return Vec::new() };
        let unused_since: &dyn Fn(&CommittedOffset) -> i64 = match group.state() {
            // Counted from the departure of the last member, not from a commit that may be older.
            GroupState::Empty if group.had_members() && group.state_since_ms() >= 0 => &|_| group.state_since_ms(),
            GroupState::Empty => &|offset| offset.commit_ms,
            GroupState::Stable if group.is_of_consumers() => &|offset| offset.commit_ms,
            _ => return Vec::new(),
        };
        let retention_ms = self.config.offsets_retention_ms;
        let is_expired = |offset: &CommittedOffset| match offset.expire_ms {
            Some(at) => now.wall_ms >= at,
            None => now.wall_ms.saturating_sub(unused_since(offset)) >= retention_ms,
        };
        let topics = self.offsets.of_group(id).filter(|(topic, _)| !group.subscribes_to(topic));
        topics
            .map(|(topic, partitions)| {
                let expired = partitions.iter().filter(|(_, offset)| is_expired(offset));
                (topic.clone(), expired.map(|(index, _)| *index).collect::<Vec<_>>())
            })
            .filter(|(_, partitions)| !partitions.is_empty())
            .collect()
    }
}
