//! Reading: whole record batches, as they are on disk.
//!
//! The tail of an active segment is hot: slices of the readers' map. Everything else is read with `pread`, tried in place and,
//! when it is not in the page cache, on a blocking thread; its checksums are verified, so a bad sector is an error value.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use naru_protocol::records::{BatchHeader, HEADER_LEN, checksum};

use super::Log;
use crate::storage::disk::{Disk, DiskFile};
use crate::storage::read_buffers::ReadBuffers;
use crate::storage::scan::ScanError;
use crate::storage::segment::{ActiveSegment, SealedSegment, Segment};
use crate::storage::segment_index::SegmentIndex;
use crate::storage::types::{Offset, Position, TopicPartition};

/// How far behind the end of the active segment pages are taken to be resident. Further back the page cache is asked.
const HOT_BYTES: u32 = 64 << 20;

/// The page cache is asked for one byte in so many: readahead and eviction work on larger pieces.
const PROBE_BYTES: u32 = 64 << 10;

/// The least that is read from a file at once: the batch in question begins somewhere in it.
const MIN_COLD_READ: usize = 32 * 1024;

/// Damage of one log is reported at most once in so long.
const DAMAGE_REPORT_INTERVAL_MS: u64 = 10_000;

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Outside of what the log holds.
    #[error("offset {offset} is not in the log, which holds {log_start} to {log_end}")]
    OffsetOutOfRange {
        /// What was asked for.
        offset: Offset,
        /// Log start offset.
        log_start: Offset,
        /// Log end offset.
        log_end: Offset,
    },
    /// The disk cannot read the records, or they are not what was written. Other offsets of the log are not concerned.
    #[error(
        "records of {partition} at offset {offset} are damaged: {reason}; restore the segment from a copy, or skip the offset"
    )]
    Damaged {
        /// The partition.
        partition: TopicPartition,
        /// The first offset that cannot be read.
        offset: Offset,
        /// What was found.
        reason: String,
    },
    /// The topic was deleted.
    #[error("the topic was deleted")]
    Deleted,
}

/// Batches that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batches {
    /// Whole batches in the order of their offsets.
    pub chunks: Vec<Bytes>,
    /// The offset behind the last of them; where the read began if there are none.
    pub next: Offset,
}

/// What is still wanted.
#[derive(Clone, Copy)]
struct Want {
    from: Offset,
    until: Offset,
    max_bytes: usize,
    at_least_one: bool,
}

/// What a segment has of it.
enum Found {
    /// Batches, the offset behind them, and whether the segment ends there.
    Batches { bytes: Bytes, next: Offset, at_end: bool },
    /// The next batch exceeds a limit.
    Nothing,
    /// The segment ends before `from`.
    PastEnd,
}

/// What a stretch of bytes has of it.
enum Picked {
    /// From here to there.
    Range { start: usize, end: usize, next: Offset },
    /// The next batch exceeds a limit.
    Nothing,
    /// All batches end before `from`.
    PastEnd,
    /// The batch that begins here does not fit: so many bytes of it are needed.
    Incomplete { at: usize, needed: usize },
}

