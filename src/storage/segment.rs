//! Segments: the files that a log is made of.
//!
//! An [`ActiveSegment`] is mapped and may still be appended to (by its one [`SegmentWriter`]); its indexes are in
//! memory. A [`SealedSegment`] has its final length, is never mapped, and keeps nothing in memory but its place: file and
//! indexes are read when somebody asks. A log's segments, oldest first, are published as one immutable [`Segments`], so
//! a reader never waits for a writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use naru_protocol::records::BatchHeader;
use parking_lot::{Mutex, RwLock};

use super::disk::{Disk, DiskFile, MapWriter, MappedFile, TEMPORARY_SUFFIX};
use super::read_marks::ReadMarks;
use super::segment_index::SegmentIndex;
use super::types::{Offset, Position, TimestampOffset};

/// Digits of an offset in a file name, as in Kafka.
const OFFSET_DIGITS: usize = 20;

/// Name of a file that belongs to a base offset, for example `00000000000000000042.log`.
pub fn file_name(offset: Offset, suffix: &str) -> String {
    format!("{:0width$}{suffix}", offset.0, width = OFFSET_DIGITS)
}

/// The offset in a file name that ends with `suffix`; `None` for every other name.
pub fn offset_of(name: &str, suffix: &str) -> Option<Offset> {
    let digits = name.strip_suffix(suffix)?;
    let legal = digits.len() == OFFSET_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    legal.then(|| digits.parse().ok().map(Offset)).flatten()
}

/// Suffix of a segment's record batches.
pub const LOG: &str = ".log";
/// Suffix of a segment's offset index.
pub const INDEX: &str = ".index";
/// Suffix of a segment's time index.
pub const TIME_INDEX: &str = ".timeindex";
/// Suffix of a file that waits for its unlink.
pub const DELETED: &str = ".deleted";

/// All segments of a log, ascending by base offset. Only the last ones can be active.
#[derive(Clone, Default)]
pub struct Segments(pub Vec<Segment>);

/// A segment in one of its two states.
#[derive(Clone)]
pub enum Segment {
    /// Mapped, being written or waiting to be sealed.
    Active(Arc<ActiveSegment>),
    /// Finished.
    Sealed(Arc<SealedSegment>),
}

impl Segment {
    /// The offset in its name: no record in it is below.
    pub fn base_offset(&self) -> Offset {
        match self {
            Self::Active(segment) => segment.base_offset,
            Self::Sealed(segment) => segment.base_offset,
        }
    }

    /// Bytes of record batches.
    pub fn size(&self) -> u32 {
        match self {
            Self::Active(segment) => segment.end().0,
            Self::Sealed(segment) => segment.size,
        }
    }
}

impl Segments {
    /// The segments that may hold `offset` or something behind it.
    pub fn from(&self, offset: Offset) -> &[Segment] {
        let starting_up_to = self.0.partition_point(|segment| segment.base_offset() <= offset);
        self.0.get(starting_up_to.saturating_sub(1)..).unwrap_or_default()
    }

    /// Bytes of record batches in all of them.
    pub fn size(&self) -> u64 {
        self.0.iter().map(|segment| u64::from(segment.size())).sum()
    }
}

/// A file with reserved space and maps, before it is known which offset it begins with.
pub struct PreparedSegment {
    file: Arc<dyn DiskFile>,
    writer: Box<dyn MapWriter>,
    map: Arc<dyn MappedFile>,
}

impl PreparedSegment {
    /// Where the file of a prepared segment waits for its name.
    pub fn temporary_path(directory: &Path) -> PathBuf {
        directory.join(format!("next{TEMPORARY_SUFFIX}"))
    }

    /// Creates the file under a temporary name, reserves space and maps it.
    pub fn create(disk: &dyn Disk, directory: &Path, reserve: usize, capacity: usize) -> io::Result<Self> {
        let path = Self::temporary_path(directory);
        let file = disk.create(&path)?;
        let made = file.allocate(0, reserve as u64).and_then(|()| file.map(0, reserve, capacity));
        match made {
            Ok((writer, map)) => Ok(Self { file, writer, map }),
            Err(error) => {
                // The temporary file is of no use; a start would remove it as well.
                let _ = disk.delete(&path);
                Err(error)
            }
        }
    }

