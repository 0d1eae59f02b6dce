//! The shell around the shards: locks, the log, the timer, and the requests that wait.
//!
//! A step locks one shard, lets it act, appends its records and hands out its answers, each with the offset that must
//! be durable before it may leave. Waiting for that happens outside of the lock: many steps share a flush.
//!
//! A step is not undone. Once a shard has acted, the append runs to its end even if the client has hung up, and if it
//! fails, the shard is made anew from the log: its waiting requests are refused with a code that clients retry.

mod hosted;
mod promise;
mod timer;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

use bytestring::ByteString;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::hosted::Hosted;
pub use self::promise::Promise;
use self::timer::Timer;
use super::{
    CommitRequest, CommittedPartition, DescribedGroup, Effects, ErrorCode, FetchedTopic, GroupConfig, GroupListing,
    GroupMeasure, HeartbeatRequest, JoinReply, JoinRequest, LeaveRequest, LeftMember, ListFilter, Now, OffsetsOfTopic,
    OffsetsTopic, SyncReply, SyncRequest,
};

/// Tells the time on both clocks.
pub type TellTime = Arc<dyn Fn() -> Now + Send + Sync>;

/// The group coordinator of this broker.
pub struct GroupCoordinator {
    config: Arc<GroupConfig>,
    topic: Arc<dyn OffsetsTopic>,
    time: TellTime,
    partitions: Vec<Arc<Mutex<Hosted>>>,
    timer: Arc<Timer>,
}

impl GroupCoordinator {
    /// Replays `__consumer_offsets`, if it exists, and starts the timer. A partition that cannot be read is refused to
    /// clients and tried again; the others work.
    ///
    /// Must be called within a tokio runtime, and before listeners open.
    pub async fn start(config: GroupConfig, topic: Arc<dyn OffsetsTopic>, time: TellTime) -> Arc<Self> {
        let config = Arc::new(config);
        let count = topic.partition_count();
        let hosted = |index| Hosted::new(index, Arc::clone(&config), Arc::clone(&topic), time());
        let partitions: Vec<_> = (0..count).map(|index| Arc::new(Mutex::new(hosted(index)))).collect();
        let timer = Arc::new(Timer::new(partitions.len()));
        let coordinator = Arc::new(Self { config, topic, time, partitions, timer });
        if coordinator.topic.exists() {
            coordinator.replay_all().await;
        }
        tokio::spawn(run_timer(Arc::downgrade(&coordinator), Arc::clone(&coordinator.timer)));
        coordinator
    }

    async fn replay_all(self: &Arc<Self>) {
        let mut replays = JoinSet::new();
        for index in 0..self.partitions.len() {
            let coordinator = Arc::clone(self);
            replays.spawn(async move {
                let mut hosted = Arc::clone(&coordinator.partitions[index]).lock_owned().await;
                if hosted.replay((coordinator.time)()).await.is_ok() {
                    coordinator.timer.set(index, hosted.shard.next_deadline());
                }
            });
        }
        replays.join_all().await;
    }

    /// The partition of `__consumer_offsets` that a group lives in: Kafka's choice, so that an existing topic can be
    /// taken over.
    pub fn partition_of(&self, group: &str) -> u32 {
        let hash = group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        let positive = hash.checked_abs().unwrap_or(0) as u32;
        positive % self.partitions.len().max(1) as u32
    }

    /// The settings.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// `JoinGroup`: answered when the rebalance is over. The member stays in the group if the caller stops waiting.
    pub async fn join(&self, request: JoinRequest) -> JoinReply {
        let group = request.group.clone();
        let member_id = request.member_id.clone();
        let (sender, receiver) = oneshot::channel();
        let step = self.step(&group, move |hosted, now, effects| {
            let token = hosted.wait_for_join(sender);
            hosted.shard.join(&request, token, now, effects);
        });
        let reply = wait_for(step.await, receiver).await;
        reply.unwrap_or_else(|error| JoinReply::refused(error, member_id))
    }

