//! A log: the record batches of one topic partition, in segments.
//!
//! The life of a produced batch, from here to the disk:
//! 1. [`Log::append`] (`append.rs`) takes the writer's lock, checks the producer's sequence, gives out the offset, copies
//!    the batch into the map of the active segment, publishes the new log end, and lets go of the lock.
//! 2. It asks for a flush (`flush.rs`). A flush thread makes everything that was published durable, and moves the durable
//!    end. What arrives meanwhile shares the next flush.
//! 3. The observer hears of both ends; whoever waits for durability waits there.
//!
//! Whatever may block, and is needed for an append, is done by the log's helper (`tend.rs`) ahead of time, on a thread
//! of its own: it reserves space, faults in pages, prepares and rolls segments, seals them.
//!
//! Invariants: log start ≤ durable end ≤ log end, and none of them ever goes back. A published byte never changes. A
//! reader takes no lock of the writer: it reads the ends first and the list of segments after them.

mod append;
mod checkpoint;
mod flush;
mod read;
mod tend;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

pub use append::{AppendAs, AppendError, Appended};
pub(super) use checkpoint::{EPOCHS, SNAPSHOT};
pub use read::{Batches, ReadError};

use super::ballast::Ballast;
use super::clock::Clock;
use super::config::{FlushPolicy, LogConfig, StorageOptions};
use super::disk::Disk;
use super::leader_epochs::LeaderEpochs;
use super::producer_state::ProducerState;
use super::read_buffers::ReadBuffers;
use super::recovery::{Recovered, RecoveryReport};
use super::segment::{ActiveSegment, Segment, SegmentWriter, Segments};
use super::types::{LeaderEpoch, Offset, TopicPartition};
use super::workers::Workers;
use crate::measure::Latency;

/// Hears what becomes of a log. Called without any lock of the log, so calls can overtake each other: an end that
/// is lower than one already seen is old news.
pub trait LogObserver: Send + Sync {
    /// Batches below `end` can be read.
    fn log_end_advanced(&self, end: Offset);
    /// Batches below `end` are on stable storage.
    fn durable_end_advanced(&self, end: Offset);
    /// Records below `start` are gone.
    fn log_start_advanced(&self, start: Offset);
    /// A flush or another final operation failed: nothing more will be appended or become durable.
    fn offline(&self, reason: &str);
}

/// What the logs of a data directory share.
pub(super) struct Engine {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: StorageOptions,
    pub(super) flushers: Arc<Workers>,
    pub(super) helpers: Arc<Workers>,
    pub(super) read_buffers: Arc<ReadBuffers>,
    pub(super) ballast: Ballast,
    /// How long flushes took, and how many there were.
    pub(super) flushes: Latency,
    /// Logs with an active segment: they share the budget of prefaulted pages.
    pub(super) open_logs: AtomicUsize,
}

impl Engine {
    /// Monotonic milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.clock.monotonic().as_millis() as u64
    }
}

const ONLINE: u8 = 0;
const OFFLINE: u8 = 1;
const DELETED: u8 = 2;

/// One partition's log.
pub struct Log {
    pub(super) engine: Arc<Engine>,
    pub(super) partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) directory: Arc<Path>,
    config: ArcSwap<LogConfig>,
    observer: Arc<dyn LogObserver>,
    state: AtomicU8,
    offline_reason: Mutex<Option<String>>,

    pub(super) segments: ArcSwap<Segments>,
    /// Serialises changes of the list of segments: helper, retention and recovery are different threads.
    segments_change: Mutex<()>,
    log_start: AtomicI64,
    log_end: AtomicI64,
    durable_end: AtomicI64,
    epochs: RwLock<LeaderEpochs>,
    epochs_dirty: AtomicBool,
    report: RecoveryReport,

    /// The one short lock of the append path.
    writer: Mutex<Writer>,
    /// Held by whoever works in the log's directory by path. A deleted log is waited for here, before its name is free.
    directory_work: Mutex<()>,
    /// Wakes appends that wait for the helper.
    room: Notify,
    tending: tend::Tending,
    flush: flush::FlushState,
    /// Wakes [`Log::flush`].
    durable: Notify,
    snapshots: checkpoint::Snapshots,
    /// Wakes who waits for the log to be dormant; goes with the writer's lock.
    closed: Condvar,
    /// Monotonic milliseconds of the last append, for going dormant.
    last_append: AtomicU64,
    /// Monotonic milliseconds until which damage is not reported again: clients ask for the same offset again and again.
    damage_reported_until: AtomicU64,
}

