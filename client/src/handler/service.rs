//! The loop of a service: takes records while workers are idle, starts them, commits what is done, and gives partitions up in
//! good order.
//!
//! One task owns everything, so nothing is locked. Handlers run in tasks of their own; so does a commit, of which one is under
//! way at a time. The hooks of the rebalance send a [`Change`] and wait for its reply: a partition is given up when the records
//! of it that were started are done and committed.

use std::collections::HashSet;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::assignments::{Assignments, Order};
use super::attempt::{BoxError, Outcome, handle};
use super::on_error::OnError;
use super::progress::Position;
use super::source::{Source, Task};
use super::workers::{Lane, Workers};
use crate::error::{Error, ErrorKind};
use crate::network::Backoff;
use crate::record::{ConsumerRecord, TopicPartition};

/// A partition is paused while so many of its records wait for slower ones with the same key: the others take their turn.
const WAITING_MAX: usize = 256;
/// A partition is paused while so many of its records wait for one before them to be done: all of them would be handled again
/// after a crash.
const OUTSTANDING_MAX: usize = 10_000;
/// How long the last commit of a partition may take, after its handlers had their time.
const LAST_COMMIT: Duration = Duration::from_secs(5);
/// The pause after the source could not give records.
const RECV_PAUSE: Duration = Duration::from_millis(100);
const RECV_PAUSE_MAX: Duration = Duration::from_secs(5);

/// What changed about the partitions of this member.
#[derive(Debug)]
pub(super) enum Change {
    /// They are its own from now on.
    Assigned(Vec<TopicPartition>),
    /// They are to be given up. Answered when that is done.
    Revoked(Vec<TopicPartition>, oneshot::Sender<()>),
    /// They are another's already.
    Lost(Vec<TopicPartition>),
}

/// How a service works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) concurrency: usize,
    pub(super) order: Order,
    pub(super) on_error: OnError,
    pub(super) commit_interval: Duration,
    /// How long the end of a service or a partition waits for handlers.
    pub(super) drain: Duration,
}

/// A running service.
pub(super) struct Service<S, H> {
    source: S,
    handler: Arc<H>,
    settings: Settings,
    changes: mpsc::UnboundedReceiver<Change>,
    workers: Workers<ConsumerRecord>,
    assignments: Assignments,
    paused: HashSet<TopicPartition>,
    tasks: JoinSet<(Lane, i64, Outcome)>,
    commit: Option<Commit>,
    next_commit: Instant,
    leaving: Vec<Leaving>,
    /// Set when the service is to end, and why.
    stopping: Option<Result<(), Error>>,
    failures: Backoff,
    /// No records are asked for before.
    recv_after: Instant,
}

/// A commit that is under way.
struct Commit {
    offsets: Vec<(TopicPartition, Position)>,
    answer: Task<Result<(), Error>>,
}

/// Partitions that are to be given up.
struct Leaving {
    numbers: Vec<u64>,
    /// Handlers have until then.
    by: Instant,
    /// A commit was started when their handlers were done: the answer to it is the last word.
    tried: bool,
    /// Nothing can be committed for them any more.
    refused: bool,
    /// Whoever waits for it; nobody but the service itself when it ends.
    reply: Option<oneshot::Sender<()>>,
}

impl Leaving {
    /// Whether handlers are done, or had their time.
    fn is_handled(&self, now: Instant, assignments: &Assignments) -> bool {
        now >= self.by || self.numbers.iter().all(|number| assignments.is_idle(*number))
    }
}

/// What woke the loop.
enum Event {
    Stop,
    Change(Change),
    Ended(Lane, i64, Outcome),
    Committed(Result<(), Error>),
    Records(Result<Vec<ConsumerRecord>, Error>),
    Time,
}

