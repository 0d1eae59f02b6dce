//! The producers of a log at one of its offsets, in Kafka's `.snapshot` format (version 1): a start then reads only the batches
//! behind that offset.
//!
//! ```text
//! version i16 = 1, CRC-32C u32 of everything behind it, number of entries i32, entries of 46 bytes:
//!   producer id i64, epoch i16, last sequence i32, last offset i64, offset delta i32, timestamp i64,
//!   epoch of the transaction coordinator i32, first offset of the open transaction i64
//! ```
//! Kafka writes one entry for each producer, its newest batch, and so forgets the others at every restart. Here each producer has
//! up to five, oldest first: Kafka's loader keeps the last entry of a producer, and so reads these files as if it had written them.

use super::producer_state::{ProducerState, SequencedBatch};
use super::types::{Offset, ProducerId};

const VERSION: i16 = 1;
const HEADER_LEN: usize = 10;
const ENTRY_LEN: usize = 46;

/// The coordinator epoch and the transaction of a producer that has none.
const NONE: i64 = -1;

/// A snapshot file that cannot be trusted. The state is then rebuilt from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written in another version of the format.
    #[error("producer snapshot has version {0}, but only version {VERSION} is known")]
    UnknownVersion(i16),
    /// The checksum or the length does not match.
    #[error("producer snapshot is damaged")]
    Damaged,
    /// An entry that no broker writes.
    #[error("entry {0} of the producer snapshot is out of range")]
    InvalidEntry(usize),
}

/// The bytes of the file.
pub fn encode(state: &ProducerState) -> Vec<u8> {
    let mut producers: Vec<_> = state.iter().collect();
    producers.sort_unstable_by_key(|(id, _)| *id); // equal states make equal files
    let mut file = vec![0; HEADER_LEN];
    let mut entries = 0i32;
    for (id, producer) in producers {
        // A producer without batches is known by its epoch; offset -1 says so.
        let unsequenced = SequencedBatch {
            last_sequence: -1,
            last_offset: Offset::NONE,
            offset_delta: 0,
            timestamp: producer.last_seen_ms(),
        };
        let batches = match producer.batches() {
            [] => std::slice::from_ref(&unsequenced),
            batches => batches,
        };
        for batch in batches {
            put_entry(&mut file, id, producer.epoch(), batch);
            entries += 1;
        }
    }
    file[..2].copy_from_slice(&VERSION.to_be_bytes());
    file[6..HEADER_LEN].copy_from_slice(&entries.to_be_bytes());
    let crc = crc_fast::crc32_iscsi(&file[6..]);
    file[2..6].copy_from_slice(&crc.to_be_bytes());
    file
}

fn put_entry(file: &mut Vec<u8>, id: ProducerId, epoch: i16, batch: &SequencedBatch) {
    file.extend_from_slice(&id.0.to_be_bytes());
    file.extend_from_slice(&epoch.to_be_bytes());
    file.extend_from_slice(&batch.last_sequence.to_be_bytes());
    file.extend_from_slice(&batch.last_offset.0.to_be_bytes());
    file.extend_from_slice(&batch.offset_delta.to_be_bytes());
    file.extend_from_slice(&batch.timestamp.to_be_bytes());
    file.extend_from_slice(&(NONE as i32).to_be_bytes());
    file.extend_from_slice(&NONE.to_be_bytes());
}

/// Reads a file that this module or Kafka wrote. The producers count as seen at `now_ms`.
pub fn decode(file: &[u8], now_ms: i64) -> Result<ProducerState, SnapshotError> {
    let (version, rest) = file.split_first_chunk::<2>().ok_or(SnapshotError::Damaged)?;
    if *version != VERSION.to_be_bytes() {
        return Err(SnapshotError::UnknownVersion(i16::from_be_bytes(*version)));
    }
    let (crc, body) = rest.split_first_chunk::<4>().ok_or(SnapshotError::Damaged)?;
    if crc_fast::crc32_iscsi(body) != u32::from_be_bytes(*crc) {
        return Err(SnapshotError::Damaged);
    }
    let (count, body) = body.split_first_chunk::<4>().ok_or(SnapshotError::Damaged)?;
    let (entries, partial) = body.as_chunks::<ENTRY_LEN>();
    if !partial.is_empty() || i32::from_be_bytes(*count) as usize != entries.len() {
        return Err(SnapshotError::Damaged);
    }
    let mut state = ProducerState::default();
    for (i, entry) in entries.iter().enumerate() {
        let (id, epoch, batch) = parse_entry(entry).ok_or(SnapshotError::InvalidEntry(i))?;
        state.restore(id, epoch, batch, now_ms);
    }
    Ok(state)
}

