//! Which partition a record goes to.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// Kafka's seed of the hash.
const SEED: u32 = 0x9747_b28c;

/// The partition of a key: the same that Kafka's Java client chooses, and every client that follows it.
pub(crate) fn partition_of(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & 0x7fff_ffff) as i32 % partitions.max(1)
}

/// `MurmurHash2`, 32 bits, by Austin Appleby, as Kafka's `Utils.murmur2` computes it.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let (words, rest) = data.as_chunks::<4>();
    let mut hash = SEED ^ data.len() as u32;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0_u32, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

/// Records without a key stay with one partition for a batch, then move on (KIP-480): batches grow large, and all partitions
/// get their share, of a few records too. Of two partitions chosen by chance, the one with less waiting is next, so that a slow broker
/// gets less (after KIP-794).
#[derive(Debug)]
pub(crate) struct Sticky {
    partition: AtomicI32,
    bytes: AtomicUsize,
}

impl Sticky {
    pub(crate) fn new(partitions: i32) -> Self {
        Self { partition: AtomicI32::new(fastrand::i32(0..partitions.max(1))), bytes: AtomicUsize::new(0) }
    }

    /// Where the next record without a key goes.
    pub(crate) fn current(&self, partitions: i32) -> i32 {
        let current = self.partition.load(Ordering::Relaxed);
        if current < partitions { current } else { 0 }
    }

    /// Whether something went there already.
    pub(crate) fn has_begun(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// So many bytes went there. After `enough` it moves on; `waiting` says how much waits in a partition.
    pub(crate) fn used(&self, bytes: usize, enough: usize, partitions: i32, waiting: impl Fn(i32) -> usize) {
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes >= enough {
            self.move_on(partitions, waiting);
        }
    }

    /// Chooses another partition.
    pub(crate) fn move_on(&self, partitions: i32, waiting: impl Fn(i32) -> usize) {
        self.bytes.store(0, Ordering::Relaxed);
        let here = self.current(partitions);
        let another = || (here + fastrand::i32(1..partitions.max(2))) % partitions.max(1);
        let (one, two) = (another(), another());
        self.partition.store(if waiting(one) <= waiting(two) { one } else { two }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `org.apache.kafka.common.utils.Utils.murmur2` and `toPositive` of kafka-clients 4.4.0: key in
    /// hexadecimal digits, hash, partition of 3, 7 and 12.
    const VECTORS: &str = include_str!("murmur2.tsv");

    #[test]
    fn keys_go_where_the_java_client_sends_them() {
        let mut count = 0;
        for line in VECTORS.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [key, hash, of_3, of_7, of_12] = fields[..] else { panic!("{line}") };
            let key: Vec<u8> =
                (0..key.len() / 2).map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap()).collect();
            assert_eq!(murmur2(&key) as i32, hash.parse::<i32>().unwrap(), "{line}");
            for (partitions, expected) in [(3, of_3), (7, of_7), (12, of_12)] {
                assert_eq!(partition_of(&key, partitions), expected.parse::<i32>().unwrap(), "{line}");
            }
            count += 1;
        }
        assert!(count >= 200);
    }

    #[test]
    fn records_without_a_key_move_on_after_a_batch_and_reach_all_partitions() {
        let sticky = Sticky::new(5);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            let here = sticky.current(5);
            sticky.used(60, 100, 5, |_| 0);
            assert_eq!(sticky.current(5), here);
            sticky.used(60, 100, 5, |_| 0);
            assert_ne!(sticky.current(5), here);
            seen[here as usize] += 1;
        }
        assert!(seen.iter().all(|times| *times > 100), "{seen:?}");
    }

    #[test]
    fn a_partition_with_much_waiting_is_chosen_less() {
        let sticky = Sticky::new(3);
        let mut slow = 0;
        for _ in 0..1000 {
            sticky.used(1, 1, 3, |partition| if partition == 0 { 1000 } else { 0 });
            slow += i32::from(sticky.current(3) == 0);
        }
        assert!(slow < 300, "{slow}");
    }

    #[test]
    fn one_partition_is_enough() {
        let sticky = Sticky::new(1);
        sticky.used(1, 1, 1, |_| 0);
        assert_eq!(sticky.current(1), 0);
    }
}
