//! The sparse offset index of a segment, in Kafka's `.index` format: where in the log file to start looking for an offset.
//!
//! An entry is eight bytes, big endian: the offset less the segment's base offset, and the position of the record batch that
//! *ends* with that offset. Both columns grow strictly. The index is derived data: [`OffsetIndex::decode`] refuses anything
//! that contradicts itself or the log's length, and the caller rebuilds it from the log.

use super::types::{Offset, Position};

/// Bytes of an entry in the file.
pub const ENTRY_LEN: usize = 8;

/// The largest distance from the base offset and the largest position: Kafka reads both as signed 32-bit numbers.
const MAX: u32 = i32::MAX as u32;

/// Why an index file or a new entry cannot be right. The remedy is always to rebuild the index from the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The file's length is no multiple of the entry length.
    #[error("index of {bytes} bytes is no whole number of {entry_len}-byte entries")]
    PartialEntry {
        /// Length of the file.
        bytes: usize,
        /// Length of an entry.
        entry_len: usize,
    },
    /// An entry does not lie behind the one before it.
    #[error("index entry {entry} does not lie behind the entry before it")]
    NotAscending {
        /// Number of the entry, from 0.
        entry: usize,
    },
    /// An entry lies below the base offset, or too far above it for the format, or points past the end of the log.
    #[error("index entry {entry} is out of range for its segment")]
    OutOfRange {
        /// Number of the entry, from 0.
        entry: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    relative_offset: u32,
    position: u32,
}

/// An entry as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetEntry {
    /// The last offset of the batch.
    pub offset: Offset,
    /// Where the batch starts in the log file.
    pub position: Position,
}

/// The offset index of one segment, whole, in memory: eight bytes for each `index.interval.bytes` of log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetIndex {
    base_offset: Offset,
    entries: Vec<Entry>,
}

impl OffsetIndex {
    /// An empty index of the segment that starts at `base_offset`.
    pub fn new(base_offset: Offset) -> Self {
        Self { base_offset, entries: Vec::new() }
    }

    /// Reads an index file that belongs to a log file of `log_len` bytes.
    pub fn decode(base_offset: Offset, file: &[u8], log_len: u32) -> Result<Self, IndexError> {
        let (chunks, rest) = file.as_chunks::<ENTRY_LEN>();
        if !rest.is_empty() {
            return Err(IndexError::PartialEntry { bytes: file.len(), entry_len: ENTRY_LEN });
        }
        let mut index = Self { base_offset, entries: Vec::with_capacity(chunks.len()) };
        for &[a, b, c, d, e, f, g, h] in chunks {
            let entry =
                Entry { relative_offset: u32::from_be_bytes([a, b, c, d]), position: u32::from_be_bytes([e, f, g, h]) };
            if entry.position >= log_len {
                return Err(IndexError::OutOfRange { entry: index.len() });
            }
            index.push_entry(entry)?;
        }
        Ok(index)
    }

    /// The bytes of the index file.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.size_bytes());
        for entry in &self.entries {
            file.extend_from_slice(&entry.relative_offset.to_be_bytes());
            file.extend_from_slice(&entry.position.to_be_bytes());
        }
        file
    }

    /// Adds the batch that ends with `last_offset` and starts at `position`.
    pub fn push(&mut self, last_offset: Offset, position: Position) -> Result<(), IndexError> {
        let relative_offset =
            relative(self.base_offset, last_offset).ok_or(IndexError::OutOfRange { entry: self.len() })?;
        self.push_entry(Entry { relative_offset, position: position.0 })
    }

    fn push_entry(&mut self, entry: Entry) -> Result<(), IndexError> {
        if entry.relative_offset > MAX || entry.position > MAX {
            return Err(IndexError::OutOfRange { entry: self.len() });
        }
        if let Some(last) = self.entries.last()
            && (entry.relative_offset <= last.relative_offset || entry.position <= last.position)
        {
            return Err(IndexError::NotAscending { entry: self.len() });
        }
        self.entries.push(entry);
        Ok(())
    }

    /// A position from which a forward scan finds the batch that holds `offset`, if the segment has it.
    pub fn lookup(&self, offset: Offset) -> Position {
        self.floor(offset).map_or(Position(0), |entry| entry.position)
    }

    /// The last entry that is not above `offset`: the one that a look-up relies on.
    pub fn floor(&self, offset: Offset) -> Option<OffsetEntry> {
        let entries_up_to = self.entries.partition_point(|e| self.offset_of(*e) <= offset);
        entries_up_to.checked_sub(1).and_then(|i| self.entries.get(i)).map(|e| self.outside(*e))
    }

    /// The last entry. Opening a segment scans only from there.
    pub fn last(&self) -> Option<OffsetEntry> {
        self.entries.last().map(|e| self.outside(*e))
    }

    /// The entries, ascending. Opening a segment checks some of them against the batches they point to.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = OffsetEntry> + '_ {
        self.entries.iter().map(|e| self.outside(*e))
    }

    /// Forgets every batch that starts at or after `position`: the log was cut there.
    pub fn truncate(&mut self, position: Position) {
        let kept = self.entries.partition_point(|e| e.position < position.0);
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

    /// Length of the index file; bounded by `segment.index.bytes`.
    pub fn size_bytes(&self) -> usize {
        self.entries.len() * ENTRY_LEN
    }

    fn offset_of(&self, entry: Entry) -> Offset {
        absolute(self.base_offset, entry.relative_offset)
    }

    fn outside(&self, entry: Entry) -> OffsetEntry {
        OffsetEntry { offset: self.offset_of(entry), position: Position(entry.position) }
    }
}

