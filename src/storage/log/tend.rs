//! The helper of a log: does on a thread of its own, ahead of the writer, whatever may block.
//!
//! One turn at a time for each log. The writer's lock is held only to take a task and to hand the result back; while
//! the helper opens, rolls or closes a segment the phase is `Changing`, and appends wait without the lock.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::io::Errno;

use super::{Engine, Log, Phase};
use crate::storage::config::{FlushPolicy, LogConfig};
use crate::storage::mapping::PAGE;
use crate::storage::partition_metadata;
use crate::storage::segment::{ActiveSegment, LOG, PreparedSegment, SealedSegment, Segment, SegmentWriter, file_name};
use crate::storage::segment_index::SegmentIndex;
use crate::storage::turn::Turn;

/// A segment starts with so much reserved space; each extension doubles it. A topic that is hardly used stays small.
const FIRST_RESERVATION: usize = 1 << 20;
/// The largest extension: costs 0.02 ms and comes once in so many bytes.
const LARGEST_RESERVATION_STEP: usize = 64 << 20;

/// Pages are faulted in by so many bytes at a time: 0.1 to 0.2 ms each.
const PREFAULT_STEP: usize = 256 * 1024;
/// At most so far ahead of the writer. More is worse: prefaulted pages are dirty zeroes, and write-back undoes them.
const PREFAULT_WINDOW: usize = 4 << 20;
/// All logs together prefault so much.
const PREFAULT_BUDGET: usize = 64 << 20;

/// With `durability = os`, write-back is started after so many bytes, so that dirty memory never reaches the point
/// where the kernel throttles the writer inside a page fault.
const WRITE_BACK_STEP: u32 = 4 << 20;

/// How long appends that need room are refused after the disk was found full, before it is tried again.
const REFUSE_FOR: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Tending {
    turn: Turn,
    /// The next segment, ready to be renamed. Only the helper looks at it.
    prepared: Mutex<Option<PreparedSegment>>,
}

#[cfg(test)]
impl Tending {
    pub(super) fn is_idle(&self) -> bool {
        self.turn.is_idle()
    }
}

enum Task {
    Open,
    Roll(SegmentWriter),
    Close(SegmentWriter),
}

impl Log {
    /// Asks the helper to look after the log.
    pub(super) fn request_tending(self: &Arc<Self>) {
        if self.tending.turn.request() {
            let log = self.clone();
            self.engine.helpers.submit(move || log.tend());
        }
    }

    fn tend(self: &Arc<Self>) {
        loop {
            self.tending.turn.begin();
            self.in_directory(|| {
                if self.is_online() {
                    self.change_phase();
                    self.make_room();
                    self.seal_flushed();
                }
            });
            self.room.notify_waiters();
            if !self.tending.turn.finish() {
                return;
            }
        }
    }

    /// Opens, rolls or closes the active segment, when that was asked for.
    fn change_phase(self: &Arc<Self>) {
        let task = {
            let mut writer = self.writer.lock();
            match std::mem::replace(&mut writer.phase, Phase::Changing) {
                Phase::Dormant { wanted: true } => Task::Open,
                Phase::Rolling(segment) => Task::Roll(segment),
                Phase::Closing(segment) => Task::Close(segment),
                nothing_to_do => {
                    writer.phase = nothing_to_do;
                    return;
                }
            }
        };
        let config = self.config();
        let (phase, result) = match task {
            Task::Open => match self.with_reserve(|| self.open_segment(&config)) {
                Ok(segment) => (Phase::Open(segment), Ok(())),
                Err(error) => (Phase::Dormant { wanted: false }, Err(error)),
            },
            Task::Roll(full) => match self.with_reserve(|| self.roll(&config)) {
                Ok(segment) => (Phase::Open(segment), Ok(())),
                Err(error) => (Phase::Open(full), Err(error)),
            },
            Task::Close(idle) => match self.close_segment(idle) {
                Ok(()) => (Phase::Dormant { wanted: false }, Ok(())),
                Err(error) => (Phase::Dormant { wanted: false }, Err(error)),
            },
        };
        let mut writer = self.writer.lock();
        writer.phase = phase;
        writer.tend_at = 0;
        let refused = result.as_ref().is_err_and(is_shortage);
        writer.refused_until = refused.then(|| self.engine.clock.monotonic() + REFUSE_FOR);
        drop(writer);
        self.closed.notify_all();
        if let Err(error) = result {
            if refused {
                tracing::warn!(log = %self.partition, %error, "no room for another segment; appends are refused until there is");
            } else {
                self.go_offline(&format!("cannot open a segment: {error}"));
            }
        }
    }

