//! Receiving records.
//!
//! A [`Consumer`] is what the application holds. Behind it, the driver gets every assigned partition an offset, fetchers ask the
//! partitions' leaders for records ahead of the application, and what they bring waits in a queue for each partition, bounded in
//! bytes. [`Consumer::recv`] takes what one Fetch brought for one partition from there, and then reads record by record from
//! it without a lock, a copy or an allocation; the partitions take turns.
//!
//! The application's place in each partition is a cursor: a seek or a new assignment makes another one, and whatever was
//! fetched or asked for the old one is thrown away when it turns up.

mod builder;
mod chunk;
mod commits;
mod config;
mod cursor;
mod driver;
mod fetcher;
mod handle;
mod lookup;
mod partition;
mod plan;
mod rebalance;
mod session;
mod shared;
mod state;
mod subscription;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::task::coop;

pub use builder::ConsumerBuilder;
pub(crate) use config::ConsumerConfig;
pub use config::{IsolationLevel, OffsetReset};
pub use handle::{ConsumerHandle, Watermarks};

use chunk::Chunk;
use cursor::Cursor;
use shared::Shared;

use crate::error::Error;
use crate::group::Activity;
use crate::record::ConsumerRecord;

/// A place in a partition to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeekTo {
    /// The first record there is.
    Beginning,
    /// Behind the last record: what is written from now on.
    End,
    /// The record with this offset. Where the log does not have it, the reset policy holds.
    Offset(i64),
    /// The first record whose time stamp is not smaller than this, in milliseconds since 1970; the end if there is none.
    Time(i64),
}

impl From<i64> for SeekTo {
    fn from(offset: i64) -> Self {
        Self::Offset(offset)
    }
}

/// Receives the records of some topics: as a member of a group, or from partitions of its own choice.
///
/// ```no_run
/// use naru_client::Client;
///
/// # async fn example() -> Result<(), naru_client::Error> {
/// let client = Client::connect("localhost:9092").await?;
/// let mut consumer = client.consumer().group("billing").topics(["orders"]).build().await?;
/// loop {
///     let record = consumer.recv().await?;
///     println!("{} at {}: {:?}", record.partition, record.offset, record.value);
/// }
/// # }
/// ```
///
/// A record counts as processed when the next one is asked for. That is what automatic commits go by
/// (`enable.auto.commit`, every `auto.commit.interval.ms`, on a rebalance and in [`Consumer::close`]): what the application
/// still works on is never committed, and comes again should it not live to finish it.
///
/// Everything but receiving is also on the [`ConsumerHandle`] that a consumer is made of: it can be cloned and used
/// elsewhere while the consumer receives.
///
/// Dropping a consumer never waits: it stops fetching at once and leaves its group in the background. What was processed since
/// the last commit is committed by [`Consumer::close`] only.
pub struct Consumer {
    handle: ConsumerHandle,
    /// What is being read.
    current: Option<Chunk>,
    /// What else the application holds records of.
    held: Vec<Arc<Cursor>>,
    /// How many records the last batch had.
    batch_len: usize,
    /// The group wants to know that the application is alive.
    activity: Option<Arc<Activity>>,
}

impl Consumer {
    fn new(handle: ConsumerHandle, activity: Option<Arc<Activity>>) -> Self {
        Self { handle, current: None, held: Vec::new(), batch_len: 0, activity }
    }

    /// The next record, as soon as there is one. The one before it counts as processed from now on.
    ///
    /// An error does not end the consumer, unless it is [fatal](Error::is_fatal): another call receives what comes next.
    ///
    /// Cancellation safe: when the future is dropped, no record is lost.
    pub async fn recv(&mut self) -> Result<ConsumerRecord, Error> {
        self.finish();
        let asking = Asking(self);
        poll_fn(|context| asking.0.poll_next_record(context)).await
    }

    /// At least one record, as soon as there is one, and up to `max` of what is at hand: of one partition after the other,
    /// in order. All that was received before counts as processed from now on.
    ///
    /// Faster than [`Consumer::recv`] for those who can work on many records at once. An error is returned alone; records
    /// before it come first.
    ///
    /// Cancellation safe: when the future is dropped, no record is lost.
    pub async fn recv_batch(&mut self, max: usize) -> Result<Vec<ConsumerRecord>, Error> {
        self.finish();
        let asking = Asking(self);
        poll_fn(|context| asking.0.poll_batch(context, max.max(1))).await
    }