/// The distance from the base offset, when the file formats can hold it.
pub(super) fn relative(base_offset: Offset, offset: Offset) -> Option<u32> {
    let distance = offset.0.checked_sub(base_offset.0)?;
    u32::try_from(distance).ok().filter(|d| *d <= MAX)
}

/// The inverse of [`relative`]. It saturates: base offsets come from file names and can be anything.
pub(super) fn absolute(base_offset: Offset, relative: u32) -> Offset {
    Offset(base_offset.0.saturating_add(i64::from(relative)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(entries: &[(i64, u32)]) -> OffsetIndex {
        let mut index = OffsetIndex::new(Offset(1000));
        for (offset, position) in entries {
            index.push(Offset(*offset), Position(*position)).unwrap();
        }
        index
    }

    #[test]
    fn lookup_starts_at_the_last_batch_that_ends_at_or_before_the_offset() {
        let index = index(&[(1009, 4096), (1020, 8192)]);
        for (offset, position) in [(0, 0), (1000, 0), (1008, 0), (1009, 4096), (1019, 4096), (1020, 8192), (9999, 8192)]
        {
            assert_eq!(index.lookup(Offset(offset)), Position(position), "offset {offset}");
        }
        assert_eq!(OffsetIndex::new(Offset(5)).lookup(Offset(7)), Position(0));
    }

    #[test]
    fn the_file_is_kafkas() {
        let index = index(&[(1009, 4096), (1020, 8192)]);
        let file = index.encode();
        assert_eq!(file, [0, 0, 0, 9, 0, 0, 0x10, 0, 0, 0, 0, 20, 0, 0, 0x20, 0]);
        assert_eq!(OffsetIndex::decode(Offset(1000), &file, 8193), Ok(index));
    }

    #[test]
    fn a_file_that_cannot_be_right_is_refused() {
        let decode = |file: &[u8]| OffsetIndex::decode(Offset(1000), file, 10_000).unwrap_err();
        assert_eq!(decode(&[0; 12]), IndexError::PartialEntry { bytes: 12, entry_len: 8 });
        // What a crash leaves of a file that Kafka had extended with zeroes ahead of use.
        assert_eq!(decode(&[0, 0, 0, 9, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]), IndexError::NotAscending { entry: 1 });
        assert_eq!(
            decode(&[0, 0, 0, 9, 0, 0, 0x10, 0, 0, 0, 0, 10, 0, 0, 0x10, 0]),
            IndexError::NotAscending { entry: 1 }
        );
        assert_eq!(decode(&[0, 0, 0, 9, 0, 0, 0x30, 0]), IndexError::OutOfRange { entry: 0 });
        assert_eq!(decode(&[0x80, 0, 0, 9, 0, 0, 0x10, 0]), IndexError::OutOfRange { entry: 0 });
    }

    #[test]
    fn an_entry_outside_the_format_is_refused() {
        let mut index = index(&[(1009, 4096)]);
        assert_eq!(index.push(Offset(1009), Position(5000)), Err(IndexError::NotAscending { entry: 1 }));
        assert_eq!(index.push(Offset(999), Position(5000)), Err(IndexError::OutOfRange { entry: 1 }));
        assert_eq!(index.push(Offset(1000 + (1 << 31)), Position(5000)), Err(IndexError::OutOfRange { entry: 1 }));
        assert_eq!(index.push(Offset(1010), Position(1 << 31)), Err(IndexError::OutOfRange { entry: 1 }));
        assert_eq!(index.push(Offset(i64::MIN), Position(5000)), Err(IndexError::OutOfRange { entry: 1 }));
        assert_eq!(index.len(), 1);
    }

    #[test]
    fn a_cut_forgets_the_batches_behind_it() {
        let mut index = index(&[(1009, 4096), (1020, 8192)]);
        index.truncate(Position(8192));
        assert_eq!(index.last(), Some(OffsetEntry { offset: Offset(1009), position: Position(4096) }));
        index.truncate(Position(0));
        assert!(index.is_empty());
    }
}