impl Log {
    /// Reads whole batches, from the one that holds `from`, as long as they end before `until` (exclusive) and fit
    /// in `max_bytes`. With `at_least_one` the first one may be larger.
    ///
    /// Empty when nothing is there yet. The slices keep what they point to alive, also when the segment is deleted.
    pub async fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        until: Offset,
        at_least_one: bool,
    ) -> Result<Batches, ReadError> {
        if self.is_deleted() {
            return Err(ReadError::Deleted);
        }
        // The end first, the segments after it: so they hold every batch below it.
        let log_end = self.log_end();
        let segments = self.segments.load_full();
        self.check_range(from, log_end)?;
        let mut want = Want { from, until: until.min(log_end), max_bytes, at_least_one };
        let mut chunks = Vec::new();
        for segment in segments.from(from) {
            if want.from >= want.until || (want.max_bytes == 0 && !want.at_least_one) {
                break;
            }
            let found = match segment {
                Segment::Active(segment) => self.read_active(segment, want).await,
                Segment::Sealed(segment) => self.read_sealed(segment, want).await,
            };
            match found {
                Ok(Found::PastEnd) => {}
                Ok(Found::Nothing) => break,
                Ok(Found::Batches { bytes, next, at_end }) => {
                    want = Want {
                        from: next,
                        max_bytes: want.max_bytes.saturating_sub(bytes.len()),
                        at_least_one: false,
                        ..want
                    };
                    chunks.push(bytes);
                    if !at_end {
                        break;
                    }
                }
                // What is readable is given out first; the next read starts at the damage.
                Err(_) if !chunks.is_empty() => break,
                Err(error) => {
                    // Retention may have unlinked the segment under the reader.
                    self.check_range(from, log_end)?;
                    return Err(error);
                }
            }
        }
        Ok(Batches { chunks, next: want.from })
    }

    fn check_range(&self, offset: Offset, log_end: Offset) -> Result<(), ReadError> {
        let log_start = self.log_start();
        if offset < log_start || offset > log_end {
            return Err(ReadError::OffsetOutOfRange { offset, log_start, log_end });
        }
        Ok(())
    }

    async fn read_active(&self, segment: &Arc<ActiveSegment>, want: Want) -> Result<Found, ReadError> {
        let start = segment.marks.find(want.from).unwrap_or_else(|| segment.index.read().offsets.lookup(want.from)).0;
        let end = segment.end().0;
        if let Some(mapped_end) = resident_end(segment, start, end, want) {
            let Some(window) = segment.map.slice(start as usize, mapped_end as usize) else {
                return Ok(Found::PastEnd);
            };
            let picked = pick(&window, want, false).map_err(|reason| self.damaged(want.from, &reason))?;
            match picked {
                Picked::Range { start: first, end: picked_end, next } => {
                    let at_end = mapped_end == end && picked_end == window.len();
                    segment.marks.set(next, Position(start + picked_end as u32));
                    return Ok(Found::Batches { at_end, bytes: window.slice(first..picked_end), next });
                }
                Picked::Nothing => return Ok(Found::Nothing),
                // What is wanted reaches over the stretch that is known to be resident.
                Picked::PastEnd | Picked::Incomplete { .. } if mapped_end < end => {}
                Picked::PastEnd => return Ok(Found::PastEnd),
                Picked::Incomplete { .. } => {
                    return Err(self.damaged(want.from, &"a batch reaches over the end of the segment"));
                }
            }
        }
        let cold = self.cold_range(segment.file.clone(), start, end);
        let (found, end) = self.read_cold(cold, want).await?;
        if let Found::Batches { next, .. } = &found {
            segment.marks.set(*next, end);
        }
        Ok(found)
    }

    async fn read_sealed(&self, segment: &Arc<SealedSegment>, want: Want) -> Result<Found, ReadError> {
        segment.touch(self.engine.now());
        let known = segment.mark(want.from).zip(segment.open_file());
        let (file, position) = match known {
            Some((position, file)) => (file, position),
            None => self.locate(segment, want.from).await?,
        };
        let cold = self.cold_range(file, position.0, segment.size);
        let (found, end) = self.read_cold(cold, want).await?;
        if let Found::Batches { next, .. } = &found {
            segment.marks.set(*next, end);
        }
        Ok(found)
    }

    /// Opens a segment and finds a position from which a scan finds `offset`.
    async fn locate(
        &self,
        segment: &Arc<SealedSegment>,
        offset: Offset,
    ) -> Result<(Arc<dyn DiskFile>, Position), ReadError> {
        let (disk, segment) = (self.engine.disk.clone(), segment.clone());
        let located = tokio::task::spawn_blocking(move || locate(&*disk, &segment, offset)).await;
        match located {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(self.damaged(offset, &error)),
            Err(stopped) => Err(self.damaged(offset, &stopped)),
        }
    }

    fn cold_range(&self, file: Arc<dyn DiskFile>, position: u32, end: u32) -> ColdRange {
        ColdRange { buffers: self.engine.read_buffers.clone(), file, position, end }
    }

    async fn read_cold(&self, cold: ColdRange, want: Want) -> Result<(Found, Position), ReadError> {
        let found = match cold.read(want, Waiting::Never) {
            Ok(Some(found)) => Ok(found),
            Err(reason) => Err(reason),
            Ok(None) => tokio::task::spawn_blocking(move || cold.read(want, Waiting::Allowed))
                .await
                .unwrap_or_else(|stopped| Err(stopped.to_string()))
                .and_then(|found| found.ok_or_else(|| "the disk gave no answer".to_owned())),
        };
        found.map_err(|reason| self.damaged(want.from, &reason))
    }

    pub(in crate::storage) fn damaged(&self, offset: Offset, reason: &impl ToString) -> ReadError {
        let reason = reason.to_string();
        let now = self.engine.now();
        if self.damage_reported_until.load(Ordering::Relaxed) <= now {
            self.damage_reported_until.store(now + DAMAGE_REPORT_INTERVAL_MS, Ordering::Relaxed);
            tracing::error!(log = %self.partition, %offset, reason, "records cannot be read");
        }
        ReadError::Damaged { partition: self.partition.clone(), offset, reason }
    }

    /// Reads all batches in `from..until` one after the other, in pieces; for coordinators at start.
    pub async fn replay(
        &self,
        from: Offset,
        until: Offset,
        mut each: impl FnMut(naru_protocol::records::Batch),
    ) -> Result<(), ReadError> {
        /// Large enough to run at the disk's speed, small enough to be no burden.
        const PIECE: usize = 1 << 20;
        let mut next = from.max(self.log_start());
        while next < until {
            let chunks = self.read(next, PIECE, until, true).await?.chunks;
            if chunks.is_empty() {
                break;
            }
            for chunk in chunks {
                for batch in naru_protocol::records::batches(chunk) {
                    let batch = batch.map_err(|error| self.damaged(next, &error))?;
                    next = Offset(batch.header().next_offset());
                    each(batch);
                }
            }
        }
        Ok(())
    }
}

