//! One timer for all shards.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::Notify;

use crate::group::Millis;

/// When which shard is to be looked at.
pub(super) struct Timer {
    deadlines: Vec<AtomicI64>,
    /// When the timer's task wakes by itself. It is woken for anything earlier.
    sleeps_until: AtomicI64,
    changed: Notify,
}

impl Timer {
    pub fn new(shards: usize) -> Self {
        let never = || AtomicI64::new(Millis::NEVER.0);
        Self { deadlines: (0..shards).map(|_| never()).collect(), sleeps_until: never(), changed: Notify::new() }
    }

    /// The next deadline of a shard has changed. The one of the last call counts.
    pub fn set(&self, shard: usize, deadline: Option<Millis>) {
        let at = deadline.unwrap_or(Millis::NEVER).0;
        if let Some(slot) = self.deadlines.get(shard) {
            slot.store(at, SeqCst);
        }
        if at < self.sleeps_until.load(SeqCst) {
            self.changed.notify_one();
        }
    }

    /// The shards whose deadline has passed. Each is asked for a new one before it is looked at again.
    pub fn take_due(&self, now: Millis) -> Vec<usize> {
        let due = |slot: &AtomicI64| slot.fetch_update(SeqCst, SeqCst, |at| (at <= now.0).then_some(i64::MAX)).is_ok();
        self.deadlines.iter().enumerate().filter(|(_, slot)| due(slot)).map(|(shard, _)| shard).collect()
    }

    /// Sleeps until something may be due.
    pub async fn wait(&self, now: Millis) {
        let changed = self.changed.notified();
        self.sleeps_until.store(i64::MAX, SeqCst);
        // Whoever sets an earlier deadline from here on sees that the timer sleeps too long, and wakes it.
        let next = self.deadlines.iter().map(|slot| slot.load(SeqCst)).min().unwrap_or(i64::MAX);
        self.sleeps_until.store(next, SeqCst);
        let ms = u64::try_from(next.saturating_sub(now.0)).unwrap_or(0);
        if next == i64::MAX {
            changed.await;
        } else {
            let _ = tokio::time::timeout(Duration::from_millis(ms), changed).await;
        }
    }

    pub fn wake(&self) {
        self.changed.notify_one();
    }
}