    /// `SyncGroup`: answered when the leader has brought the assignment, and generation, members and assignment are
    /// durable.
    pub async fn sync(&self, request: SyncRequest) -> SyncReply {
        let group = request.group.clone();
        let (sender, receiver) = oneshot::channel();
        let step = self.step(&group, move |hosted, now, effects| {
            let token = hosted.wait_for_sync(sender);
            hosted.shard.sync(&request, token, now, effects);
        });
        wait_for(step.await, receiver).await.unwrap_or_else(SyncReply::refused)
    }

    /// `Heartbeat`. Changes nothing that is durable and waits for nothing.
    pub async fn heartbeat(&self, request: &HeartbeatRequest) -> ErrorCode {
        let step = self.step(&request.group, |hosted, now, _| hosted.shard.heartbeat(request, now));
        step.await.without_durability().unwrap_or_else(|error| error)
    }

    /// `LeaveGroup`.
    pub async fn leave(&self, request: &LeaveRequest) -> Promise<Vec<LeftMember>> {
        self.step(&request.group, |hosted, now, effects| hosted.shard.leave(request, now, effects)).await.flatten()
    }

    /// `OffsetCommit`. The commit is applied, in the order of the calls, when this returns; the client may be told when
    /// the promise is kept.
    pub async fn commit(&self, request: &CommitRequest) -> Promise<Vec<CommittedPartition>> {
        self.step(&request.group, |hosted, now, effects| hosted.shard.commit(request, now, effects)).await.flatten()
    }

    /// `OffsetFetch`, for one group: the topics asked, or all. There are no transactions whose outcome could be pending:
    /// every offset is stable.
    pub async fn fetch_offsets(
        &self,
        group: &ByteString,
        topics: Option<&[OffsetsOfTopic]>,
    ) -> Promise<Vec<FetchedTopic>> {
        self.step(group, |hosted, _, _| hosted.shard.fetch_offsets(group, topics)).await
    }

