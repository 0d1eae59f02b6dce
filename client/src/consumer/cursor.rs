//! Where the application stands in one partition.

use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, Ordering};

use crate::record::TopicPartition;

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const DEAD: u8 = 2;

/// A walk through a partition from one place on. A seek or a new assignment begins another walk with another cursor: what was
/// fetched for the old one is recognised by it and thrown away. Written by the one who receives, read by everybody.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) partition: TopicPartition,
    state: AtomicU8,
    /// The offset to be handed out next; −1 while it is being looked up.
    position: AtomicI64,
    /// The offset behind what the application is done with.
    processed: AtomicI64,
    /// Leader epoch of the batch that was entered last; −1 if unknown.
    epoch: AtomicI32,
}

impl Cursor {
    /// Somewhere that has to be looked up.
    pub(super) fn new(partition: TopicPartition) -> Self {
        Self {
            partition,
            state: AtomicU8::new(RUNNING),
            position: AtomicI64::new(-1),
            processed: AtomicI64::new(-1),
            epoch: AtomicI32::new(-1),
        }
    }

    /// It begins here.
    pub(super) fn place(&self, offset: i64, epoch: i32) {
        self.epoch.store(epoch, Ordering::Relaxed);
        self.position.store(offset, Ordering::Relaxed);
        self.processed.store(offset, Ordering::Release);
    }

    pub(super) fn position(&self) -> Option<i64> {
        Some(self.position.load(Ordering::Relaxed)).filter(|offset| *offset >= 0)
    }

    /// The offset to commit, with the leader epoch of the record before it.
    pub(super) fn processed(&self) -> Option<(i64, i32)> {
        let offset = self.processed.load(Ordering::Acquire);
        (offset >= 0).then(|| (offset, self.epoch.load(Ordering::Relaxed)))
    }

    pub(super) fn epoch(&self) -> i32 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Everything before this offset was handed out.
    #[inline]
    pub(super) fn advance(&self, to: i64) {
        self.position.store(to, Ordering::Relaxed);
    }

    pub(super) fn enters_epoch(&self, epoch: i32) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// The application is done with all that it was given.
    #[inline]
    pub(super) fn finish(&self) {
        self.processed.store(self.position.load(Ordering::Relaxed), Ordering::Release);
    }

    /// Whether the application holds a record that it is not done with.
    pub(super) fn holds_any(&self) -> bool {
        self.processed.load(Ordering::Acquire) != self.position.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn is_running(&self) -> bool {
        self.state.load(Ordering::Acquire) == RUNNING
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state.load(Ordering::Acquire) == DEAD
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.state.store(if paused { PAUSED } else { RUNNING }, Ordering::Release);
    }

    /// Nothing of it counts any more.
    pub(super) fn kill(&self) {
        self.state.store(DEAD, Ordering::Release);
    }
}