/// How far an active segment can be read from its map, from `start` on, without waiting for the disk. `None`: not at all.
fn resident_end(segment: &ActiveSegment, start: u32, end: u32, want: Want) -> Option<u32> {
    if end.saturating_sub(start) <= HOT_BYTES {
        return Some(end);
    }
    let len = u32::try_from(want.max_bytes.max(MIN_COLD_READ)).unwrap_or(u32::MAX);
    let to = start.saturating_add(len).min(end);
    let mut probes = (start..to).step_by(PROBE_BYTES as usize).chain([to - 1]);
    let is_cached = |at: u32| matches!(segment.file.try_read_at_nowait(&mut [0], u64::from(at)), Ok(Some(1)));
    probes.all(is_cached).then_some(to)
}

/// Finds where to start looking for `offset` in a sealed segment. The entry of the index that says so is checked.
fn locate(
    disk: &dyn Disk,
    segment: &SealedSegment,
    offset: Offset,
) -> Result<(Arc<dyn DiskFile>, Position), ScanError> {
    let file = segment.open(disk).map_err(|source| ScanError::Io { position: Position(0), source })?;
    let index = SegmentIndex::load(disk, segment)?;
    if index.points_right(&*file, segment.size, offset) {
        return Ok((file, index.offsets.lookup(offset)));
    }
    let index = SegmentIndex::rebuild(disk, segment)?;
    Ok((file, index.offsets.lookup(offset)))
}

