//! Fetch (key 1), versions 4–18: reads record batches, waiting until there are enough.
//!
//! - 5: log start offset. 7: sessions (KIP-227); every answer here says session id 0, "no session", which a client
//!   takes as "send the whole list again". 9: fencing by leader epoch. 12: divergence by the last fetched epoch.
//!   13: topics by id. 15: followers say more about themselves; none are served here. 18: high watermark of a follower.
//!
//! Batches leave as they were stored, whole, and never above the high watermark. The first batch of the first partition
//! that has one is answered even when it is larger than asked for, so that every consumer gets on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use naru_protocol::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData,
};
use naru_protocol::{ErrorCode, Records, encode_response};
use tokio::time::Instant;
use uuid::Uuid;

use crate::broker::Broker;
use crate::partition::{Divergence, Fetched, Partition, any_reached};
use crate::storage::types::Offset;

use super::{Answer, RequestContext};

/// The first version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;

/// Session epochs of a request that lists all its partitions: the first of a session, and the last.
const FULL_FETCH_EPOCHS: [i32; 2] = [0, -1];

/// The isolation level that hides open and aborted transactions.
const READ_COMMITTED: i8 = 1;

pub(super) async fn handle(
    broker: Arc<Broker>,
    context: RequestContext,
    request: FetchRequest,
) -> Answer<FetchResponse> {
    if !FULL_FETCH_EPOCHS.contains(&request.session_epoch) {
        let error_code = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
        return Answer::Ready(FetchResponse { error_code, ..Default::default() });
    }
    let deadline = Instant::now() + Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let most = context.meter.as_ref().and_then(|meter| meter.fetch_limit()).unwrap_or(usize::MAX);
    let min_bytes = min_bytes.min(most);
    let mut fetch = Fetch::new(&broker, context.version, request);
    fetch.max_bytes = fetch.max_bytes.min(most);
    loop {
        fetch.read_what_moved().await;
        if fetch.is_complete(min_bytes) || Instant::now() >= deadline || broker.is_stopping() {
            let response = fetch.respond();
            if let Some(meter) = &context.meter
                && meter.fetch(size(&response, context.version)).is_err()
            {
                return Answer::Ready(FetchResponse::default());
            }
            return Answer::Ready(response);
        }
        // Whichever comes first, one more look tells what there is to answer.
        tokio::select! {
            _ = tokio::time::timeout_at(deadline, fetch.news()) => {}
            () = broker.stopping() => {}
        }
    }
}

/// What a response counts for: its length, without that of the header.
fn size(response: &FetchResponse, version: i16) -> usize {
    const HEADER: usize = 8;
    encode_response(0, response, version)
        .map_or(0, |chunks| chunks.iter().map(Bytes::len).sum::<usize>().saturating_sub(HEADER))
}

/// A request with its partitions looked up, and what was found in them so far.
struct Fetch {
    topics: Vec<Topic>,
    wanted: Vec<Wanted>,
    max_bytes: usize,
    read_committed: bool,
}

/// A topic of the request; its partitions are the next so many of [`Fetch::wanted`].
struct Topic {
    name: ByteString,
    id: Uuid,
    partitions: usize,
}

struct Wanted {
    request: FetchPartition,
    partition: Result<Arc<Partition>, ErrorCode>,
    found: Found,
    /// Whether nothing could follow when it was read last: its log is offline or its topic deleted.
    was_closed: bool,
}

enum Found {
    Unread,
    Records(Fetched),
    Diverged(Divergence),
    Failed(ErrorCode),
}

impl Fetch {
    fn new(broker: &Broker, version: i16, request: FetchRequest) -> Self {
        let from_replica = request.replica_id >= 0 || request.replica_state.replica_id >= 0;
        let mut fetch = Self {
            topics: Vec::with_capacity(request.topics.len()),
            wanted: Vec::new(),
            max_bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(broker.config().fetch_max_bytes as usize),
            read_committed: request.isolation_level == READ_COMMITTED,
        };
        for topic in request.topics {
            let partitions = topic.partitions.len();
            fetch.wanted.extend(topic.partitions.into_iter().map(|request| {
                let partition = match version {
                    _ if from_replica => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                    TOPIC_IDS_SINCE.. => broker.partition_by_id(&topic.topic_id, request.partition),
                    _ => broker.partition(&topic.topic, request.partition),
                };
                Wanted { request, partition, found: Found::Unread, was_closed: false }
            }));
            fetch.topics.push(Topic { name: topic.topic, id: topic.topic_id, partitions });
        }
        fetch
    }