/// What appends change, under the log's lock.
struct Writer {
    phase: Phase,
    producers: ProducerState,
    /// The epoch of the last batch.
    epoch: Option<LeaderEpoch>,
    /// End of the active segment from which on the helper has something to do.
    tend_at: u32,
    /// The helper is to reserve up to here: an append waits for it.
    wanted: usize,
    /// Until then an append that needs room is refused: the disk is full.
    refused_until: Option<Duration>,
    /// Bytes that were appended since a flush last covered everything up to `covered`, for `durability = os`.
    unflushed_bytes: u64,
    /// What flushes had covered when the last batch was appended.
    covered: Offset,
    /// Whether the last sealed segment may be appended to; not when recovery found damage in it.
    may_reopen: bool,
}

/// What stands between an append and the active segment.
enum Phase {
    /// Nothing is open. The helper opens a segment when an append asks.
    Dormant { wanted: bool },
    /// Ready.
    Open(SegmentWriter),
    /// The segment is full; the helper is to follow it with another.
    Rolling(SegmentWriter),
    /// The log is idle; the helper is to seal the segment.
    Closing(SegmentWriter),
    /// The helper is at work.
    Changing,
}

impl Log {
    /// A log as recovery found it, dormant.
    pub(super) fn new(
        engine: Arc<Engine>,
        partition: TopicPartition,
        topic_id: Uuid,
        directory: Arc<Path>,
        config: LogConfig,
        observer: Arc<dyn LogObserver>,
        recovered: Recovered,
    ) -> Arc<Self> {
        let epoch = recovered.epochs.latest();
        let segments = recovered.segments.into_iter().map(|segment| Segment::Sealed(Arc::new(segment))).collect();
        Arc::new(Self {
            engine,
            partition,
            topic_id,
            directory,
            config: ArcSwap::from_pointee(config),
            observer,
            state: ONLINE.into(),
            offline_reason: Mutex::default(),
            segments: ArcSwap::from_pointee(Segments(segments)),
            segments_change: Mutex::default(),
            log_start: recovered.log_start.0.into(),
            log_end: recovered.log_end.0.into(),
            durable_end: recovered.log_end.0.into(),
            epochs: RwLock::new(recovered.epochs),
            epochs_dirty: false.into(),
            report: recovered.report,
            writer: Mutex::new(Writer {
                phase: Phase::Dormant { wanted: false },
                producers: recovered.producers,
                epoch,
                tend_at: 0,
                wanted: 0,
                refused_until: None,
                unflushed_bytes: 0,
                covered: recovered.log_end,
                may_reopen: recovered.may_reopen,
            }),
            directory_work: Mutex::default(),
            room: Notify::new(),
            tending: tend::Tending::default(),
            flush: flush::FlushState::new(recovered.log_end),
            durable: Notify::new(),
            snapshots: checkpoint::Snapshots::new(recovered.snapshots),
            closed: Condvar::new(),
            last_append: 0.into(),
            damage_reported_until: 0.into(),
        })
    }

    /// The partition whose log it is.
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The topic's id.
    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// The first offset that may be read.
    pub fn log_start(&self) -> Offset {
        Offset(self.log_start.load(Ordering::Acquire))
    }

    /// The offset that the next record gets.
    pub fn log_end(&self) -> Offset {
        Offset(self.log_end.load(Ordering::Acquire))
    }

    /// Everything below it is on stable storage.
    pub fn durable_end(&self) -> Offset {
        Offset(self.durable_end.load(Ordering::Acquire))
    }

