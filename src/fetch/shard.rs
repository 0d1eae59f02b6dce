//! A part of the sessions, and who has to make room in it.
//!
//! The rules are Kafka's. A session that nobody has used for [`EVICTION_MS`] goes first. Otherwise a new session takes the
//! place of one that is worth less or the same: one of a consumer is worth less than one of a replica, a small one less than a
//! large one. Sessions younger than [`EVICTION_MS`] are safe, but for those of consumers from replicas.

use std::collections::HashMap;
use std::sync::Arc;

use super::Session;

/// How long a session is safe, in milliseconds.
pub(super) const EVICTION_MS: u64 = 120_000;

/// What is known of a session without asking it.
#[derive(Debug)]
struct Entry {
    session: Arc<Session>,
    privileged: bool,
    created_ms: u64,
    last_used_ms: u64,
    size: Size,
    /// Whether it was older than [`EVICTION_MS`] when it was used last.
    established: bool,
}

/// How much a session holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Its partitions.
    pub partitions: usize,
    /// The partitions that it has memory for.
    pub room: usize,
}

/// The sessions of one part, by id. Time is passed in, in milliseconds of a clock that never goes back.
#[derive(Debug)]
pub(super) struct Shard {
    slots: usize,
    entries: HashMap<i32, Entry>,
}

impl Shard {
    /// A shard for so many sessions.
    pub(super) fn new(slots: usize) -> Self {
        Self { slots, entries: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, id: i32) -> Option<&Arc<Session>> {
        self.entries.get(&id).map(|entry| &entry.session)
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.slots
    }

    pub(super) fn insert(&mut self, session: Arc<Session>, privileged: bool, size: Size, now_ms: u64) {
        let entry = Entry { privileged, created_ms: now_ms, last_used_ms: now_ms, size, established: false, session };
        self.entries.insert(entry.session.id(), entry);
    }

    /// Takes a session out. Its size is what it was when it was used last.
    pub(super) fn remove(&mut self, id: i32) -> Option<(Arc<Session>, Size)> {
        self.entries.remove(&id).map(|entry| (entry.session, entry.size))
    }

    /// Notes that a session is used, and its new size. Answers the size it had; `None` when it is not here any more.
    pub(super) fn touch(&mut self, id: i32, size: Size, now_ms: u64) -> Option<Size> {
        let entry = self.entries.get_mut(&id)?;
        entry.last_used_ms = now_ms;
        entry.established = now_ms.saturating_sub(entry.created_ms) > EVICTION_MS;
        Some(std::mem::replace(&mut entry.size, size))
    }

    /// Makes room for a session of so many partitions, if one here is worth less.
    pub(super) fn evict(&mut self, privileged: bool, partitions: usize, now_ms: u64) -> Option<(Arc<Session>, Size)> {
        let (id, oldest) = self.entries.iter().min_by_key(|(id, entry)| (entry.last_used_ms, **id))?;
        if now_ms.saturating_sub(oldest.last_used_ms) > EVICTION_MS {
            return self.remove(*id);
        }
        let evictable = self.entries.iter().filter(|(_, entry)| entry.established || (privileged && !entry.privileged));
        let worth = |(id, entry): &(&i32, &Entry)| (entry.privileged, entry.size.partitions, **id);
        let least = evictable.map(|entry| worth(&entry)).min()?;
        // A newcomer has no id yet: of two that are worth the same it is the lesser one.
        if (privileged, partitions, 0) < least {
            return None;
        }
        self.remove(least.2)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Following;
    use super::*;

    fn shard(slots: usize) -> Shard {
        Shard::new(slots)
    }

    fn insert(shard: &mut Shard, id: i32, privileged: bool, partitions: usize, now_ms: u64) {
        let session = Arc::new(Session::new(id, false, Following::default()));
        shard.insert(session, privileged, size(partitions), now_ms);
    }

    fn size(partitions: usize) -> Size {
        Size { partitions, room: partitions }
    }

    fn evict(shard: &mut Shard, privileged: bool, partitions: usize, now_ms: u64) -> Option<i32> {
        shard.evict(privileged, partitions, now_ms).map(|(session, _)| session.id())
    }

    #[test]
    fn the_one_unused_for_longest_goes_once_it_is_stale() {
        let mut shard = shard(2);
        insert(&mut shard, 1, false, 10, 0);
        insert(&mut shard, 2, true, 100, 5);
        shard.touch(1, size(10), 6);
        assert_eq!(evict(&mut shard, false, 1, 5 + EVICTION_MS), None, "both are young");
        assert_eq!(evict(&mut shard, false, 1, 6 + EVICTION_MS), Some(2));
        assert_eq!(evict(&mut shard, false, 1, 6 + EVICTION_MS), None);
        assert_eq!(evict(&mut shard, false, 1, 7 + EVICTION_MS), Some(1));
    }

    #[test]
    fn a_larger_session_takes_the_place_of_a_smaller_one_that_is_no_longer_young() {
        let mut shard = shard(3);
        for (id, partitions) in [(1, 10), (2, 5), (3, 1)] {
            insert(&mut shard, id, false, partitions, 0);
        }
        let later = EVICTION_MS + 1;
        for (id, partitions) in [(1, 10), (2, 5)] {
            shard.touch(id, size(partitions), later);
        }
        shard.touch(3, size(1), EVICTION_MS);
        assert_eq!(evict(&mut shard, false, 4, later), None, "the smallest was young when it was used last");
        assert_eq!(evict(&mut shard, false, 5, later), None, "of equals the older one stays");
        assert_eq!(evict(&mut shard, false, 6, later), Some(2));
    }

    #[test]
    fn a_replica_takes_the_place_of_any_consumer_but_of_no_young_replica() {
        let mut shard = shard(2);
        insert(&mut shard, 1, false, 1_000, 0);
        insert(&mut shard, 2, true, 1, 0);
        assert_eq!(evict(&mut shard, false, 5_000, 1), None);
        assert_eq!(evict(&mut shard, true, 1, 1), Some(1));
        assert_eq!(evict(&mut shard, true, 5_000, 1), None);
    }
}