    /// Tries again with the reserve of the data directory, when the disk is full and the log is an internal one.
    fn with_reserve<T>(&self, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let first = attempt();
        let full = first.as_ref().is_err_and(is_shortage);
        let disk = &*self.engine.disk;
        // Twice the least that is reserved: a roll and the extension after it.
        let needed = 2 * FIRST_RESERVATION as u64;
        if full && self.partition.topic.starts_with("__") && self.engine.ballast.give(disk, needed)? {
            attempt()
        } else {
            first
        }
    }

    /// Makes a dormant log ready for appends: in its last segment when that has room, else in a new one.
    fn open_segment(self: &Arc<Self>, config: &LogConfig) -> io::Result<SegmentWriter> {
        let may_reopen = self.writer.lock().may_reopen;
        let last = match self.segments.load().0.last() {
            Some(Segment::Sealed(segment)) if may_reopen && segment.size < config.segment_bytes => {
                Some(segment.clone())
            }
            _ => None,
        };
        let Some(last) = last else {
            if self.segments.load().0.is_empty() {
                self.found()?;
            }
            let segment = self.new_segment(config)?;
            self.change_segments(|segments| segments.push(Segment::Active(segment.segment.clone())));
            self.opened(&segment);
            return Ok(segment);
        };
        let disk = &*self.engine.disk;
        let index = SegmentIndex::load(disk, &last).map_err(io::Error::other)?;
        let reserve = first_reservation(config, last.size as usize);
        let segment = SegmentWriter::reopen(&last, disk, index, reserve, capacity(config), self.engine.clock.now_ms())?;
        self.change_segments(|segments| {
            segments.pop();
            segments.push(Segment::Active(segment.segment.clone()));
        });
        self.opened(&segment);
        Ok(segment)
    }

    /// Makes the log's directory and its identity durable, before there is anything in it to lose. The names in the directory
    /// become durable with the first flush.
    fn found(&self) -> io::Result<()> {
        let disk = &*self.engine.disk;
        disk.open(&self.directory.join(partition_metadata::FILE_NAME))?.sync()?;
        self.directory.parent().map_or(Ok(()), |parent| disk.sync_directory(parent))
    }

    fn opened(&self, segment: &SegmentWriter) {
        self.queue_for_flush(segment.segment.clone());
        self.writer.lock().may_reopen = true;
        self.engine.open_logs.fetch_add(1, Ordering::Relaxed);
        self.last_append.store(self.engine.now(), Ordering::Relaxed);
    }

    /// The next segment takes over. The full one stays readable as it is until it is flushed and sealed.
    fn roll(self: &Arc<Self>, config: &LogConfig) -> io::Result<SegmentWriter> {
        let segment = self.new_segment(config)?;
        // Nothing is appended while the phase is `Changing`: the producers are those at the new segment's base offset.
        self.snapshots.take(segment.segment.base_offset, &self.writer.lock().producers);
        self.queue_for_flush(segment.segment.clone());
        self.change_segments(|segments| segments.push(Segment::Active(segment.segment.clone())));
        // Whatever the policy: only a flushed segment can be sealed.
        self.request_flush();
        Ok(segment)
    }

