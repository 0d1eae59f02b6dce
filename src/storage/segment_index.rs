//! Both sparse indexes of one segment: kept up to date while it is active, read back or rebuilt when it is opened again.
//!
//! An index is derived data. A look-up checks the entry it uses against the batch that the entry points to; when they
//! disagree the index is rebuilt from the log. An entry that is missing costs time, never truth.

use super::disk::{Disk, DiskFile, read_file};
use super::offset_index::{self, OffsetIndex};
use super::scan::{ScanError, ScannedBatch, Scanner};
use super::segment::{INDEX, SealedSegment, TIME_INDEX};
use super::time_index::{self, TimeIndex};
use super::types::{Offset, Position, TimestampOffset};

/// Distance between entries of a rebuilt index, in bytes: Kafka's default of `index.interval.bytes`.
const REBUILD_INTERVAL_BYTES: u32 = 4096;

/// The indexes of one segment.
#[derive(Debug, Clone)]
pub struct SegmentIndex {
    /// Where batches begin.
    pub offsets: OffsetIndex,
    /// When they were written.
    pub times: TimeIndex,
    largest: Option<TimestampOffset>,
    first_timestamp: Option<i64>,
    /// Entries that the files have already.
    persisted: (usize, usize),
}

impl SegmentIndex {
    /// Empty indexes.
    pub fn new(base_offset: Offset) -> Self {
        Self {
            offsets: OffsetIndex::new(base_offset),
            times: TimeIndex::new(base_offset),
            largest: None,
            first_timestamp: None,
            persisted: (0, 0),
        }
    }

    /// Notes a batch; `entry` is its position when it is to get an entry of its own.
    pub fn note(&mut self, max_timestamp: i64, last_offset: Offset, entry: Option<Position>) {
        if self.first_timestamp.is_none() {
            self.first_timestamp = Some(max_timestamp);
        }
        if self.largest.is_none_or(|largest| max_timestamp > largest.timestamp) {
            self.largest = Some(TimestampOffset { timestamp: max_timestamp, offset: last_offset });
        }
        if let Some(position) = entry {
            // An entry that does not fit the format is left out: the scan from the entry before it is longer.
            let _ = self.offsets.push(last_offset, position);
            self.note_largest();
        }
    }

    fn note_largest(&mut self) {
        if let Some(largest) = self.largest.filter(|largest| largest.timestamp >= 0) {
            let _ = self.times.push(largest.timestamp, largest.offset);
        }
    }

    /// Writes down the largest time stamp, as the last entry of a sealed segment.
    pub fn finish(&mut self) {
        self.note_largest();
    }

    /// The largest time stamp, with the last offset of the batch that has it.
    pub fn largest_timestamp(&self) -> Option<TimestampOffset> {
        self.largest
    }

    /// The largest time stamp, whatever entries the time index lost: retention must not rely on them.
    pub fn certain_largest_timestamp(&self, disk: &dyn Disk, segment: &SealedSegment) -> Option<TimestampOffset> {
        let file = segment.open(disk).ok()?;
        let mut largest = self.times.last();
        let from = largest.map_or(Position(0), |largest| self.offsets.lookup(largest.offset));
        let mut scanner = Scanner::new(&*file, from, Position(segment.size));
        loop {
            match scanner.next_header() {
                Ok(Some(batch)) if largest.is_none_or(|largest| batch.header.max_timestamp > largest.timestamp) => {
                    largest =
                        Some(TimestampOffset { timestamp: batch.header.max_timestamp, offset: batch.last_offset() });
                }
                Ok(Some(_)) => {}
                Ok(None) => return largest,
                Err(_) => return None,
            }
        }
    }

    /// The largest time stamp of the first batch.
    pub fn first_timestamp(&self) -> Option<i64> {
        self.first_timestamp
    }

    /// Whether files of so many bytes take no further entry. The time index keeps a place for the entry that
    /// [`SegmentIndex::finish`] makes.
    pub fn is_full(&self, bytes: usize) -> bool {
        self.offsets.len() >= bytes / offset_index::ENTRY_LEN || self.times.len() + 1 >= bytes / time_index::ENTRY_LEN
    }

    /// The entries that the files lack, as bytes with their positions in the two files; they count as written then.
    pub fn take_unwritten(&mut self) -> [(Vec<u8>, u64); 2] {
        let (offsets, times) = self.persisted;
        self.persisted = (self.offsets.len(), self.times.len());
        [
            (
                self.offsets.encode().split_off(offsets * offset_index::ENTRY_LEN),
                (offsets * offset_index::ENTRY_LEN) as u64,
            ),
            (self.times.encode().split_off(times * time_index::ENTRY_LEN), (times * time_index::ENTRY_LEN) as u64),
        ]
    }