    /// The most bytes it can take.
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }

    /// Gives the file its name and makes it the segment that starts at `base_offset`.
    pub fn rename(
        self,
        disk: &dyn Disk,
        directory: &Path,
        base_offset: Offset,
        now_ms: i64,
    ) -> io::Result<SegmentWriter> {
        disk.rename(&Self::temporary_path(directory), &directory.join(file_name(base_offset, LOG)))?;
        Ok(SegmentWriter::new(base_offset, self.file, self.writer, self.map, SegmentIndex::new(base_offset), now_ms))
    }
}

/// A segment that is mapped. Everybody but its writer sees it through this.
pub struct ActiveSegment {
    /// The offset in its name.
    pub base_offset: Offset,
    /// The open file, for reads of what is no longer hot. Open from the first append to the last flush.
    pub file: Arc<dyn DiskFile>,
    /// The maps.
    pub map: Arc<dyn MappedFile>,
    /// The indexes. Held for a push or a look-up only.
    pub index: RwLock<SegmentIndex>,
    /// Where its readers will go on.
    pub marks: ReadMarks,
    /// Up to where it is durable. Only the flusher moves it.
    pub flushed: AtomicU32,
    /// Up to where pages were faulted in ahead of the writer. Only the log's helper moves it.
    pub populated: AtomicUsize,
    /// Up to where write-back was started. Only the log's helper moves it.
    pub written_back: AtomicU32,
}

impl ActiveSegment {
    /// Where its published batches end.
    pub fn end(&self) -> Position {
        Position(self.map.published() as u32)
    }
}

/// The right to append to an active segment. Lives under the log's lock.
pub struct SegmentWriter {
    /// The segment, as everybody else sees it.
    pub segment: Arc<ActiveSegment>,
    map: Box<dyn MapWriter>,
    bytes_since_index_entry: usize,
    /// Largest time stamp of the first batch: the age of the segment counts from it, as in Kafka.
    first_timestamp: Option<i64>,
    /// Wall clock when it was made, for batches without time stamps.
    created_ms: i64,
    /// Where appends of this opening began.
    opened_at: u32,
}

impl SegmentWriter {
    fn new(
        base_offset: Offset,
        file: Arc<dyn DiskFile>,
        writer: Box<dyn MapWriter>,
        map: Arc<dyn MappedFile>,
        index: SegmentIndex,
        now_ms: i64,
    ) -> Self {
        let end = map.published();
        let segment = Arc::new(ActiveSegment {
            base_offset,
            file,
            map,
            index: RwLock::new(index),
            marks: ReadMarks::default(),
            flushed: (end as u32).into(),
            populated: end.into(),
            written_back: (end as u32).into(),
        });
        Self {
            segment,
            map: writer,
            bytes_since_index_entry: 0,
            first_timestamp: None,
            created_ms: now_ms,
            opened_at: end as u32,
        }
    }

    /// Opens a finished segment again, to append to it. Its bytes must be durable.
    pub fn reopen(
        segment: &SealedSegment,
        disk: &dyn Disk,
        index: SegmentIndex,
        reserve: usize,
        capacity: usize,
        now_ms: i64,
    ) -> io::Result<Self> {
        let file = segment.open(disk)?;
        let len = segment.size as usize;
        file.allocate(len as u64, reserve as u64)?;
        let (writer, map) = file.map(len, reserve, capacity)?;
        let first_timestamp = index.first_timestamp();
        Ok(Self { first_timestamp, ..Self::new(segment.base_offset, file, writer, map, index, now_ms) })
    }

    /// Appends one batch: its header as given here, and the rest of its bytes.
    pub fn append(&mut self, header: &BatchHeader, body: &[u8], index_interval_bytes: usize) -> io::Result<()> {
        let position = self.segment.end();
        self.map.append(&[&header.encode(), body])?;
        let last_offset = Offset(header.last_offset());
        let due = self.bytes_since_index_entry > index_interval_bytes;
        self.segment.index.write().note(header.max_timestamp, last_offset, due.then_some(position));
        if due {
            self.bytes_since_index_entry = 0;
        }
        self.bytes_since_index_entry += header.size();
        if self.first_timestamp.is_none() {
            self.first_timestamp = Some(header.max_timestamp);
        }
        Ok(())
    }