impl<S, H, F, E> Service<S, H>
where
    S: Source,
    H: Fn(ConsumerRecord) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxError> + 'static,
{
    pub(super) fn new(source: S, handler: H, settings: Settings, changes: mpsc::UnboundedReceiver<Change>) -> Self {
        Self {
            source,
            handler: Arc::new(handler),
            settings,
            changes,
            workers: Workers::new(settings.concurrency.max(1)),
            assignments: Assignments::default(),
            paused: HashSet::new(),
            tasks: JoinSet::new(),
            commit: None,
            next_commit: Instant::now() + settings.commit_interval,
            leaving: Vec::new(),
            stopping: None,
            failures: Backoff::new(RECV_PAUSE, RECV_PAUSE_MAX),
            recv_after: Instant::now(),
        }
    }

    /// Works until `shutdown`, or an error that no waiting helps. Gives the source back.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()>) -> (S, Result<(), Error>) {
        let mut shutdown = pin!(shutdown);
        loop {
            self.start_ready();
            self.settle();
            if self.stopping.is_some() && self.leaving.is_empty() {
                break;
            }
            let event = self.next_event(shutdown.as_mut()).await;
            self.apply(event);
        }
        let unfinished = self.tasks.len();
        let result = match self.stopping.unwrap_or(Ok(())) {
            Ok(()) if unfinished > 0 => Err(unfinished_error(unfinished, self.settings.drain)),
            result => result,
        };
        (self.source, result)
    }

    async fn next_event(&mut self, shutdown: Pin<&mut impl Future<Output = ()>>) -> Event {
        let now = Instant::now();
        let takes = self.stopping.is_none() && now >= self.recv_after;
        let wanted = if takes { self.workers.idle() } else { 0 };
        let wake = self.next_wake(now);
        let commit = self.commit.as_mut();
        tokio::select! {
            biased;
            () = shutdown, if self.stopping.is_none() => Event::Stop,
            Some(change) = self.changes.recv() => Event::Change(change),
            Some(ended) = self.tasks.join_next() => ended.map_or(Event::Time, |(lane, offset, outcome)| Event::Ended(lane, offset, outcome)),
            answer = async {
                match commit {
                    Some(commit) => commit.answer.as_mut().await,
                    None => pending().await,
                }
            } => Event::Committed(answer),
            records = self.source.recv(wanted), if wanted > 0 => Event::Records(records),
            () = sleep_until(wake) => Event::Time,
        }
    }

    /// When time itself changes something.
    fn next_wake(&self, now: Instant) -> Instant {
        let deadlines =
            self.leaving.iter().map(|leaving| if now < leaving.by { leaving.by } else { leaving.by + LAST_COMMIT });
        let commit = self.commit.is_none().then_some(self.next_commit);
        let recv = (now < self.recv_after).then_some(self.recv_after);
        deadlines.chain(commit).chain(recv).min().unwrap_or(now + self.settings.commit_interval)
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Time => {}
            Event::Stop => self.stop(Ok(())),
            Event::Change(change) => self.change(change),
            Event::Ended(lane, offset, outcome) => self.ended(lane, offset, outcome),
            Event::Committed(answer) => self.committed(answer),
            Event::Records(Ok(records)) => {
                self.failures.reset();
                for record in records {
                    self.take(record);
                }
            }
            Event::Records(Err(error)) if error.is_retriable() => {
                tracing::warn!(%error, "no records can be had at the moment");
                self.recv_after = Instant::now() + self.failures.next();
            }
            Event::Records(Err(error)) => self.stop(Err(error)),
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Assigned(partitions) => partitions.into_iter().for_each(|partition| {
                self.paused.remove(&partition);
                self.assignments.add(partition);
            }),
            Change::Revoked(partitions, reply) => {
                let numbers = partitions.iter().filter_map(|partition| self.assignments.number(partition)).collect();
                self.leave(numbers, Some(reply));
            }
            Change::Lost(partitions) => {
                for number in
                    partitions.iter().filter_map(|partition| self.assignments.number(partition)).collect::<Vec<_>>()
                {
                    self.workers.forget(number);
                    self.assignments.end(number);
                    self.assignments.remove(number);
                }
            }
        }
    }

    /// Starts nothing more of these, and waits for what was started.
    fn leave(&mut self, numbers: Vec<u64>, reply: Option<oneshot::Sender<()>>) {
        for number in &numbers {
            self.workers.forget(*number);
            self.assignments.end(*number);
        }
        let by = Instant::now() + self.settings.drain;
        self.leaving.push(Leaving { numbers, by, tried: false, refused: false, reply });
    }

    fn stop(&mut self, why: Result<(), Error>) {
        if self.stopping.is_none() {
            self.stopping = Some(why);
            self.leave(self.assignments.all(), None);
        }
    }

    fn take(&mut self, record: ConsumerRecord) {
        // A record of a partition that was given up while it was on its way is another member's to handle.
        let Some(lane) = self.assignments.take(&record, self.settings.order) else { return };
        let number = lane.assignment;
        let full =
            self.assignments.waiting(number) >= WAITING_MAX || self.assignments.outstanding(number) >= OUTSTANDING_MAX;
        if full && self.paused.insert(record.topic_partition()) {
            self.source.pause(&record.topic_partition());
        }
        self.workers.push(lane, record);
    }

    fn start_ready(&mut self) {
        while let Some((lane, record)) = self.workers.start() {
            let Some(ending) = self.assignments.started(lane.assignment) else {
                self.workers.done(lane);
                continue;
            };
            let (handler, policy, offset) = (Arc::clone(&self.handler), self.settings.on_error, record.offset);
            self.tasks.spawn(async move { (lane, offset, handle(handler, record, policy, ending).await) });
        }
    }

    fn ended(&mut self, lane: Lane, offset: i64, outcome: Outcome) {
        self.workers.done(lane);
        self.assignments.ended(lane.assignment, offset, matches!(outcome, Outcome::Finished));
        if let Outcome::Failed(error) = outcome {
            self.stop(Err(Error::handler(error)));
        }
        self.resume(lane.assignment);
    }

    /// Goes on with a partition that was paused, if little of it is left.
    fn resume(&mut self, number: u64) {
        let empty = self.assignments.waiting(number) < WAITING_MAX / 2
            && self.assignments.outstanding(number) < OUTSTANDING_MAX / 2;
        if self.paused.is_empty() || !empty {
            return;
        }
        let resumed = self.assignments.partition(number).filter(|partition| self.paused.remove(*partition));
        if let Some(partition) = resumed {
            self.source.resume(partition);
        }
    }

    fn committed(&mut self, answer: Result<(), Error>) {
        let Some(commit) = self.commit.take() else { return };
        let Err(error) = answer else { return self.assignments.committed(&commit.offsets) };
        tracing::warn!(%error, "offsets were not committed; unless a later commit is, their records are handled again");
        // One that was under way before says nothing: in the middle of a rebalance the group takes no commits.
        self.leaving.iter_mut().for_each(|leaving| leaving.refused |= leaving.tried);
        if error.kind() == ErrorKind::Fenced {
            self.stop(Err(error));
        } else if let Some(why @ Ok(())) = &mut self.stopping {
            *why = Err(error.context("the last offsets were not committed; their records are handled again"));
        }
    }

    /// Commits what is due, and lets go of what is done.
    fn settle(&mut self) {
        let now = Instant::now();
        let mut commit_now = false;
        let assignments = &mut self.assignments;
        self.leaving.retain_mut(|leaving| {
            let handled = leaving.is_handled(now, assignments);
            let refused = leaving.refused || now >= leaving.by + LAST_COMMIT;
            let uncommitted = !refused && leaving.numbers.iter().any(|number| assignments.is_uncommitted(*number));
            commit_now |= handled && uncommitted;
            if !handled || uncommitted {
                return true;
            }
            leaving.numbers.iter().for_each(|number| assignments.remove(*number));
            // Whoever asked may have stopped waiting.
            let _ = leaving.reply.take().map(|reply| reply.send(()));
            false
        });
        if self.commit.is_some() || !(commit_now || now >= self.next_commit) {
            return;
        }
        self.next_commit = now + self.settings.commit_interval;
        let offsets = self.assignments.uncommitted();
        if !offsets.is_empty() {
            for leaving in &mut self.leaving {
                leaving.tried = leaving.is_handled(now, &self.assignments);
            }
            self.commit = Some(Commit { answer: self.source.commit(offsets.clone()), offsets });
        }
    }
}

fn unfinished_error(unfinished: usize, drain: Duration) -> Error {
    let text = format!(
        "{unfinished} handlers were not finished {drain:?} after the service was to end; their records are handled again"
    );
    Error::new(ErrorKind::TimedOut, text)
}

#[cfg(test)]
mod tests;
