//! The high watermark of a partition, and everybody who waits for it.
//!
//! Records below the high watermark are visible to consumers and acknowledged to producers that asked for it. Produce answers wait
//! for one partition, readers have a [`Watch`](super::Watch) on each of many; both are wakers in the same table, sorted by the
//! offset they wait for.
//!
//! The invariant: nobody is in the table whose offset is reached, or whose log is closed. It holds because value, closing and
//! table change under one short lock. Looking at the value takes no lock.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::storage::types::Offset;

/// Why an offset will never be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// A flush failed: what is not durable by now never will be.
    #[error("the log is offline")]
    Offline,
    /// The topic was deleted.
    #[error("the topic was deleted")]
    Deleted,
}

/// What the high watermark follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// What is on stable storage: visible records survive a power cut (`durability = fsync`, or `flush.messages = 1`).
    DurableEnd,
    /// What was appended: visible records survive the end of the process, not a power cut (`durability = os`).
    LogEnd,
}

/// The offset below which records are visible. It only grows.
#[derive(Debug)]
pub struct HighWatermark {
    value: AtomicI64,
    closed: OnceLock<Closed>,
    follows_log_end: AtomicBool,
    waiters: Mutex<Waiters>,
}

#[derive(Debug, Default)]
struct Waiters {
    /// Keyed by the offset waited for, then by arrival.
    wakers: BTreeMap<(Offset, u64), Waker>,
    arrivals: u64,
}

impl HighWatermark {
    /// A high watermark at `value`, the end of the log as it was found at start.
    pub fn new(value: Offset, follows: Follows) -> Self {
        let follows_log_end = AtomicBool::new(follows == Follows::LogEnd);
        Self { value: AtomicI64::new(value.0), closed: OnceLock::new(), follows_log_end, waiters: Mutex::default() }
    }

    /// The high watermark now.
    pub fn get(&self) -> Offset {
        Offset(self.value.load(Ordering::Acquire))
    }

    /// Why it does not move any more, if so.
    pub fn closed(&self) -> Option<Closed> {
        self.closed.get().copied()
    }

    /// What moves it.
    pub fn follows(&self) -> Follows {
        if self.follows_log_end.load(Ordering::Acquire) { Follows::LogEnd } else { Follows::DurableEnd }
    }

    /// Changes what moves it from now on. It does not move by itself, and never back.
    pub fn follow(&self, follows: Follows) {
        self.follows_log_end.store(follows == Follows::LogEnd, Ordering::Release);
    }

    /// Moves to `offset` and wakes exactly those who wait for it or less. Lower offsets are no news, and after closing it stands still.
    pub fn advance(&self, offset: Offset) {
        let reached = self.publish(&mut self.waiters.lock(), offset);
        reached.into_iter().for_each(Waker::wake);
    }

    fn publish(&self, waiters: &mut Waiters, offset: Offset) -> Vec<Waker> {
        if offset <= self.get() || self.closed().is_some() {
            return Vec::new();
        }
        self.value.store(offset.0, Ordering::Release);
        waiters.take_reached(offset)
    }

    /// Stands still from now on and wakes everybody. Only the first reason counts.
    pub fn close(&self, reason: Closed) {
        let abandoned = {
            let mut waiters = self.waiters.lock();
            let _ = self.closed.set(reason); // already closed: the first reason stays
            std::mem::take(&mut waiters.wakers)
        };
        abandoned.into_values().for_each(Waker::wake);
    }

    /// Waits until the high watermark is at `target` or above it. What was reached before a log closed counts as reached. Dropping
    /// the future cancels the wait.
    pub fn reached(&self, target: Offset) -> Reached<&Self> {
        Reached::new(self, target)
    }

    /// How many waits are in the table.
    pub fn waiting(&self) -> usize {
        self.waiters.lock().wakers.len()
    }

    fn outcome(&self, target: Offset) -> Option<Result<(), Closed>> {
        if target <= self.get() {
            return Some(Ok(()));
        }
        // Once closed the value is final, but it may have moved between the two looks.
        let reason = self.closed()?;
        Some(if target <= self.get() { Ok(()) } else { Err(reason) })
    }
}

