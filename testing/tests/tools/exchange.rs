//! Requests over a raw connection.

use bytes::Bytes;
use naru_client::raw::{Connection, Error, Options};
use naru_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use naru_protocol::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use naru_protocol::records::{BatchBuilder, Codec, batches};
use naru_protocol::{ErrorCode, Records};
use std::time::Duration;

pub const TOPIC: &str = "crossings";
pub const PRODUCE: i16 = 11;
pub const FETCH: i16 = 11;

/// Longer than anything here takes; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub async fn connect(address: &str) -> Connection {
    try_connect(address).await.expect("the broker listens")
}

pub async fn try_connect(address: &str) -> Result<Connection, Error> {
    Connection::connect_with(address, Options { timeout: PATIENCE, ..Options::default() }).await
}

/// A connection on which the topic exists.
pub async fn connect_with_topic(address: &str) -> Connection {
    let mut connection = connect(address).await;
    let topic = CreatableTopic { name: TOPIC.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
    let answer = connection.send(&request, 5).await.expect("an answer");
    assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
    connection
}

pub fn produce(value: &[u8]) -> ProduceRequest {
    let mut batch = BatchBuilder::new(Codec::None);
    batch.push(1_700_000_000_000, None, Some(value), &[]).expect("a small record");
    let records = Some(Records::from(batch.build().expect("a batch")));
    let partition_data = vec![PartitionProduceData { index: 0, records }];
    let topic = TopicProduceData { name: TOPIC.into(), partition_data, ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 10_000, topic_data: vec![topic], ..Default::default() }
}

pub fn offset(answer: &ProduceResponse) -> i64 {
    let outcome = &answer.responses[0].partition_responses[0];
    assert_eq!(outcome.error_code, ErrorCode::NONE, "{:?}", outcome.error_message);
    outcome.base_offset
}

pub fn fetch(from: i64, max_wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition { fetch_offset: from, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

pub fn values(answer: &FetchResponse) -> Vec<String> {
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::NONE);
    let set: Vec<u8> = partition.records.iter().flat_map(Records::chunks).flat_map(|chunk| chunk.to_vec()).collect();
    let records = batches(Bytes::from(set)).flat_map(|batch| batch.expect("a whole batch").records());
    let values = records.map(|record| record.expect("a readable record").value.unwrap_or_default());
    values.map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
}

/// Everything in the topic.
pub async fn stored(address: &str) -> Vec<String> {
    values(&connect(address).await.send(&fetch(0, 0), FETCH).await.expect("an answer"))
}

/// How a connection that a fault has ended looks.
pub fn is_broken<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Closed | Error::Io(_)))
}
