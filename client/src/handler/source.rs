//! Where records come from and offsets go to: the consumer, or the double of the tests.

use std::future::Future;
use std::pin::Pin;

use super::progress::Position;
use crate::error::Error;
use crate::record::{ConsumerRecord, TopicPartition};

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