    /// An empty segment at the log end, under its final name, which is not durable yet.
    fn new_segment(&self, config: &LogConfig) -> io::Result<SegmentWriter> {
        let capacity = capacity(config);
        let prepared = self.tending.prepared.lock().take().filter(|prepared| prepared.capacity() == capacity);
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => self.prepare_segment(config)?,
        };
        prepared.rename(&*self.engine.disk, &self.directory, self.log_end(), self.engine.clock.now_ms())
    }

    fn prepare_segment(&self, config: &LogConfig) -> io::Result<PreparedSegment> {
        let reserve = first_reservation(config, 0);
        PreparedSegment::create(&*self.engine.disk, &self.directory, reserve, capacity(config))
    }

    /// Flushes and seals the active segment: nothing of the log stays open or reserved.
    fn close_segment(self: &Arc<Self>, idle: SegmentWriter) -> io::Result<()> {
        let segment = idle.segment.clone();
        drop(idle);
        self.engine.open_logs.fetch_sub(1, Ordering::Relaxed);
        *self.tending.prepared.lock() = None;
        let _ = self.engine.disk.delete(&PreparedSegment::temporary_path(&self.directory));
        if !self.flush_and_close(&segment) {
            return Ok(());
        }
        self.seal_flushed();
        self.seal(&segment)?;
        self.snapshots.take(self.log_end(), &self.writer.lock().producers);
        self.write_snapshots();
        Ok(())
    }

    /// Extends the reservation, faults in pages, starts write-back, prepares the next segment: whatever the writer is
    /// about to need. Then says at which end of the segment it wants to be called again.
    fn make_room(self: &Arc<Self>) {
        let (segment, appended, wanted) = {
            let mut writer = self.writer.lock();
            let Phase::Open(open) = &writer.phase else { return };
            let (segment, appended) = (open.segment.clone(), open.appended());
            (segment, appended, std::mem::take(&mut writer.wanted))
        };
        let end = segment.end().0 as usize;
        let reserved = self.with_reserve(|| self.extend_reservation(&segment, end, wanted));
        let window = self.engine.prefault_window(appended as usize);
        let populated = if reserved.is_ok() { prefault(&segment, end, window) } else { Ok(()) };
        if let Err(error) = populated {
            // The guard against SIGBUS: what the helper cannot touch, the writer must not.
            self.go_offline(&format!("cannot fault in reserved pages: {error}"));
            return;
        }
        let os_mode = matches!(self.config().flush, FlushPolicy::Os { .. });
        if os_mode {
            start_write_back(&segment, end as u32);
        }
        self.prepare_next(&segment, end);

        let mut writer = self.writer.lock();
        writer.tend_at = next_visit(&segment, end, window, os_mode);
        match reserved {
            Ok(()) if wanted > 0 => writer.refused_until = None,
            Ok(()) => {}
            Err(error) if is_shortage(&error) => {
                tracing::warn!(log = %self.partition, %error, "the disk is full; appends are refused until there is room");
                writer.refused_until = Some(self.engine.clock.monotonic() + REFUSE_FOR);
            }
            Err(error) => {
                drop(writer);
                self.go_offline(&format!("cannot reserve disk space: {error}"));
            }
        }
    }

    /// Keeps a quarter of a step reserved ahead of the writer, and at least up to `wanted`. Fails only when an append
    /// waits for space that is not there.
    fn extend_reservation(&self, segment: &ActiveSegment, end: usize, wanted: usize) -> io::Result<()> {
        let reserved = segment.map.reserved();
        let step = reserved.clamp(FIRST_RESERVATION, LARGEST_RESERVATION_STEP);
        if wanted <= reserved && (reserved - end > step / 4 || reserved == segment.map.capacity()) {
            return Ok(());
        }
        let target = (reserved + step).max(wanted).min(segment.map.capacity());
        match segment.map.reserve(target) {
            Err(error) if wanted <= reserved => {
                tracing::debug!(log = %self.partition, %error, "no space to reserve ahead");
                Ok(())
            }
            // The last bit of a nearly full disk is still good for the batch that waits.
            Err(error) if is_shortage(&error) && wanted < target => segment.map.reserve(wanted),
            other => other,
        }
    }

    fn prepare_next(&self, segment: &ActiveSegment, end: usize) {
        let config = self.config();
        let mut prepared = self.tending.prepared.lock();
        if end < segment.map.capacity() / 2 || prepared.is_some() {
            return;
        }
        match self.prepare_segment(&config) {
            Ok(next) => *prepared = Some(next),
            // The roll tries again, and then it counts.
            Err(error) => tracing::debug!(log = %self.partition, %error, "cannot prepare the next segment yet"),
        }
    }

    /// Seals the segments that are flushed to their end.
    fn seal_flushed(self: &Arc<Self>) {
        for segment in self.take_flushed_segments() {
            if let Err(error) = self.seal(&segment) {
                self.go_offline(&format!("cannot seal a segment: {error}"));
                return;
            }
        }
        self.write_snapshots();
    }

    /// Gives a flushed segment its final length and its index files, and lets go of its maps.
    fn seal(&self, segment: &Arc<ActiveSegment>) -> io::Result<()> {
        let end = segment.end();
        segment.file.truncate(u64::from(end.0))?;
        segment.file.sync()?;
        let sealed = SealedSegment::new(self.directory.clone(), segment.base_offset, end.0);
        // A copy: readers of the segment must not wait for the files to be written.
        let mut index = segment.index.read().clone();
        index.finish();
        index.save(&*self.engine.disk, &sealed);
        *sealed.largest_timestamp.lock() = index.largest_timestamp();
        sealed.adopt(segment.file.clone());
        sealed.touch(self.engine.now());
        self.change_segments(|segments| {
            let place = segments.iter_mut().find(|other| other.base_offset() == segment.base_offset);
            if let Some(place) = place {
                *place = Segment::Sealed(Arc::new(sealed));
            }
        });
        Ok(())
    }

    /// Puts the log to sleep when it had no append for a while.
    pub(in crate::storage) fn close_if_idle(self: &Arc<Self>, idle: Duration) {
        let idle_since = self.engine.now().saturating_sub(self.last_append.load(Ordering::Relaxed));
        if idle_since < idle.as_millis() as u64 {
            return;
        }
        self.start_closing();
    }

    /// Asks the helper to flush and seal the active segment.
    pub(in crate::storage) fn start_closing(self: &Arc<Self>) {
        let mut writer = self.writer.lock();
        match std::mem::replace(&mut writer.phase, Phase::Changing) {
            Phase::Open(segment) => writer.phase = Phase::Closing(segment),
            other => {
                writer.phase = other;
                return;
            }
        }
        drop(writer);
        self.request_tending();
    }

    /// Gives a dormant log an empty segment at its end, durably, so that all others can be removed and its offsets are
    /// still known. `false`: the log is not dormant.
    /// To be called by one that works in the log's directory.
    pub(in crate::storage) fn begin_empty_segment(self: &Arc<Self>) -> io::Result<bool> {
        {
            let mut writer = self.writer.lock();
            let Phase::Dormant { wanted: false } = writer.phase else { return Ok(false) };
            writer.phase = Phase::Changing;
        }
        let log_end = self.log_end();
        let made = self.engine.disk.create(&self.directory.join(file_name(log_end, LOG)));
        let made = made.and_then(|_| self.engine.disk.sync_directory(&self.directory));
        if made.is_ok() {
            let segment = Segment::Sealed(Arc::new(SealedSegment::new(self.directory.clone(), log_end, 0)));
            self.change_segments(|segments| segments.push(segment));
        }
        self.writer.lock().phase = Phase::Dormant { wanted: false };
        // Appends that came meanwhile ask again.
        self.room.notify_waiters();
        made.map(|()| true)
    }
}

