//! Partitions that the group gives and takes.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::ConsumerHandle;
use super::commits;
use super::partition::Phase;
use super::shared::Shared;
use crate::error::Error;
use crate::group::{RebalanceEvents, Work};
use crate::record::TopicPartition;

/// What an application does when partitions come or go.
pub(super) type Hook = Arc<dyn Fn(ConsumerHandle, Vec<TopicPartition>) -> Running + Send + Sync>;

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The application's hooks.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) assigned: Option<Hook>,
    pub(super) revoked: Option<Hook>,
    pub(super) lost: Option<Hook>,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// Passes what the membership tells to the consumer.
pub(super) struct Events {
    /// The consumer has the membership: not the other way round.
    pub(super) shared: Weak<Shared>,
    pub(super) hooks: Hooks,
    /// The application's hooks know what it holds.
    pub(super) supervised: bool,
}

impl Events {
    async fn call(hook: Option<&Hook>, shared: &Arc<Shared>, partitions: &[TopicPartition]) {
        if let Some(hook) = hook {
            hook(ConsumerHandle { shared: Arc::clone(shared) }, partitions.to_vec()).await;
        }
    }

    async fn give_back(&self, partitions: Vec<TopicPartition>) {
        let Some(shared) = self.shared.upgrade() else { return };
        if self.supervised {
            shared.unassign(&partitions);
            return Self::call(self.hooks.revoked.as_ref(), &shared, &partitions).await;
        }
        let going = Going::new(&shared, partitions);
        going.until_nothing_is_held().await;
        if shared.config.auto_commit {
            let limit = shared.client.config().api_timeout;
            if let Err(error) = commits::processed(&shared, Some(&going.partitions), limit).await {
                shared.state().tell(error.context("committing before partitions go"));
            }
        }
        Self::call(self.hooks.revoked.as_ref(), &shared, &going.partitions).await;
    }

    async fn lose(&self, partitions: Vec<TopicPartition>) {
        let Some(shared) = self.shared.upgrade() else { return };
        shared.unassign(&partitions);
        Self::call(self.hooks.lost.as_ref(), &shared, &partitions).await;
    }

    async fn take(&self, partitions: Vec<TopicPartition>) {
        let Some(shared) = self.shared.upgrade() else { return };
        shared.assign(&partitions, Phase::Held);
        let coming = Coming { shared: &shared, partitions };
        Self::call(self.hooks.assigned.as_ref(), &shared, &coming.partitions).await;
    }
}

impl RebalanceEvents for Events {
    fn revoked(&self, partitions: Vec<TopicPartition>) -> Work<'_> {
        Box::pin(self.give_back(partitions))
    }

    fn lost(&self, partitions: Vec<TopicPartition>) -> Work<'_> {
        Box::pin(self.lose(partitions))
    }

    fn assigned(&self, partitions: Vec<TopicPartition>) -> Work<'_> {
        Box::pin(self.take(partitions))
    }

    fn failed(&self, error: Error) {
        let Some(shared) = self.shared.upgrade() else { return };
        if error.is_fatal() {
            shared.state().end(error);
        } else {
            shared.state().tell(error);
        }
    }
}

/// Partitions on their way in: they are read when the hook is through, or has had its time.
struct Coming<'a> {
    shared: &'a Shared,
    partitions: Vec<TopicPartition>,
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.shared.state().release(&self.partitions);
        self.shared.changed.notify_one();
    }
}

/// Partitions on their way out: nothing is handed out meanwhile, and they are gone in the end, also when the group does not
/// wait that long.
struct Going<'a> {
    shared: &'a Shared,
    partitions: Vec<TopicPartition>,
}

impl<'a> Going<'a> {
    fn new(shared: &'a Shared, partitions: Vec<TopicPartition>) -> Self {
        shared.gate_closed.store(true, Ordering::SeqCst);
        Self { shared, partitions }
    }

    /// Waits for the application to ask for more: what it holds is processed then, and can be committed.
    async fn until_nothing_is_held(&self) {
        while !self.shared.is_left() && self.shared.state().holds_any_of(&self.partitions) {
            self.shared.came_back.notified().await;
        }
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        self.shared.unassign(&self.partitions);
        self.shared.gate_closed.store(false, Ordering::SeqCst);
        self.shared.state().wake();
    }
}