/// A stretch of a file, from a batch boundary to the end of the segment.
struct ColdRange {
    buffers: Arc<ReadBuffers>,
    file: Arc<dyn DiskFile>,
    position: u32,
    end: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Waiting {
    Never,
    Allowed,
}

impl ColdRange {
    /// Reads what is wanted, and where it ends. `None` when that would have to wait for the disk.
    fn read(&self, want: Want, waiting: Waiting) -> Result<Option<(Found, Position)>, String> {
        let mut position = self.position;
        let max_bytes = if self.buffers.is_short() { 0 } else { want.max_bytes };
        let want = Want { max_bytes, ..want };
        let mut len = want.max_bytes.max(MIN_COLD_READ);
        loop {
            let left = (self.end - position) as usize;
            let Some(mut buffer) = self.buffers.lend(len.min(left)) else {
                // The reader gets nothing for now and asks again.
                return Ok(Some((Found::Nothing, Position(position))));
            };
            let read = match waiting {
                Waiting::Never => self.file.try_read_at_nowait(buffer.as_mut(), u64::from(position)),
                Waiting::Allowed => self.file.read_at(buffer.as_mut(), u64::from(position)).map(Some),
            };
            let Some(read) = read.map_err(|error| error.to_string())? else { return Ok(None) };
            if read < buffer.as_ref().len() {
                return Err(format!("the file ends at {}, not at {}", position as usize + read, self.end));
            }
            let bytes = buffer.freeze();
            let found = match pick(&bytes, want, true)? {
                Picked::Range { start, end, next } => {
                    let end_position = Position(position + end as u32);
                    let at_end = end_position.0 == self.end;
                    return Ok(Some((Found::Batches { bytes: bytes.slice(start..end), next, at_end }, end_position)));
                }
                Picked::Nothing => Found::Nothing,
                Picked::PastEnd if bytes.len() == left => Found::PastEnd,
                Picked::PastEnd => {
                    position += bytes.len() as u32;
                    continue;
                }
                // Either batches in front of it are skipped, or it alone is larger than what was read.
                Picked::Incomplete { at, needed } if at + needed <= left => {
                    position += at as u32;
                    len = len.max(needed);
                    continue;
                }
                Picked::Incomplete { at, .. } => {
                    return Err(format!("a batch at {} reaches over the end of the segment", position as usize + at));
                }
            };
            return Ok(Some((found, Position(position))));
        }
    }
}

/// Picks the wanted batches out of a stretch that starts at a batch boundary. An error says what is no valid batch where
/// the first wanted one should be; batches in front of a damaged one are picked.
fn pick(window: &[u8], want: Want, verify: bool) -> Result<Picked, String> {
    let mut at = 0;
    let mut picked: Option<(usize, usize, Offset)> = None;
    let done = |picked: Option<(usize, usize, Offset)>, otherwise| {
        Ok(picked.map_or(otherwise, |(start, end, next)| Picked::Range { start, end, next }))
    };
    while at < window.len() {
        let Some(bytes) = window.get(at..at + HEADER_LEN) else {
            return done(picked, Picked::Incomplete { at, needed: HEADER_LEN });
        };
        let header = match BatchHeader::parse(bytes) {
            Ok(header) => header,
            Err(_) if picked.is_some() => return done(picked, Picked::Nothing),
            Err(error) => return Err(error.to_string()),
        };
        let size = header.size();
        if header.last_offset() >= want.from.0 {
            let first = picked.is_none();
            let taken = picked.map_or(0, |(start, end, _)| end - start);
            if header.last_offset() >= want.until.0 || (taken + size > want.max_bytes && !(first && want.at_least_one))
            {
                return done(picked, Picked::Nothing);
            }
            let Some(batch) = window.get(at..at + size) else {
                return done(picked, Picked::Incomplete { at, needed: size });
            };
            if verify && checksum(batch) != header.crc {
                return if first {
                    Err("the checksum does not match".to_owned())
                } else {
                    done(picked, Picked::Nothing)
                };
            }
            let start = picked.map_or(at, |(start, _, _)| start);
            picked = Some((start, at + size, Offset(header.next_offset())));
        } else if at + size > window.len() {
            return Ok(Picked::Incomplete { at: at + size, needed: 0 });
        }
        at += size;
    }
    done(picked, Picked::PastEnd)
}
