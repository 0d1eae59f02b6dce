//! What became of the records.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use naru_client::{Delivery, Error, RecordMetadata};
use serde::Serialize;

use super::input::Place;
use crate::cli::Failure;
use crate::cli::output::count;

/// How many failed records are named one by one.
const NAMED: usize = 5;

/// What was written to one partition.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    topic: String,
    partition: i32,
    records: u64,
    first_offset: i64,
    last_offset: i64,
}

/// The records that were read: on their way, written, failed.
#[derive(Default)]
pub(super) struct Outcomes {
    /// In the order in which they were read.
    open: VecDeque<(Place, Delivery)>,
    written: BTreeMap<(bytestring::ByteString, i32), Written>,
    failed: Vec<(Place, Error)>,
}

impl Outcomes {
    /// A record is on its way. What has come to an end before it is noted.
    pub(super) fn expect(&mut self, place: Place, delivery: Delivery) {
        self.open.push_back((place, delivery));
        self.settle(&mut Context::from_waker(Waker::noop()));
    }

    /// A record was not taken in.
    pub(super) fn failed(&mut self, place: Place, error: Error) {
        self.failed.push((place, error));
    }

    /// Notes the outcomes that are known, from the oldest record on.
    fn settle(&mut self, context: &mut Context<'_>) {
        while let Some((_, delivery)) = self.open.front_mut()
            && let Poll::Ready(outcome) = Pin::new(delivery).poll(context)
            && let Some((place, _)) = self.open.pop_front()
        {
            match outcome {
                Ok(written) => self.note(written),
                Err(error) => self.failed.push((place, error)),
            }
        }
    }

    fn note(&mut self, record: RecordMetadata) {
        let RecordMetadata { topic, partition, offset, .. } = record;
        let written = self.written.entry((topic.clone(), partition)).or_insert_with(|| Written {
            topic: topic.to_string(),
            partition,
            records: 0,
            first_offset: offset,
            last_offset: offset,
        });
        written.records += 1;
        written.last_offset = offset;
    }

    /// Returns when a record has failed. Cancellation safe.
    pub(super) async fn wait_for_failure(&mut self) {
        poll_fn(|context| {
            self.settle(context);
            if self.any_failed() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// How many records are on their way.
    pub(super) fn open(&self) -> u64 {
        self.open.len() as u64
    }

    /// Returns when nothing is on its way. Cancellation safe.
    pub(super) async fn settle_all(&mut self) {
        poll_fn(|context| {
            self.settle(context);
            if self.open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether a record has failed.
    pub(super) fn any_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// How many records were written.
    pub(super) fn written(&self) -> u64 {
        self.partitions().map(|written| written.records).sum()
    }

    /// What was written to each partition.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &Written> {
        self.written.values()
    }

    /// The topics that were written to.
    pub(super) fn topics(&self) -> Vec<&str> {
        let mut topics: Vec<&str> = self.partitions().map(|written| written.topic.as_str()).collect();
        topics.dedup();
        topics
    }

    /// What failed, if anything did.
    pub(super) fn into_failure(self) -> Option<Failure> {
        let total = self.failed.len();
        let unsure = self.failed.iter().any(|(_, error)| error.may_have_been_written());
        let kind = self.failed.first()?.1.kind();
        let named = self.failed.iter().take(NAMED).map(|(place, error)| Failure::of(error).doing(place));
        let mut failure = Failure::all(named.collect()).err()?;
        if total > NAMED {
            failure = failure.hint(format_args!("and {} more", count((total - NAMED) as u64, "record")));
        }
        if unsure {
            failure = failure.hint("The broker may have written some of them all the same.");
        }
        Some(failure.with_advice(kind))
    }
}
