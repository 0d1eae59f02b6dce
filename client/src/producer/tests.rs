//! The producer against a broker that misbehaves on request.

mod log;

use std::sync::OnceLock;

use naru_protocol::messages::init_producer_id::InitProducerIdResponse;
use naru_protocol::messages::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use naru_protocol::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use naru_protocol::{ApiKey, ErrorCode, Records};

use super::*;
use crate::fake_broker::{FakeBroker, Reply, body};
use log::Log;

const PARTITIONS: usize = 3;

/// Reached only when a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the broker does with a Produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Hangs up and appends nothing.
    CutBefore,
    /// Appends, and hangs up.
    CutAfter,
    /// Says nothing, for good.
    Silence,
    /// Appends nothing to this partition and says why.
    Refuse(i32, ErrorCode),
    /// Appends to this partition, and says that something is wrong.
    Complain(i32, ErrorCode),
}

/// A broker with one topic, `orders`.
struct Stage {
    broker: FakeBroker,
    scene: Arc<Mutex<Scene>>,
}

#[derive(Default)]
struct Scene {
    address: Arc<OnceLock<String>>,
    partitions: usize,
    logs: [Log; PARTITIONS],
    /// What becomes of the next Produce requests.
    faults: Vec<Fault>,
    /// Producer ids given out.
    identities: i64,
    /// How often each API was asked, and what for.
    produced: usize,
    metadata: usize,
    refuses_identities: Option<ErrorCode>,
}

impl Stage {
    async fn new() -> Self {
        let scene = Arc::new(Mutex::new(Scene { partitions: PARTITIONS, ..Scene::default() }));
        let (address, behind) = (Arc::clone(&scene.lock().unwrap().address), Arc::clone(&scene));
        let broker = FakeBroker::start(move |header, bytes| {
            let mut scene = behind.lock().unwrap();
            match header.api().unwrap() {
                ApiKey::Metadata => Reply::answer(&header, &scene.metadata(body(&header, bytes))),
                ApiKey::InitProducerId => {
                    scene.identities += 1;
                    let error_code = scene.refuses_identities.unwrap_or_default();
                    let producer_id = scene.identities;
                    Reply::answer(&header, &InitProducerIdResponse { producer_id, error_code, ..Default::default() })
                }
                ApiKey::Produce => {
                    let request: ProduceRequest = body(&header, bytes);
                    let fault = if scene.faults.is_empty() { Fault::None } else { scene.faults.remove(0) };
                    let acks = request.acks;
                    let answer = (fault != Fault::CutBefore).then(|| scene.produce(request, fault));
                    match (fault, answer) {
                        (Fault::CutBefore | Fault::CutAfter, _) | (_, None) => Reply::Last(Bytes::new()),
                        (Fault::Silence, _) => Reply::Silence,
                        (_, Some(_)) if acks == 0 => Reply::Silence,
                        (_, Some(answer)) => Reply::answer(&header, &answer),
                    }
                }
                other => panic!("{other:?}"),
            }
        });
        let broker = broker.await;
        address.set(broker.address.clone()).unwrap();
        Self { broker, scene }
    }

    fn client(&self) -> Client {
        let client = Client::builder().bootstrap(&self.broker.address);
        let client = ["retry.backoff.ms", "reconnect.backoff.ms"]
            .iter()
            .fold(client, |client, name| client.set(*name, "1").set(name.replace(".ms", ".max.ms"), "4"));
        client.build().unwrap()
    }

    fn producer(&self) -> ProducerBuilder {
        self.client().producer()
    }

    fn scene(&self) -> std::sync::MutexGuard<'_, Scene> {
        self.scene.lock().unwrap()
    }

    fn will(&self, faults: &[Fault]) {
        self.scene().faults.extend(faults);
    }
}