impl Waiters {
    fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    fn take_reached(&mut self, value: Offset) -> Vec<Waker> {
        let mut reached = Vec::new();
        while let Some(first) = self.wakers.first_entry().filter(|first| first.key().0 <= value) {
            reached.push(first.remove());
        }
        reached
    }

    fn assert_unreached(&self, value: Offset) {
        debug_assert!(
            self.wakers.first_key_value().is_none_or(|((target, _), _)| *target > value),
            "somebody waits for an offset that is reached"
        );
    }
}

/// The wait for one high watermark: a future, and the task's place in the table once it has one.
#[derive(Debug)]
#[must_use = "a future waits only while it is polled"]
pub struct Reached<H: Deref<Target = HighWatermark>> {
    high_watermark: H,
    target: Offset,
    registered: Option<(u64, Waker)>,
}

impl<H: Deref<Target = HighWatermark>> Reached<H> {
    pub(super) fn new(high_watermark: H, target: Offset) -> Self {
        Self { high_watermark, target, registered: None }
    }
}

impl<H: Deref<Target = HighWatermark> + Unpin> Future for Reached<H> {
    type Output = Result<(), Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { high_watermark, target, registered } = self.get_mut();
        if let Some(outcome) = high_watermark.outcome(*target) {
            return Poll::Ready(outcome);
        }
        if registered.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let mut waiters = high_watermark.waiters.lock();
        // Nothing moves under the lock: whoever is not served now is in the table before anything does.
        if let Some(outcome) = high_watermark.outcome(*target) {
            return Poll::Ready(outcome);
        }
        let arrival = registered.as_ref().map_or_else(|| waiters.next_arrival(), |(arrival, _)| *arrival);
        waiters.wakers.insert((*target, arrival), cx.waker().clone());
        waiters.assert_unreached(high_watermark.get());
        *registered = Some((arrival, cx.waker().clone()));
        Poll::Pending
    }
}

