//! The checkpoint of a data directory: for each log how far it is known to be on stable storage and where it starts. It
//! decides how much of each log a start must scan. Replaced whole, atomically, up to once a second, so it is small: topics
//! once, numbers in variable length.
//!
//! ```text
//! "NARUCKPT"  version u8 = 2  topics varint
//!   per topic: name length u8, name, topic id 16 bytes, partitions varint
//!     per partition: number, recovery point, log start; all varint
//! CRC-32 (IEEE) of everything before it, u32 big endian
//! ```
//! The topic id is there because a topic can be deleted and made again under its old name: the new log must not inherit a
//! recovery point. A file with any damage is refused as a whole; every log is then scanned from its start.

use uuid::Uuid;

use super::types::{Offset, TopicPartition, is_topic_name};

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "checkpoint";

const MAGIC: &[u8; 8] = b"NARUCKPT";
const VERSION: u8 = 2;
const CRC_LEN: usize = 4;

/// A checkpoint file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint(pub Vec<LogCheckpoint>);

/// What is known of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCheckpoint {
    /// The partition.
    pub partition: TopicPartition,
    /// The topic's id. An entry with another id is about another topic.
    pub topic_id: Uuid,
    /// Everything before this offset is on stable storage.
    pub recovery_point: Offset,
    /// The first offset that readers may see.
    pub log_start: Offset,
}

/// A checkpoint file that cannot be trusted. The remedy is to scan the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Too short, another kind of file, or the checksum does not match.
    #[error("the checkpoint file is damaged")]
    Damaged,
    /// Written by another version of the program.
    #[error("the checkpoint file has version {0}, but only version {VERSION} is known")]
    UnknownVersion(u8),
}

impl Checkpoint {
    /// The bytes of the file. The order of the entries is free; those of one topic share its name and id when they are neighbours.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.push(VERSION);
        encode_topics(&mut file, &self.0);
        let crc = crc_fast::crc32_iso_hdlc(&file);
        file.extend_from_slice(&crc.to_be_bytes());
        file
    }

    /// Reads the file.
    pub fn decode(file: &[u8]) -> Result<Self, CheckpointError> {
        let (body, crc) = file.split_last_chunk::<CRC_LEN>().ok_or(CheckpointError::Damaged)?;
        let rest = body.strip_prefix(MAGIC).ok_or(CheckpointError::Damaged)?;
        if crc_fast::crc32_iso_hdlc(body) != u32::from_be_bytes(*crc) {
            return Err(CheckpointError::Damaged);
        }
        match rest {
            [VERSION, entries @ ..] => decode_topics(&mut Input(entries)).map(Self).ok_or(CheckpointError::Damaged),
            [version, ..] => Err(CheckpointError::UnknownVersion(*version)),
            [] => Err(CheckpointError::Damaged),
        }
    }
}

fn encode_topics(file: &mut Vec<u8>, logs: &[LogCheckpoint]) {
    let same_topic =
        |a: &LogCheckpoint, b: &LogCheckpoint| a.topic_id == b.topic_id && a.partition.topic == b.partition.topic;
    put_varint(file, logs.chunk_by(same_topic).count() as u64);
    for topic in logs.chunk_by(same_topic) {
        let Some(LogCheckpoint { partition, topic_id, .. }) = topic.first() else { continue };
        debug_assert!(is_topic_name(&partition.topic), "a topic's name was checked when it was created");
        file.push(partition.topic.len() as u8);
        file.extend_from_slice(partition.topic.as_bytes());
        file.extend_from_slice(topic_id.as_bytes());
        put_varint(file, topic.len() as u64);
        for log in topic {
            put_varint(file, log.partition.partition as u64);
            put_varint(file, unsigned(log.recovery_point));
            put_varint(file, unsigned(log.log_start));
        }
    }
}