    /// The records as a stream, which has no end. Each counts as processed when the next one is asked for.
    pub fn stream(&mut self) -> Records<'_> {
        Records { consumer: self, asked: false }
    }

    /// What can be done with the consumer beside receiving; also from elsewhere.
    pub fn handle(&self) -> &ConsumerHandle {
        &self.handle
    }

    /// Commits what was processed, if commits are automatic, and leaves the group: others take over at once. The record that
    /// was received last counts only if [`ConsumerHandle::commit`] was called for it or another one was asked for.
    ///
    /// An error says that the last commit did not succeed in time; the consumer is gone all the same. When the future is
    /// dropped, the group is left as by dropping the consumer.
    pub async fn close(self, limit: Duration) -> Result<(), Error> {
        self.shared().leave();
        // Dropping the consumer ends the rest.
        commits::last(self.shared(), limit).await
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// What was handed out is done with: the application asks for more.
    #[inline]
    fn finish(&mut self) {
        if let Some(chunk) = &mut self.current {
            chunk.finish();
        }
        if let Some(activity) = &self.activity {
            activity.called();
        }
        if !self.held.is_empty() {
            self.held.drain(..).for_each(|cursor| cursor.finish());
        }
    }

    fn poll_next_record(&mut self, context: &mut Context<'_>) -> Poll<Result<ConsumerRecord, Error>> {
        // A loop that always finds a record must let the runtime's other tasks run too.
        let budget = ready!(coop::poll_proceed(context));
        loop {
            match self.next_at_hand() {
                Some(next) => {
                    budget.made_progress();
                    return Poll::Ready(next);
                }
                None => self.current = Some(ready!(self.poll_chunk(context))?),
            }
        }
    }

    fn poll_batch(&mut self, context: &mut Context<'_>, max: usize) -> Poll<Result<Vec<ConsumerRecord>, Error>> {
        let first = ready!(self.poll_next_record(context))?;
        let mut batch = Vec::with_capacity(self.batch_len.clamp(1, max));
        batch.push(first);
        while batch.len() < max {
            match self.next_at_hand() {
                Some(Ok(record)) => batch.push(record),
                Some(Err(error)) => {
                    self.shared().state().tell_first(error);
                    break;
                }
                None => match self.poll_chunk(context) {
                    Poll::Ready(Ok(chunk)) => self.current = Some(chunk),
                    Poll::Ready(Err(error)) => {
                        self.shared().state().tell_first(error);
                        break;
                    }
                    Poll::Pending => break,
                },
            }
        }
        self.batch_len = batch.len();
        Poll::Ready(Ok(batch))
    }

    /// The next record of the chunk that is being read; `None` if there is no more, or not now.
    #[inline]
    fn next_at_hand(&mut self) -> Option<Result<ConsumerRecord, Error>> {
        if self.handle.shared.gate_is_closed() {
            return None;
        }
        let chunk = self.current.as_mut()?;
        if !chunk.cursor.is_running() {
            return None;
        }
        match chunk.next() {
            Some(Ok(record)) => Some(Ok(record)),
            Some(Err(error)) => {
                self.put_down(|shared, chunk| shared.state().rewind(&chunk.cursor));
                Some(Err(error))
            }
            None => {
                self.put_down(|_, chunk| chunk.retire());
                None
            }
        }
    }

    /// Puts the current chunk away; what the application holds of it stays known.
    fn put_down(&mut self, how: impl FnOnce(&Shared, Chunk)) {
        let Some(chunk) = self.current.take() else { return };
        if chunk.handed_out {
            self.held.push(Arc::clone(&chunk.cursor));
        }
        how(self.shared(), chunk);
    }

    /// Takes the next chunk that waits.
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Chunk, Error>> {
        if self.shared().gate_is_closed() {
            let shared = self.shared();
            let mut state = shared.state();
            state.wait(context);
            drop(state);
            shared.came_back.notify_one();
            if shared.gate_is_closed() {
                if let Some(activity) = &self.activity {
                    activity.waits(true);
                }
                return Poll::Pending;
            }
        }
        if self.current.is_some() {
            // Its partition was paused, sought or taken away.
            self.put_down(|shared, chunk| {
                if !chunk.cursor.is_dead() {
                    shared.state().put_back(chunk);
                }
            });
        }
        let taken = self.shared().state().take(context);
        if let Some(activity) = &self.activity {
            activity.waits(taken.is_pending());
        }
        taken
    }
}

/// An application that asks. When it does not wait for the answer any more, it works, as far as the group can tell.
struct Asking<'a>(&'a mut Consumer);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(activity) = &self.0.activity {
            activity.waits(false);
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared().close();
    }
}

/// Everything but receiving.
impl std::ops::Deref for Consumer {
    type Target = ConsumerHandle;

    fn deref(&self) -> &ConsumerHandle {
        &self.handle
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("group", &self.shared().config.group_id).finish_non_exhaustive()
    }
}

/// The records of a consumer as a stream without an end: [`Consumer::stream`].
#[derive(Debug)]
pub struct Records<'a> {
    consumer: &'a mut Consumer,
    /// The next record was asked for already.
    asked: bool,
}

impl Stream for Records<'_> {
    type Item = Result<ConsumerRecord, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.asked, true) {
            this.consumer.finish();
        }
        let record = ready!(this.consumer.poll_next_record(context));
        this.asked = false;
        Poll::Ready(Some(record))
    }
}