    /// Whether this segment has to be followed by another one before a batch of `size` bytes with this time stamp and
    /// last offset can be appended.
    pub fn is_full(
        &self,
        size: usize,
        last_offset: Offset,
        max_timestamp: i64,
        now_ms: i64,
        limits: &RollLimits,
    ) -> bool {
        let end = self.segment.end().0 as usize;
        if end == 0 {
            return false;
        }
        let capacity = limits.segment_bytes.min(self.segment.map.capacity());
        let age_ms = match self.first_timestamp {
            Some(first) if first >= 0 && max_timestamp >= 0 => max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(self.created_ms),
        };
        end + size > capacity
            || age_ms > limits.segment_ms
            || last_offset.0.saturating_sub(self.segment.base_offset.0) > i64::from(i32::MAX)
            || self.segment.index.read().is_full(limits.segment_index_bytes)
    }

    /// Bytes appended since it was opened.
    pub fn appended(&self) -> u32 {
        self.segment.end().0 - self.opened_at
    }
}

/// When a segment is full.
pub struct RollLimits {
    /// `segment.bytes`.
    pub segment_bytes: usize,
    /// `segment.ms` less this segment's share of `segment.jitter.ms`.
    pub segment_ms: i64,
    /// `segment.index.bytes`.
    pub segment_index_bytes: usize,
}

/// A segment with its final length.
pub struct SealedSegment {
    /// The offset in its name.
    pub base_offset: Offset,
    /// Length of its record batches in bytes.
    pub size: u32,
    directory: Arc<Path>,
    file: Mutex<Option<Arc<dyn DiskFile>>>,
    last_used_ms: AtomicU64,
    /// Where its readers will go on.
    pub marks: ReadMarks,
    /// Its largest time stamp, once somebody asked.
    pub largest_timestamp: Mutex<Option<TimestampOffset>>,
}

impl SealedSegment {
    /// The segment of `size` bytes at `base_offset` in a log's directory. Opens nothing.
    pub fn new(directory: Arc<Path>, base_offset: Offset, size: u32) -> Self {
        Self {
            base_offset,
            size,
            directory,
            file: Mutex::default(),
            last_used_ms: 0.into(),
            marks: ReadMarks::default(),
            largest_timestamp: Mutex::default(),
        }
    }

    /// Path of one of its files.
    pub fn path(&self, suffix: &str) -> PathBuf {
        self.directory.join(file_name(self.base_offset, suffix))
    }

    /// The file, when it is open already.
    pub fn open_file(&self) -> Option<Arc<dyn DiskFile>> {
        self.file.lock().clone()
    }

    /// The file; opens it when needed, and keeps it open until [`SealedSegment::close`]. May block.
    pub fn open(&self, disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
        let mut file = self.file.lock();
        if let Some(file) = &*file {
            return Ok(file.clone());
        }
        let opened = disk.open(&self.path(LOG))?;
        *file = Some(opened.clone());
        Ok(opened)
    }

    /// Keeps a file that is open already.
    pub fn adopt(&self, file: Arc<dyn DiskFile>) {
        *self.file.lock() = Some(file);
    }

    /// Notes a use at this monotonic time.
    pub fn touch(&self, now_ms: u64) {
        self.last_used_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Monotonic time of the last use.
    pub fn last_used_ms(&self) -> u64 {
        self.last_used_ms.load(Ordering::Relaxed)
    }

    /// Closes the file.
    pub fn close(&self) {
        self.close_unless_used_since(u64::MAX);
    }

    /// Closes the file when nobody used it since this monotonic time. Answers whether it is still open.
    pub fn close_unless_used_since(&self, since_ms: u64) -> bool {
        let mut file = self.file.lock();
        if file.is_some() && self.last_used_ms.load(Ordering::Relaxed) < since_ms {
            *file = None;
            self.marks.clear();
        }
        file.is_some()
    }

    /// Where the batch begins that a reader who came up to `offset` needs next, when that is known.
    pub fn mark(&self, offset: Offset) -> Option<Position> {
        if offset == self.base_offset { Some(Position(0)) } else { self.marks.find(offset) }
    }
}

/// Whether a log's directory holds no segment.
pub(super) fn is_blank(disk: &dyn Disk, directory: &Path) -> io::Result<bool> {
    Ok(disk.list(directory)?.iter().all(|entry| !entry.name.ends_with(LOG)))
}
