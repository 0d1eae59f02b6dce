//! The life of a member: join, sync, heartbeat, and again, until it leaves.
//!
//! It runs in a task of its own, so heartbeats do not depend on how fast the application works. Partitions come and go by
//! [`RebalanceEvents`], which the task awaits: what is revoked can still be committed meanwhile, and heartbeats go on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::messages::heartbeat::HeartbeatRequest;
use naru_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use naru_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use naru_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::GroupConfig;
use super::assignor::{Assignor, Topics};
use super::coordinator::{Coordinator, Way};
use super::offsets::Committed;
use super::rebalance::{self, Claim};
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::TopicPartition;

/// How long an answer to a join or a sync may take beyond the rebalance itself.
const GRACE: Duration = Duration::from_secs(5);

/// How long it is tried to find out about topics before a join; the group goes on without those that cannot be found.
const TOPICS_LIMIT: Duration = Duration::from_secs(5);

/// How long a member that leaves tries to say so: a coordinator that is not told finds out by the session timeout.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// Work that an event is answered with.
pub(crate) type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What a membership tells its consumer. The rebalance waits for the work that is returned.
pub(crate) trait RebalanceEvents: Send + Sync + 'static {
    /// These partitions are about to go to others; their offsets can still be committed.
    fn revoked(&self, partitions: Vec<TopicPartition>) -> Work<'_>;
    /// These partitions belong to others already; a commit would fail.
    fn lost(&self, partitions: Vec<TopicPartition>) -> Work<'_>;
    /// These partitions have come.
    fn assigned(&self, partitions: Vec<TopicPartition>) -> Work<'_>;
    /// Something that the application should know. Unless it is [fatal](Error::is_fatal), the membership goes on.
    fn failed(&self, error: Error);
}

/// How the application shows that it is alive. Cheap enough to be told of every record.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    calls: AtomicU64,
    waiting: AtomicBool,
}

impl Activity {
    /// The application has asked for something.
    pub(crate) fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// The application waits for records, or works.
    pub(crate) fn waits(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }
}

/// Who this member is in the group's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) member_id: ByteString,
    pub(super) generation: i32,
}

impl Identity {
    const NOBODY: Self = Self { member_id: ByteString::from_static(""), generation: -1 };
}

/// A place in a group. Dropping it leaves the group in the background.
pub(crate) struct Membership {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    config: GroupConfig,
    coordinator: Coordinator,
    identity: Mutex<Identity>,
    /// Commits go one after the other, so that an older one never overwrites a newer one.
    committing: tokio::sync::Mutex<()>,
    activity: Arc<Activity>,
    leaving: watch::Sender<Leaving>,
    ended: watch::Sender<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// The consumer is there to give its partitions back.
    Orderly,
    /// It is not.
    Dropped,
}

impl Membership {
    /// Joins the group, and keeps its topics up to date with `topics`.
    pub(crate) fn start(
        client: Client,
        config: GroupConfig,
        topics: watch::Receiver<Vec<ByteString>>,
        events: Arc<dyn RebalanceEvents>,
    ) -> Self {
        let this = Self::without_joining(client, config);
        let member = Member {
            shared: Arc::clone(&this.shared),
            topics,
            events,
            owned: BTreeSet::new(),
            last: BTreeSet::new(),
            last_generation: -1,
            heartbeats: None,
        };
        tokio::spawn(member.run());
        this
    }

