//! The consumer against a broker that does what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use naru_protocol::messages::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use naru_protocol::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use naru_protocol::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use naru_protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};
use naru_protocol::records::{BatchBuilder, Codec};
use naru_protocol::{ApiKey, ErrorCode};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Consumer, OffsetReset};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::fake_broker::{FakeBroker, Reply, body};
use crate::record::{ConsumerRecord, TopicPartition};

/// Partition 0 of the topic orders, as the fake broker has it.
#[derive(Clone)]
struct Log {
    leader_epoch: i32,
    /// Values; the offset is the place in the list.
    values: Vec<&'static str>,
    /// What the end of older epochs is said to be.
    epoch_end: i64,
    /// What Fetch is answered with, until it is taken away.
    refusal: Option<ErrorCode>,
    /// Bytes of the first batch that are turned round.
    damaged: bool,
    /// The fetch session that is given to whoever begins one.
    session: i32,
}

impl Default for Log {
    fn default() -> Self {
        Self { leader_epoch: 1, values: vec!["a", "b", "c"], epoch_end: -1, refusal: None, damaged: false, session: 0 }
    }
}

impl Log {
    fn fetch(&self, asked: &FetchRequest) -> PartitionData {
        let end = self.values.len() as i64;
        let partition = &asked.topics[0].partitions[0];
        let offset = partition.fetch_offset;
        let fenced = match partition.current_leader_epoch {
            older if older < self.leader_epoch => Some(ErrorCode::FENCED_LEADER_EPOCH),
            newer if newer > self.leader_epoch => Some(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => None,
        };
        let out = (offset > end).then_some(ErrorCode::OFFSET_OUT_OF_RANGE);
        if let Some(error_code) = self.refusal.or(fenced).or(out) {
            return PartitionData { error_code, high_watermark: -1, ..Default::default() };
        }
        let mut builder = BatchBuilder::new(Codec::None).base_offset(offset).leader_epoch(self.leader_epoch);
        for value in &self.values[offset as usize..] {
            builder.push(0, None, Some(value.as_bytes()), &[]).unwrap();
        }
        let mut records = if offset < end { builder.build().unwrap().to_vec() } else { Vec::new() };
        if let Some(last) = records.last_mut().filter(|_| self.damaged) {
            *last ^= 1;
        }
        PartitionData { high_watermark: end, records: Some(bytes::Bytes::from(records).into()), ..Default::default() }
    }
}

/// Of each Fetch: session, epoch, and how many topics are named.
type Fetches = Arc<Mutex<Vec<(i32, i32, usize)>>>;

struct Fixture {
    broker: FakeBroker,
    log: Arc<Mutex<Log>>,
    fetches: Fetches,
    /// What the answers of the next Fetches wait for, one each.
    holds: Arc<Mutex<VecDeque<oneshot::Receiver<()>>>>,
    client: Client,
}

async fn fixture() -> Fixture {
    let log = Arc::new(Mutex::new(Log::default()));
    let address = Arc::new(Mutex::new(String::new()));
    let (fetched, holds) = (Fetches::default(), Arc::<Mutex<VecDeque<_>>>::default());
    let (shared, at, fetches, holding) =
        (Arc::clone(&log), Arc::clone(&address), Arc::clone(&fetched), Arc::clone(&holds));
    let broker = FakeBroker::start(move |header, bytes| {
        let log = shared.lock().unwrap().clone();
        let topic_id = Uuid::from_u128(7);
        match header.api() {
            Ok(ApiKey::Metadata) => Reply::answer(&header, &metadata(&at.lock().unwrap(), topic_id, log.leader_epoch)),
            Ok(ApiKey::Fetch) => {
                let asked: FetchRequest = body(&header, bytes);
                let partitions = asked.topics.iter().map(|_| log.fetch(&asked)).collect();
                let topic = FetchableTopicResponse { topic: "orders".into(), topic_id, partitions };
                let session_id = if asked.session_epoch < 0 { 0 } else { log.session };
                fetches.lock().unwrap().push((asked.session_id, asked.session_epoch, asked.topics.len()));
                let answer = FetchResponse { session_id, responses: vec![topic], ..Default::default() };
                let answer = Reply::answer(&header, &answer);
                match holding.lock().unwrap().pop_front() {
                    Some(told) => answer.when(told),
                    None => answer,
                }
            }
            Ok(ApiKey::ListOffsets) => {
                let asked: ListOffsetsRequest = body(&header, bytes);
                let at_end = asked.topics[0].partitions[0].timestamp == -1;
                let offset = if at_end { log.values.len() as i64 } else { 0 };
                let partition = ListOffsetsPartitionResponse { offset, ..Default::default() };
                let topic = ListOffsetsTopicResponse { name: "orders".into(), partitions: vec![partition] };
                Reply::answer(&header, &ListOffsetsResponse { topics: vec![topic], ..Default::default() })
            }
            Ok(ApiKey::OffsetForLeaderEpoch) => {
                let asked: OffsetForLeaderEpochRequest = body(&header, bytes);
                let leader_epoch = asked.topics[0].partitions[0].leader_epoch;
                let end = EpochEndOffset { leader_epoch, end_offset: log.epoch_end, ..Default::default() };
                let topic = OffsetForLeaderTopicResult { topic: "orders".into(), partitions: vec![end] };
                Reply::answer(&header, &OffsetForLeaderEpochResponse { topics: vec![topic], ..Default::default() })
            }
            _ => Reply::Silence,
        }
    })
    .await;
    address.lock().unwrap().clone_from(&broker.address);
    let client = Client::builder().bootstrap(&broker.address).set("retry.backoff.ms", "5");
    let client = client.set("retry.backoff.max.ms", "20").set("fetch.max.wait.ms", "5").build().unwrap();
    Fixture { broker, log, fetches: fetched, holds, client }
}

fn metadata(address: &str, topic_id: Uuid, leader_epoch: i32) -> MetadataResponse {
    let (host, port) = address.rsplit_once(':').unwrap();
    let broker =
        MetadataResponseBroker { node_id: 0, host: host.into(), port: port.parse().unwrap(), ..Default::default() };
    let partition = MetadataResponsePartition { leader_id: 0, leader_epoch, ..Default::default() };
    let topic = MetadataResponseTopic {
        name: Some("orders".into()),
        topic_id,
        partitions: vec![partition],
        ..Default::default()
    };
    MetadataResponse { brokers: vec![broker], topics: vec![topic], ..Default::default() }
}

impl Fixture {
    async fn consumer(&self, reset: OffsetReset) -> Consumer {
        self.client.consumer().assign([orders()]).offset_reset(reset).build().await.unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log.lock().unwrap());
    }

