//! Opening a log: what is on disk, what of it can be trusted, and what is written again so that it can be.
//!
//! Below the recovery point everything is on stable storage: it is not scanned, and damage there is rot, which is
//! reported and never cut. Past it nothing is certain. A batch there counts when its checksum is right and it starts where the
//! one before it ended; the first that does not ends the log. What counts is stored again and flushed before anybody
//! sees it: the page cache may hold what the disk does not, and flushing pages that nobody dirtied proves nothing.
//! What is cut is kept beside the log. Every step can be repeated, so a start that is killed loses nothing.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use naru_protocol::records::{BatchHeader, HEADER_LEN, checksum};

use super::checkpoint::LogCheckpoint;
use super::disk::{Disk, DiskFile, TEMPORARY_SUFFIX, read_file, replace_file, replace_file_with};
use super::leader_epochs::LeaderEpochs;
use super::log::{EPOCHS, SNAPSHOT};
use super::offset_index::OffsetIndex;
use super::producer_snapshot;
use super::producer_state::ProducerState;
use super::scan::{ScanError, ScannedBatch, Scanner, has_offsets};
use super::segment::{DELETED, INDEX, LOG, SealedSegment, TIME_INDEX, file_name, offset_of};
use super::segment_index::SegmentIndex;
use super::types::{LeaderEpoch, Offset, Position};

/// Suffix of bytes that were cut off a log.
pub const CUT: &str = ".cut";

/// Bytes are read, stored again and copied in pieces of this size.
const CHUNK: usize = 256 * 1024;

/// How many bytes are checksummed at most in search of valid batches behind the end of a log. The answer is a hint for people; a tail
/// full of headers that promise much must not keep a start from ending.
const MOST_CHECKED: usize = 64 << 20;

/// The unit that a disk writes or does not write.
const SECTOR: u32 = 512;

/// A log as it was found.
pub(super) struct Recovered {
    pub(super) segments: Vec<SealedSegment>,
    pub(super) log_start: Offset,
    pub(super) log_end: Offset,
    pub(super) epochs: LeaderEpochs,
    pub(super) producers: ProducerState,
    /// Offsets of the producer snapshots, ascending.
    pub(super) snapshots: Vec<Offset>,
    pub(super) may_reopen: bool,
    pub(super) report: RecoveryReport,
}

/// What recovery did and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Bytes past the recovery point that were valid, and were stored again.
    pub stored_again: u64,
    /// What was cut off.
    pub cut: Option<Cut>,
    /// Damage below the recovery point.
    pub rot: Vec<Rot>,
}

/// The end of a log that was not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where the log ends now.
    pub offset: Offset,
    /// How many bytes were cut and kept beside the log.
    pub bytes: u64,
    /// Whether valid batches lay behind the first invalid one. Unflushed writes reorder, so that alone proves nothing.
    pub valid_behind: bool,
    /// What was wrong with the first invalid batch.
    pub reason: String,
}

/// Damage of records that were durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rot {
    /// Base offset of the segment.
    pub segment: Offset,
    /// What was found there.
    pub reason: String,
}

/// Reads a log's directory and makes its end certain. `recovery` is what the checkpoint knows of it.
pub(super) fn recover(
    disk: &dyn Disk,
    directory: &Arc<Path>,
    recovery: Option<&LogCheckpoint>,
    now_ms: i64,
) -> Result<Recovered, ScanError> {
    let mut recovery = Recovery::new(disk, directory, recovery).map_err(at_start)?;
    recovery.finish_sealing()?;
    let (snapshot_at, producers) = recovery.newest_snapshot(now_ms).map_err(at_start)?;
    recovery.state = Derived { producers, epochs: recovery.read_epochs(), from: snapshot_at, now_ms };
    recovery.replay_headers()?;
    recovery.scan_past_recovery_point()?;
    recovery.finish().map_err(at_start)
}

