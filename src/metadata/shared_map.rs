//! A map whose copies share what did not change.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::topic_name::folded;

const SHARDS: usize = 256;

/// A map in 256 parts. A copy shares all of them; a change copies one. At 10,000 entries that is 40 of them, which is
/// why publishing a new image costs microseconds.
#[derive(Clone, PartialEq)]
pub(super) struct SharedMap<K, V> {
    shards: Arc<[Arc<BTreeMap<K, V>>]>,
    len: usize,
}

/// A key that knows its part of the map.
pub(super) trait ShardKey: Ord {
    fn shard(&self) -> u8;
}

impl ShardKey for str {
    /// Names that collide (see [`collide`](super::topic_name::collide)) share a shard. FNV-1a, folded to a byte.
    fn shard(&self) -> u8 {
        let hash =
            self.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(folded(byte))).wrapping_mul(0x0100_0193));
        (hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24)) as u8
    }
}

impl ShardKey for Uuid {
    fn shard(&self) -> u8 {
        let [first, ..] = *self.as_bytes();
        first
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    pub(super) fn new() -> Self {
        let empty = Arc::new(BTreeMap::new());
        Self { shards: std::iter::repeat_n(empty, SHARDS).collect(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn shard<Q: ShardKey + ?Sized>(&self, key: &Q) -> &BTreeMap<K, V> {
        &self.shards[usize::from(key.shard())]
    }

    fn shard_mut<Q: ShardKey + ?Sized>(&mut self, key: &Q) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut Arc::make_mut(&mut self.shards)[usize::from(key.shard())])
    }

    pub(super) fn get<Q: ShardKey + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shard(key).get(key)
    }

    pub(super) fn get_mut<Q: ShardKey + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.shard_mut(key).get_mut(key)
    }

    pub(super) fn insert<Q: ShardKey + ?Sized>(&mut self, key: K, value: V)
    where
        K: Borrow<Q>,
    {
        if self.shard_mut(key.borrow()).insert(key, value).is_none() {
            self.len += 1;
        }
    }

    pub(super) fn remove<Q: ShardKey + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let removed = self.shard_mut(key).remove(key);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// The keys of the part that this key belongs to.
    pub(super) fn neighbours<Q: ShardKey + ?Sized>(&self, key: &Q) -> impl Iterator<Item = &K> {
        self.shard(key).keys()
    }

    /// All keys, in an order that means nothing but is the same for equal maps.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.shards.iter().flat_map(|shard| shard.keys())
    }

    /// All values, in an order that means nothing but is the same for equal maps.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.values())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shards.iter().flat_map(|shard| shard.iter())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had_and_shares_what_did_not_change() {
        let mut map: SharedMap<Arc<str>, u32> = SharedMap::new();
        for number in 0..1_000 {
            map.insert::<str>(format!("topic-{number}").into(), number);
        }
        let before = map.clone();
        map.insert::<str>("another".into(), 7);
        assert_eq!(map.remove("topic-3"), Some(3));
        *map.get_mut("topic-4").unwrap() = 40;
        assert_eq!((before.len(), map.len()), (1_000, 1_000));
        assert_eq!((before.get("topic-3"), before.get("topic-4"), before.get("another")), (Some(&3), Some(&4), None));
        assert_eq!((map.get("topic-3"), map.get("topic-4"), map.get("another")), (None, Some(&40), Some(&7)));
        let shared = before.shards.iter().zip(map.shards.iter()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!(shared >= SHARDS - 3, "{shared}");
    }

    #[test]
    fn names_are_spread_and_colliding_names_are_neighbours() {
        let mut map: SharedMap<Arc<str>, ()> = SharedMap::new();
        for number in 0..10_000 {
            map.insert::<str>(format!("orders-{number}").into(), ());
        }
        assert!(map.shards.iter().all(|shard| shard.len() < 100));
        map.insert::<str>("a.b_c".into(), ());
        assert!(map.neighbours("a_b.c").any(|name| &**name == "a.b_c"));
    }
}