    /// Holds back the answer of the next Fetch that is not held back yet.
    fn hold(&self) -> oneshot::Sender<()> {
        let (tell, told) = oneshot::channel();
        self.holds.lock().unwrap().push_back(told);
        tell
    }

    fn calls(&self, api: ApiKey) -> usize {
        self.broker.seen.lock().unwrap().iter().filter(|seen| **seen == api).count()
    }
}

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

async fn recv(consumer: &mut Consumer) -> Result<ConsumerRecord, Error> {
    timeout(Duration::from_secs(10), consumer.recv()).await.expect("something comes")
}

/// Waits until it is so.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await.expect("it becomes so");
}

async fn values(consumer: &mut Consumer, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    for _ in 0..count {
        let record = recv(consumer).await.unwrap();
        values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
    }
    values
}

#[tokio::test]
async fn a_new_leader_that_has_all_is_read_on() {
    let fixture = fixture().await;
    let mut consumer = fixture.consumer(OffsetReset::Earliest).await;
    assert_eq!(values(&mut consumer, 3).await, ["a", "b", "c"]);
    fixture.change(|log| {
        (log.leader_epoch, log.epoch_end) = (2, 3);
        log.values.push("d");
    });
    assert_eq!(values(&mut consumer, 1).await, ["d"]);
    assert_eq!(fixture.calls(ApiKey::OffsetForLeaderEpoch), 1);
}

#[tokio::test]
async fn a_truncated_log_is_read_from_where_the_histories_part() {
    let fixture = fixture().await;
    let mut consumer = fixture.consumer(OffsetReset::Latest).await;
    consumer.seek(&orders(), 0).unwrap();
    assert_eq!(values(&mut consumer, 3).await, ["a", "b", "c"]);
    fixture
        .change(|log| *log = Log { leader_epoch: 2, values: vec!["a", "x", "y", "z"], epoch_end: 1, ..Log::default() });
    assert_eq!(values(&mut consumer, 3).await, ["x", "y", "z"]);
}

#[tokio::test]
async fn without_a_reset_policy_a_truncation_is_told() {
    let fixture = fixture().await;
    let mut consumer = fixture.consumer(OffsetReset::Fail).await;
    consumer.seek(&orders(), 0).unwrap();
    let first = loop {
        match recv(&mut consumer).await {
            // It looked for its place before the seek.
            Err(error) => assert_eq!(error.kind(), ErrorKind::NoOffset),
            Ok(record) => break record,
        }
    };
    assert_eq!(first.offset, 0);
    values(&mut consumer, 2).await;
    fixture.change(|log| *log = Log { leader_epoch: 2, values: vec!["a", "x"], epoch_end: 1, ..Log::default() });
    let error = recv(&mut consumer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoOffset);
    assert!(error.to_string().contains("orders-0 was truncated to offset 1"), "{error}");
    consumer.seek(&orders(), 1).unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["x"]);
}