struct Recovery<'a> {
    disk: &'a dyn Disk,
    directory: &'a Arc<Path>,
    segments: Vec<SealedSegment>,
    snapshots: Vec<Offset>,
    recovery_point: Offset,
    log_start: Offset,
    log_end: Offset,
    state: Derived,
    /// As the file has them; `None` when it is missing or damaged.
    epochs_on_disk: Option<LeaderEpochs>,
    may_reopen: bool,
    report: RecoveryReport,
}

/// What batches leave behind beside themselves.
#[derive(Default)]
struct Derived {
    producers: ProducerState,
    epochs: LeaderEpochs,
    /// Producers are known up to here.
    from: Offset,
    now_ms: i64,
}

impl Derived {
    fn note(&mut self, batch: &ScannedBatch) {
        let base_offset = Offset(batch.header.base_offset);
        self.epochs.assign(LeaderEpoch(batch.header.partition_leader_epoch), base_offset);
        if base_offset >= self.from {
            self.producers.append(&batch.header, base_offset, self.now_ms);
        }
    }
}

impl<'a> Recovery<'a> {
    /// Lists the directory and removes what is left of unfinished work.
    fn new(disk: &'a dyn Disk, directory: &'a Arc<Path>, checkpoint: Option<&LogCheckpoint>) -> io::Result<Self> {
        let (mut segments, mut snapshots) = (Vec::new(), Vec::new());
        let entries = disk.list(directory)?;
        for entry in &entries {
            if entry.name.ends_with(TEMPORARY_SUFFIX) || entry.name.ends_with(DELETED) {
                disk.delete(&directory.join(&entry.name))?;
            } else if let Some(base_offset) = offset_of(&entry.name, LOG) {
                // The formats of log and index hold 31 bits; what lies behind was never written by a broker.
                segments.push(SealedSegment::new(
                    directory.clone(),
                    base_offset,
                    entry.len.min(i32::MAX as u64) as u32,
                ));
            } else if let Some(offset) = offset_of(&entry.name, SNAPSHOT) {
                snapshots.push(offset);
            }
        }
        segments.sort_by_key(|segment| segment.base_offset);
        snapshots.sort();
        for entry in &entries {
            let base = offset_of(&entry.name, INDEX).or_else(|| offset_of(&entry.name, TIME_INDEX));
            if base.is_some_and(|base| segments.binary_search_by_key(&base, |segment| segment.base_offset).is_err()) {
                disk.delete(&directory.join(&entry.name))?;
            }
        }
        let first = segments.first().map_or(Offset(0), |segment| segment.base_offset);
        let recovery_point = checkpoint.map_or(first, |known| known.recovery_point).max(first);
        let log_start = checkpoint.map_or(first, |known| known.log_start).max(first);
        Ok(Self {
            disk,
            directory,
            segments,
            snapshots,
            recovery_point,
            log_start,
            log_end: recovery_point,
            state: Derived::default(),
            epochs_on_disk: None,
            may_reopen: true,
            report: RecoveryReport::default(),
        })
    }

    /// A kill can come after a segment was followed by the next one and before it got its final length. Such a segment ends with
    /// reserved space: its length is that of a page at least, and its last page is blank.
    fn finish_sealing(&mut self) -> Result<(), ScanError> {
        const PAGE: u32 = 4096;
        let past = self.segment_at(self.recovery_point);
        for i in 0..past {
            let Some(segment) = self.segments.get(i).filter(|segment| segment.size > 0 && segment.size % PAGE == 0)
            else {
                continue;
            };
            let file = segment.open(self.disk).map_err(at_start)?;
            let mut page = [0; PAGE as usize];
            let read = file.read_at(&mut page, u64::from(segment.size - PAGE)).map_err(at_start)?;
            if read < page.len() || page.iter().any(|byte| *byte != 0) {
                segment.close();
                continue;
            }
            let mut scanner =
                Scanner::new(&*file, self.index_position(segment, Offset(i64::MAX)), Position(segment.size));
            while let Ok(Some(_)) = scanner.next_header() {}
            let end = scanner.position();
            file.truncate(u64::from(end.0)).and_then(|()| file.sync()).map_err(at_start)?;
            let sealed = SealedSegment::new(self.directory.clone(), segment.base_offset, end.0);
            SegmentIndex::load(self.disk, &sealed)?.save(self.disk, &sealed);
            sealed.close();
            self.segments[i] = sealed;
        }
        Ok(())
    }

