//! Many of everything.

use std::time::{Duration, Instant};

use naru_protocol::ErrorCode;
use naru_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use naru_protocol::messages::metadata::MetadataRequest;

use crate::client::{batch, bytes, produce_request};
use crate::setup::TestBroker;

/// An answer takes milliseconds; this is for a machine that does much else.
const BOUND: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_of_10_000_topics_is_one_answer() {
    let broker = TestBroker::start_in_memory("").await;
    let mut client = broker.client().await;
    let topics = (0..10_000).map(|number| CreatableTopic {
        name: format!("topic-{number:05}").into(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    });
    let request = CreateTopicsRequest { topics: topics.collect(), timeout_ms: 60_000, validate_only: false };
    let answer = client.send(&request, 7).await.expect("an answer");
    assert!(answer.topics.iter().all(|topic| topic.error_code == ErrorCode::NONE));
    let begun = Instant::now();
    let all = client.send(&MetadataRequest { topics: None, ..Default::default() }, 12).await.expect("an answer");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    assert_eq!(all.topics.len(), 10_000);
    assert!(all.topics.iter().all(|topic| topic.partitions.len() == 1 && topic.error_code == ErrorCode::NONE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_of_5_000_partitions_wakes_for_the_one_that_has_news() {
    let broker = TestBroker::start_in_memory("").await;
    let (mut reader, mut writer) = (broker.client().await, broker.client().await);
    writer.create("wide", 5000, &[]).await;
    let partitions =
        (0..5000).map(|partition| FetchPartition { partition, partition_max_bytes: 1 << 20, ..Default::default() });
    let topic = FetchTopic { topic: "wide".into(), partitions: partitions.collect(), ..Default::default() };
    let mut request = FetchRequest { max_wait_ms: 0, min_bytes: 1, topics: vec![topic], ..Default::default() };
    let begun = Instant::now();
    let empty = reader.send(&request, 11).await.expect("an answer");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    assert!(empty.responses[0].partitions.iter().all(|partition| partition.error_code == ErrorCode::NONE));

    request.max_wait_ms = 60_000;
    reader.submit(&request, 11).await.expect("sent");
    let begun = Instant::now();
    writer.send(&produce_request("wide", 4321, batch(&["news"]), -1), 11).await.expect("an answer");
    let answer = reader.receive::<FetchRequest>().await.expect("an answer");
    assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    let with_records: Vec<_> = answer.responses[0]
        .partitions
        .iter()
        .filter(|partition| !bytes(partition).is_empty())
        .map(|partition| partition.partition_index)
        .collect();
    assert_eq!(with_records, [4321]);
}
