//! Topics: how they come to be, what they may be called, and how they go.

use std::time::Instant;

use naru_protocol::ErrorCode;
use naru_protocol::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use naru_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use naru_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use naru_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use uuid::Uuid;

use crate::client::{LATEST, batch, fetch_request, fetched, values};
use crate::setup::{PATIENCE, TestBroker, wait_until};

const TOPIC: &str = "crossings";

#[tokio::test]
async fn metadata_creates_a_topic_only_where_client_and_broker_allow_it() {
    let broker = TestBroker::start("num.partitions=3").await;
    let mut client = broker.client().await;
    let refused = client.metadata(&["one"], false).await;
    assert_eq!(refused.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.topics().await, [""; 0]);
    // Kafka says "unknown" to the first request and has the topic for the next one; here it is ready at once.
    let created = client.metadata(&["one"], true).await;
    assert_eq!((created.topics[0].error_code, created.topics[0].partitions.len()), (ErrorCode::NONE, 3));
    assert!(!created.topics[0].topic_id.is_nil());

    let strict = TestBroker::start("auto.create.topics.enable=false").await;
    let mut client = strict.client().await;
    let refused = client.metadata(&["one"], true).await;
    assert_eq!(refused.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.topics().await, [""; 0]);
}

#[tokio::test]
async fn metadata_creates_no_topic_with_a_name_that_is_invalid_or_collides() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    for name in ["no blank", "", "..", &"x".repeat(250)] {
        let answer = client.metadata(&[name], true).await;
        assert_eq!(answer.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name:?}");
    }
    client.create("a.b", 1, &[]).await;
    let answer = client.metadata(&["a_b"], true).await;
    assert_eq!(answer.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.topics().await, ["a.b"]);
}

#[tokio::test]
async fn a_name_of_249_characters_is_a_topic_with_files_and_records() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    let name = "n".repeat(249);
    client.create(&name, 1, &[]).await;
    client.append(&name, batch(&["x"])).await;
    drop(client);
    let broker = broker.restart().await;
    assert_eq!(broker.client().await.values(&name, 0).await, ["x"]);
}

#[tokio::test]
async fn internal_topics_are_flagged() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    assert_eq!(client.commit("group", ("", -1), TOPIC, 0).await, ErrorCode::NONE);
    let all = client.send(&MetadataRequest { topics: None, ..Default::default() }, 12).await.expect("an answer");
    let flags: Vec<_> =
        all.topics.iter().map(|topic| (topic.name.as_deref().expect("a name"), topic.is_internal)).collect();
    assert_eq!(flags, [("__consumer_offsets", true), (TOPIC, false)]);
}

#[tokio::test]
async fn create_topics_returns_one_result_a_topic_with_id_configs_and_its_own_error() {
    let broker = TestBroker::start("num.partitions=3").await;
    let mut client = broker.client().await;
    client.create("exists", 1, &[]).await;
    let topic = |name: &str, num_partitions, replication_factor| CreatableTopic {
        name: name.into(),
        num_partitions,
        replication_factor,
        ..Default::default()
    };
    let policy = CreatableTopicConfig { name: "cleanup.policy".into(), value: Some("nonsense".into()) };
    let request = CreateTopicsRequest {
        topics: vec![
            topic("replicas", 1, 3),
            CreatableTopic { configs: vec![policy], ..topic("config", 1, 1) },
            topic("defaults", -1, -1),
            topic("twice", 1, 1),
            topic("twice", 2, 1),
            topic("exists", 1, 1),
            topic("a b", 1, 1),
            topic("none", 0, 1),
        ],
        timeout_ms: 10_000,
        validate_only: false,
    };
    let answer = client.send(&request, 7).await.expect("an answer");
    let mut codes: Vec<_> = answer.topics.iter().map(|topic| (topic.name.to_string(), topic.error_code)).collect();
    codes.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("a b", ErrorCode::INVALID_TOPIC_EXCEPTION),
        ("config", ErrorCode::INVALID_CONFIG),
        ("defaults", ErrorCode::NONE),
        ("exists", ErrorCode::TOPIC_ALREADY_EXISTS),
        ("none", ErrorCode::INVALID_PARTITIONS),
        ("replicas", ErrorCode::INVALID_REPLICATION_FACTOR),
        ("twice", ErrorCode::INVALID_REQUEST),
    ];
    assert_eq!(codes, expected.map(|(name, code)| (name.to_owned(), code)));
    let made = answer.topics.iter().find(|topic| topic.error_code == ErrorCode::NONE).expect("the good one");
    assert_eq!((made.num_partitions, made.replication_factor), (3, 1));
    assert!(made.configs.as_ref().expect("configs").iter().any(|config| config.name == "cleanup.policy"));
    let listed = client.metadata(&["defaults"], false).await;
    assert_eq!(listed.topics[0].topic_id, made.topic_id);
}