    /// `ListGroups`.
    pub async fn list(&self, filter: &ListFilter) -> Result<Vec<GroupListing>, ErrorCode> {
        let mut lists = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let step = self.step_in(index, |hosted, _, _| {
                hosted.shard.list().filter(|group| filter.accepts(group)).collect::<Vec<_>>()
            });
            lists.push(step.await);
        }
        let mut groups = Vec::new();
        for list in lists {
            groups.extend(list.kept().await?);
        }
        Ok(groups)
    }

    /// Shows every group to whoever measures them. Takes one lock after the other, each as short as `look` is; partitions that
    /// are not available are left out.
    pub async fn measure(&self, mut look: impl FnMut(&GroupMeasure<'_>)) {
        for partition in &self.partitions {
            let hosted = partition.lock().await;
            if hosted.is_ready() {
                hosted.shard.measure(&mut look);
            }
        }
    }

    /// `DescribeGroups`, for one group.
    pub async fn describe(&self, group: &ByteString) -> Promise<DescribedGroup> {
        self.step(group, |hosted, _, _| hosted.shard.describe(group)).await
    }

    /// `DeleteGroups`, for one group.
    pub async fn delete_group(&self, group: &ByteString) -> Promise<()> {
        self.step(group, |hosted, _, effects| hosted.shard.delete_group(group, effects)).await.flatten()
    }

    /// `OffsetDelete`: an error for each topic, or one for all.
    pub async fn delete_offsets(
        &self,
        group: &ByteString,
        topics: &[OffsetsOfTopic],
    ) -> Promise<Vec<(ByteString, ErrorCode)>> {
        self.step(group, |hosted, _, effects| hosted.shard.delete_offsets(group, topics, effects)).await.flatten()
    }

    /// A topic was deleted: the offsets committed for it go; those of a new topic of the same name stay. Returns when
    /// that is durable.
    pub async fn topic_deleted(&self, topic: &ByteString, topic_id: Uuid) -> Result<(), ErrorCode> {
        let mut deletions = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let step = self.step_in(index, |hosted, _, effects| hosted.shard.topic_deleted(topic, topic_id, effects));
            deletions.push(step.await);
        }
        for deletion in deletions {
            deletion.kept().await?;
        }
        Ok(())
    }

    /// Removes the offsets of topics that are gone although nobody told: a kill can come between the deletion of a topic and
    /// that of its offsets. `id_of` is the id of the topic that has a name now.
    pub async fn forget_deleted_topics(&self, id_of: impl Fn(&str) -> Option<Uuid>) -> Result<(), ErrorCode> {
        let mut deletions = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let step = self.step_in(index, |hosted, _, effects| hosted.shard.forget_deleted_topics(&id_of, effects));
            deletions.push(step.await);
        }
        for deletion in deletions {
            deletion.kept().await?;
        }
        Ok(())
    }

    /// Refuses every request that waits, and all that come. Members keep their places: after the restart they go on.
    pub async fn close(&self) {
        for partition in &self.partitions {
            partition.lock().await.close();
        }
    }

    async fn step<T>(&self, group: &str, act: impl FnOnce(&mut Hosted, Now, &mut Effects) -> T) -> Promise<T> {
        self.step_in(self.partition_of(group) as usize, act).await
    }

    /// Lets a shard act, and sees to it that its records are appended and its answers given.
    async fn step_in<T>(&self, index: usize, act: impl FnOnce(&mut Hosted, Now, &mut Effects) -> T) -> Promise<T> {
        let mut hosted = match self.ready(index).await {
            Ok(hosted) => hosted,
            Err(error) => return Promise::refused(error),
        };
        let now = (self.time)();
        let mut effects = Effects::default();
        let answer = act(&mut hosted, now, &mut effects);
        if effects.records.is_empty() {
            hosted.answer(effects);
            self.timer.set(index, hosted.shard.next_deadline());
            return Promise::new(answer, hosted.durability());
        }
        // On a task of its own: were this future dropped here, the shard would know what the log does not.
        let appending = tokio::spawn(append(hosted, index, effects, now, Arc::clone(&self.timer)));
        match appending.await {
            Ok(Ok(durability)) => Promise::new(answer, durability),
            Ok(Err(error)) => Promise::refused(error),
            Err(_) => Promise::refused(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        }
    }

    async fn ready(&self, index: usize) -> Result<OwnedMutexGuard<Hosted>, ErrorCode> {
        let partition = self.partitions.get(index).ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)?;
        let mut hosted = Arc::clone(partition).lock_owned().await;
        hosted.make_ready((self.time)()).await?;
        Ok(hosted)
    }
}

async fn append(
    mut hosted: OwnedMutexGuard<Hosted>,
    index: usize,
    effects: Effects,
    now: Now,
    timer: Arc<Timer>,
) -> Result<Option<promise::Durability>, ErrorCode> {
    let appended = hosted.append(&effects.records, now).await;
    match appended {
        Ok(()) => hosted.answer(effects),
        Err(error) => {
            hosted.fail(&error, now);
            return Err(error.code());
        }
    }
    timer.set(index, hosted.shard.next_deadline());
    Ok(hosted.durability())
}

/// The answer to a request that the shard keeps, once it has one and may give it.
async fn wait_for<T>(step: Promise<()>, receiver: oneshot::Receiver<Promise<T>>) -> Result<T, ErrorCode> {
    step.without_durability()?;
    receiver.await.map_err(|_| ErrorCode::COORDINATOR_NOT_AVAILABLE)?.kept().await
}

async fn run_timer(coordinator: Weak<GroupCoordinator>, timer: Arc<Timer>) {
    while let Some(coordinator) = coordinator.upgrade() {
        let now = (coordinator.time)().monotonic;
        for index in timer.take_due(now) {
            let coordinator = Arc::clone(&coordinator);
            tokio::spawn(async move {
                let expiry = coordinator.step_in(index, |hosted, now, effects| hosted.shard.expire(now, effects)).await;
                // A shard that is not available now has its deadlines anew when it is.
                drop(expiry);
            });
        }
        drop(coordinator);
        timer.wait(now).await;
    }
}

impl Drop for GroupCoordinator {
    fn drop(&mut self) {
        self.timer.wake();
    }
}