fn parse_entry(mut entry: &[u8]) -> Option<(ProducerId, i16, Option<SequencedBatch>)> {
    let input = &mut entry;
    let id = ProducerId(i64::from_be_bytes(take(input)?));
    let epoch = i16::from_be_bytes(take(input)?);
    let batch = SequencedBatch {
        last_sequence: i32::from_be_bytes(take(input)?),
        last_offset: Offset(i64::from_be_bytes(take(input)?)),
        offset_delta: i32::from_be_bytes(take(input)?),
        timestamp: i64::from_be_bytes(take(input)?),
    };
    if batch.last_offset < Offset(0) {
        return Some((id, epoch, None));
    }
    let valid =
        id.0 >= 0 && batch.last_sequence >= 0 && (0..=batch.last_offset.0).contains(&i64::from(batch.offset_delta));
    valid.then_some((id, epoch, Some(batch)))
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn sequenced(last_sequence: i32, last_offset: i64, count: i32) -> SequencedBatch {
        SequencedBatch {
            last_sequence,
            last_offset: Offset(last_offset),
            offset_delta: count - 1,
            timestamp: NOW + last_offset,
        }
    }

    /// Two producers with batches, one of them with more than the window holds, and one known by its epoch alone.
    fn state() -> ProducerState {
        let mut state = ProducerState::default();
        state.restore(ProducerId(7), 3, Some(sequenced(1, 11, 2)), NOW);
        for i in 0..7 {
            state.restore(ProducerId(4001), 0, Some(sequenced(i, 20 + i64::from(i), 1)), NOW);
        }
        state.restore(ProducerId(12), 9, None, NOW);
        state
    }

    #[test]
    fn the_whole_window_survives() {
        let file = encode(&state());
        assert_eq!(file.len(), HEADER_LEN + (1 + 5 + 1) * ENTRY_LEN);
        assert_eq!(decode(&file, NOW), Ok(state()));
        assert_eq!(decode(&encode(&ProducerState::default()), NOW), Ok(ProducerState::default()));
    }

    #[test]
    fn a_snapshot_of_kafka_is_read() {
        // Written by Apache Kafka 4.4 at a clean stop: producer 101, epoch 5, sequence 0 at offset 5.
        const FILE: &[u8] =
            b"\x00\x01\xfc\x64\x52\x50\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x65\x00\x05\x00\x00\x00\x00\
            \x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x01\x8b\xcf\xe5\x68\x00\xff\xff\xff\xff\
            \xff\xff\xff\xff\xff\xff\xff\xff";
        let mut state = ProducerState::default();
        let batch = SequencedBatch { last_sequence: 0, last_offset: Offset(5), offset_delta: 0, timestamp: NOW };
        state.restore(ProducerId(101), 5, Some(batch), NOW);
        assert_eq!(decode(FILE, NOW), Ok(state.clone()));
        assert_eq!(encode(&state), FILE, "with one batch a producer the file is Kafka's to the byte");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let good = encode(&state());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bad, NOW).is_err(), "bit {bit}");
        }
        for len in 0..good.len() {
            assert!(decode(&good[..len], NOW).is_err(), "length {len}");
        }
    }

    #[test]
    fn a_right_checksum_does_not_excuse_wrong_entries() {
        let tamper = |at: usize, bytes: &[u8]| {
            let mut file = encode(&state());
            file[at..at + bytes.len()].copy_from_slice(bytes);
            let crc = crc_fast::crc32_iscsi(&file[6..]);
            file[2..6].copy_from_slice(&crc.to_be_bytes());
            decode(&file, NOW)
        };
        assert_eq!(tamper(6, &[0x7f, 0xff, 0xff, 0xff]), Err(SnapshotError::Damaged), "more entries than there are");
        assert_eq!(tamper(6, &[0xff; 4]), Err(SnapshotError::Damaged), "a negative number of entries");
        assert_eq!(tamper(10, &[0xff; 8]), Err(SnapshotError::InvalidEntry(0)), "a negative producer id");
        assert_eq!(
            tamper(32, &[0x7f, 0xff, 0xff, 0xff]),
            Err(SnapshotError::InvalidEntry(0)),
            "a batch that begins before offset 0"
        );
        assert_eq!(tamper(0, &[0, 2]), Err(SnapshotError::UnknownVersion(2)));
    }
}