    /// Writes both files whole. Not flushed: what a power cut leaves of them is checked when they are used. Nor is it an
    /// error when they cannot be written, as on a full disk: they are made again when they are needed.
    pub fn save(&mut self, disk: &dyn Disk, segment: &SealedSegment) {
        let offsets = self.offsets.encode();
        let times = self.times.encode();
        for (suffix, contents) in [(INDEX, offsets), (TIME_INDEX, times)] {
            let path = segment.path(suffix);
            if let Err(error) = disk.create(&path).and_then(|file| file.write_at(&contents, 0)) {
                tracing::warn!(%error, path = %path.display(), "cannot write the index; it will be rebuilt when it is needed");
            }
        }
        self.persisted = (self.offsets.len(), self.times.len());
    }

    /// Reads the indexes of a segment, or rebuilds them from the log when the files are missing or wrong.
    pub fn load(disk: &dyn Disk, segment: &SealedSegment) -> Result<Self, ScanError> {
        Self::load_up_to(disk, segment, Offset(i64::MAX))
    }

    /// Likewise, for a segment that was cut: its records end before `next_offset`.
    pub fn load_up_to(disk: &dyn Disk, segment: &SealedSegment, next_offset: Offset) -> Result<Self, ScanError> {
        let file = open(disk, segment)?;
        if let Some(index) = Self::read(disk, segment, &*file, next_offset) {
            return Ok(index);
        }
        Self::rebuild(disk, segment)
    }

    /// Makes the indexes anew from the log and writes them.
    pub fn rebuild(disk: &dyn Disk, segment: &SealedSegment) -> Result<Self, ScanError> {
        let file = open(disk, segment)?;
        let mut index = Self::new(segment.base_offset);
        index.note_rest(&*file, segment.size);
        index.finish();
        index.save(disk, segment);
        Ok(index)
    }

    /// The files' contents, when they are there and their last entries point to what they say, with what they lack.
    fn read(disk: &dyn Disk, segment: &SealedSegment, file: &dyn DiskFile, next_offset: Offset) -> Option<Self> {
        let mut offsets =
            OffsetIndex::decode(segment.base_offset, &read_file(disk, &segment.path(INDEX)).ok()?, u32::MAX).ok()?;
        let mut times =
            TimeIndex::decode(segment.base_offset, &read_file(disk, &segment.path(TIME_INDEX)).ok()?, Offset(i64::MAX))
                .ok()?;
        offsets.truncate(Position(segment.size));
        times.truncate(next_offset);
        let mut index =
            Self { persisted: (offsets.len(), times.len()), offsets, times, ..Self::new(segment.base_offset) };
        if let Some(entry) = index.offsets.last() {
            let batch = Scanner::new(file, entry.position, Position(segment.size)).next_header().ok()??;
            if batch.last_offset() != entry.offset {
                return None;
            }
        }
        if let Some(largest) = index.times.last() {
            let batch = index.batch_with(file, segment.size, largest.offset)?;
            if (batch.header.max_timestamp, batch.last_offset()) != (largest.timestamp, largest.offset) {
                return None;
            }
            index.largest = Some(largest);
        }
        let first = Scanner::new(file, Position(0), Position(segment.size)).next_header().ok()?;
        index.first_timestamp = first.map(|first| first.header.max_timestamp);
        index.note_rest(file, segment.size);
        Some(index)
    }

    /// Notes the batches from the last entry on. What lies behind a damaged header is not indexed.
    fn note_rest(&mut self, file: &dyn DiskFile, size: u32) {
        let mut last_entry = self.offsets.last().map_or(0, |entry| entry.position.0);
        let mut scanner = Scanner::new(file, Position(last_entry), Position(size));
        while let Ok(Some(batch)) = scanner.next_header() {
            let due = batch.position.0 - last_entry > REBUILD_INTERVAL_BYTES;
            if due {
                last_entry = batch.position.0;
            }
            self.note(batch.header.max_timestamp, batch.last_offset(), due.then_some(batch.position));
        }
    }

    /// Whether the entry that a look-up of `offset` uses points to the batch that it names.
    pub fn points_right(&self, file: &dyn DiskFile, size: u32, offset: Offset) -> bool {
        let Some(entry) = self.offsets.floor(offset) else { return true };
        let batch = Scanner::new(file, entry.position, Position(size)).next_header();
        matches!(batch, Ok(Some(batch)) if batch.last_offset() == entry.offset)
    }

    /// The batch that holds `offset`, or the first one behind it.
    pub fn batch_with(&self, file: &dyn DiskFile, size: u32, offset: Offset) -> Option<ScannedBatch> {
        let mut scanner = Scanner::new(file, self.offsets.lookup(offset), Position(size));
        while let Ok(Some(batch)) = scanner.next_header() {
            if batch.last_offset() >= offset {
                return Some(batch);
            }
        }
        None
    }
}

fn open(disk: &dyn Disk, segment: &SealedSegment) -> Result<std::sync::Arc<dyn DiskFile>, ScanError> {
    segment.open(disk).map_err(|source| ScanError::Io { position: Position(0), source })
}
