//! Consuming without a group: records come whole, once, and in order.

use std::collections::HashMap;
use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{Codec, ErrorCode, Header, OffsetReset, Record, TopicPartition};
use tokio::time::timeout;

use crate::support::cluster::{Cluster, unique};
use crate::support::members::{recv, value, values};
use crate::support::{PATIENCE, numbered, polled, until, within};

#[tokio::test]
async fn a_record_comes_as_it_was_sent() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer();
    let sent = Record::to(&*topic)
        .key("customer-7")
        .value("boat")
        .header("trace", "1")
        .header("trace", "2")
        .timestamp(1_700_000_000_000);
    within("an outcome", producer.send(sent)).await.unwrap();
    within("an outcome", producer.send(Record::to(&*topic))).await.unwrap();
    let mut consumer = within("a consumer", cluster.client().consumer().topics([&*topic]).build()).await.unwrap();
    let record = recv(&mut consumer).await;
    assert_eq!((&*record.topic, record.partition, record.offset), (&*topic, 0, 0));
    assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&b"customer-7"[..]), Some(&b"boat"[..])));
    assert_eq!(record.timestamp, 1_700_000_000_000);
    let header = |value: &str| Header { key: "trace".into(), value: Some(value.to_owned().into()) };
    assert_eq!(record.headers, [header("1"), header("2")]);
    let empty = recv(&mut consumer).await;
    assert_eq!((empty.offset, empty.key, empty.value, empty.headers.len()), (1, None, None, 0));
}

#[tokio::test]
async fn every_codec_is_read_and_order_kept_in_each_partition() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(3).await;
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        let producer = cluster.producer_with(|builder| builder.compression(codec));
        for value in 300 * number..300 * (number + 1) {
            let record = Record::to(&*topic).partition((value % 3) as i32).value(value.to_string());
            drop(within("room", producer.enqueue(record)).await.unwrap());
        }
        within("a close", producer.close(PATIENCE)).await.unwrap();
    }
    let mut consumer = within("a consumer", cluster.client().consumer().topics([&*topic]).build()).await.unwrap();
    let mut next: HashMap<i32, i64> = HashMap::new();
    let mut all: Vec<usize> = Vec::new();
    while all.len() < 300 * Codec::ALL.len() {
        for record in within("records", consumer.recv_batch(64)).await.unwrap() {
            let expected = next.entry(record.partition).or_default();
            assert_eq!(record.offset, *expected);
            *expected += 1;
            all.push(value(&record).parse().unwrap());
        }
    }
    all.sort_unstable();
    assert_eq!(all, (0..300 * Codec::ALL.len()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receive_that_is_dropped_at_any_wait_loses_nothing() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let mut consumer = within("a consumer", cluster.client().consumer().topics([&*topic]).build()).await.unwrap();
    let sending = async {
        for number in 0..200 {
            cluster.send(&topic, 0, [number.to_string()]).await;
        }
    };
    let receiving = async {
        let (mut got, mut dropped) = (Vec::new(), 0);
        while got.len() < 200 {
            // One poll, or a few: whatever was under way when it is dropped must come with a later call.
            match polled(1 + dropped % 3, consumer.recv()).await {
                Some(record) => got.push(value(&record.unwrap())),
                None => dropped += 1,
            }
            tokio::task::yield_now().await;
        }
        (got, dropped)
    };
    let ((), (got, dropped)) = tokio::join!(sending, receiving);
    assert_eq!(got, numbered(0..200));
    assert!(dropped > 0, "no future was dropped while it waited");
}

#[tokio::test]
async fn a_small_prefetch_still_reads_large_records_of_all_partitions() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(4).await;
    for partition in 0..4 {
        cluster.send(&topic, partition, vec![vec![partition as u8; 50_000]; 10]).await;
    }
    let consumer = cluster.client().consumer().topics([&*topic]).prefetch_bytes(1000);
    let consumer = consumer.set("max.partition.fetch.bytes", "1000").build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    let mut seen = [0; 4];
    for _ in 0..40 {
        let record = recv(&mut consumer).await;
        assert_eq!(record.value.unwrap(), vec![record.partition as u8; 50_000]);
        seen[record.partition as usize] += 1;
    }
    assert_eq!(seen, [10; 4]);
}

#[tokio::test]
async fn partitions_take_turns() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(2).await;
    // What one batch holds comes in one go: many small ones.
    let producer = cluster.producer_with(|builder| builder.batch_size(500));
    for (sent, value) in (0..).zip(numbered(0..6000)) {
        let record = Record::to(&*topic).partition(sent % 2).value(value);
        drop(within("room", producer.enqueue(record)).await.unwrap());
    }
    within("a flush", producer.flush()).await;
    let consumer = cluster.client().consumer().topics([&*topic]).set("max.partition.fetch.bytes", "5000").build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    let mut seen = [0_i32; 2];
    for _ in 0..2000 {
        seen[recv(&mut consumer).await.partition as usize] += 1;
    }
    // A broker may answer one partition more often while the other is being read; 3000 records wait in each.
    assert!(seen.iter().all(|count| *count > 100), "one partition was held up: {seen:?}");
}

