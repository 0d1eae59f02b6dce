//! What the consumer, its handles and its tasks share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;
use tokio::sync::{Notify, watch};

use super::SeekTo;
use super::commits;
use super::config::{ConsumerConfig, OffsetReset};
use super::cursor::Cursor;
use super::partition::Phase;
use super::state::State;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::group::Membership;
use crate::record::TopicPartition;

pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) config: ConsumerConfig,
    state: Mutex<State>,
    /// Wakes the driver: a partition came, or needs an offset.
    pub(super) changed: Notify,
    /// While set, nothing is handed out: partitions are about to be taken away.
    pub(super) gate_closed: AtomicBool,
    /// The application came back for more and found the gate closed.
    pub(super) came_back: Notify,
    /// The application is gone: what it holds is never given back.
    left: AtomicBool,
    /// The place in the group; with partitions of one's own choice, who commits for it. Gone when the consumer is.
    membership: Mutex<Option<Arc<Membership>>>,
    /// The topics of a subscription by list.
    topics: Mutex<Option<watch::Sender<Vec<ByteString>>>>,
    closed: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(client: Client, config: ConsumerConfig) -> Arc<Self> {
        Arc::new(Self {
            client,
            config,
            state: Mutex::default(),
            changed: Notify::new(),
            gate_closed: AtomicBool::new(false),
            came_back: Notify::new(),
            left: AtomicBool::new(false),
            membership: Mutex::default(),
            topics: Mutex::default(),
            closed: watch::Sender::new(false),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task until the consumer is closed.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut closed = self.closed.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
        });
    }

    /// The application will not ask for records any more.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::SeqCst);
        self.came_back.notify_one();
    }

    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    /// Ends all tasks, and the place in the group.
    pub(super) fn close(&self) {
        self.leave();
        self.closed.send_replace(true);
        let membership = self.group().take();
        drop(membership);
        self.state().clear();
    }

    pub(super) fn has_membership(&self, membership: Membership) {
        *self.group() = Some(Arc::new(membership));
    }

    /// Who commits.
    pub(super) fn membership(&self) -> Result<Arc<Membership>, Error> {
        let membership = self.group().clone();
        membership.ok_or_else(|| match &self.config.group_id {
            Some(_) => Error::new(ErrorKind::Closed, "the consumer was closed"),
            None => commits::no_group(),
        })
    }

    /// Begins a subscription by list.
    pub(super) fn subscribed(&self, topics: Vec<ByteString>) -> watch::Receiver<Vec<ByteString>> {
        let (sender, receiver) = watch::channel(topics);
        *self.topics() = Some(sender);
        receiver
    }

    /// Changes the subscription. False if it is not one by list.
    pub(super) fn subscribe(&self, topics: Vec<ByteString>) -> bool {
        self.topics().as_ref().map(|known| known.send_replace(topics)).is_some()
    }

    fn topics(&self) -> MutexGuard<'_, Option<watch::Sender<Vec<ByteString>>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self) -> MutexGuard<'_, Option<Arc<Membership>>> {
        self.membership.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds partitions.
    pub(super) fn assign(&self, partitions: &[TopicPartition], phase: Phase) {
        let mut state = self.state();
        for partition in partitions {
            state.assign(partition, phase, self.client.backoff());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes partitions away.
    pub(super) fn unassign(&self, partitions: &[TopicPartition]) {
        let mut state = self.state();
        for partition in partitions {
            state.unassign(partition);
        }
    }

    /// Goes on where the reset policy says; `why` the position is of no use.
    pub(super) fn reset(&self, state: &mut State, cursor: &Arc<Cursor>, why: &str) {
        let to = match self.config.offset_reset {
            OffsetReset::Earliest => SeekTo::Beginning,
            OffsetReset::Latest => SeekTo::End,
            OffsetReset::Within(age) => SeekTo::Time(ms_ago(age)),
            OffsetReset::Fail => return stick(state, cursor, why),
        };
        if state.at(cursor).is_some() {
            // Assigned, or there would be nothing at the cursor.
            let _ = state.seek(&cursor.partition, to);
        }
        self.changed.notify_one();
    }

    pub(super) fn gate_is_closed(&self) -> bool {
        self.gate_closed.load(Ordering::Acquire)
    }
}

fn stick(state: &mut State, cursor: &Arc<Cursor>, why: &str) {
    let Some(partition) = state.at(cursor) else { return };
    partition.phase = Phase::Stuck;
    let message = format!("{why}, and auto.offset.reset=none does not say where to go on; seek somewhere");
    state.tell(Error::new(ErrorKind::NoOffset, message));
}

fn ms_ago(age: std::time::Duration) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
}