#[tokio::test]
async fn a_refusal_that_lasts_is_told_and_others_are_not() {
    let fixture = fixture().await;
    fixture.change(|log| log.refusal = Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    let mut consumer = fixture.consumer(OffsetReset::Earliest).await;
    let error = recv(&mut consumer).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    assert!(error.to_string().contains("orders-0"), "{error}");
    let fetches = fixture.calls(ApiKey::Fetch);
    fixture.change(|log| log.refusal = Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    while fixture.calls(ApiKey::Fetch) < fetches + 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fixture.change(|log| log.refusal = None);
    let record = loop {
        match recv(&mut consumer).await {
            Ok(record) => break record,
            Err(error) => assert_eq!(error.code(), Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED)),
        }
    };
    assert_eq!(record.offset, 0);
}

#[tokio::test]
async fn damage_is_told_again_until_it_is_mended_or_passed_over() {
    let fixture = fixture().await;
    fixture.change(|log| log.damaged = true);
    let mut consumer = fixture.consumer(OffsetReset::Earliest).await;
    for _ in 0..2 {
        let error = recv(&mut consumer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().ends_with("seek to offset 3"), "{error}");
    }
    consumer.seek(&orders(), 3).unwrap();
    fixture.change(|log| {
        log.values.push("d");
        log.damaged = false;
    });
    assert_eq!(values(&mut consumer, 1).await, ["d"]);
}

#[tokio::test]
async fn a_dropped_consumer_hangs_up() {
    let fixture = fixture().await;
    let mut consumer = fixture.consumer(OffsetReset::Earliest).await;
    values(&mut consumer, 3).await;
    let handle = consumer.handle().clone();
    let connections = fixture.broker.connections();
    assert!(connections > 1, "the consumer has connections of its own");
    drop(consumer);
    until(|| fixture.broker.connections() <= 1).await;
    assert!(handle.assignment().is_empty());
}

#[tokio::test]
async fn a_stream_gives_the_records_and_counts_them_as_recv_does() {
    let fixture = fixture().await;
    let mut consumer = fixture.consumer(OffsetReset::Earliest).await;
    let handle = consumer.handle().clone();
    let processed = || handle.shared.state().partitions[&orders()].cursor.processed().map(|(offset, _)| offset);
    let mut stream = std::pin::pin!(consumer.stream());
    for expected in 0..3 {
        let next = std::future::poll_fn(|context| stream.as_mut().poll_next(context));
        let record = timeout(Duration::from_secs(10), next).await.unwrap().unwrap().unwrap();
        assert_eq!((record.offset, processed()), (expected, Some(expected)));
    }
}

#[tokio::test]
async fn a_session_ends_with_the_consumer_and_with_the_last_partition_of_a_leader() {
    let fixture = fixture().await;
    fixture.change(|log| log.session = 70);
    for is_dropped in [true, false] {
        let mut consumer = fixture.consumer(OffsetReset::Earliest).await;
        values(&mut consumer, 3).await;
        let seen = |wanted: (i32, i32, usize)| fixture.fetches.lock().unwrap().contains(&wanted);
        until(|| seen((70, 2, 0))).await;
        let handle = consumer.handle().clone();
        if is_dropped {
            drop(consumer);
        } else {
            handle.shared.unassign(&[orders()]);
        }
        until(|| seen((70, -1, 0))).await;
        let begun: Vec<_> = fixture.fetches.lock().unwrap().drain(..).filter(|(_, epoch, _)| *epoch == 0).collect();
        assert_eq!(begun, [(0, 0, 1)]);
    }
}

#[tokio::test]
async fn partitions_that_were_asked_for_outside_of_the_long_poll_are_asked_for_again() {
    let fixture = fixture().await;
    let mut consumer = fixture.consumer(OffsetReset::Latest).await;
    until(|| fixture.calls(ApiKey::Fetch) > 0).await;
    let (long_poll, express) = (fixture.hold(), fixture.hold());
    until(|| fixture.holds.lock().unwrap().len() == 1).await;
    // The other task takes it, and the long poll has nothing more to ask for when it is answered.
    consumer.seek(&orders(), 3).unwrap();
    until(|| fixture.holds.lock().unwrap().is_empty()).await;
    long_poll.send(()).unwrap();
    until(|| !consumer.handle().shared.state().fetchers[&0].is_polling()).await;
    fixture.change(|log| log.values.push("d"));
    express.send(()).unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["d"]);
}