#[tokio::test]
async fn validate_only_creates_nothing() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    let topic = CreatableTopic { name: TOPIC.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: true };
    let answer = client.send(&request, 7).await.expect("an answer");
    assert_eq!(answer.topics[0].error_code, ErrorCode::NONE);
    assert_eq!(client.topics().await, [""; 0]);
}

#[tokio::test]
async fn create_partitions_returns_one_result_a_topic_and_new_partitions_are_ready() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create("grows", 1, &[]).await;
    client.create("stays", 1, &[]).await;
    client.append("grows", batch(&["kept"])).await;
    let topics = [("grows", 3), ("stays", 1), ("gone", 2)].map(|(name, count)| CreatePartitionsTopic {
        name: name.into(),
        count,
        assignments: None,
    });
    let request = CreatePartitionsRequest { topics: topics.to_vec(), timeout_ms: 10_000, validate_only: false };
    let answer = client.send(&request, 3).await.expect("an answer");
    let mut codes: Vec<_> = answer.results.iter().map(|topic| (topic.name.to_string(), topic.error_code)).collect();
    codes.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("gone", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        ("grows", ErrorCode::NONE),
        ("stays", ErrorCode::INVALID_PARTITIONS),
    ];
    assert_eq!(codes, expected.map(|(name, code)| (name.to_owned(), code)));
    let request = crate::client::produce_request("grows", 2, batch(&["new"]), -1);
    let outcome = crate::client::produced(client.send(&request, 11).await.expect("an answer"));
    assert_eq!((outcome.error_code, outcome.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(client.values("grows", 0).await, ["kept"]);
}

async fn fetch_by_id(client: &mut crate::client::Client, id: Uuid) -> ErrorCode {
    let partition = FetchPartition { partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id: id, partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { topics: vec![topic], ..Default::default() };
    fetched(client.send(&request, 13).await.expect("an answer")).error_code
}

#[tokio::test]
async fn deletion_is_seen_at_once_and_a_topic_made_again_has_a_new_id_and_no_records() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    let old = client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["old", "old", "old"])).await;
    assert_eq!(client.commit("group", ("", -1), TOPIC, 3).await, ErrorCode::NONE);
    assert_eq!(client.delete(TOPIC).await, ErrorCode::NONE);
    assert_eq!(client.delete(TOPIC).await, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);

    assert_eq!(client.read(TOPIC, 0).await.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(fetch_by_id(&mut client, old).await, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(client.produce(TOPIC, batch(&["x"])).await.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(client.list_offset(TOPIC, LATEST).await.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let by_id = MetadataRequestTopic { topic_id: old, name: None };
    let by_id = MetadataRequest { topics: Some(vec![by_id]), ..Default::default() };
    let answer = client.send(&by_id, 12).await.expect("an answer");
    assert_eq!(answer.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);

    let new = client.create(TOPIC, 1, &[]).await;
    assert_ne!(new, old);
    assert_eq!(fetch_by_id(&mut client, old).await, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(fetch_by_id(&mut client, new).await, ErrorCode::NONE);
    assert_eq!(client.read(TOPIC, 3).await.error_code, ErrorCode::OFFSET_OUT_OF_RANGE, "old positions are reset");
    wait_until("the offsets of the old topic go", async || {
        client.committed("group", TOPIC).await.committed_offset == -1
    })
    .await;
    assert_eq!(client.append(TOPIC, batch(&["new"])).await, 0);
    drop(client);

    let broker = broker.restart().await;
    let mut client = broker.client().await;
    assert_eq!(client.metadata(&[TOPIC], false).await.topics[0].topic_id, new);
    assert_eq!(client.values(TOPIC, 0).await, ["new"]);
}

#[tokio::test]
async fn a_long_poll_on_a_topic_that_is_deleted_is_told_so() {
    let broker = TestBroker::start("").await;
    let (mut reader, mut admin) = (broker.client().await, broker.client().await);
    admin.create(TOPIC, 1, &[]).await;
    admin.append(TOPIC, batch(&["x"])).await;
    // The first fetch shows that the second one will find the partition and wait at its end.
    assert_eq!(values(&reader.read(TOPIC, 0).await), ["x"]);
    reader.submit(&fetch_request(&[(TOPIC, 0, 1)], 60_000), 11).await.expect("sent");
    let begun = Instant::now();
    assert_eq!(admin.delete(TOPIC).await, ErrorCode::NONE);
    let got = fetched(reader.receive::<FetchRequest>().await.expect("an answer"));
    assert_eq!(got.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert!(begun.elapsed() < PATIENCE, "the fetch waited for its time limit");
}

#[tokio::test]
async fn create_and_delete_in_a_row_leave_nothing_behind() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    for round in 0..20 {
        client.create(TOPIC, 4, &[]).await;
        assert_eq!(client.append(TOPIC, batch(&[&round.to_string()])).await, 0);
        assert_eq!(client.values(TOPIC, 0).await, [round.to_string()]);
        assert_eq!(client.delete(TOPIC).await, ErrorCode::NONE);
    }
    assert_eq!(client.topics().await, [""; 0]);
}
