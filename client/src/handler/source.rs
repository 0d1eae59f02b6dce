//! Where records come from and offsets go to: the consumer, or the double of the tests.

use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::progress::Position;
use super::service::Change;
use crate::consumer::{Consumer, ConsumerBuilder};
use crate::error::Error;
use crate::group::Committed;
use crate::record::{ConsumerRecord, TopicPartition};

/// How long the farewell to the group may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// Work that goes on beside the loop.
pub(super) type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A member of a group, as the loop sees it.
pub(super) trait Source {
    /// At least one record and at most so many. Cancellation safe.
    fn recv(&mut self, max: usize) -> impl Future<Output = Result<Vec<ConsumerRecord>, Error>> + Send;
    /// Commits, beside everything else.
    fn commit(&self, offsets: Vec<(TopicPartition, Position)>) -> Task<Result<(), Error>>;
    /// Hands out nothing of this partition until it is resumed.
    fn pause(&self, partition: &TopicPartition);
    /// Hands out records of the partition again.
    fn resume(&self, partition: &TopicPartition);
}

/// The consumer of a service.
pub(super) struct GroupMember(Consumer);

impl GroupMember {
    /// Becomes a member of the group; what changes about its partitions goes to `changes`.
    pub(super) async fn join(consumer: ConsumerBuilder, changes: mpsc::UnboundedSender<Change>) -> Result<Self, Error> {
        let (assigned, revoked, lost) = (changes.clone(), changes.clone(), changes);
        let consumer = consumer
            .supervised()
            .on_assigned(move |_, partitions| {
                // Fails when the service has ended, and so for the others.
                let _ = assigned.send(Change::Assigned(partitions));
                ready(())
            })
            .on_revoked(move |_, partitions| {
                let (reply, given_up) = oneshot::channel();
                let sent = revoked.send(Change::Revoked(partitions, reply));
                async move {
                    if sent.is_ok() {
                        let _ = given_up.await;
                    }
                }
            })
            .on_lost(move |_, partitions| {
                let _ = lost.send(Change::Lost(partitions));
                ready(())
            });
        Ok(Self(consumer.build().await?))
    }

    /// Leaves the group: others take over at once.
    pub(super) async fn leave(self) {
        if let Err(error) = self.0.close(LEAVE_LIMIT).await {
            tracing::warn!(%error, "the group was not told that the service has ended; it finds out by itself");
        }
    }
}

impl Source for GroupMember {
    async fn recv(&mut self, max: usize) -> Result<Vec<ConsumerRecord>, Error> {
        self.0.recv_batch(max).await
    }

    fn commit(&self, offsets: Vec<(TopicPartition, Position)>) -> Task<Result<(), Error>> {
        let consumer = self.0.handle().clone();
        let offsets = offsets
            .into_iter()
            .map(|(partition, at)| (partition, Committed { offset: at.offset, leader_epoch: at.leader_epoch }));
        let offsets = offsets.collect();
        Box::pin(async move { consumer.commit_with_epochs(offsets).await })
    }

    // A partition that is not assigned any more needs neither.
    fn pause(&self, partition: &TopicPartition) {
        let _ = self.0.pause(partition);
    }

    fn resume(&self, partition: &TopicPartition) {
        let _ = self.0.resume(partition);
    }
}