    /// The number of the segment that holds `offset`, or where a segment for it would begin.
    fn segment_at(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    /// A position to scan from for `offset`, by the segment's index when that points to a batch.
    fn index_position(&self, segment: &SealedSegment, offset: Offset) -> Position {
        let index = read_file(self.disk, &segment.path(INDEX))
            .ok()
            .and_then(|file| OffsetIndex::decode(segment.base_offset, &file, segment.size).ok());
        let Some(entry) = index.and_then(|index| index.floor(offset)) else { return Position(0) };
        let Ok(file) = segment.open(self.disk) else { return Position(0) };
        match Scanner::new(&*file, entry.position, Position(segment.size)).next_header() {
            Ok(Some(batch)) if batch.last_offset() == entry.offset => entry.position,
            _ => Position(0),
        }
    }

    /// The newest snapshot that can be read. Those beyond what is known to be durable may stay: a snapshot is written only
    /// at a durable offset. If the log turns out to end before one, it goes.
    fn newest_snapshot(&mut self, now_ms: i64) -> io::Result<(Offset, ProducerState)> {
        while let Some(offset) = self.snapshots.last().copied() {
            let path = self.directory.join(file_name(offset, SNAPSHOT));
            match read_file(self.disk, &path).map(|file| producer_snapshot::decode(&file, now_ms)) {
                Ok(Ok(producers)) if offset <= self.recovery_point => return Ok((offset, producers)),
                Ok(Ok(_)) => {}
                _ => tracing::warn!(path = %path.display(), "the producer snapshot is damaged; an older one is used"),
            }
            self.disk.delete(&path)?;
            self.snapshots.pop();
        }
        Ok((self.log_start, ProducerState::default()))
    }

    fn read_epochs(&mut self) -> LeaderEpochs {
        let epochs =
            read_file(self.disk, &self.directory.join(EPOCHS)).ok().and_then(|file| LeaderEpochs::decode(&file).ok());
        self.epochs_on_disk.clone_from(&epochs);
        let mut epochs = epochs.unwrap_or_default();
        epochs.cut_end(self.recovery_point);
        epochs
    }

    /// Reads the headers between the newest snapshot and the recovery point; all headers when the epochs are unknown.
    fn replay_headers(&mut self) -> Result<(), ScanError> {
        let from = if self.epochs_on_disk.is_some() { self.state.from } else { self.log_start };
        if from >= self.recovery_point {
            return Ok(());
        }
        for i in self.segment_at(from)..self.segments.len() {
            let segment = &self.segments[i];
            if segment.base_offset >= self.recovery_point {
                break;
            }
            let file = segment.open(self.disk).map_err(at_start)?;
            let mut scanner = Scanner::new(&*file, self.index_position(segment, from), Position(segment.size));
            // Damage is found, and reported, when the recovery point is looked for or when somebody reads.
            while let Ok(Some(batch)) = scanner.next_header() {
                if batch.header.base_offset >= self.recovery_point.0 {
                    break;
                }
                if batch.last_offset() >= from {
                    self.state.note(&batch);
                }
            }
            segment.close();
        }
        Ok(())
    }

    /// Makes everything past the recovery point certain, segment by segment.
    fn scan_past_recovery_point(&mut self) -> Result<(), ScanError> {
        self.log_end = self.recovery_point;
        let mut i = self.segment_at(self.recovery_point);
        let mut from = Position(0);
        if let Some(segment) = self.segments.get(i).filter(|segment| segment.base_offset < self.recovery_point) {
            match self.recovery_position(segment) {
                Ok(position) => from = position,
                Err(reason) => {
                    self.report_rot(i, reason);
                    i += 1;
                    // What lies between the damage and the next segment cannot be reached.
                    self.log_end = self.segments.get(i).map_or(self.log_end, |next| next.base_offset);
                }
            }
        }
        while let Some(segment) = self.segments.get(i) {
            let failure = if from == Position(0) && segment.base_offset != self.log_end {
                Some("a segment does not start where the one before it ended".to_owned())
            } else {
                let failure = self.recover_segment(i, from)?;
                i += 1;
                failure
            };
            from = Position(0);
            if let Some(reason) = failure {
                return self.cut_segments(i, &reason);
            }
        }
        Ok(())
    }

    /// Where the recovery point lies in its segment; or what keeps it from being found.
    fn recovery_position(&self, segment: &SealedSegment) -> Result<Position, String> {
        let file = segment.open(self.disk).map_err(|error| error.to_string())?;
        // The batch that ends just below is the last that may be skipped.
        let below = Offset(self.recovery_point.0 - 1);
        let mut scanner = Scanner::new(&*file, self.index_position(segment, below), Position(segment.size));
        let mut next = segment.base_offset;
        while next < self.recovery_point {
            match scanner.next_header() {
                Ok(Some(batch)) => next = Offset(batch.header.next_offset()),
                Ok(None) => {
                    return Err(format!(
                        "the segment ends at offset {next}, but records up to {} were durable",
                        self.recovery_point
                    ));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        if next > self.recovery_point {
            return Err(format!("no batch starts at offset {}, where the durable records end", self.recovery_point));
        }
        Ok(scanner.position())
    }

    /// Damage below the recovery point: the segment stays as it is, and the log goes on in a new one.
    fn report_rot(&mut self, i: usize, reason: String) {
        let segment = self.segments[i].base_offset;
        tracing::error!(directory = %self.directory.display(), %segment, reason, "durable records are damaged; they are kept as they are");
        self.report.rot.push(Rot { segment, reason });
        self.may_reopen = false;
    }

    /// Scans one segment from a position up to which it is durable: stores its valid batches again, flushes them, and gives the
    /// segment its length. Answers what ended the log in it, if anything did.
    fn recover_segment(&mut self, i: usize, from: Position) -> Result<Option<String>, ScanError> {
        let (base_offset, size) = (self.segments[i].base_offset, self.segments[i].size);
        let file = self.segments[i].open(self.disk).map_err(at_start)?;
        let (end, failure) = self.scan(&*file, from, size)?;
        let io = |source| ScanError::Io { position: end, source };
        if let Some(reason) = &failure {
            self.keep_cut_bytes(&*file, end, size, reason).map_err(io)?;
        }
        if from < end {
            store_again(&*file, from, end).map_err(io)?;
            self.report.stored_again += u64::from(end.0 - from.0);
        }
        if from < end || end.0 < size {
            file.truncate(u64::from(end.0)).and_then(|()| file.sync()).map_err(io)?;
            let trimmed = SealedSegment::new(self.directory.clone(), base_offset, end.0);
            SegmentIndex::load_up_to(self.disk, &trimmed, self.log_end)?.save(self.disk, &trimmed);
            self.segments[i] = trimmed;
        }
        self.segments[i].close();
        Ok(failure)
    }

    /// Reads batch after batch; a valid one moves the log end. Answers where the valid batches end, and what ended them when it
    /// was not the end of the segment.
    fn scan(
        &mut self,
        file: &dyn DiskFile,
        from: Position,
        size: u32,
    ) -> Result<(Position, Option<String>), ScanError> {
        let mut scanner = Scanner::new(file, from, Position(size));
        loop {
            let position = scanner.position();
            match scanner.next_batch() {
                Ok(Some((batch, _))) if batch.header.base_offset == self.log_end.0 => {
                    self.log_end = Offset(batch.header.next_offset());
                    self.state.note(&batch);
                }
                Ok(Some((batch, _))) => {
                    let reason =
                        format!("a batch starts at offset {} where {} is next", batch.header.base_offset, self.log_end);
                    return Ok((position, Some(reason)));
                }
                Ok(None) => return Ok((position, stray_bytes(file, position, size)?)),
                Err(ScanError::Invalid { reason, .. }) => return Ok((position, Some(reason.to_owned()))),
                Err(error) => return Err(error),
            }
        }
    }

    /// Keeps what is about to be cut in a file of its own, when there is anything.
    fn keep_cut_bytes(&mut self, file: &dyn DiskFile, end: Position, size: u32, reason: &str) -> io::Result<()> {
        let to = Position(last_used(file, end, size)?);
        let path = self.free_cut_path(self.log_end)?;
        replace_file_with(self.disk, &path, |kept| copy(file, end, to, kept))?;
        let cut = Cut {
            offset: self.log_end,
            bytes: u64::from(to.0 - end.0),
            valid_behind: holds_valid_batch(file, end, to)?,
            reason: reason.to_owned(),
        };
        tracing::warn!(kept = %path.display(), bytes = cut.bytes, valid_behind = cut.valid_behind, reason, "the end of the log is not valid and is cut");
        self.report.cut = Some(cut);
        Ok(())
    }

    /// A name for bytes that are cut off at `offset`. What an earlier start kept there is never replaced.
    fn free_cut_path(&self, offset: Offset) -> io::Result<PathBuf> {
        let taken: HashSet<String> = self.disk.list(self.directory)?.into_iter().map(|entry| entry.name).collect();
        let numbered = (1..).map(|number| file_name(offset, &format!(".{number}{CUT}")));
        let free = std::iter::once(file_name(offset, CUT)).chain(numbered).find(|name| !taken.contains(name));
        Ok(self.directory.join(free.ok_or(io::ErrorKind::AlreadyExists)?))
    }

    /// Sets whole segments aside, from number `i` on: they follow something that is not valid.
    fn cut_segments(&mut self, i: usize, reason: &str) -> Result<(), ScanError> {
        for segment in self.segments.split_off(i.min(self.segments.len())) {
            for suffix in [INDEX, TIME_INDEX] {
                let _ = self.disk.delete(&segment.path(suffix));
            }
            let kept = self.free_cut_path(segment.base_offset).map_err(at_start)?;
            self.disk.rename(&segment.path(LOG), &kept).map_err(at_start)?;
            tracing::warn!(kept = %kept.display(), reason, "a segment behind the end of the log is set aside");
            let cut = self.report.cut.get_or_insert(Cut {
                offset: self.log_end,
                bytes: 0,
                valid_behind: false,
                reason: reason.to_owned(),
            });
            cut.bytes += u64::from(segment.size);
            cut.valid_behind |= segment.size > 0;
        }
        Ok(())
    }

    /// Brings what is derived in line with the log's end.
    fn finish(mut self) -> io::Result<Recovered> {
        for offset in std::mem::take(&mut self.snapshots) {
            if offset > self.log_end {
                self.disk.delete(&self.directory.join(file_name(offset, SNAPSHOT)))?;
            } else {
                self.snapshots.push(offset);
            }
        }
        let mut epochs = self.state.epochs;
        epochs.cut_end(self.log_end);
        epochs.cut_start(self.log_start);
        if self.epochs_on_disk.unwrap_or_default() != epochs {
            // Syncs the directory as well.
            replace_file(self.disk, &self.directory.join(EPOCHS), &epochs.encode())?;
        } else if self.report.stored_again > 0 || self.report.cut.is_some() {
            self.disk.sync_directory(self.directory)?;
        }
        Ok(Recovered {
            segments: self.segments,
            log_start: self.log_start.min(self.log_end),
            log_end: self.log_end,
            epochs,
            producers: self.state.producers,
            snapshots: self.snapshots,
            may_reopen: self.may_reopen,
            report: self.report,
        })
    }
}

fn at_start(source: io::Error) -> ScanError {
    ScanError::Io { position: Position(0), source }
}

/// Writes the same bytes to the same place, so that a flush has something to flush.
fn store_again(file: &dyn DiskFile, from: Position, to: Position) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK.min((to.0 - from.0) as usize)];
    let mut position = from.0;
    while position < to.0 {
        let len = buffer.len().min((to.0 - position) as usize);
        read_exactly(file, &mut buffer[..len], position)?;
        file.write_at(&buffer[..len], u64::from(position))?;
        position += len as u32;
    }
    Ok(())
}

/// Blank space ends a segment; when something lies behind it, writes were lost in between.
fn stray_bytes(file: &dyn DiskFile, end: Position, size: u32) -> Result<Option<String>, ScanError> {
    let blank = last_used(file, end, size).map_err(|source| ScanError::Io { position: end, source })? == end.0;
    Ok((!blank).then(|| "bytes lie behind blank space".to_owned()))
}

/// The position behind the last sector of `from..size` that is not blank.
fn last_used(file: &dyn DiskFile, from: Position, size: u32) -> io::Result<u32> {
    let mut buffer = vec![0; CHUNK];
    let mut end = size;
    while end > from.0 {
        let start = end.saturating_sub(CHUNK as u32).max(from.0);
        let chunk = &mut buffer[..(end - start) as usize];
        let read = file.read_at(chunk, u64::from(start))?;
        if let Some(last) = chunk[..read].iter().rposition(|byte| *byte != 0) {
            // A batch may end with zeroes: up to a whole sector of them is kept.
            return Ok((start + last as u32 + 1).next_multiple_of(SECTOR).min(size));
        }
        end = start;
    }
    Ok(from.0)
}

/// Copies `from..to` in pieces to the start of another file.
fn copy(file: &dyn DiskFile, from: Position, to: Position, target: &dyn DiskFile) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK.min((to.0 - from.0) as usize)];
    let mut position = from.0;
    while position < to.0 {
        let len = buffer.len().min((to.0 - position) as usize);
        read_exactly(file, &mut buffer[..len], position)?;
        target.write_at(&buffer[..len], u64::from(position - from.0))?;
        position += len as u32;
    }
    Ok(())
}