    /// Reads the partitions that have not been read since their high watermark moved.
    async fn read_what_moved(&mut self) {
        let mut bytes = self.bytes();
        for wanted in self.wanted.iter_mut().filter(|wanted| wanted.has_news()) {
            let others = bytes - wanted.bytes();
            let asked = usize::try_from(wanted.request.partition_max_bytes).unwrap_or(0);
            wanted.read(asked.min(self.max_bytes.saturating_sub(others)), others == 0).await;
            bytes = others + wanted.bytes();
        }
    }

    fn bytes(&self) -> usize {
        self.wanted.iter().map(Wanted::bytes).sum()
    }

    /// Whether waiting would add nothing: there is enough, or something failed that the client should know at once.
    fn is_complete(&self, min_bytes: usize) -> bool {
        self.wanted.is_empty() || self.bytes() >= min_bytes || self.wanted.iter().any(Wanted::is_final)
    }

    /// Waits until there is more to read than was found.
    async fn news(&self) {
        let waits: Vec<_> = self.wanted.iter().filter_map(Wanted::next).collect();
        any_reached(&waits).await;
    }

    fn respond(self) -> FetchResponse {
        let mut wanted = self.wanted.into_iter();
        let responses = self.topics.into_iter().map(|topic| FetchableTopicResponse {
            topic: topic.name,
            topic_id: topic.id,
            partitions: wanted.by_ref().take(topic.partitions).map(|w| w.answer(self.read_committed)).collect(),
        });
        FetchResponse { responses: responses.collect(), ..Default::default() }
    }
}

impl Wanted {
    fn bytes(&self) -> usize {
        match &self.found {
            Found::Records(fetched) => fetched.records.iter().map(Bytes::len).sum(),
            Found::Unread | Found::Diverged(_) | Found::Failed(_) => 0,
        }
    }

    fn has_news(&self) -> bool {
        match (&self.found, &self.partition) {
            (Found::Unread, _) => true,
            (Found::Records(fetched), Ok(partition)) => {
                // Whoever waited when a partition closed is told so.
                let closed = !self.was_closed && self.is_closed();
                closed || partition.high_watermark().get() > fetched.high_watermark
            }
            _ => false,
        }
    }

    fn is_final(&self) -> bool {
        self.was_closed || matches!(self.found, Found::Diverged(_) | Found::Failed(_))
    }

    fn is_closed(&self) -> bool {
        self.partition.as_ref().is_ok_and(|partition| partition.high_watermark().closed().is_some())
    }

    /// The offset at which the partition has more than was found.
    fn next(&self) -> Option<(Arc<Partition>, Offset)> {
        match (&self.found, &self.partition) {
            (Found::Records(fetched), Ok(partition)) => {
                Some((Arc::clone(partition), Offset(fetched.high_watermark.0 + 1)))
            }
            _ => None,
        }
    }

    async fn read(&mut self, max_bytes: usize, at_least_one: bool) {
        self.was_closed = self.is_closed();
        self.found = self.try_read(max_bytes, at_least_one).await.unwrap_or_else(Found::Failed);
    }

    async fn try_read(&self, max_bytes: usize, at_least_one: bool) -> Result<Found, ErrorCode> {
        let partition = self.partition.as_ref().map_err(|error_code| *error_code)?;
        let FetchPartition { current_leader_epoch, last_fetched_epoch, fetch_offset, .. } = self.request;
        partition.check_leader_epoch(current_leader_epoch).map_err(|error| ErrorCode::from(&error))?;
        let from = Offset(fetch_offset);
        let divergence = partition.divergence(from, last_fetched_epoch).map_err(|error| ErrorCode::from(&error))?;
        if let Some(divergence) = divergence {
            return Ok(Found::Diverged(divergence));
        }
        let fetched = partition.read(from, max_bytes, at_least_one).await;
        fetched.map(Found::Records).map_err(|error| ErrorCode::from(&error))
    }

    fn answer(self, read_committed: bool) -> PartitionData {
        let unknown =
            matches!(self.partition, Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID));
        let nothing = PartitionData {
            partition_index: self.request.partition,
            high_watermark: -1,
            // Empty, not null: so Kafka answers about what does not exist.
            aborted_transactions: unknown.then(Vec::new),
            records: Some(Records::default()),
            ..Default::default()
        };
        match self.found {
            Found::Unread => nothing,
            Found::Failed(error_code) => PartitionData { error_code, ..nothing },
            Found::Diverged(divergence) => PartitionData {
                diverging_epoch: EpochEndOffset { epoch: divergence.epoch.0, end_offset: divergence.end.0 },
                ..nothing
            },
            Found::Records(fetched) => PartitionData {
                high_watermark: fetched.high_watermark.0,
                last_stable_offset: fetched.last_stable_offset.0,
                log_start_offset: fetched.log_start.0,
                aborted_transactions: read_committed.then(Vec::new),
                records: Some(fetched.records.into()),
                ..nothing
            },
        }
    }
}
