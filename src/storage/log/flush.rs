//! Group commit: one flush of a log at a time, on a thread of the flush pool. Whatever was published before it starts is
//! made durable by it; whatever arrives meanwhile shares the next. The flush itself is the batching window, there is no timer.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{AppendError, DELETED, Log, ONLINE};
use crate::storage::config::FlushPolicy;
use crate::storage::segment::ActiveSegment;
use crate::storage::turn::Turn;
use crate::storage::types::Offset;

pub(super) struct FlushState {
    turn: Turn,
    queue: Mutex<FlushQueue>,
    /// Monotonic milliseconds: whatever is not covered by a flush was appended since then.
    clean_at: AtomicU64,
    /// What is below it is durable, or a flush that has begun makes it so.
    covered: AtomicI64,
    /// Held during a flush. The kernel reports an error to one of two flushes that run at once; the other would lie.
    running: Mutex<()>,
}

impl FlushState {
    /// Of a log that is durable up to its end.
    pub(super) fn new(log_end: Offset) -> Self {
        Self {
            turn: Turn::default(),
            queue: Mutex::default(),
            clean_at: 0.into(),
            covered: log_end.0.into(),
            running: Mutex::default(),
        }
    }

    /// The end of what no further flush is needed for.
    pub(super) fn covered(&self) -> Offset {
        Offset(self.covered.load(Ordering::Acquire))
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.turn.is_idle()
    }
}

/// What is or may become dirty.
#[derive(Default)]
struct FlushQueue {
    /// Segments, in the order of their offsets. All but the last are full and only wait for their last flush.
    segments: VecDeque<Arc<ActiveSegment>>,
    /// A file got its name since the directory was last synced.
    directory_dirty: bool,
    /// Full segments that are flushed to their end: the helper seals them.
    flushed: Vec<Arc<ActiveSegment>>,
}

impl Log {
    /// Asks for a flush of everything published so far.
    pub(super) fn request_flush(self: &Arc<Self>) {
        if self.flush.turn.request() {
            let log = self.clone();
            self.engine.flushers.submit(move || log.run_flushes());
        }
    }

    /// Waits until everything appended so far is durable.
    pub async fn flush(self: &Arc<Self>) -> Result<(), AppendError> {
        let target = self.log_end();
        loop {
            let durable = self.durable.notified();
            if self.durable_end() >= target {
                return Ok(());
            }
            match self.state.load(Ordering::Acquire) {
                ONLINE => self.request_flush(),
                DELETED => return Err(AppendError::Deleted),
                _ => return Err(AppendError::Offline),
            }
            durable.await;
        }
    }

    /// `flush.ms` of a log with `durability = os`: asks for a flush when the oldest unflushed append is that old, to the
    /// second.
    pub(in crate::storage) fn flush_if_due(self: &Arc<Self>) {
        let FlushPolicy::Os { every_ms: Some(every_ms), .. } = self.config().flush else { return };
        let now = self.engine.now();
        if self.durable_end() == self.log_end() {
            self.flush.clean_at.store(now, Ordering::Relaxed);
        } else if now.saturating_sub(self.flush.clean_at.load(Ordering::Relaxed)) >= every_ms {
            self.request_flush();
        }
    }

    /// A new segment takes over: it is flushed after those before it.
    pub(super) fn queue_for_flush(&self, segment: Arc<ActiveSegment>) {
        let mut queue = self.flush.queue.lock();
        queue.segments.push_back(segment);
        queue.directory_dirty = true;
    }

    /// Full segments that are durable to their end.
    pub(super) fn take_flushed_segments(&self) -> Vec<Arc<ActiveSegment>> {
        std::mem::take(&mut self.flush.queue.lock().flushed)
    }

    /// Flushes in place; the queue lets go of a segment to which nothing is appended any more. `false`: the log is offline.
    pub(super) fn flush_and_close(self: &Arc<Self>, segment: &Arc<ActiveSegment>) -> bool {
        let flushed = self.flush_or_go_offline();
        if flushed {
            self.flush.queue.lock().segments.retain(|queued| !Arc::ptr_eq(queued, segment));
        }
        flushed
    }

    fn run_flushes(self: &Arc<Self>) {
        loop {
            self.flush.turn.begin();
            self.flush_or_go_offline();
            if !self.flush.turn.finish() {
                return;
            }
            if self.engine.flushers.has_waiting() {
                // Others wait for a thread: back to the end of the queue.
                let log = self.clone();
                self.engine.flushers.submit(move || log.run_flushes());
                return;
            }
        }
    }

    /// Flushes in place what was published so far. `false`: the log is offline.
    pub(in crate::storage) fn flush_or_go_offline(self: &Arc<Self>) -> bool {
        let _running = self.flush.running.lock();
        if !self.is_online() {
            return false;
        }
        match self.flush_once() {
            Ok(segments_to_seal) => {
                if segments_to_seal {
                    self.request_tending();
                }
                true
            }
            Err(error) => {
                self.go_offline(&format!("a flush failed: {error}"));
                false
            }
        }
    }

    /// Makes everything published so far durable. A second try after an error would lie: the kernel reports it once.
    /// Answers whether segments wait to be sealed.
    fn flush_once(&self) -> io::Result<bool> {
        self.flush.clean_at.store(self.engine.now(), Ordering::Relaxed);
        // The end first, the segments after it: so they hold every batch below it.
        let target = self.log_end();
        self.flush.covered.store(target.0, Ordering::Release);
        let (segments, directory_dirty) = {
            let mut queue = self.flush.queue.lock();
            let dirty = std::mem::take(&mut queue.directory_dirty);
            (queue.segments.iter().cloned().collect::<Vec<_>>(), dirty)
        };
        let begun = self.engine.clock.monotonic();
        let mut flushed = directory_dirty;
        for segment in &segments {
            let (from, to) = (segment.flushed.load(Ordering::Acquire), segment.end().0);
            if from < to {
                segment.map.flush(from as usize, to as usize)?;
                segment.flushed.store(to, Ordering::Release);
                flushed = true;
            }
        }
        // A new segment's batches are durable only when its name is.
        if directory_dirty {
            self.engine.disk.sync_directory(&self.directory)?;
        }
        if flushed {
            self.engine.flushes.record(self.engine.clock.monotonic().saturating_sub(begun));
        }
        self.advance_durable_end(target);
        let finished = segments.len().saturating_sub(1);
        if finished > 0 {
            let mut queue = self.flush.queue.lock();
            let done = queue.segments.drain(..finished).collect::<Vec<_>>();
            queue.flushed.extend(done);
        }
        Ok(finished > 0)
    }

    fn advance_durable_end(&self, end: Offset) {
        let before = self.durable_end.fetch_max(end.0, Ordering::AcqRel);
        if before < end.0 {
            self.durable.notify_waiters();
            self.observer.durable_end_advanced(end);
        }
    }
}
