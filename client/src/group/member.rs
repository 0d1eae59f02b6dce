//! The life of a member: join, sync, heartbeat, and again, until it leaves.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::activity::Stuck;
use super::assignor::Topics;
use super::coordinator::Way;
use super::heartbeats::Heartbeats;
use super::joining::{Joined, TOPICS_LIMIT};
use super::membership::{Identity, Leaving, RebalanceEvents, Shared, Work};
use super::trouble::Trouble;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// How long a member that leaves tries to say so: a coordinator that is not told finds out by the session timeout.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// How often it is looked whether an application that was stuck asks for records again.
const RETURN_CHECK: Duration = Duration::from_millis(100);

/// The task's own state.
pub(super) struct Member {
    pub(super) shared: Arc<Shared>,
    pub(super) topics: watch::Receiver<Vec<ByteString>>,
    pub(super) events: Arc<dyn RebalanceEvents>,
    pub(super) owned: BTreeSet<TopicPartition>,
    /// What it had last, if it has given up all for a rebalance.
    pub(super) last: BTreeSet<TopicPartition>,
    pub(super) last_generation: i32,
    heartbeats: Option<Heartbeats>,
    stuck: Stuck,
    /// Whether work for an event runs.
    working: watch::Sender<bool>,
    /// Whether the coordinator was asked for an id and has not answered yet.
    pub(super) asking: watch::Sender<bool>,
}

/// Why a member joins again.
enum Again {
    Rebalance,
    /// Its partitions belong to others, and the group may know it under this id still.
    Lost {
        member_id: ByteString,
    },
    /// The application has not asked for records for too long.
    Stuck,
    Ended(Error),
}

/// Says that the task is over, also when the application's code panics in it.
struct End {
    shared: Arc<Shared>,
    events: Arc<dyn RebalanceEvents>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.owns_nothing_as(Identity::NOBODY);
        if std::thread::panicking() {
            let message = "a rebalance hook panicked: the consumer is not part of the group any more";
            self.events.failed(Error::new(ErrorKind::Closed, message));
        }
        self.shared.ended.send_replace(true);
    }
}

/// Something that is not to be cut off in the middle.
pub(super) struct Underway<'a>(&'a watch::Sender<bool>);

