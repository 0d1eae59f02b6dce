//! Threads that block so that the runtime's threads do not have to: they flush, prepare and seal segments, unlink.
//!
//! A pool starts threads on demand up to its limit and lets them go after a while without work, so an idle broker has
//! none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A thread that found no work for so long ends.
const IDLE_THREAD_LIFETIME: Duration = Duration::from_secs(10);

/// Stack of a worker: jobs are shallow, and many threads may exist.
const STACK_BYTES: usize = 512 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A bounded number of threads that run jobs in the order they came.
pub(super) struct Workers {
    name: &'static str,
    limit: usize,
    queue: Mutex<Queue>,
    work: Condvar,
    /// The last thread has gone.
    empty: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    sleeping: usize,
    abandoned: bool,
}

impl Workers {
    pub(super) fn new(name: &'static str, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            name,
            limit: limit.max(1),
            queue: Mutex::default(),
            work: Condvar::new(),
            empty: Condvar::new(),
        })
    }

    /// Queues a job. The queue is bounded by its callers: a log has at most one job of each kind in it.
    /// A pool that was abandoned forgets it.
    pub(super) fn submit(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) {
        let mut queue = self.queue.lock();
        if queue.abandoned {
            return;
        }
        queue.jobs.push_back(Box::new(job));
        if queue.sleeping >= queue.jobs.len() {
            self.work.notify_one();
        } else if queue.threads < self.limit {
            queue.threads += 1;
            drop(queue);
            self.start_thread();
        }
    }

    /// Whether jobs wait because all threads are busy.
    pub(super) fn has_waiting(&self) -> bool {
        let queue = self.queue.lock();
        queue.jobs.len() > queue.sleeping
    }

    /// Forgets the jobs that wait, and returns when none runs any more: from here on the pool touches no file.
    pub(super) fn abandon(&self) {
        let mut queue = self.queue.lock();
        queue.abandoned = true;
        let forgotten = std::mem::take(&mut queue.jobs);
        self.work.notify_all();
        while queue.threads > 0 {
            self.empty.wait(&mut queue);
        }
        // What a job holds may take locks of its own when it goes.
        drop(queue);
        drop(forgotten);
    }

    fn start_thread(self: &Arc<Self>) {
        let pool = self.clone();
        let started =
            std::thread::Builder::new().name(self.name.into()).stack_size(STACK_BYTES).spawn(move || pool.run());
        if let Err(error) = started {
            let mut queue = self.queue.lock();
            queue.threads -= 1;
            // With another thread alive the job waits for it; with none, nobody would ever run it.
            let job = if queue.threads == 0 { queue.jobs.pop_front() } else { None };
            drop(queue);
            tracing::error!(%error, pool = self.name, "cannot start a storage thread; raise the limit on threads");
            if let Some(job) = job {
                job();
            }
        }
    }

    fn run(&self) {
        loop {
            let mut queue = self.queue.lock();
            let mut idle = queue.abandoned;
            while queue.jobs.is_empty() {
                if idle {
                    queue.threads -= 1;
                    if queue.threads == 0 {
                        self.empty.notify_all();
                    }
                    return;
                }
                queue.sleeping += 1;
                idle = self.work.wait_for(&mut queue, IDLE_THREAD_LIFETIME).timed_out();
                queue.sleeping -= 1;
                idle |= queue.abandoned;
            }
            let job = queue.jobs.pop_front();
            drop(queue);
            if let Some(job) = job {
                job();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_run_side_by_side_up_to_the_limit() {
        let pool = Workers::new("test", 4);
        let barrier = Arc::new(std::sync::Barrier::new(4));
        let (done, finished) = mpsc::channel();
        for _ in 0..8 {
            let (barrier, done) = (barrier.clone(), done.clone());
            pool.submit(move || {
                barrier.wait();
                done.send(()).unwrap();
            });
        }
        for _ in 0..8 {
            finished.recv_timeout(Duration::from_secs(10)).expect("four jobs must be able to wait for each other");
        }
        assert!(pool.queue.lock().threads <= 4);
    }

    #[test]
    fn an_abandoned_pool_finishes_what_runs_and_forgets_what_waits() {
        let pool = Workers::new("test", 1);
        let (running, runs) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let finished = Arc::new(AtomicUsize::new(0));
        let count = finished.clone();
        pool.submit(move || {
            running.send(()).unwrap();
            let _ = released.recv();
            count.fetch_add(1, Ordering::SeqCst);
        });
        runs.recv_timeout(Duration::from_secs(10)).expect("the first job runs");
        let never = finished.clone();
        pool.submit(move || _ = never.fetch_add(10, Ordering::SeqCst));
        std::thread::scope(|scope| {
            let abandoning = scope.spawn(|| pool.abandon());
            while !pool.queue.lock().abandoned {
                std::thread::yield_now();
            }
            let late = finished.clone();
            pool.submit(move || _ = late.fetch_add(100, Ordering::SeqCst));
            release.send(()).unwrap();
            abandoning.join().unwrap();
        });
        assert_eq!(finished.load(Ordering::SeqCst), 1);
        assert_eq!(pool.queue.lock().threads, 0);
    }
}
