//! The sparse time index of a segment, in Kafka's `.timeindex` format: from which offset on to look for a timestamp.
//!
//! An entry is twelve bytes, big endian: the largest timestamp of the segment so far, and the offset (less the base offset) of
//! the last record of the batch that brought it. Every record before that batch is therefore older than the timestamp.
//! Timestamps grow strictly, offsets too. The last entry of a sealed segment is its largest timestamp, which time-based
//! retention uses. Derived data, like the offset index.

use super::offset_index::{IndexError, absolute, relative};
use super::types::{Offset, TimestampOffset};

/// Bytes of an entry in the file.
pub const ENTRY_LEN: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    timestamp: i64,
    relative_offset: u32,
}

/// The time index of one segment, whole, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeIndex {
    base_offset: Offset,
    entries: Vec<Entry>,
}

impl TimeIndex {
    /// An empty index of the segment that starts at `base_offset`.
    pub fn new(base_offset: Offset) -> Self {
        Self { base_offset, entries: Vec::new() }
    }

    /// Reads the index file of a segment whose records end before `next_offset`.
    pub fn decode(base_offset: Offset, file: &[u8], next_offset: Offset) -> Result<Self, IndexError> {
        let (chunks, rest) = file.as_chunks::<ENTRY_LEN>();
        if !rest.is_empty() {
            return Err(IndexError::PartialEntry { bytes: file.len(), entry_len: ENTRY_LEN });
        }
        let mut index = Self { base_offset, entries: Vec::with_capacity(chunks.len()) };
        for &[a, b, c, d, e, f, g, h, i, j, k, l] in chunks {
            let timestamp = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
            let offset = absolute(base_offset, u32::from_be_bytes([i, j, k, l]));
            if offset >= next_offset {
                return Err(IndexError::OutOfRange { entry: index.len() });
            }
            let before = index.len();
            index.push(timestamp, offset)?;
            if index.len() == before {
                return Err(IndexError::NotAscending { entry: before });
            }
        }
        Ok(index)
    }

    /// The bytes of the index file.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.size_bytes());
        for entry in &self.entries {
            file.extend_from_slice(&entry.timestamp.to_be_bytes());
            file.extend_from_slice(&entry.relative_offset.to_be_bytes());
        }
        file
    }

    /// Notes the largest timestamp of the segment so far and the last offset of the batch that has it. A timestamp that is
    /// not above the last one is no news and is not noted: out-of-order timestamps are legal in a log.
    pub fn push(&mut self, timestamp: i64, last_offset: Offset) -> Result<(), IndexError> {
        let relative_offset =
            relative(self.base_offset, last_offset).ok_or(IndexError::OutOfRange { entry: self.len() })?;
        if let Some(last) = self.entries.last() {
            if timestamp <= last.timestamp {
                return Ok(());
            }
            if relative_offset <= last.relative_offset {
                return Err(IndexError::NotAscending { entry: self.len() });
            }
        }
        self.entries.push(Entry { timestamp, relative_offset });
        Ok(())
    }

    /// An offset such that a forward scan from *its batch* finds the first record with at least this timestamp, if the segment
    /// has one.
    pub fn lookup(&self, timestamp: i64) -> Offset {
        let not_younger = self.entries.partition_point(|e| e.timestamp <= timestamp);
        not_younger
            .checked_sub(1)
            .and_then(|i| self.entries.get(i))
            .map_or(self.base_offset, |e| self.outside(*e).offset)
    }

    /// The largest timestamp noted, with the last offset of the batch that has it.
    pub fn last(&self) -> Option<TimestampOffset> {
        self.entries.last().map(|e| self.outside(*e))
    }

    /// Forgets everything at or after `next_offset`: the log was cut there.
    pub fn truncate(&mut self, next_offset: Offset) {
        let kept = self.entries.partition_point(|e| self.outside(*e).offset < next_offset);
        self.entries.truncate(kept);
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Length of the index file.
    pub fn size_bytes(&self) -> usize {
        self.entries.len() * ENTRY_LEN
    }

    fn outside(&self, entry: Entry) -> TimestampOffset {
        TimestampOffset { timestamp: entry.timestamp, offset: absolute(self.base_offset, entry.relative_offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(entries: &[(i64, i64)]) -> TimeIndex {
        let mut index = TimeIndex::new(Offset(1000));
        for (timestamp, offset) in entries {
            index.push(*timestamp, Offset(*offset)).unwrap();
        }
        index
    }

    #[test]
    fn lookup_never_passes_the_first_record_with_the_timestamp() {
        let index = index(&[(50, 1009), (70, 1020)]);
        // No batch before the one that ends with 1009 has a record of 50, else the entry would name that batch.
        for (timestamp, offset) in [(0, 1000), (49, 1000), (50, 1009), (69, 1009), (70, 1020), (71, 1020)] {
            assert_eq!(index.lookup(timestamp), Offset(offset), "timestamp {timestamp}");
        }
        assert_eq!(TimeIndex::new(Offset(5)).lookup(1), Offset(5));
    }

    #[test]
    fn older_timestamps_are_no_news() {
        let index = index(&[(50, 1009), (50, 1011), (-1, 1012), (70, 1020)]);
        assert_eq!(index.len(), 2);
        assert_eq!(index.last(), Some(TimestampOffset { timestamp: 70, offset: Offset(1020) }));
    }

    #[test]
    fn the_file_is_kafkas() {
        let index = index(&[(50, 1009), (0x0102_0304_0506_0708, 1020)]);
        let file = index.encode();
        assert_eq!(file, [0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 20]);
        assert_eq!(TimeIndex::decode(Offset(1000), &file, Offset(1021)), Ok(index));
    }

    #[test]
    fn a_file_that_cannot_be_right_is_refused() {
        let decode = |file: &[u8], next: i64| TimeIndex::decode(Offset(1000), file, Offset(next)).unwrap_err();
        let good = index(&[(50, 1009), (70, 1020)]).encode();
        assert_eq!(decode(&good[..20], 1021), IndexError::PartialEntry { bytes: 20, entry_len: 12 });
        assert_eq!(decode(&good, 1020), IndexError::OutOfRange { entry: 1 });
        let zeroes_behind = [&good[..], &[0; 12]].concat();
        assert_eq!(decode(&zeroes_behind, 1021), IndexError::NotAscending { entry: 2 });
        let mut swapped = good;
        swapped[23] = 3;
        assert_eq!(decode(&swapped, 1021), IndexError::NotAscending { entry: 1 });
    }

    #[test]
    fn a_cut_forgets_what_lies_behind_it() {
        let mut index = index(&[(50, 1009), (70, 1020)]);
        index.truncate(Offset(1020));
        assert_eq!(index.last(), Some(TimestampOffset { timestamp: 50, offset: Offset(1009) }));
    }
}
