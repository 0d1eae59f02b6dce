//! What becomes of a record that was enqueued.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::Error;
use crate::record::{RecordMetadata, TopicPartition};

/// The outcome of a record: a future that resolves when the record is acknowledged as `acks` asks, or has failed for good.
/// The deliveries of a partition resolve in the order of its records.
///
/// Dropping it changes nothing: the record is sent all the same. It can be polled again after it was dropped from a
/// `select!`, and after it has resolved.
#[derive(Debug)]
#[must_use = "a record that fails says so here alone"]
pub struct Delivery {
    batch: Arc<BatchOutcome>,
    index: u32,
    timestamp: i64,
    /// Where its waker is, once it waits.
    waker: Option<usize>,
}

/// What becomes of a batch: all its records share it.
#[derive(Debug)]
pub(super) struct BatchOutcome {
    partition: Arc<TopicPartition>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Waiting(Vec<Waker>),
    Written {
        base_offset: i64,
        append_time: Option<i64>,
    },
    Failed(Error),
    /// The batch was too large for the broker; its records go on in two smaller ones.
    Split {
        first: Arc<BatchOutcome>,
        second_from: u32,
        second: Arc<BatchOutcome>,
    },
}

impl BatchOutcome {
    pub(super) fn new(partition: Arc<TopicPartition>) -> Arc<Self> {
        Arc::new(Self { partition, state: Mutex::new(State::Waiting(Vec::new())) })
    }

    pub(super) fn partition(&self) -> Arc<TopicPartition> {
        Arc::clone(&self.partition)
    }

    /// The delivery of the record with this number in the batch.
    pub(super) fn delivery(self: &Arc<Self>, index: u32, timestamp: i64) -> Delivery {
        Delivery { batch: Arc::clone(self), index, timestamp, waker: None }
    }

    /// The broker has it. A base offset of −1 is not known.
    pub(super) fn written(&self, base_offset: i64, append_time: Option<i64>) {
        self.resolve(State::Written { base_offset, append_time });
    }

    /// It has failed for good.
    pub(super) fn failed(&self, error: Error) {
        self.resolve(State::Failed(error));
    }

    /// It goes on in two: the records from number `second_from` are in the second.
    pub(super) fn split(&self, first: Arc<Self>, second_from: u32, second: Arc<Self>) {
        self.resolve(State::Split { first, second_from, second });
    }

    /// Returns when nothing more can become of any of its records. Cancellation safe.
    pub(super) async fn settled(self: Arc<Self>) {
        let mut open = vec![self];
        while let Some(batch) = open.pop() {
            let _ = batch.delivery(0, 0).await;
            if let State::Split { first, second, .. } = &*batch.state() {
                open.extend([Arc::clone(first), Arc::clone(second)]);
            }
        }
    }

    fn resolve(&self, outcome: State) {
        let mut state = self.state();
        if let State::Waiting(_) = *state {
            let before = std::mem::replace(&mut *state, outcome);
            drop(state);
            if let State::Waiting(wakers) = before {
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivery {
    /// The partition that the record goes to.
    pub fn partition(&self) -> i32 {
        self.batch.partition.partition
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = {
                let batch = Arc::clone(&self.batch);
                let mut state = batch.state();
                match &mut *state {
                    State::Waiting(wakers) => {
                        if let Some(waker) = self.waker.and_then(|at| wakers.get_mut(at)) {
                            waker.clone_from(cx.waker());
                        } else {
                            self.waker = Some(wakers.len());
                            wakers.push(cx.waker().clone());
                        }
                        return Poll::Pending;
                    }
                    State::Written { base_offset, append_time } => {
                        let TopicPartition { topic, partition } = &*batch.partition;
                        return Poll::Ready(Ok(RecordMetadata {
                            topic: topic.clone(),
                            partition: *partition,
                            offset: if *base_offset < 0 { -1 } else { *base_offset + i64::from(self.index) },
                            timestamp: append_time.unwrap_or(self.timestamp),
                        }));
                    }
                    State::Failed(error) => return Poll::Ready(Err(error.clone())),
                    State::Split { first, second_from, second } => match self.index.checked_sub(*second_from) {
                        Some(index) => (Arc::clone(second), index),
                        None => (Arc::clone(first), self.index),
                    },
                }
            };
            (self.batch, self.index) = next;
            self.waker = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn outcome() -> Arc<BatchOutcome> {
        BatchOutcome::new(Arc::new(TopicPartition::new("orders", 2)))
    }

    #[tokio::test]
    async fn all_records_of_a_batch_resolve_at_once() {
        let batch = outcome();
        let (first, third) = (batch.delivery(0, 10), batch.delivery(2, 12));
        let waiting = tokio::spawn(async move { (first.await.unwrap(), third.await.unwrap()) });
        tokio::task::yield_now().await;
        batch.written(40, None);
        let (first, third) = waiting.await.unwrap();
        assert_eq!((first.offset, first.timestamp, first.partition), (40, 10, 2));
        assert_eq!((third.offset, third.timestamp, third.topic.as_ref()), (42, 12, "orders"));
    }

    #[tokio::test]
    async fn the_first_outcome_counts() {
        let batch = outcome();
        batch.failed(Error::new(ErrorKind::TimedOut, "too late"));
        batch.written(1, None);
        assert_eq!(batch.delivery(0, 0).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn records_of_a_split_batch_are_found_in_its_halves() {
        let (whole, first, second) = (outcome(), outcome(), outcome());
        let deliveries = [whole.delivery(1, 0), whole.delivery(2, 0), whole.delivery(4, 0)];
        whole.split(Arc::clone(&first), 2, Arc::clone(&second));
        second.written(100, Some(7));
        first.failed(Error::new(ErrorKind::TooLarge, "too large"));
        let [in_first, begins_second, in_second] = deliveries;
        assert!(in_first.await.is_err());
        assert_eq!(begins_second.await.unwrap().offset, 100);
        let last = in_second.await.unwrap();
        assert_eq!((last.offset, last.timestamp), (102, 7));
    }
}
