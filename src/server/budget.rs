//! The bytes that all connections together may hold in requests.
//!
//! Bytes are counted as they arrive. When the budget is used up nobody reads on; requests that are complete give their
//! bytes back when they are answered. Half frames give nothing back by themselves, so the one with the least progress is
//! closed: they cannot block each other, and a thousand slow senders cannot lock out everybody else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use super::input::Partial;

/// The budget of one server.
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    /// Whether somebody waits for room; spares [`Budget::give`] the lock in the usual case.
    waiting: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    half_frames: HashMap<u64, HalfFrame>,
    /// Connections that wait for room.
    waiters: HashMap<u64, Waker>,
    /// Bytes of connections that were told to close and still hold them.
    being_freed: usize,
}

struct HalfFrame {
    partial: Partial,
    evicted: bool,
    waker: Waker,
}

/// What a connection that wants to read is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Read on.
    Free,
    /// Wait to be woken.
    Wait,
    /// Everything is used up, and the caller's half frame has made the least progress: close.
    Evicted,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), waiting: AtomicBool::new(false), state: Mutex::default() })
    }

    /// Whether `connection`, which holds `own` of a frame, may read more now. If not, `waker` is woken when there is room,
    /// and the half frame with the least progress has been told to go, unless it is the caller's own.
    pub(super) fn room(&self, connection: u64, own: Option<Partial>, waker: &Waker) -> Room {
        if self.used.load(Ordering::SeqCst) < self.limit {
            return Room::Free;
        }
        let mut state = self.state.lock();
        state.waiters.insert(connection, waker.clone());
        self.waiting.store(true, Ordering::SeqCst);
        // Bytes given back between the look above and the flag were not announced to this waiter.
        let used = self.used.load(Ordering::SeqCst);
        if used < self.limit {
            return Room::Free;
        }
        if used - state.being_freed.min(used) < self.limit {
            return Room::Wait;
        }
        state.evict_least_progress(own)
    }

    /// Bytes held now.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::SeqCst);
    }

    fn give(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) {
            let mut state = self.state.lock();
            self.waiting.store(false, Ordering::SeqCst);
            for (_, waiter) in state.waiters.drain() {
                waiter.wake();
            }
        }
    }

    /// Makes a half frame known while its connection waits for the rest.
    pub(super) fn track(&self, connection: u64, partial: Partial, waker: &Waker) {
        let half_frame = HalfFrame { partial, evicted: false, waker: waker.clone() };
        self.state.lock().half_frames.insert(connection, half_frame);
    }

    /// Ends [`Budget::track`]. True if the half frame had to go meanwhile: the connection is to be closed.
    pub(super) fn untrack(&self, connection: u64) -> bool {
        let mut state = self.state.lock();
        let Some(half) = state.half_frames.remove(&connection) else { return false };
        if half.evicted {
            state.being_freed -= half.partial.received;
        }
        half.evicted
    }
}

impl State {
    fn evict_least_progress(&mut self, own: Option<Partial>) -> Room {
        let others = self.half_frames.values_mut().filter(|half| !half.evicted);
        let Some(least) = others.min_by_key(|half| half.partial.progress()) else { return Room::Wait };
        if own.is_some_and(|own| own.progress() < least.partial.progress()) {
            return Room::Evicted;
        }
        least.evicted = true;
        self.being_freed += least.partial.received;
        least.waker.wake_by_ref();
        Room::Wait
    }
}

/// Bytes counted in a budget until this is dropped.
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// A permit for nothing yet.
    pub(super) fn empty(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// Counts bytes that arrived.
    pub(super) fn grow(&mut self, bytes: usize) {
        self.budget.add(bytes);
        self.bytes += bytes;
    }

    /// Splits off the part that belongs to one request.
    pub(super) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { budget: Arc::clone(&self.budget), bytes }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(received: usize, expected: usize) -> Partial {
        Partial { received, expected }
    }

    #[test]
    fn the_half_frame_with_the_least_progress_has_to_go_first() {
        let budget = Budget::new(100);
        let mut permit = Permit::empty(&budget);
        permit.grow(100);
        budget.track(1, partial(60, 100), Waker::noop());
        budget.track(2, partial(40, 4000), Waker::noop());
        assert_eq!(budget.room(9, None, Waker::noop()), Room::Wait);
        assert!(!budget.untrack(1));
        assert!(budget.untrack(2));
    }

    #[test]
    fn one_eviction_at_a_time_is_enough_while_its_bytes_are_on_their_way_back() {
        let budget = Budget::new(100);
        let mut permit = Permit::empty(&budget);
        permit.grow(100);
        budget.track(1, partial(50, 100), Waker::noop());
        budget.track(2, partial(50, 200), Waker::noop());
        assert_eq!(budget.room(9, None, Waker::noop()), Room::Wait);
        assert_eq!(budget.room(9, None, Waker::noop()), Room::Wait);
        assert!(!budget.untrack(1));
        assert!(budget.untrack(2));
    }

    #[test]
    fn whoever_asks_for_room_goes_itself_if_it_has_made_the_least_progress() {
        let budget = Budget::new(100);
        let mut permit = Permit::empty(&budget);
        permit.grow(100);
        budget.track(1, partial(50, 100), Waker::noop());
        assert_eq!(budget.room(2, Some(partial(50, 200)), Waker::noop()), Room::Evicted);
        assert!(!budget.untrack(1));
    }

    #[test]
    fn complete_requests_are_waited_for() {
        let budget = Budget::new(100);
        let mut permit = Permit::empty(&budget);
        permit.grow(100);
        assert_eq!(budget.room(2, Some(partial(50, 200)), Waker::noop()), Room::Wait);
    }

    #[test]
    fn room_comes_back_with_the_permit() {
        let budget = Budget::new(100);
        let mut permit = Permit::empty(&budget);
        permit.grow(120);
        let request = permit.split(100);
        assert_eq!(budget.room(9, None, Waker::noop()), Room::Wait);
        drop(request);
        assert_eq!(budget.room(9, None, Waker::noop()), Room::Free);
        assert_eq!(permit.bytes(), 20);
    }
}