fn read_exactly(file: &dyn DiskFile, buffer: &mut [u8], position: u32) -> io::Result<()> {
    if file.read_at(buffer, u64::from(position))? < buffer.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Whether a whole batch with a right checksum begins anywhere in `from..to`. Batches are sought at every byte; when
/// [`MOST_CHECKED`] bytes have been checked in vain, none is said to be there.
fn holds_valid_batch(file: &dyn DiskFile, from: Position, to: Position) -> io::Result<bool> {
    let (mut window, mut batch) = (Vec::new(), Vec::new());
    let mut left = MOST_CHECKED;
    let mut start = from.0;
    while start < to.0 {
        // A header that begins in this piece may end in the next one.
        let len = (to.0 - start).min((CHUNK + HEADER_LEN - 1) as u32);
        window.resize(len as usize, 0);
        read_exactly(file, &mut window, start)?;
        for (at, bytes) in (start..to.0).zip(window.windows(HEADER_LEN)) {
            let Some(header) = BatchHeader::parse(bytes).ok().filter(has_offsets) else { continue };
            let size = header.size();
            if size > (to.0 - at) as usize || size > left {
                continue;
            }
            left -= size;
            batch.resize(size, 0);
            read_exactly(file, &mut batch, at)?;
            if checksum(&batch) == header.crc {
                return Ok(true);
            }
        }
        start = start.saturating_add(CHUNK as u32);
    }
    Ok(false)
}