impl Scene {
    fn metadata(&mut self, request: MetadataRequest) -> MetadataResponse {
        self.metadata += 1;
        let (host, port) = self.address.get().unwrap().rsplit_once(':').unwrap();
        let broker =
            MetadataResponseBroker { node_id: 1, host: host.into(), port: port.parse().unwrap(), ..Default::default() };
        let partitions = (0..self.partitions as i32).map(|partition_index| MetadataResponsePartition {
            partition_index,
            leader_id: 1,
            ..Default::default()
        });
        let partitions: Vec<_> = partitions.collect();
        let topics = request.topics.into_iter().flatten().map(|asked| {
            let exists = asked.name.as_deref() == Some("orders");
            MetadataResponseTopic {
                name: asked.name,
                topic_id: uuid::Uuid::from_u128(7),
                error_code: if exists { ErrorCode::NONE } else { ErrorCode::INVALID_TOPIC_EXCEPTION },
                partitions: partitions.clone(),
                ..Default::default()
            }
        });
        MetadataResponse { brokers: vec![broker], topics: topics.collect(), controller_id: 1, ..Default::default() }
    }

    fn produce(&mut self, request: ProduceRequest, fault: Fault) -> ProduceResponse {
        self.produced += 1;
        let topics = request.topic_data.into_iter().map(|topic| {
            let partitions = topic.partition_data.into_iter().map(|data| {
                let bytes = data.records.iter().flat_map(Records::chunks).flat_map(|chunk| chunk.to_vec()).collect();
                let appended = match fault {
                    Fault::Refuse(partition, code) if partition == data.index => Err(code),
                    _ => self.logs[data.index as usize].append(bytes),
                };
                let (error_code, base_offset) = match (appended, fault) {
                    (Ok(_), Fault::Complain(partition, code)) if partition == data.index => (code, -1),
                    (Ok(offset), _) => (ErrorCode::NONE, offset),
                    (Err(code), _) => (code, -1),
                };
                PartitionProduceResponse { index: data.index, error_code, base_offset, ..Default::default() }
            });
            let partition_responses = partitions.collect();
            TopicProduceResponse { name: topic.name, topic_id: topic.topic_id, partition_responses }
        });
        ProduceResponse { responses: topics.collect(), ..Default::default() }
    }
}

fn to(partition: i32, value: &str) -> Record {
    Record::to("orders").partition(partition).value(value.to_owned())
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it takes too long")
}

/// Any sequence of faults: what is acknowledged is where it was said to be, what failed for sure is nowhere, nothing is there
/// twice, and all is in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_written_once_and_in_order_whatever_happens() {
    for seed in 0..100 {
        in_time(try_with(seed)).await;
    }
}