/// The address space of a segment: whole pages, so that reserved space is told from data by its length.
fn capacity(config: &LogConfig) -> usize {
    (config.segment_bytes as usize).next_multiple_of(PAGE)
}

/// How far a segment that holds `size` bytes is reserved when it is opened.
fn first_reservation(config: &LogConfig, size: usize) -> usize {
    let all = capacity(config);
    if config.preallocate { all } else { (size + FIRST_RESERVATION).min(all) }
}

impl Engine {
    /// How far to fault in ahead of a log that appended so much since it was opened. A log that hardly appends gets
    /// nothing, all logs share the budget.
    fn prefault_window(&self, appended: usize) -> usize {
        let share = PREFAULT_BUDGET / self.open_logs.load(Ordering::Relaxed).max(1);
        appended.min(share).min(PREFAULT_WINDOW) / PREFAULT_STEP * PREFAULT_STEP
    }
}

/// The end of the segment at which the helper has work again.
fn next_visit(segment: &ActiveSegment, end: usize, window: usize, os_mode: bool) -> u32 {
    let (reserved, capacity) = (segment.map.reserved(), segment.map.capacity());
    let mut visits = Vec::with_capacity(4);
    if reserved < capacity {
        visits.push(
            (reserved - reserved.clamp(FIRST_RESERVATION, LARGEST_RESERVATION_STEP).min(reserved) / 4).max(end + 1),
        );
    }
    let populated = segment.populated.load(Ordering::Relaxed).max(end);
    if populated < capacity {
        // Half of the window is left when the helper comes: enough to stay ahead.
        visits.push((populated - window.min(populated) / 2).max(end + PREFAULT_STEP));
    }
    if end < capacity / 2 {
        visits.push(capacity / 2);
    }
    if os_mode {
        visits.push((segment.written_back.load(Ordering::Relaxed) + WRITE_BACK_STEP) as usize);
    }
    visits.into_iter().min().map_or(u32::MAX, |visit| visit as u32)
}

/// Faults in the pages of a window ahead of the writer.
fn prefault(segment: &ActiveSegment, end: usize, window: usize) -> io::Result<()> {
    let target = (end + window).min(segment.map.reserved());
    let mut from = segment.populated.load(Ordering::Relaxed).max(end);
    while from < target {
        let to = (from + PREFAULT_STEP).min(target);
        segment.map.populate(from, to)?;
        segment.populated.store(to, Ordering::Relaxed);
        // The writer may have caught up: two threads that fault in one range cost more than one.
        from = to.max(segment.end().0 as usize);
    }
    Ok(())
}

fn start_write_back(segment: &ActiveSegment, end: u32) {
    let from = segment.written_back.load(Ordering::Relaxed);
    if end - from >= WRITE_BACK_STEP {
        // An error of the writing itself is reported by the next flush; this only starts it.
        let _ = segment.map.start_write_back(from as usize, end as usize);
        segment.written_back.store(end, Ordering::Relaxed);
    }
}

/// Whether something is used up for now: space on the disk, or descriptors or maps of the process. Nothing failed then;
/// it is tried again.
fn is_shortage(error: &io::Error) -> bool {
    let used_up = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        || error.raw_os_error().is_some_and(|code| used_up.contains(&code))
}
