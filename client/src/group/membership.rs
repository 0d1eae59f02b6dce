//! A place in a group, as a consumer holds it.
//!
//! The life of the member runs in a task of its own ([`member`](super::member)), so heartbeats do not depend on how fast the
//! application works. Partitions come and go by [`RebalanceEvents`], which the task awaits: what is revoked can still be
//! committed meanwhile, and heartbeats go on.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytestring::ByteString;
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::watch;

use super::GroupConfig;
use super::activity::Activity;
use super::coordinator::Coordinator;
use super::member::Member;
use super::offsets::Committed;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::record::TopicPartition;

/// Work that an event is answered with.
pub(crate) type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What a membership tells its consumer, one event after the other. The rebalance waits for the work that is returned, but
/// for no longer than `max.poll.interval.ms`: the group goes on then, and the work is dropped. It is also dropped when the
/// membership is.
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

/// Who this member is in the group's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) member_id: ByteString,
    pub(super) generation: i32,
}

impl Identity {
    pub(super) const NOBODY: Self = Self { member_id: ByteString::from_static(""), generation: -1 };
}

/// What this member is in its group right now.
struct Standing {
    identity: Identity,
    /// What it may commit: what it has, and what it is giving back.
    owned: BTreeSet<TopicPartition>,
}

/// A place in a group. Dropping it leaves the group in the background.
pub(crate) struct Membership {
    shared: Arc<Shared>,
}

/// What the task and the handle share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) config: GroupConfig,
    pub(super) coordinator: Coordinator,
    standing: Mutex<Standing>,
    /// Commits go one after the other, so that an older one never overwrites a newer one.
    committing: tokio::sync::Mutex<()>,
    pub(super) activity: Arc<Activity>,
    pub(super) leaving: watch::Sender<Leaving>,
    /// Whether no task runs.
    pub(super) ended: watch::Sender<bool>,
}

/// Whether the member is to leave the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
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
        this.shared.ended.send_replace(false);
        tokio::spawn(Member::new(Arc::clone(&this.shared), topics, events).run());
        this
    }

    /// Only commits and looks up offsets: for who chooses its partitions itself.
    pub(crate) fn without_joining(client: Client, config: GroupConfig) -> Self {
        let coordinator = Coordinator::new(client.clone(), config.group_id.clone());
        let shared = Shared {
            client,
            config,
            coordinator,
            standing: Mutex::new(Standing { identity: Identity::NOBODY, owned: BTreeSet::new() }),
            committing: tokio::sync::Mutex::default(),
            activity: Arc::default(),
            leaving: watch::Sender::new(Leaving::No),
            // Who has not joined has nothing to leave.
            ended: watch::Sender::new(true),
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
        let owned = self.shared.owned_of(offsets);
        let work = async {
            let _turn = committing.lock().await;
            let identity = || self.shared.identity_that_owns(&owned);
            coordinator.commit(identity, config.instance_id.as_ref(), offsets, deadline).await
        };
        deadline.bound("committing", Box::pin(work)).await
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

    /// Gives the partitions back, by [`RebalanceEvents::revoked`], and leaves; an event whose work still runs is waited for
    /// first. Cancellation safe: it goes on in the background.
    pub(crate) async fn leave(&self) {
        let mut ended = self.shared.ended.subscribe();
        self.shared.leaving.send_replace(Leaving::Orderly);
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Its id and generation.
    #[cfg(test)]
    pub(super) fn identity(&self) -> (ByteString, i32) {
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
    pub(super) fn identity(&self) -> Identity {
        self.standing().identity.clone()
    }

    /// The group knows this member by another id or generation now.
    pub(super) fn is_now(&self, identity: Identity) {
        self.standing().identity = identity;
    }

    /// The member has these partitions now.
    pub(super) fn owns(&self, partitions: BTreeSet<TopicPartition>) {
        self.standing().owned = partitions;
    }

    /// The member has nothing any more.
    pub(super) fn owns_nothing_as(&self, identity: Identity) {
        *self.standing() = Standing { identity, owned: BTreeSet::new() };
    }

    /// Those of the partitions that the member has.
    fn owned_of(&self, offsets: &[(TopicPartition, Committed)]) -> Vec<TopicPartition> {
        let standing = self.standing();
        let owned =
            offsets.iter().map(|(partition, _)| partition).filter(|partition| standing.owned.contains(partition));
        owned.cloned().collect()
    }

    /// Who commits these partitions. A commit that has waited must not go out under the generation of a later rebalance, in
    /// which others have the partitions: it would undo their commits.
    fn identity_that_owns(&self, partitions: &[TopicPartition]) -> Result<Identity, Error> {
        let standing = self.standing();
        match partitions.iter().find(|partition| !standing.owned.contains(partition)) {
            None => Ok(standing.identity.clone()),
            Some(gone) => {
                let message = format!("{gone} has gone to another member of the group meanwhile");
                Err(Error::broker_said(ApiKey::OffsetCommit, ErrorCode::ILLEGAL_GENERATION, Some(&message)))
            }
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