async fn try_with(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let stage = Stage::new().await;
    let builder = stage.producer().batch_size(random.usize(100..400));
    let builder =
        if random.bool() { builder.delivery_timeout(Duration::from_millis(random.u64(5..60))) } else { builder };
    let producer = builder.linger(Duration::from_millis(random.u64(0..2))).build().unwrap();
    let faults: Vec<Fault> = (0..random.usize(0..40))
        .map(|_| {
            let partition = random.i32(0..PARTITIONS as i32);
            match random.u8(0..12) {
                0 => Fault::CutBefore,
                1 | 2 => Fault::CutAfter,
                3 => Fault::Refuse(partition, ErrorCode::NOT_LEADER_OR_FOLLOWER),
                4 => Fault::Refuse(partition, ErrorCode::INVALID_RECORD),
                5 => Fault::Refuse(partition, ErrorCode::MESSAGE_TOO_LARGE),
                6 => Fault::Complain(partition, ErrorCode::REQUEST_TIMED_OUT),
                _ => Fault::None,
            }
        })
        .collect();
    stage.will(&faults);
    let mut sent = Vec::new();
    for number in 0..300 {
        let (partition, value) = (random.i32(0..PARTITIONS as i32), format!("{number:05}"));
        let delivery = producer.enqueue(to(partition, &value)).await.unwrap();
        sent.push((partition as usize, value, delivery));
        if random.u8(0..20) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut outcomes = Vec::new();
    for (partition, value, delivery) in sent {
        outcomes.push((partition, value, delivery.await));
    }
    producer.close(PATIENCE).await.unwrap();
    let context = |value: &str| format!("seed {seed}, record {value}, faults {faults:?}");
    let scene = stage.scene();
    for (partition, value, outcome) in outcomes {
        let log = &scene.logs[partition].values;
        match outcome {
            Ok(written) => assert_eq!(log.get(written.offset as usize), Some(&value), "{}", context(&value)),
            Err(error) if error.may_have_been_written() => {}
            Err(error) => assert!(!log.contains(&value), "{error}: {}", context(&value)),
        }
    }
    for log in &scene.logs {
        let wrong = log.values.windows(2).find(|pair| pair[0] >= pair[1]);
        assert_eq!(wrong, None, "twice or out of order: {}", context(&log.values.join(" ")));
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_written_twice() {
    let stage = Stage::new().await;
    stage.will(&[Fault::CutAfter, Fault::CutBefore, Fault::CutAfter]);
    let producer = stage.producer().build().unwrap();
    let written = in_time(producer.send(to(0, "boat"))).await.unwrap();
    assert_eq!((written.offset, written.partition), (0, 0));
    assert_eq!(stage.scene().logs[0].values, ["boat"]);
}

#[tokio::test]
async fn a_broker_that_has_forgotten_the_producer_gets_new_numbers() {
    let stage = Stage::new().await;
    let producer = stage.producer().build().unwrap();
    in_time(producer.send(to(0, "a"))).await.unwrap();
    stage.will(&[Fault::Refuse(0, ErrorCode::UNKNOWN_PRODUCER_ID)]);
    stage.scene().logs[0].forget_producers();
    for value in ["b", "c"] {
        in_time(producer.send(to(0, value))).await.unwrap();
    }
    assert_eq!(stage.scene().logs[0].values, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_batch_that_is_too_large_goes_in_parts_and_a_record_that_is_too_large_fails_alone() {
    let stage = Stage::new().await;
    stage.scene().logs[0].most_records = Some(2);
    let producer = stage.producer().linger(Duration::from_millis(50)).build().unwrap();
    let mut deliveries = Vec::new();
    for number in 0..7 {
        deliveries.push(producer.enqueue(to(0, &number.to_string())).await.unwrap());
    }
    in_time(producer.flush()).await;
    for (offset, delivery) in deliveries.into_iter().enumerate() {
        assert_eq!(delivery.await.unwrap().offset, offset as i64);
    }
    stage.scene().logs[0].most_records = Some(0);
    let error = in_time(producer.send(to(0, "large"))).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MESSAGE_TOO_LARGE));
    assert!(!error.may_have_been_written());
    stage.scene().logs[0].most_records = None;
    assert_eq!(in_time(producer.send(to(0, "small"))).await.unwrap().offset, 7);
}

#[tokio::test]
async fn without_an_answer_a_record_fails_in_time_and_the_next_is_written() {
    let stage = Stage::new().await;
    let producer = stage.producer().delivery_timeout(Duration::from_millis(500)).build().unwrap();
    in_time(producer.send(to(0, "a"))).await.unwrap();
    stage.will(&[Fault::Silence, Fault::CutAfter]);
    let error = in_time(producer.send(to(0, "b"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.may_have_been_written());
    assert_eq!(in_time(producer.send(to(0, "c"))).await.unwrap().offset, 2);
    assert_eq!(stage.scene().logs[0].values, ["a", "b", "c"]);
}

#[tokio::test]
async fn what_never_left_was_not_written_and_the_error_says_why() {
    let stage = Stage::new().await;
    let producer = stage.producer().delivery_timeout(Duration::from_millis(50)).build().unwrap();
    stage.will(&[Fault::Refuse(0, ErrorCode::NOT_ENOUGH_REPLICAS); 1000]);
    let error = in_time(producer.send(to(0, "a"))).await.unwrap_err();
    assert!(!error.may_have_been_written());
    assert!(error.to_string().contains("NOT_ENOUGH_REPLICAS"), "{error}");
    stage.scene().faults.clear();
    in_time(producer.send(to(0, "b"))).await.unwrap();
    assert_eq!(stage.scene().logs[0].values, ["b"]);
}

#[tokio::test]
async fn retries_can_be_bounded() {
    let stage = Stage::new().await;
    let producer = stage.producer().set("retries", "2").build().unwrap();
    stage.will(&[Fault::Refuse(0, ErrorCode::NOT_LEADER_OR_FOLLOWER); 3]);
    let error = in_time(producer.send(to(0, "a"))).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(stage.scene().produced, 3);
}

#[tokio::test]
async fn without_acks_nothing_is_waited_for_and_a_close_loses_nothing() {
    let stage = Stage::new().await;
    let producer = stage.producer().acks(Acks::None).build().unwrap();
    assert_eq!(in_time(producer.send(to(0, "0"))).await.unwrap().offset, -1);
    for number in 1..1000 {
        drop(producer.enqueue(to(0, &number.to_string())).await.unwrap());
    }
    in_time(producer.close(PATIENCE)).await.unwrap();
    assert_eq!(producer.buffered_bytes(), 0);
    in_time(async {
        while stage.scene().logs[0].values.len() < 1000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(stage.scene().identities, 0, "no producer id is needed");
}

#[tokio::test]
async fn the_last_handle_may_go_before_its_records_are_sent() {
    let stage = Stage::new().await;
    let producer = stage.producer().linger(Duration::from_mins(1)).build().unwrap();
    let delivery = producer.enqueue(to(0, "a")).await.unwrap();
    drop(producer);
    assert_eq!(in_time(delivery).await.unwrap().offset, 0);
}

#[tokio::test]
async fn closing_in_vain_says_what_may_have_been_written() {
    let stage = Stage::new().await;
    let producer = stage.producer().set("max.in.flight.requests.per.connection", "1").build().unwrap();
    stage.will(&[Fault::Silence]);
    let in_flight = producer.enqueue(to(0, "a")).await.unwrap();
    in_time(async {
        while stage.scene().produced == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let behind = producer.enqueue(to(0, "b")).await.unwrap();
    let late = in_time(producer.close(Duration::from_millis(1))).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    for (delivery, maybe_written) in [(in_flight, true), (behind, false)] {
        let error = in_time(delivery).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_written()), (ErrorKind::Closed, maybe_written));
    }
    assert_eq!(producer.enqueue(to(0, "c")).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn nobody_waits_for_a_sender_whose_runtime_is_gone() {
    let (of_broker, of_producer) = (tokio::runtime::Runtime::new().unwrap(), tokio::runtime::Runtime::new().unwrap());
    let stage = of_broker.block_on(Stage::new());
    let producer = stage.producer().linger(Duration::from_mins(1)).build().unwrap();
    let delivery = of_producer.block_on(in_time(producer.enqueue(to(0, "a")))).unwrap();
    drop(of_producer);
    let error = of_broker.block_on(in_time(delivery)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn an_id_that_is_refused_ends_the_producer_with_the_reason() {
    let stage = Stage::new().await;
    stage.scene().refuses_identities = Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    let producer = stage.producer().build().unwrap();
    let error = in_time(producer.send(to(0, "a"))).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED));
    assert!(error.is_fatal() && error.to_string().contains("enable.idempotence"), "{error}");
    assert!(producer.enqueue(to(0, "b")).await.unwrap_err().is_fatal());
}

#[tokio::test]
async fn a_partition_that_is_new_is_found() {
    let stage = Stage::new().await;
    stage.scene().partitions = 1;
    let producer = stage.producer().build().unwrap();
    in_time(producer.send(to(0, "a"))).await.unwrap();
    let error = in_time(producer.send(to(1, "b"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("has no partition 1; it has 1"), "{error}");
    stage.scene().partitions = 2;
    in_time(producer.send(to(1, "b"))).await.unwrap();
    assert_eq!(stage.scene().logs[1].values, ["b"]);
}

#[tokio::test]
async fn trying_never_waits_and_says_why_a_topic_is_not_found() {
    let stage = Stage::new().await;
    let producer = stage.producer().build().unwrap();
    let delivery = in_time(async {
        loop {
            match producer.try_send(to(0, "a")) {
                Ok(delivery) => return delivery.await,
                Err(refused) => {
                    assert_eq!((refused.error.kind(), &*refused.record), (ErrorKind::WouldBlock, &to(0, "a")));
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    assert_eq!(delivery.await.unwrap().offset, 0);
    assert_eq!(stage.scene().metadata, 1, "one look-up for all");
    let error = in_time(async {
        loop {
            let refused = producer.try_send(Record::to("no such topic")).unwrap_err();
            if refused.error.kind() != ErrorKind::WouldBlock {
                return refused.error;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(error.await.code(), Some(ErrorCode::INVALID_TOPIC_EXCEPTION));
}

#[tokio::test]
async fn a_full_buffer_is_waited_for_in_order_and_who_leaves_the_queue_sends_nothing() {
    let stage = Stage::new().await;
    let record = |value: &str| to(0, value);
    let one = size_of(&record("a"));
    let producer = stage.producer().buffer_memory(one).linger(Duration::from_mins(1)).build().unwrap();
    in_time(producer.send(record("a"))).await.unwrap();
    stage.will(&[Fault::Silence]);
    let _in_flight = producer.enqueue(record("b")).await.unwrap();
    assert_eq!(producer.try_send(record("x")).unwrap_err().error.kind(), ErrorKind::WouldBlock);
    assert_eq!(producer.buffered_bytes(), one);
    let mut gone = Box::pin(producer.enqueue(record("y")));
    let mut next = Box::pin(producer.enqueue(record("c")));
    tokio::select! {
        biased;
        _ = &mut gone => panic!("the buffer is full"),
        _ = &mut next => panic!("the buffer is full"),
        () = tokio::task::yield_now() => {}
    }
    drop(gone);
    // The silent broker hangs up: what was in flight is recognised, and the buffer is free again.
    stage.scene().faults.clear();
    let connections = producer.handle.shared.client.pool();
    connections.close();
    in_time(in_time(next).await.unwrap()).await.unwrap();
    assert_eq!(stage.scene().logs[0].values, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_few_records_without_a_key_reach_all_partitions() {
    let stage = Stage::new().await;
    let producer = stage.producer().build().unwrap();
    for number in 0..60 {
        in_time(producer.send(Record::to("orders").value(number.to_string()))).await.unwrap();
    }
    let counts: Vec<usize> = stage.scene().logs.iter().map(|log| log.values.len()).collect();
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
}

#[tokio::test]
async fn a_topic_in_use_stays_known() {
    let stage = Stage::new().await;
    let client = stage.client();
    let producer = client.producer().build().unwrap();
    in_time(producer.send(to(0, "a"))).await.unwrap();
    let metadata = client.metadata();
    for value in ["b", "c"] {
        metadata.forget_interest();
        let version = metadata.cluster().version;
        in_time(metadata.refreshed_since(version, Deadline::after(PATIENCE))).await.unwrap();
        in_time(producer.send(to(0, value))).await.unwrap();
    }
    assert_eq!(stage.scene().logs[0].values, ["a", "b", "c"]);
}

#[tokio::test]
async fn time_stamps_are_those_of_the_records() {
    let stage = Stage::new().await;
    let producer = stage.producer().build().unwrap();
    assert_eq!(in_time(producer.send(to(0, "a").timestamp(5))).await.unwrap().timestamp, 5);
    let error = in_time(producer.send(to(0, "b").timestamp(-5))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
