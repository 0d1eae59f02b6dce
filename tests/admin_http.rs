//! The HTTP listener from outside: health, and metrics that move with what clients do.
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use naru_broker::config::{BrokerConfig, Setting, SettingSource};
use naru_broker::{Broker, RunningBroker, StartError};
use naru_client::raw::Connection;
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use naru_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use naru_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use naru_protocol::records::{BatchBuilder, Codec};
use naru_protocol::{ErrorCode, Records};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn try_start(data: &Path, settings: &[(&str, &str)]) -> Result<RunningBroker, StartError> {
    let data = data.to_string_lossy();
    let usual = [("listeners", "127.0.0.1:0"), ("log.dirs", &data), ("admin.listen", "127.0.0.1:0")];
    let settings = usual.iter().chain(settings).map(|(name, value)| Setting {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        source: SettingSource::Override,
    });
    Broker::start(BrokerConfig::from_sources(settings).expect("good settings")).await
}

async fn start(data: &Path, settings: &[(&str, &str)]) -> RunningBroker {
    try_start(data, settings).await.expect("the broker starts")
}

async fn connect(broker: &RunningBroker) -> Connection {
    Connection::connect(&broker.listeners()[0].bound[0].to_string()).await.expect("the broker listens")
}

async fn create(client: &mut Connection, topic: &str) {
    let topic = MetadataRequestTopic { name: Some(topic.to_owned().into()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let answer = client.send(&request, 9).await.expect("an answer");
    assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
}

async fn produce(client: &mut Connection, topic: &str, records: usize) {
    let mut batch = BatchBuilder::new(Codec::None);
    for _ in 0..records {
        batch.push(1_700_000_000_000, None, Some(b"passenger"), &[]).expect("a small record");
    }
    let records = Some(Records::from(batch.build().expect("a batch")));
    let topic = TopicProduceData {
        name: topic.to_owned().into(),
        partition_data: vec![PartitionProduceData { index: 0, records }],
        ..Default::default()
    };
    let request = ProduceRequest { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() };
    let answer = client.send(&request, 9).await.expect("an answer");
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
}

async fn commit(client: &mut Connection, group: &str, topic: &str, offset: i64) {
    let partition = OffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
    let topic =
        OffsetCommitRequestTopic { name: topic.to_owned().into(), partitions: vec![partition], ..Default::default() };
    let request = OffsetCommitRequest { group_id: group.to_owned().into(), topics: vec![topic], ..Default::default() };
    loop {
        let answer = client.send(&request, 8).await.expect("an answer");
        match answer.topics[0].partitions[0].error_code {
            ErrorCode::NONE => return,
            error => assert!(error.is_retriable(), "{error}"),
        }
    }
}

/// Status line, headers and body of one request.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the listener is open");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: naru\r\n\r\n")).await;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

/// The value of every series by its name and labels.
async fn metrics(broker: &RunningBroker) -> BTreeMap<String, f64> {
    let (status, text) = get(broker.admin_address().expect("it is open"), "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "{text}");
    let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    series.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

#[tokio::test]
async fn a_broker_that_serves_is_live_and_ready() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let admin = broker.admin_address().expect("it is open");
    assert_eq!(get(admin, "/health/live").await, (200, "live\n".to_owned()));
    assert_eq!(get(admin, "/health/ready").await, (200, "ready\n".to_owned()));
    assert_eq!(get(admin, "/secrets").await.0, 404);
    broker.shutdown().await.expect("a clean stop");
    assert!(TcpStream::connect(admin).await.is_err(), "the listener is still open");
}

#[tokio::test]
async fn without_an_address_nothing_is_opened() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[("admin.listen", "")]).await;
    assert_eq!(broker.admin_address(), None);
}

#[tokio::test]
async fn an_address_that_is_taken_stops_the_start_and_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let data = TempDir::new().expect("a directory");
    let Err(error) = try_start(data.path(), &[("admin.listen", &address)]).await else { panic!("it started") };
    assert!(error.to_string().contains(&format!("the HTTP listener cannot be opened on {address}")), "{error}");
}

#[tokio::test]
async fn what_clients_do_moves_the_metrics() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[("offsets.topic.num.partitions", "1")]).await;
    let mut client = connect(&broker).await;
    create(&mut client, "crossings").await;
    produce(&mut client, "crossings", 5).await;
    let before = metrics(&broker).await;
    produce(&mut client, "crossings", 3).await;
    commit(&mut client, "ferry", "crossings", 6).await;
    let after = metrics(&broker).await;

    assert_eq!(before["naru_partition_high_watermark{topic=\"crossings\",partition=\"0\"}"], 5.0);
    assert_eq!(after["naru_partition_high_watermark{topic=\"crossings\",partition=\"0\"}"], 8.0);
    assert_eq!(after["naru_partition_log_end_offset{topic=\"crossings\",partition=\"0\"}"], 8.0);
    assert_eq!(before["naru_requests_total{api=\"Produce\"}"], 1.0);
    assert_eq!(after["naru_requests_total{api=\"Produce\"}"], 2.0);
    for grows in [
        "naru_request_bytes_total{api=\"Produce\"}",
        "naru_response_bytes_total{api=\"Produce\"}",
        "naru_request_duration_seconds_sum{api=\"Produce\"}",
        "naru_topic_size_bytes{topic=\"crossings\"}",
        "naru_flush_duration_seconds_count",
    ] {
        assert!(after[grows] > before[grows] && before[grows] > 0.0, "{grows}: {} {}", before[grows], after[grows]);
    }
    assert_eq!(after["naru_request_duration_seconds_bucket{le=\"+Inf\",api=\"Produce\"}"], 2.0);
    assert_eq!(after["naru_group_lag{group=\"ferry\",topic=\"crossings\"}"], 2.0);
    assert_eq!(after["naru_groups{state=\"Empty\"}"], 1.0);
    assert_eq!((after["naru_connections"], after["naru_connections_accepted_total"]), (1.0, 1.0));
    assert_eq!((after["naru_ready"], after["naru_partitions_offline"]), (1.0, 0.0));
    assert!(after["process_resident_memory_bytes"] > 1e6);
}

