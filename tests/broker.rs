//! One whole broker inside the test's process: what a client sees of it, across restarts too.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_broker::storage::OpenError;
use naru_broker::{Broker, RunningBroker, StartError};
use naru_client::raw::Connection;
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use naru_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use naru_protocol::records::{BatchBuilder, Codec, batches};
use naru_protocol::{ErrorCode, Records};
use tempfile::TempDir;

const TOPIC: &str = "crossings";

async fn start(data: &Path, settings: &[(&str, &str)]) -> RunningBroker {
    let data = data.to_string_lossy();
    let usual = [("listeners", "127.0.0.1:0"), ("log.dirs", &data)];
    let settings = usual.iter().chain(settings).map(|(name, value)| Setting {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        source: SettingSource::Override,
    });
    Broker::start(BrokerConfig::from_sources(settings).expect("good settings")).await.expect("the broker starts")
}

async fn connect(broker: &RunningBroker) -> Connection {
    Connection::connect(&broker.listeners()[0].bound[0].to_string()).await.expect("the broker listens")
}

async fn metadata(client: &mut Connection, topic: &str) -> MetadataResponse {
    let topic = MetadataRequestTopic { name: Some(topic.into()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    client.send(&request, 9).await.expect("an answer")
}

fn produce(value: &str) -> ProduceRequest {
    let mut batch = BatchBuilder::new(Codec::None);
    batch.push(1_700_000_000_000, None, Some(value.as_bytes()), &[]).expect("a small record");
    let records = Some(Records::from(batch.build().expect("a batch")));
    let topic = TopicProduceData {
        name: TOPIC.into(),
        partition_data: vec![PartitionProduceData { index: 0, records }],
        ..Default::default()
    };
    ProduceRequest { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

fn offset(response: &ProduceResponse) -> i64 {
    let outcome = &response.responses[0].partition_responses[0];
    assert_eq!(outcome.error_code, ErrorCode::NONE, "{:?}", outcome.error_message);
    outcome.base_offset
}

fn fetch(from: i64, max_wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition { fetch_offset: from, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

fn fetched(response: &FetchResponse) -> &PartitionData {
    let partition = &response.responses[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::NONE);
    partition
}

fn values(response: &FetchResponse) -> Vec<String> {
    let set: Vec<u8> = fetched(response).records.iter().flat_map(Records::chunks).flat_map(|c| c.to_vec()).collect();
    let records = batches(Bytes::from(set)).flat_map(|batch| batch.expect("a whole batch").records());
    let values = records.map(|record| record.expect("a readable record").value.unwrap_or_default());
    values.map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
}

#[tokio::test]
async fn a_topic_that_a_client_asks_for_is_ready_in_the_same_answer() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[("num.partitions", "3")]).await;
    let mut client = connect(&broker).await;
    let answer = metadata(&mut client, TOPIC).await;
    assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
    let leaders: Vec<_> = answer.topics[0].partitions.iter().map(|p| (p.partition_index, p.leader_id)).collect();
    assert_eq!(leaders, [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(offset(&client.send(&produce("first"), 9).await.expect("an answer")), 0);
}

#[tokio::test]
async fn records_topics_and_identity_survive_a_restart_and_the_leader_epoch_grows() {
    let data = TempDir::new().expect("a directory");
    let mut identities = Vec::new();
    for start_number in 0..3 {
        let broker = start(data.path(), &[]).await;
        let mut client = connect(&broker).await;
        let answer = metadata(&mut client, TOPIC).await;
        assert_eq!(answer.topics[0].partitions[0].leader_epoch, start_number);
        identities.push(answer.cluster_id);
        let value = format!("value {start_number}");
        assert_eq!(offset(&client.send(&produce(&value), 9).await.expect("an answer")), i64::from(start_number));
        let all = client.send(&fetch(0, 1000), 11).await.expect("an answer");
        let expected: Vec<_> = (0..=start_number).map(|number| format!("value {number}")).collect();
        assert_eq!(values(&all), expected);
        drop(client);
        broker.shutdown().await.expect("a clean stop");
    }
    assert!(identities.windows(2).all(|pair| pair[0] == pair[1]), "{identities:?}");
}

#[tokio::test]
async fn a_waiting_fetch_is_answered_when_a_record_arrives() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let (mut reader, mut writer) = (connect(&broker).await, connect(&broker).await);
    metadata(&mut writer, TOPIC).await;
    reader.submit(&fetch(0, 20_000), 11).await.expect("sent");
    assert_eq!(offset(&writer.send(&produce("news"), 9).await.expect("an answer")), 0);
    let begun = tokio::time::Instant::now();
    let answer = reader.receive::<FetchRequest>().await.expect("an answer");
    assert_eq!(values(&answer), ["news"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "the fetch waited for its time limit");
}

#[tokio::test]
async fn a_fetch_at_the_end_waits_its_time_and_comes_back_empty() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let mut client = connect(&broker).await;
    metadata(&mut client, TOPIC).await;
    let begun = tokio::time::Instant::now();
    let answer = client.send(&fetch(0, 100), 11).await.expect("an answer");
    assert!(values(&answer).is_empty());
    assert_eq!(fetched(&answer).high_watermark, 0);
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_waiting_fetch_is_answered_when_the_broker_stops() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let mut client = connect(&broker).await;
    metadata(&mut client, TOPIC).await;
    client.submit(&fetch(0, 20_000), 11).await.expect("sent");
    let begun = tokio::time::Instant::now();
    let stopping = tokio::spawn(broker.shutdown());
    // A request that was not read yet when the broker stopped has no answer; one that was has an empty one.
    if let Ok(answer) = client.receive::<FetchRequest>().await {
        assert!(values(&answer).is_empty());
    }
    stopping.await.expect("no panic").expect("a clean stop");
    assert!(begun.elapsed() < Duration::from_secs(4), "the stop waited for the fetch");
}

#[tokio::test]
async fn five_produce_requests_in_flight_are_answered_in_order() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let mut client = connect(&broker).await;
    metadata(&mut client, TOPIC).await;
    for number in 0..5 {
        client.submit(&produce(&number.to_string()), 9).await.expect("sent");
    }
    for number in 0..5 {
        assert_eq!(offset(&client.receive::<ProduceRequest>().await.expect("an answer")), number);
    }
}

#[tokio::test]
async fn each_listener_tells_its_own_address() {
    let data = TempDir::new().expect("a directory");
    let listeners =
        [("listeners", "IN=127.0.0.1:0,OUT=127.0.0.1:0"), ("advertised.listeners", "OUT=kafka.example:443")];
    let broker = start(data.path(), &listeners).await;
    let mut told = Vec::new();
    for listener in broker.listeners() {
        let mut client = Connection::connect(&listener.bound[0].to_string()).await.expect("the broker listens");
        let answer = metadata(&mut client, TOPIC).await;
        told.push(format!("{}:{}", answer.brokers[0].host, answer.brokers[0].port));
    }
    assert_eq!(told, [broker.listeners()[0].bound[0].to_string(), "kafka.example:443".to_owned()]);
}

#[tokio::test]
async fn two_brokers_cannot_share_a_directory() {
    let data = TempDir::new().expect("a directory");
    let first = start(data.path(), &[]).await;
    let path = data.path().to_string_lossy().into_owned();
    let settings = [("listeners", "127.0.0.1:0".to_owned()), ("log.dirs", path)].map(|(name, value)| Setting {
        name: name.to_owned(),
        value,
        source: SettingSource::Override,
    });
    let config = BrokerConfig::from_sources(settings).expect("good settings");
    let Err(error) = Broker::start(config).await else { panic!("a second broker started") };
    assert!(error.to_string().contains("in use by another process"), "{error}");
    first.shutdown().await.expect("a clean stop");
}

#[tokio::test]
async fn no_limit_of_the_configuration_stops_committed_offsets() {
    let data = TempDir::new().expect("a directory");
    let settings = [("message.max.bytes", "1"), ("offsets.topic.segment.bytes", "1048576")];
    let broker = start(data.path(), &settings).await;
    let mut client = connect(&broker).await;
    metadata(&mut client, TOPIC).await;
    let committed_metadata = Some("x".repeat(4096).into());
    let partition = OffsetCommitRequestPartition { committed_offset: 7, committed_metadata, ..Default::default() };
    let topic = OffsetCommitRequestTopic { name: TOPIC.into(), partitions: vec![partition], ..Default::default() };
    let request = OffsetCommitRequest { group_id: "passengers".into(), topics: vec![topic], ..Default::default() };
    let answer: OffsetCommitResponse = client.send(&request, 8).await.expect("an answer");
    assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::NONE);
    broker.shutdown().await.expect("an orderly stop");
}

#[tokio::test]
async fn a_dropped_broker_hangs_up_and_frees_its_directory() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let mut client = connect(&broker).await;
    metadata(&mut client, TOPIC).await;
    assert_eq!(offset(&client.send(&produce("before"), 11).await.expect("an answer")), 0);
    // A fetch that waits for the next record is left without an answer.
    client.submit(&fetch(1, 20_000), 11).await.expect("a request");
    drop(broker);
    client.closed().await.expect("the broker hangs up");

    let broker = start_when_free(data.path()).await;
    let mut client = connect(&broker).await;
    assert_eq!(values(&client.send(&fetch(0, 0), 11).await.expect("an answer")), ["before"]);
    broker.shutdown().await.expect("a clean stop");
}

/// Starts a broker on a directory that another one is leaving.
async fn start_when_free(data: &Path) -> RunningBroker {
    tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let dir = data.to_string_lossy().into_owned();
            let settings = [("listeners", "127.0.0.1:0".to_owned()), ("log.dirs", dir)].map(|(name, value)| Setting {
                name: name.to_owned(),
                value,
                source: SettingSource::Override,
            });
            match Broker::start(BrokerConfig::from_sources(settings).expect("good settings")).await {
                Ok(broker) => return broker,
                Err(StartError::Data(OpenError::Locked(_))) => tokio::task::yield_now().await,
                Err(error) => panic!("the broker does not start: {error}"),
            }
        }
    })
    .await
    .expect("the directory becomes free")
}