#[tokio::test]
async fn topics_that_match_a_pattern_are_read_also_those_made_later() {
    let cluster = Cluster::any().await;
    let prefix = unique("orders");
    let names = ["eu", "us"].map(|suffix| format!("{prefix}-{suffix}"));
    let admin = cluster.client().admin();
    let make = async |name: &str| {
        let topic = NewTopic::new(name).partitions(1).replication_factor(1);
        within("a topic", admin.create_topic(topic)).await.unwrap();
    };
    make(&names[0]).await;
    cluster.send(&names[0], 0, ["a"]).await;
    make(&format!("other-{prefix}-eu")).await;
    cluster.send(&format!("other-{prefix}-eu"), 0, ["x"]).await;
    let quick = cluster.settings().set("metadata.max.age.ms", "50").build().unwrap();
    let consumer = quick.consumer().topic_pattern(format!("{prefix}-.*")).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    assert_eq!(values(&mut consumer, 1).await, ["a"]);
    make(&names[1]).await;
    cluster.send(&names[1], 0, ["b"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["b"]);
    assert_eq!(consumer.assignment(), names.map(|name| TopicPartition::new(name, 0)));
}

#[tokio::test]
async fn new_partitions_of_a_topic_are_read_from_their_beginning() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let quick = cluster.settings().set("metadata.max.age.ms", "50").build().unwrap();
    let consumer = quick.consumer().topics([&*topic]).offset_reset(OffsetReset::Latest).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    let first = TopicPartition::new(&*topic, 0);
    until("the first partition has its place", async || consumer.position(&first).is_some()).await;
    within("more partitions", cluster.client().admin().grow_topic(&*topic, 3)).await.unwrap();
    cluster.send(&topic, 2, ["a", "b"]).await;
    assert_eq!(values(&mut consumer, 2).await, ["a", "b"]);
}

#[tokio::test]
async fn a_topic_made_again_is_read_from_its_beginning_whatever_the_policy() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let partition = TopicPartition::new(&*topic, 0);
    cluster.send(&topic, 0, numbered(0..5)).await;
    let quick = cluster.settings().set("allow.auto.create.topics", "false").build().unwrap();
    let consumer = quick.consumer().topics([&*topic]).offset_reset(OffsetReset::Latest).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    until("it has its place", async || consumer.position(&partition) == Some(5)).await;
    cluster.send(&topic, 0, ["last"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["last"]);
    let admin = quick.admin();
    within("the end of the topic", admin.delete_topic(&*topic)).await.unwrap();
    let error = within("an error", consumer.recv()).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let again = NewTopic::new(&*topic).partitions(1).replication_factor(1);
    until("the topic again", async || admin.create_topic(again.clone()).await.is_ok()).await;
    cluster.send(&topic, 0, ["new", "newer"]).await;
    assert_eq!(values(&mut consumer, 2).await, ["new", "newer"]);
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_and_waited_for() {
    let cluster = Cluster::any().await;
    let topic = unique("later");
    let client = cluster.settings().set("allow.auto.create.topics", "false").build().unwrap();
    let mut consumer = within("a consumer", client.consumer().topics([&*topic]).build()).await.unwrap();
    let error = within("an error", consumer.recv()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    let made = NewTopic::new(&*topic).partitions(2).replication_factor(1);
    within("a topic", client.admin().create_topic(made)).await.unwrap();
    cluster.send(&topic, 1, ["here"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["here"]);
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_told_and_waited_for() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let quick = cluster.settings().set("metadata.max.age.ms", "50").build().unwrap();
    let consumer = quick.consumer().assign([TopicPartition::new(&*topic, 1)]).build();
    let mut consumer = within("a consumer", consumer).await.unwrap();
    let error = within("an error", consumer.recv()).await.unwrap_err();
    assert!(error.to_string().contains(&format!("{topic}-1")), "{error}");
    within("more partitions", quick.admin().grow_topic(&*topic, 2)).await.unwrap();
    cluster.send(&topic, 1, ["here"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["here"]);
}

#[tokio::test]
async fn nothing_comes_from_an_empty_topic_until_something_is_sent() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let mut consumer = within("a consumer", cluster.client().consumer().topics([&*topic]).build()).await.unwrap();
    let partition = TopicPartition::new(&*topic, 0);
    until("it has its place", async || consumer.position(&partition) == Some(0)).await;
    assert!(timeout(Duration::from_millis(50), consumer.recv()).await.is_err());
    cluster.send(&topic, 0, ["first"]).await;
    assert_eq!(values(&mut consumer, 1).await, ["first"]);
}