    /// Only commits and looks up offsets: for who chooses its partitions itself.
    pub(crate) fn without_joining(client: Client, config: GroupConfig) -> Self {
        let coordinator = Coordinator::new(client.clone(), config.group_id.clone());
        let shared = Shared {
            client,
            config,
            coordinator,
            identity: Mutex::new(Identity::NOBODY),
            committing: tokio::sync::Mutex::default(),
            activity: Arc::default(),
            leaving: watch::Sender::new(Leaving::No),
            ended: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// To be told when the application asks for records.
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.shared.activity
    }

    /// Commits, in the order of the calls. An error with `REBALANCE_IN_PROGRESS`, `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID`
    /// says that the partitions may be others' by now. When the future is dropped, the commit may or may not be done.
    pub(crate) async fn commit(&self, offsets: &[(TopicPartition, Committed)], limit: Duration) -> Result<(), Error> {
        if offsets.is_empty() {
            return Ok(());
        }
        let Shared { coordinator, committing, config, .. } = &*self.shared;
        let deadline = Deadline::after(limit);
        let work = async {
            let _turn = committing.lock().await;
            coordinator.commit(|| self.shared.identity(), config.instance_id.as_ref(), offsets, deadline).await
        };
        deadline.bound("committing", work).await
    }

    /// What the group has committed for these partitions. `stable`: not before open transactions have ended. Cancellation safe.
    pub(crate) async fn committed(
        &self,
        partitions: &[TopicPartition],
        stable: bool,
        limit: Duration,
    ) -> Result<HashMap<TopicPartition, Committed>, Error> {
        self.shared.coordinator.committed(partitions, stable, Deadline::after(limit)).await
    }

    /// Gives the partitions back, by [`RebalanceEvents::revoked`], and leaves. Cancellation safe: it goes on in the background.
    pub(crate) async fn leave(&self) {
        let mut ended = self.shared.ended.subscribe();
        self.shared.leaving.send_replace(Leaving::Orderly);
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Whether it ever joined, or tries to.
    pub(crate) fn identity(&self) -> (ByteString, i32) {
        let Identity { member_id, generation } = self.shared.identity();
        (member_id, generation)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.shared.leaving.send_if_modified(|leaving| {
            let first = *leaving == Leaving::No;
            *leaving = if first { Leaving::Dropped } else { *leaving };
            first
        });
    }
}

impl Shared {
    fn identity(&self) -> Identity {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_now(&self, identity: Identity) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }
}

/// What an error code means for a member.
#[derive(Clone, Debug)]
enum Trouble {
    /// The group is being divided anew.
    Rebalance,
    /// The group does not know this member any more.
    Forgotten,
    /// Another try may end better.
    Passing(Error),
    /// No try will, without somebody's help.
    Lasting(Error),
}

impl Trouble {
    fn of(api: ApiKey, code: ErrorCode) -> Self {
        match code {
            ErrorCode::REBALANCE_IN_PROGRESS => Self::Rebalance,
            ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::ILLEGAL_GENERATION => Self::Forgotten,
            ErrorCode::FENCED_INSTANCE_ID => Self::Lasting(Error::new(
                ErrorKind::Fenced,
                "another member has come with the same group.instance.id (FENCED_INSTANCE_ID)",
            )),
            ErrorCode::INCONSISTENT_GROUP_PROTOCOL => Self::Lasting(Error::broker_said(
                api,
                code,
                Some(
                    "no assignor is known to all members; set partition.assignment.strategy to one that the others use",
                ),
            )),
            code if code.is_retriable() => Self::Passing(Error::broker_code(api, code)),
            code => Self::Lasting(Error::broker_code(api, code)),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if error.is_retriable() { Self::Passing(error) } else { Self::Lasting(error) }
    }
}

/// The task's own state.
struct Member {
    shared: Arc<Shared>,
    topics: watch::Receiver<Vec<ByteString>>,
    events: Arc<dyn RebalanceEvents>,
    owned: BTreeSet<TopicPartition>,
    /// What it had last, if it has given up all for a rebalance.
    last: BTreeSet<TopicPartition>,
    last_generation: i32,
    heartbeats: Option<Heartbeats>,
}

/// The heartbeats of one generation. They end when dropped.
struct Heartbeats {
    trouble: watch::Receiver<Option<Trouble>>,
    task: AbortHandle,
}

impl Drop for Heartbeats {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a join has come to.
struct Joined {
    assignor: Assignor,
    assignment: BTreeSet<TopicPartition>,
    /// For the leader: the topics of the group with their partitions, to see when they change.
    watched: Option<Topics>,
}

/// Why a member joins again.
enum Again {
    Rebalance,
    Forgotten,
    /// The application has not asked for records for too long.
    Stuck,
    Ended(Error),
}

impl Member {
    async fn run(mut self) {
        let mut leaving = self.shared.leaving.subscribe();
        let ended_by_itself = tokio::select! {
            () = self.live() => true,
            _ = leaving.wait_for(|leaving| *leaving != Leaving::No) => false,
        };
        let orderly = *leaving.borrow() == Leaving::Orderly;
        if !ended_by_itself {
            if orderly && !self.owned.is_empty() {
                let owned = std::mem::take(&mut self.owned);
                self.revoke(owned).await;
            }
            self.leave("the consumer was closed").await;
        }
        self.heartbeats = None;
        self.shared.is_now(Identity::NOBODY);
        self.shared.ended.send_replace(true);
    }

    /// Joins again and again. Returns when nothing can help.
    async fn live(&mut self) {
        let mut backoff = self.shared.client.backoff();
        loop {
            if self.topics.wait_for(|topics| !topics.is_empty()).await.is_err() {
                // Nobody will subscribe any more; the membership is about to be dropped.
                return std::future::pending().await;
            }
            self.prepare().await;
            let again = match self.join().await {
                Ok(joined) => {
                    backoff.reset();
                    self.settle(joined).await
                }
                Err(Trouble::Forgotten) => Again::Forgotten,
                Err(Trouble::Rebalance | Trouble::Passing(_)) => {
                    sleep(backoff.next()).await;
                    Again::Rebalance
                }
                Err(Trouble::Lasting(error)) if error.is_fatal() => Again::Ended(error),
                Err(Trouble::Lasting(error)) => {
                    self.events.failed(error);
                    sleep(backoff.next()).await;
                    Again::Rebalance
                }
            };
            match again {
                Again::Rebalance => {}
                Again::Forgotten => self.lose().await,
                Again::Stuck => {
                    self.leave("max.poll.interval.ms passed").await;
                    self.lose().await;
                    self.wait_for_application().await;
                }
                Again::Ended(error) => {
                    self.lose().await;
                    return self.events.failed(error);
                }
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
        if !given_up.is_empty() {
            self.revoke(given_up).await;
            self.owned = kept;
        }
        for topic in &topics {
            let metadata = self.shared.client.metadata();
            if let Err(error) = metadata.topic(topic, Deadline::after(TOPICS_LIMIT)).await {
                self.events.failed(error);
            }
        }
    }

    /// Lets the application finish, within what the group waits for it.
    async fn revoke(&self, partitions: BTreeSet<TopicPartition>) {
        let limit = self.shared.config.max_poll_interval;
        let revoked = timeout(limit, self.events.revoked(partitions.into_iter().collect())).await;
        if revoked.is_err() {
            let message = format!("giving partitions back took longer than max.poll.interval.ms ({limit:?})");
            self.events.failed(Error::new(ErrorKind::TimedOut, message));
        }
    }

    async fn lose(&mut self) {
        self.heartbeats = None;
        self.shared.is_now(Identity::NOBODY);
        (self.last, self.last_generation) = (BTreeSet::new(), -1);
        let lost = std::mem::take(&mut self.owned);
        if !lost.is_empty() {
            self.events.lost(lost.into_iter().collect()).await;
        }
    }

    async fn join(&mut self) -> Result<Joined, Trouble> {
        self.heartbeats = None;
        let answer = self.join_group().await?;
        let identity = Identity { member_id: answer.member_id.clone(), generation: answer.generation_id };
        self.shared.is_now(identity);
        let chosen = answer.protocol_name.as_deref().and_then(Assignor::from_name);
        let Some(assignor) = chosen.filter(|assignor| self.shared.config.assignors.contains(assignor)) else {
            let message = format!("the group has chosen an assignor that was not offered: {:?}", answer.protocol_name);
            return Err(Trouble::Lasting(Error::new(ErrorKind::Protocol, message)));
        };
        let is_leader = answer.leader == answer.member_id;
        let (assignments, watched) = if is_leader && !answer.skip_assignment {
            let (assignments, watched) = self.assign(assignor, &answer).await?;
            (assignments, Some(watched))
        } else {
            (Vec::new(), None)
        };
        let assignment = self.sync_group(&answer, assignments).await?;
        Ok(Joined { assignor, assignment, watched })
    }

    async fn join_group(&self) -> Result<JoinGroupResponse, Trouble> {
        let Shared { config, coordinator, .. } = &*self.shared;
        let claim = Claim {
            topics: self.topics.borrow().clone(),
            owned: self.owned.clone(),
            last: self.last.clone(),
            generation: self.last_generation,
            rack: config.rack.clone(),
        };
        let protocols = rebalance::protocols(&claim, &config.assignors)?;
        loop {
            let Identity { member_id, .. } = self.shared.identity();
            let request = JoinGroupRequest {
                group_id: config.group_id.clone(),
                session_timeout_ms: config.session_timeout.as_millis() as i32,
                rebalance_timeout_ms: config.max_poll_interval.as_millis() as i32,
                member_id,
                group_instance_id: config.instance_id.clone(),
                protocol_type: "consumer".into(),
                protocols: protocols.clone(),
                reason: None,
            };
            let limit = config.max_poll_interval + GRACE;
            let answer = coordinator.ask(Way::Waiting, 2..=9, limit, |_| request).await?;
            match answer.error_code {
                ErrorCode::NONE => return Ok(answer),
                // The coordinator gives a new member an id first, so that a lost answer leaves no ghost (KIP-394).
                ErrorCode::MEMBER_ID_REQUIRED => {
                    self.shared.is_now(Identity { member_id: answer.member_id, generation: -1 });
                }
                code => {
                    coordinator.note(code);
                    return Err(Trouble::of(ApiKey::JoinGroup, code));
                }
            }
        }
    }

    /// The leader's work: who gets what. Also the topics that it went by.
    async fn assign(
        &self,
        assignor: Assignor,
        answer: &JoinGroupResponse,
    ) -> Result<(Vec<SyncGroupRequestAssignment>, Topics), Trouble> {
        let (mut members, mut topics) = (BTreeMap::new(), BTreeSet::new());
        for joined in &answer.members {
            let (instance, metadata) = (joined.group_instance_id.clone(), joined.metadata.clone());
            let (member, reads) = rebalance::member(assignor, instance, metadata)?;
            members.insert(joined.member_id.clone(), member);
            topics.extend(reads);
        }
        let watched = self.look_up(topics).await;
        let existing = watched.iter().filter(|(_, count)| **count > 0).map(|(topic, count)| (topic.clone(), *count));
        let assignments = assignor.assign(&members, &existing.collect());
        let encoded = assignments.into_iter().map(|(member_id, partitions)| {
            Ok(SyncGroupRequestAssignment { member_id, assignment: rebalance::assignment(&partitions)? })
        });
        Ok((encoded.collect::<Result<_, Error>>()?, watched))
    }

    /// How many partitions topics have; 0 where a topic does not exist, as far as is known.
    async fn look_up(&self, topics: BTreeSet<ByteString>) -> Topics {
        let metadata = self.shared.client.metadata();
        for topic in &topics {
            metadata.interested(topic);
        }
        let cluster = metadata.cluster();
        if topics.iter().any(|topic| !cluster.topics.contains_key(topic)) {
            // Other members read topics that this one has not heard of. Without an answer the group goes on with what is known.
            let _ = metadata.refreshed_since(cluster.version, Deadline::after(TOPICS_LIMIT)).await;
        }
        self.counts(topics)
    }

    fn counts(&self, topics: impl IntoIterator<Item = ByteString>) -> Topics {
        let cluster = self.shared.client.metadata().cluster();
        let count = |topic: &ByteString| cluster.topics.get(topic).map_or(0, |topic| topic.partitions.len() as i32);
        topics.into_iter().map(|topic| (topic.clone(), count(&topic))).collect()
    }

    async fn sync_group(
        &self,
        joined: &JoinGroupResponse,
        assignments: Vec<SyncGroupRequestAssignment>,
    ) -> Result<BTreeSet<TopicPartition>, Trouble> {
        let Shared { config, coordinator, .. } = &*self.shared;
        let request = SyncGroupRequest {
            group_id: config.group_id.clone(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            group_instance_id: config.instance_id.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: joined.protocol_name.clone(),
            assignments,
        };
        let limit = config.max_poll_interval + GRACE;
        let answer = coordinator.ask(Way::Waiting, 1..=5, limit, |_| request).await?;
        if answer.error_code.is_error() {
            coordinator.note(answer.error_code);
            return Err(Trouble::of(ApiKey::SyncGroup, answer.error_code));
        }
        Ok(rebalance::assigned(answer.assignment)?)
    }

    /// Takes over an assignment and lives with it until something changes.
    async fn settle(&mut self, joined: Joined) -> Again {
        let Joined { assignor, assignment, watched } = joined;
        self.heartbeats = Some(Heartbeats::start(Arc::clone(&self.shared)));
        let given_up: BTreeSet<_> = self.owned.difference(&assignment).cloned().collect();
        let come: Vec<_> = assignment.difference(&self.owned).cloned().collect();
        (self.last, self.last_generation) = (assignment.clone(), self.shared.identity().generation);
        let rejoin = assignor.is_cooperative() && !given_up.is_empty();
        if !given_up.is_empty() {
            self.revoke(given_up).await;
        }
        self.owned = assignment;
        // Also when nothing has come: the application learns that the rebalance is over.
        self.events.assigned(come).await;
        if rejoin {
            // What was given up is handed on by the next rebalance.
            return Again::Rebalance;
        }
        self.stay(watched).await
    }

    async fn stay(&mut self, watched: Option<Topics>) -> Again {
        let mut cluster = self.shared.client.metadata().watch();
        let mut stuck = Stuck::new(&self.shared.activity);
        let Some(mut trouble) = self.heartbeats.as_ref().map(|heartbeats| heartbeats.trouble.clone()) else {
            return Again::Rebalance;
        };
        loop {
            let found = trouble.borrow_and_update().clone();
            if found.is_some() {
                return match found {
                    Some(Trouble::Forgotten) => Again::Forgotten,
                    Some(Trouble::Lasting(error)) if error.is_fatal() => Again::Ended(error),
                    Some(Trouble::Lasting(error)) => {
                        self.events.failed(error);
                        Again::Forgotten
                    }
                    _ => Again::Rebalance,
                };
            }
            tokio::select! {
                changed = trouble.changed() => if changed.is_err() { return Again::Rebalance },
                changed = self.topics.changed() => {
                    if changed.is_err() {
                        return std::future::pending().await;
                    }
                    return Again::Rebalance;
                }
                Ok(()) = cluster.changed(), if watched.is_some() => {
                    if let Some(watched) = &watched
                        && self.counts(watched.keys().cloned()) != *watched
                    {
                        return Again::Rebalance;
                    }
                }
                () = sleep(self.shared.config.heartbeat_interval) => {
                    let limit = self.shared.config.max_poll_interval;
                    if stuck.for_longer_than(limit) {
                        let message = format!("no record was asked for in {limit:?} (max.poll.interval.ms): the group goes on without this member");
                        self.events.failed(Error::new(ErrorKind::TimedOut, message));
                        return Again::Stuck;
                    }
                }
            }
        }
    }

    async fn wait_for_application(&self) {
        let mut stuck = Stuck::new(&self.shared.activity);
        while stuck.for_longer_than(Duration::ZERO) {
            sleep(self.shared.config.heartbeat_interval.min(Duration::from_millis(100))).await;
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

impl Heartbeats {
    fn start(shared: Arc<Shared>) -> Self {
        let (found, trouble) = watch::channel(None);
        let beating = async move {
            let identity = shared.identity();
            let Shared { config, coordinator, client, .. } = &*shared;
            let mut backoff = client.backoff();
            loop {
                sleep(config.heartbeat_interval).await;
                loop {
                    let request = HeartbeatRequest {
                        group_id: config.group_id.clone(),
                        generation_id: identity.generation,
                        member_id: identity.member_id.clone(),
                        group_instance_id: config.instance_id.clone(),
                    };
                    let limit = config.session_timeout;
                    let answer = coordinator.ask(Way::Quick, 1..=4, limit, |_| request).await;
                    let beaten = match answer.map(|answer| answer.error_code) {
                        Ok(ErrorCode::NONE) => Ok(()),
                        Ok(code) => {
                            coordinator.note(code);
                            Err(Trouble::of(ApiKey::Heartbeat, code))
                        }
                        Err(error) => Err(Trouble::from(error)),
                    };
                    match beaten {
                        Ok(()) => break backoff.reset(),
                        // A coordinator that comes back knows its members: no heartbeat is missed until the session is over.
                        Err(Trouble::Passing(_)) => sleep(backoff.next().min(config.heartbeat_interval)).await,
                        Err(trouble) => return drop(found.send_replace(Some(trouble))),
                    }
                }
            }
        };
        Self { trouble, task: tokio::spawn(beating).abort_handle() }
    }
}

/// Sees whether the application goes on asking.
struct Stuck<'a> {
    activity: &'a Activity,
    calls: u64,
    since: Instant,
}

impl<'a> Stuck<'a> {
    fn new(activity: &'a Activity) -> Self {
        Self { activity, calls: activity.calls.load(Ordering::Relaxed), since: Instant::now() }
    }

    fn for_longer_than(&mut self, limit: Duration) -> bool {
        let calls = self.activity.calls.load(Ordering::Relaxed);
        if calls != self.calls || self.activity.waiting.load(Ordering::Relaxed) {
            (self.calls, self.since) = (calls, Instant::now());
            return false;
        }
        self.since.elapsed() >= limit
    }
}