#[tokio::test]
async fn failures_are_counted_by_api_and_error() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let mut client = connect(&broker).await;
    create(&mut client, "crossings").await;
    let partition = FetchPartition { fetch_offset: 99, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: "crossings".into(), partitions: vec![partition], ..Default::default() };
    client.send(&FetchRequest { topics: vec![topic], ..Default::default() }, 11).await.expect("an answer");
    let metrics = metrics(&broker).await;
    assert_eq!(metrics["naru_request_errors_total{api=\"Fetch\",error=\"OFFSET_OUT_OF_RANGE\"}"], 1.0);
    assert!(!metrics.keys().any(|name| name.contains("errors_total{api=\"Metadata\"")));
}

#[tokio::test]
async fn connections_that_are_turned_away_are_counted() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[("max.connections", "1")]).await;
    let mut client = connect(&broker).await;
    create(&mut client, "crossings").await;
    let mut refused = TcpStream::connect(broker.listeners()[0].bound[0]).await.expect("the handshake");
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0);
    let metrics = metrics(&broker).await;
    assert_eq!((metrics["naru_connections"], metrics["naru_connections_refused_total"]), (1.0, 1.0));
}

#[tokio::test]
async fn topics_beyond_the_bound_share_one_series() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[("admin.metrics.max.series", "2")]).await;
    let mut client = connect(&broker).await;
    for topic in ["d", "c", "b", "a"] {
        create(&mut client, topic).await;
        produce(&mut client, topic, 2).await;
    }
    let metrics = metrics(&broker).await;
    let ends = metrics.iter().filter(|(name, _)| name.starts_with("naru_partition_log_end_offset"));
    let ends: Vec<_> = ends.map(|(name, value)| (name.split_once('{').expect("labels").1, *value)).collect();
    assert_eq!(
        ends,
        [
            ("topic=\"(other)\",partition=\"(other)\"}", 4.0),
            ("topic=\"a\",partition=\"0\"}", 2.0),
            ("topic=\"b\",partition=\"0\"}", 2.0)
        ]
    );
}

#[tokio::test]
async fn nonsense_and_half_requests_do_no_harm() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let admin = broker.admin_address().expect("it is open");
    let _half = {
        let mut stream = TcpStream::connect(admin).await.expect("the listener is open");
        stream.write_all(b"GET /metr").await.expect("sent");
        stream
    };
    assert!(ask(admin, "\0\0\0\x10nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let huge = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(admin).await.expect("the listener is open");
    // It may hang up before all of it is sent.
    let _ = stream.write_all(huge.as_bytes()).await;
    assert_eq!(get(admin, "/health/ready").await.0, 200);
}

/// Makes the log of a partition impossible to open, as a mistake with the files could.
fn damage(data: &Path, partition: &str) {
    std::fs::rename(data.join(partition), data.join("elsewhere")).expect("the partition has a directory");
    std::fs::write(data.join(partition), "no directory").expect("a file");
}

#[tokio::test]
async fn one_topic_that_is_offline_is_reported_and_leaves_the_broker_ready() {
    let data = TempDir::new().expect("a directory");
    let broker = start(data.path(), &[]).await;
    let mut client = connect(&broker).await;
    create(&mut client, "crossings").await;
    drop(client);
    broker.shutdown().await.expect("a clean stop");
    damage(data.path(), "crossings-0");
    let broker = start(data.path(), &[]).await;
    let (status, text) = get(broker.admin_address().expect("it is open"), "/health/ready").await;
    assert_eq!((status, text.lines().next()), (200, Some("ready")));
    assert!(text.contains("offline: crossings-0: "), "{text}");
    let metrics = metrics(&broker).await;
    assert_eq!((metrics["naru_ready"], metrics["naru_partitions_offline"]), (1.0, 1.0));
}

#[tokio::test]
async fn without_the_log_of_its_groups_the_broker_is_alive_and_not_ready() {
    let data = TempDir::new().expect("a directory");
    let settings = [("offsets.topic.num.partitions", "1")];
    let broker = start(data.path(), &settings).await;
    let mut client = connect(&broker).await;
    create(&mut client, "crossings").await;
    commit(&mut client, "ferry", "crossings", 0).await;
    drop(client);
    broker.shutdown().await.expect("a clean stop");
    damage(data.path(), "__consumer_offsets-0");
    let broker = start(data.path(), &settings).await;
    let admin = broker.admin_address().expect("it is open");
    assert_eq!(get(admin, "/health/live").await.0, 200);
    let (status, text) = get(admin, "/health/ready").await;
    assert_eq!((status, text.lines().next()), (503, Some("not ready")));
    assert!(text.contains("offline: __consumer_offsets-0: "), "{text}");
    assert_eq!(metrics(&broker).await["naru_ready"], 0.0);
}