impl<H: Deref<Target = HighWatermark>> Drop for Reached<H> {
    fn drop(&mut self) {
        // Whoever was served has left the table already.
        if let Some((arrival, _)) = self.registered
            && self.high_watermark.outcome(self.target).is_none()
        {
            self.high_watermark.waiters.lock().wakers.remove(&(self.target, arrival));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use proptest::prelude::*;

    use super::super::News;
    use super::*;

    /// A task that counts how often it was woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Task {
        fn woken(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn poll<F: Future + Unpin>(future: &mut F, task: &Arc<Task>) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(&Waker::from(task.clone())))
    }

    fn at(value: i64) -> Arc<HighWatermark> {
        Arc::new(HighWatermark::new(Offset(value), Follows::DurableEnd))
    }

    #[test]
    fn what_is_reached_does_not_wait() {
        let (high_watermark, task) = (at(10), Arc::default());
        assert_eq!(poll(&mut high_watermark.reached(Offset(10)), &task), Poll::Ready(Ok(())));
        assert_eq!(high_watermark.waiting(), 0);
    }

    #[test]
    fn it_never_moves_back() {
        let high_watermark = at(10);
        high_watermark.advance(Offset(9));
        assert_eq!(high_watermark.get(), Offset(10));
    }

    #[test]
    fn a_closed_log_answers_all_waits() {
        let (high_watermark, task) = (at(10), Arc::default());
        let mut wait = high_watermark.reached(Offset(11));
        assert!(poll(&mut wait, &task).is_pending());
        high_watermark.close(Closed::Offline);
        high_watermark.close(Closed::Deleted);
        assert_eq!((task.woken(), high_watermark.waiting()), (1, 0));
        assert_eq!(poll(&mut wait, &task), Poll::Ready(Err(Closed::Offline)));
        high_watermark.advance(Offset(11));
        assert_eq!(
            poll(&mut high_watermark.reached(Offset(11)), &task),
            Poll::Ready(Err(Closed::Offline)),
            "it stands still"
        );
        assert_eq!(
            poll(&mut high_watermark.reached(Offset(10)), &task),
            Poll::Ready(Ok(())),
            "what was reached stays so"
        );
    }

    #[test]
    fn a_wait_that_moved_to_another_task_wakes_that_one() {
        let (high_watermark, first, second) = (at(0), Arc::default(), Arc::default());
        let mut wait = high_watermark.reached(Offset(1));
        assert!(poll(&mut wait, &first).is_pending());
        assert!(poll(&mut wait, &second).is_pending());
        assert_eq!(high_watermark.waiting(), 1);
        high_watermark.advance(Offset(1));
        assert_eq!((first.woken(), second.woken()), (0, 1));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Wait(i64),
        Cancel(usize),
        Advance(i64),
        Close,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..40i64).prop_map(Step::Wait),
            3 => any::<usize>().prop_map(Step::Cancel),
            4 => (0..40i64).prop_map(Step::Advance),
            1 => Just(Step::Close),
        ]
    }

    proptest! {
        /// The model: a number, whether it is closed, and who waits for which offset. After every step exactly those were woken
        /// that the model says, each once, and the table holds exactly the others.
        #[test]
        fn exactly_those_who_are_served_are_woken(steps in proptest::collection::vec(step(), 1..60)) {
            let high_watermark = at(0);
            let (mut value, mut closed) = (0, false);
            let mut waits: Vec<(i64, Arc<Task>, Reached<&HighWatermark>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Wait(target) => {
                        let (task, mut wait) = (Arc::default(), high_watermark.reached(Offset(target)));
                        let expected = if target <= value { Poll::Ready(Ok(())) }
                            else if closed { Poll::Ready(Err(Closed::Offline)) }
                            else { Poll::Pending };
                        prop_assert_eq!(poll(&mut wait, &task), expected);
                        if expected.is_pending() {
                            waits.push((target, task, wait));
                        }
                    }
                    Step::Cancel(i) if !waits.is_empty() => drop(waits.swap_remove(i % waits.len())),
                    Step::Cancel(_) => {}
                    Step::Advance(to) => {
                        high_watermark.advance(Offset(to));
                        value = if closed { value } else { value.max(to) };
                    }
                    Step::Close => {
                        high_watermark.close(Closed::Offline);
                        closed = true;
                    }
                }
                prop_assert_eq!(high_watermark.get(), Offset(value));
                for (target, task, _) in &waits {
                    prop_assert_eq!(task.woken(), usize::from(*target <= value || closed), "target {}", target);
                }
                for (target, task, mut wait) in waits.extract_if(.., |(target, ..)| *target <= value || closed) {
                    let expected = if target <= value { Ok(()) } else { Err(Closed::Offline) };
                    prop_assert_eq!(poll(&mut wait, &task), Poll::Ready(expected));
                }
                prop_assert_eq!(high_watermark.waiting(), waits.len());
            }
        }
    }

    /// A thread announces each wait and then waits; another one holds the table meanwhile and advances a moment later, between the
    /// first look of the waiting thread and its entry. A lost wake-up would leave that thread parked, and the test would not end.
    #[test]
    fn no_wake_up_is_lost_between_threads() {
        race(|a, target| block_on(a.reached(target)).unwrap());
        let news = Arc::<News>::default();
        race(|a, target| {
            let _watch = news.watch(a, target, 0);
            block_on(std::pin::pin!(news.arrived()));
            assert_eq!(news.take(), [0]);
        });
    }

    fn race(wait: impl Fn(&Arc<HighWatermark>, Offset) + Send + Sync) {
        const ROUNDS: i64 = 2_000;
        let (a, announced) = (at(0), AtomicI64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for target in 1..=ROUNDS {
                    announced.store(target, Ordering::SeqCst);
                    wait(&a, Offset(target));
                }
            });
            for target in 1..=ROUNDS {
                let mut waiters = a.waiters.lock();
                while announced.load(Ordering::SeqCst) < target {
                    // The thread may be leaving the table after its last wait.
                    parking_lot::MutexGuard::bump(&mut waiters);
                }
                (0..target % 500).for_each(|_| std::hint::spin_loop());
                let reached = a.publish(&mut waiters, Offset(target));
                drop(waiters);
                reached.into_iter().for_each(Waker::wake);
            }
        });
        assert_eq!(a.waiting(), 0);
    }

    fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
        struct Parked(std::thread::Thread);
        impl Wake for Parked {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Parked(std::thread::current())));
        loop {
            match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}