    /// The epoch of the last batch; `None` for a log that never had one.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.read().latest()
    }

    /// The epoch under which the record at `offset` was appended.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.read().epoch_at(offset)
    }

    /// The largest known epoch that is not above `epoch`, and where it ended (KIP-320); `None` for an epoch above all known.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let log_end = self.log_end();
        self.epochs.read().end_offset_for(epoch, log_end)
    }

    /// Bytes of record batches in all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.load().size()
    }

    /// What recovery found when the log was opened.
    pub fn recovery_report(&self) -> &RecoveryReport {
        &self.report
    }

    /// A look at the idempotent producers, under the append path's lock: keep it short.
    pub fn with_producers<T>(&self, look: impl FnOnce(&ProducerState) -> T) -> T {
        look(&self.writer.lock().producers)
    }

    /// The settings.
    pub fn config(&self) -> Arc<LogConfig> {
        self.config.load_full()
    }

    /// Changes the settings. They hold from the next append, roll or retention run on.
    pub fn set_config(self: &Arc<Self>, config: LogConfig) {
        let durable_from_now = config.flush == FlushPolicy::Fsync;
        self.config.store(Arc::new(config));
        if durable_from_now && self.durable_end() < self.log_end() {
            self.request_flush();
        }
    }

    /// Why nothing can be appended any more, if so.
    pub fn offline_reason(&self) -> Option<String> {
        self.offline_reason.lock().clone()
    }

    fn is_online(&self) -> bool {
        self.state.load(Ordering::Acquire) == ONLINE
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.state.load(Ordering::Acquire) == DELETED
    }

    /// A final operation failed: the log takes nothing more and acknowledges nothing more. Only a restart, which scans
    /// what the disk really holds, brings it back.
    pub(super) fn go_offline(&self, reason: &str) {
        if self.state.compare_exchange(ONLINE, OFFLINE, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        *self.offline_reason.lock() = Some(reason.to_owned());
        tracing::error!(log = %self.partition, reason, "the log goes offline; fix the disk and restart the broker");
        self.observer.offline(reason);
        self.wake_all();
    }

    /// The topic was deleted: its files are about to go. When this returns, nothing works in its directory any more.
    pub(super) fn mark_deleted(&self) {
        self.state.store(DELETED, Ordering::Release);
        self.observer.offline("the topic was deleted");
        self.wake_all();
        drop(self.directory_work.lock());
    }

    /// The broker stops: nothing may be written any more.
    pub(super) fn retire(&self) {
        if self.state.compare_exchange(ONLINE, OFFLINE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            *self.offline_reason.lock() = Some("the broker is stopping".to_owned());
            self.wake_all();
        }
    }

    fn wake_all(&self) {
        self.room.notify_waiters();
        self.durable.notify_waiters();
        self.closed.notify_all();
    }

    /// Runs work that goes by paths in the log's directory; nothing when the log is deleted.
    pub(super) fn in_directory(&self, work: impl FnOnce()) {
        let _guard = self.directory_work.lock();
        if !self.is_deleted() {
            work();
        }
    }

    /// Raises the log start offset in memory. Answers whether it changed.
    pub(super) fn raise_log_start(&self, to: Offset) -> bool {
        let before = self.log_start.fetch_max(to.0, Ordering::AcqRel);
        if before >= to.0 {
            return false;
        }
        if self.epochs.write().cut_start(to) {
            self.epochs_dirty.store(true, Ordering::Release);
        }
        self.observer.log_start_advanced(to);
        true
    }

    /// Publishes a changed list of segments.
    pub(super) fn change_segments(&self, change: impl FnOnce(&mut Vec<Segment>)) {
        let _guard = self.segments_change.lock();
        let mut segments = (**self.segments.load()).clone();
        change(&mut segments.0);
        self.segments.store(Arc::new(segments));
    }

    /// Whether neither helper nor flusher has anything to do for the log.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.tending.is_idle() && self.flush.is_idle()
    }

    /// The active segment, when there is one.
    pub(super) fn active(&self) -> Option<Arc<ActiveSegment>> {
        match self.segments.load().0.last() {
            Some(Segment::Active(segment)) => Some(segment.clone()),
            _ => None,
        }
    }
}