impl<'a> Underway<'a> {
    pub(super) fn begin(underway: &'a watch::Sender<bool>) -> Self {
        underway.send_replace(true);
        Self(underway)
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Member {
    pub(super) fn new(
        shared: Arc<Shared>,
        topics: watch::Receiver<Vec<ByteString>>,
        events: Arc<dyn RebalanceEvents>,
    ) -> Self {
        let stuck = Stuck::new(Arc::clone(&shared.activity));
        Self {
            shared,
            topics,
            events,
            owned: BTreeSet::new(),
            last: BTreeSet::new(),
            last_generation: -1,
            heartbeats: None,
            stuck,
            working: watch::Sender::new(false),
            asking: watch::Sender::new(false),
        }
    }

    pub(super) async fn run(mut self) {
        let _end = End { shared: Arc::clone(&self.shared), events: Arc::clone(&self.events) };
        let Some(leaving) = self.live_until_asked_to_leave().await else { return };
        if leaving == Leaving::Orderly {
            let owned = std::mem::take(&mut self.owned);
            self.revoke(owned).await;
        }
        self.leave("the consumer was closed").await;
    }

    /// How it is to leave, or nothing if its life has ended by itself.
    async fn live_until_asked_to_leave(&mut self) -> Option<Leaving> {
        let (mut leaving, mut working) = (self.shared.leaving.subscribe(), self.working.subscribe());
        let mut asking = self.asking.subscribe();
        let mut life = pin!(self.live());
        let how = tokio::select! {
            () = &mut life => return None,
            how = leaving.wait_for(|leaving| *leaving != Leaving::No) => *how.ok()?,
        };
        if how == Leaving::Orderly {
            // No work for an event is cut off in the middle, and none is done twice.
            tokio::select! {
                biased;
                () = &mut life => return None,
                _ = working.wait_for(|working| !working) => {}
            }
        }
        // The group waits for who has asked for an id, and without the id nobody can say goodbye.
        tokio::select! {
            biased;
            () = &mut life => return None,
            _ = timeout(LEAVE_LIMIT, asking.wait_for(|asking| !asking)) => {}
        }
        Some(how)
    }

    /// Joins again and again. Returns when nothing can help.
    async fn live(&mut self) {
        let mut backoff = self.shared.client.backoff();
        if self.topics.wait_for(|topics| !topics.is_empty()).await.is_err() {
            // Nobody will subscribe any more; the membership is about to be dropped.
            return std::future::pending().await;
        }
        loop {
            self.prepare().await;
            self.heartbeats = None;
            let again = match self.join().await {
                Ok(joined) => {
                    backoff.reset();
                    self.settle(joined).await
                }
                // The group does not wait for those who think about it.
                Err(Trouble::Rebalance) => Again::Rebalance,
                Err(trouble) => {
                    let again = self.after(trouble);
                    sleep(backoff.next()).await;
                    again
                }
            };
            match again {
                Again::Rebalance => {}
                Again::Lost { member_id } => self.lose(member_id).await,
                Again::Stuck => {
                    self.leave("max.poll.interval.ms passed").await;
                    self.lose(ByteString::new()).await;
                    self.wait_for_application().await;
                }
                Again::Ended(error) => {
                    self.lose(ByteString::new()).await;
                    return self.events.failed(error);
                }
            }
        }
    }

    /// What the member does about trouble with a join.
    fn after(&self, trouble: Trouble) -> Again {
        match trouble {
            Trouble::Rebalance => Again::Rebalance,
            Trouble::Passing(error) => {
                tracing::debug!(%error, "joining again");
                Again::Rebalance
            }
            Trouble::Forgotten => Again::Lost { member_id: ByteString::new() },
            Trouble::LeftBehind => Again::Lost { member_id: self.shared.identity().member_id },
            Trouble::Lasting(error) if error.is_fatal() => Again::Ended(error),
            Trouble::Lasting(error) => {
                self.events.failed(error);
                Again::Rebalance
            }
        }
    }

    fn is_cooperative(&self) -> bool {
        self.shared.config.assignors.iter().all(|assignor| assignor.is_cooperative())
    }

    /// Before a join: a cooperative member gives up only what it does not read any more, others everything.
    async fn prepare(&mut self) {
        let topics = self.topics.borrow_and_update().clone();
        let keeps = self.is_cooperative();
        let (kept, given_up): (BTreeSet<_>, BTreeSet<_>) =
            self.owned.iter().cloned().partition(|partition| keeps && topics.contains(&partition.topic));
        self.revoke(given_up).await;
        self.owns(kept);
        for topic in &topics {
            let metadata = self.shared.client.metadata();
            if let Err(error) = metadata.topic(topic, Deadline::after(TOPICS_LIMIT)).await {
                self.events.failed(error);
            }
        }
    }

    async fn revoke(&self, partitions: BTreeSet<TopicPartition>) {
        if !partitions.is_empty() {
            self.work("giving partitions back", self.events.revoked(partitions.into_iter().collect())).await;
        }
    }

    fn owns(&mut self, partitions: BTreeSet<TopicPartition>) {
        self.shared.owns(partitions.clone());
        self.owned = partitions;
    }

    async fn lose(&mut self, member_id: ByteString) {
        self.heartbeats = None;
        self.shared.owns_nothing_as(Identity { member_id, ..Identity::NOBODY });
        (self.last, self.last_generation) = (BTreeSet::new(), -1);
        let lost = std::mem::take(&mut self.owned);
        if !lost.is_empty() {
            self.work("the hook for lost partitions", self.events.lost(lost.into_iter().collect())).await;
        }
    }

    /// Lets the application finish, within what the group waits for it.
    async fn work(&self, what: &str, work: Work<'_>) {
        let limit = self.shared.config.max_poll_interval;
        let _working = Underway::begin(&self.working);
        if timeout(limit, work).await.is_err() {
            let message = format!("{what} took longer than max.poll.interval.ms ({limit:?})");
            self.events.failed(Error::new(ErrorKind::TimedOut, message));
        }
    }

    /// Takes over an assignment and lives with it until something changes.
    async fn settle(&mut self, joined: Joined) -> Again {
        let Joined { assignor, assignment, watched } = joined;
        self.heartbeats = Some(Heartbeats::start(Arc::clone(&self.shared)));
        let given_up: BTreeSet<_> = self.owned.difference(&assignment).cloned().collect();
        let come: Vec<_> = assignment.difference(&self.owned).cloned().collect();
        (self.last, self.last_generation) = (assignment.clone(), self.shared.identity().generation);
        let rejoin = assignor.is_cooperative() && !given_up.is_empty();
        self.revoke(given_up).await;
        self.owns(assignment);
        // Also when nothing has come: the application learns that the rebalance is over.
        self.work("the hook for new partitions", self.events.assigned(come)).await;
        if rejoin {
            // What was given up is handed on by the next rebalance.
            return Again::Rebalance;
        }
        self.stay(watched).await
    }

    async fn stay(&mut self, watched: Option<Topics>) -> Again {
        let mut cluster = self.shared.client.metadata().watch();
        let limit = self.shared.config.max_poll_interval;
        loop {
            // Looked at before the first wait too: topics may have changed while they were divided.
            if watched.as_ref().is_some_and(|watched| self.counts(watched.keys().cloned()) != *watched) {
                return Again::Rebalance;
            }
            let Some(trouble) = self.heartbeats.as_ref().map(Heartbeats::trouble) else { return Again::Rebalance };
            tokio::select! {
                trouble = trouble => {
                    // Heartbeats have ended with the last of these: what this member has goes to others.
                    let lasting = matches!(trouble, Trouble::Lasting(_));
                    return match self.after(trouble) {
                        Again::Rebalance if lasting => Again::Lost { member_id: self.shared.identity().member_id },
                        again => again,
                    };
                }
                changed = self.topics.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                    return Again::Rebalance;
                }
                Ok(()) = cluster.changed(), if watched.is_some() => {}
                () = sleep(self.shared.config.heartbeat_interval) => {
                    if self.stuck.for_longer_than(limit) {
                        let message = format!("no record was asked for in {limit:?} (max.poll.interval.ms): the group goes on without this member");
                        self.events.failed(Error::new(ErrorKind::TimedOut, message));
                        return Again::Stuck;
                    }
                }
            }
        }
    }

    async fn wait_for_application(&mut self) {
        while self.stuck.for_longer_than(Duration::ZERO) {
            sleep(RETURN_CHECK).await;
        }
    }

    /// Says goodbye. A static member does not: its place is kept for its return.
    async fn leave(&mut self, reason: &'static str) {
        self.heartbeats = None;
        let Shared { config, coordinator, .. } = &*self.shared;
        let Identity { member_id, .. } = self.shared.identity();
        if member_id.is_empty() || config.instance_id.is_some() {
            return;
        }
        let request = |version| match version {
            3.. => LeaveGroupRequest {
                group_id: config.group_id.clone(),
                members: vec![MemberIdentity { member_id, group_instance_id: None, reason: Some(reason.into()) }],
                ..Default::default()
            },
            _ => LeaveGroupRequest { group_id: config.group_id.clone(), member_id, ..Default::default() },
        };
        // Whether it arrives or not, the member is gone.
        let _ = timeout(LEAVE_LIMIT, coordinator.ask(Way::Quick, 1..=5, LEAVE_LIMIT, request)).await;
        self.shared.is_now(Identity::NOBODY);
    }
}