fn decode_topics(input: &mut Input) -> Option<Vec<LogCheckpoint>> {
    let mut logs = Vec::new();
    for _ in 0..input.varint()? {
        let name_len = input.take(1)?.first().copied()?;
        let name = std::str::from_utf8(input.take(usize::from(name_len))?).ok().filter(|name| is_topic_name(name))?;
        let topic: std::sync::Arc<str> = name.into();
        let topic_id = Uuid::from_slice(input.take(16)?).ok()?;
        for _ in 0..input.varint()? {
            let partition = i32::try_from(input.varint()?).ok()?;
            logs.push(LogCheckpoint {
                partition: TopicPartition::new(topic.clone(), partition),
                topic_id,
                recovery_point: input.offset()?,
                log_start: input.offset()?,
            });
        }
    }
    input.0.is_empty().then_some(logs)
}

/// Offsets of a log are never negative.
fn unsigned(offset: Offset) -> u64 {
    debug_assert!(offset.0 >= 0, "offset {offset} of a log is negative");
    offset.0 as u64
}

fn put_varint(file: &mut Vec<u8>, mut n: u64) {
    while n > 0x7f {
        file.push(n as u8 | 0x80);
        n >>= 7;
    }
    file.push(n as u8);
}

/// The bytes not read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    fn offset(&mut self) -> Option<Offset> {
        i64::try_from(self.varint()?).ok().map(Offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log(topic: &str, partition: i32, recovery_point: i64, log_start: i64) -> LogCheckpoint {
        LogCheckpoint {
            partition: TopicPartition::new(topic, partition),
            topic_id: Uuid::from_u128(topic.len() as u128),
            recovery_point: Offset(recovery_point),
            log_start: Offset(log_start),
        }
    }

    fn some() -> Checkpoint {
        Checkpoint(vec![
            log("orders", 0, 1234, 1000),
            log("orders", 1, 0, 0),
            log("payments", 5, i64::MAX, 700),
            log("orders", 2, 0, 0),
        ])
    }

    #[test]
    fn what_is_written_is_read() {
        for checkpoint in [some(), Checkpoint(vec![])] {
            assert_eq!(Checkpoint::decode(&checkpoint.encode()), Ok(checkpoint));
        }
    }

    #[test]
    fn a_topic_made_again_keeps_its_own_id() {
        let mut again = log("orders", 0, 7, 0);
        again.topic_id = Uuid::from_u128(99);
        let checkpoint = Checkpoint(vec![log("orders", 0, 1234, 1000), again]);
        assert_eq!(Checkpoint::decode(&checkpoint.encode()), Ok(checkpoint));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let good = some().encode();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Checkpoint::decode(&bad), Err(CheckpointError::Damaged), "bit {bit}");
        }
        for len in 0..good.len() {
            assert_eq!(Checkpoint::decode(&good[..len]), Err(CheckpointError::Damaged), "length {len}");
        }
    }

    fn with_crc(body: &[u8]) -> Vec<u8> {
        [body, &crc_fast::crc32_iso_hdlc(body).to_be_bytes()].concat()
    }

    #[test]
    fn another_version_is_named() {
        assert_eq!(Checkpoint::decode(&with_crc(b"NARUCKPT\x03anything")), Err(CheckpointError::UnknownVersion(3)));
    }

    proptest! {
        /// A right checksum proves no good intent: whatever stands behind it, decoding ends, and without a panic.
        #[test]
        fn any_content_is_read_or_refused(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Checkpoint::decode(&with_crc(&[&b"NARUCKPT\x02"[..], &content].concat()));
        }
    }

    #[test]
    fn ten_thousand_logs_take_a_few_bytes_each() {
        let logs = (0..10_000)
            .map(|i| log(&format!("topic-{:03}", i / 100), i % 100, 1_000_000_000 + i64::from(i), 999_999))
            .collect();
        let checkpoint = Checkpoint(logs);
        let file = checkpoint.encode();
        assert!(file.len() < 10_000 * 12, "{} bytes", file.len());
        assert_eq!(Checkpoint::decode(&file), Ok(checkpoint));
    }
}
